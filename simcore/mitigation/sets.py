"""Which passes a design stands for, in the order in which they act."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from simcore.design import Design
from simcore.design_axes import REFERENCE_SOLVERS
from simcore.encodings import ENCODINGS
from simcore.mapping.row_groups import StoredBits, assemble
from simcore.mapping.tiling import LayerMapping, reordered
from simcore.mitigation.activation_flip import ActivationFlip
from simcore.mitigation.base import Mitigation, StoredRows
from simcore.mitigation.bent_references import BentReferences
from simcore.mitigation.digital_table import DigitalTable
from simcore.mitigation.fault_aware_flips import FaultAwareFlips
from simcore.mitigation.fault_aware_rows import FaultAwareRows
from simcore.mitigation.flip_above import FlipAbove
from simcore.mitigation.flips_where_they_pay import FlipsWhereTheyPay
from simcore.mitigation.near_sink import NearSink
from simcore.mitigation.nonuniform_codes import NonuniformCodes
from simcore.mitigation.popcount_term import PopcountTerm
from simcore.mitigation.pruning import Pruning
from simcore.mitigation.re_ranging import re_ranging
from simcore.mitigation.recalibrated_outputs import RecalibratedOutputs
from simcore.mitigation.reference_bits import ReferenceBits
from simcore.mitigation.reference_column import ReferenceColumn
from simcore.mitigation.row_order import ROW_ORDERS
from simcore.mitigation.sampled_popcount import SampledPopcount
from simcore.mitigation.threshold_grid import ThresholdGrid
from simcore.mitigation.weight_flip import WeightFlip
from simcore.mitigation.wide_terminals import WideDriver, WideSink
from simcore.passes import PASSES, passes_of

SPARSITY_LEVELS: dict[str, tuple[Mitigation, ...]] = {
    "dense": (),
    "weight": (WeightFlip(),),
    "activation": (ActivationFlip(),),
    "binsparx": (WeightFlip(), ActivationFlip()),
}
"""Named sets."""


CONVERTER_HOOKS = ("sense", "space", "tabulate", "finer_bits", "reference_step")
"""Of passes that act when converters are set."""


def mitigations_of(design: Design, without: frozenset[str] = frozenset()) -> tuple[Mitigation, ...]:
    """The passes of a design in the order in which they act: terminals, row order, flips, pruning, converters, outputs.
    Re-ranging is the converter's (``re_ranging``).

    Args:
        design: names them.
        without: names of flips that a layer does without.
    """
    encoding = ENCODINGS[design.encoding]
    passes = {one.name: one.number for one in passes_of(design.mitigations) if PASSES[one.name].acts_in(encoding)}
    there = {WeightFlip: design.flips_weights, ActivationFlip: design.flips_activations}
    flips = tuple(one for one in SPARSITY_LEVELS[design.sparsity] if there[type(one)])
    if "flip_above" in passes:
        flips += (FlipAbove(float(passes["flip_above"] or 0)),)
    if "sampled_popcount" in passes:
        flips += (SampledPopcount(int(passes["sampled_popcount"] or 1)),)
    ranging, span = re_ranging(design.adc.reference, design.adc.fit), encoding.span_of_sums(design.rows_read_together)
    if "flips_where_they_pay" in passes and design.flips and design.solver not in REFERENCE_SOLVERS:
        flips += (FlipsWhereTheyPay(design.flips_weights, design.flips_activations, ranging),)
    if "reference_column" in passes:
        flips += (ReferenceColumn(),)
    if design.prune > 0:
        flips += (Pruning(design.prune),)
    flips += tuple(kind() for kind in (FaultAwareRows, FaultAwareFlips) if kind.name in passes)
    flips = tuple(one for one in flips if one.name not in without)
    terminals = tuple(kind(passes[kind.name] or 1.0) for kind in (WideSink, WideDriver) if kind.name in passes)
    positions = (NearSink(flips),) if "near_sink" in passes else ()
    after: dict[str, Mitigation] = {
        "reference_bits": ReferenceBits(int(passes.get("reference_bits") or 0), span, ranging),
        "bent_references": BentReferences(design.adc.fit),
        "popcount_term": PopcountTerm(design.adc.fit),
        "nonuniform_codes": NonuniformCodes(),
        "threshold_grid": ThresholdGrid(int(passes.get("threshold_grid") or 0)),
        "digital_table": DigitalTable(
            design.adc.fit,
            int(passes.get("digital_table") or 0),
            design.rows_read_together,
            encoding.subtracts_currents,
        ),
        "recalibrated_outputs": RecalibratedOutputs(),
    }
    order = (ROW_ORDERS[design.row_order], *positions)
    return *terminals, *order, *flips, *(after[name] for name in passes if name in after)


def mitigations_acting(design: Design, *hooks: str) -> list[Mitigation]:
    """Those of a design's passes that have one of some hooks of their own, in the order in which they act."""
    return [
        one
        for one in mitigations_of(design)
        if any(getattr(type(one), hook) is not getattr(Mitigation, hook) for hook in hooks)
    ]


def store_layer(mapping: LayerMapping, design: Design, vectors: np.ndarray) -> StoredRows:
    """A layer as a design stores it.

    Args:
        mapping: the layer, in the design's ``row_order``.
        design: says which passes act.
        vectors: (B, K) int8 calibration inputs in row order, 0 where padded.
    """

    def stored_without(names: frozenset[str]) -> StoredRows:
        passes = [one for one in mitigations_of(design, names) if one is not ROW_ORDERS[design.row_order]]
        placed, inputs = put_in_order(mapping, passes, vectors)
        stored = [
            store_group(placed.weights[span.start : span.stop], passes, inputs[:, span.start : span.stop])
            for span in placed.spans
        ]
        groups = assemble(placed, stored, design.operating_circuit, design.rows, design.cols, design.device)
        return StoredRows(placed, inputs, groups)

    return stored_without(frozenset().union(*(one.left_out(stored_without) for one in mitigations_of(design))))


def put_in_order(
    mapping: LayerMapping, passes: Iterable[Mitigation], vectors: np.ndarray
) -> tuple[LayerMapping, np.ndarray]:
    """A layer and its calibration inputs in the order of rows that some passes give it.

    Args:
        mapping: the layer.
        passes: say the order, one after the other.
        vectors: (B, K) int8 calibration inputs in row order, 0 where padded.
    """
    for one in passes:
        permutation = one.order(mapping, vectors)
        if permutation is not None:
            mapping, vectors = reordered(mapping, permutation), np.ascontiguousarray(vectors[:, permutation])
    return mapping, vectors


def store_group(weights: np.ndarray, passes: Iterable[Mitigation], vectors: np.ndarray) -> StoredBits:
    """What a row group stores after some passes.

    Args:
        weights: (N, M) uint8 bits.
        passes: in the order in which they act.
        vectors: (B, N) int8 calibration inputs in {-1, 0, 1}.
    """
    stored = StoredBits.plain(weights)
    for mitigation in passes:
        stored = mitigation.store(stored, vectors)
    return stored
