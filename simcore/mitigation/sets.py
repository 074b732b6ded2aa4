"""Which passes a design stands for, in the order in which they act."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from simcore.design import Design
from simcore.mapping.row_groups import RowGroup, StoredBits, assemble
from simcore.mapping.tiling import LayerMapping
from simcore.mitigation.activation_flip import ActivationFlip
from simcore.mitigation.base import Mitigation
from simcore.mitigation.bent_references import BentReferences
from simcore.mitigation.fault_aware_flips import FaultAwareFlips
from simcore.mitigation.fault_aware_rows import FaultAwareRows
from simcore.mitigation.flip_above import FlipAbove
from simcore.mitigation.near_sink import NearSink
from simcore.mitigation.nonuniform_codes import NonuniformCodes
from simcore.mitigation.popcount_term import PopcountTerm
from simcore.mitigation.pruning import Pruning
from simcore.mitigation.recalibrated_outputs import RecalibratedOutputs
from simcore.mitigation.row_order import ROW_ORDERS
from simcore.mitigation.weight_flip import WeightFlip
from simcore.passes import passes_of

SPARSITY_LEVELS: dict[str, tuple[Mitigation, ...]] = {
    "dense": (),
    "weight": (WeightFlip(),),
    "activation": (ActivationFlip(),),
    "binsparx": (WeightFlip(), ActivationFlip()),
}
"""Named sets."""


def mitigations_of(design: Design) -> tuple[Mitigation, ...]:
    """The passes of a design in the order in which they act: row order, flips, pruning, converters, outputs.
    Re-ranging is the converter's (``re_ranging``)."""
    passes = {one.name: one.number for one in passes_of(design.mitigations)}
    flips = SPARSITY_LEVELS[design.sparsity]
    if "flip_above" in passes:
        flips += (FlipAbove(float(passes["flip_above"] or 0)),)
    if design.prune > 0:
        flips += (Pruning(design.prune),)
    if "fault_aware_flips" in passes:
        flips += (FaultAwareFlips(),)
    if "fault_aware_rows" in passes:
        flips += (FaultAwareRows(),)
    positions = (NearSink(flips),) if "near_sink" in passes else ()
    after = {
        "bent_references": BentReferences(design.adc.fit),
        "popcount_term": PopcountTerm(design.adc.fit),
        "nonuniform_codes": NonuniformCodes(),
        "recalibrated_outputs": RecalibratedOutputs(),
    }
    return ROW_ORDERS[design.row_order], *positions, *flips, *(after[name] for name in passes if name in after)


def mitigations_acting(design: Design, *hooks: str) -> list[Mitigation]:
    """Those of a design's passes that have one of some hooks of their own, in the order in which they act."""
    return [
        one
        for one in mitigations_of(design)
        if any(getattr(type(one), hook) is not getattr(Mitigation, hook) for hook in hooks)
    ]


def store_layer(mapping: LayerMapping, design: Design, vectors: np.ndarray) -> list[RowGroup]:
    """The row groups of a layer as a design stores them.

    Args:
        mapping: the layer.
        design: says which passes act.
        vectors: (B, K) int8 calibration inputs in row order, 0 where padded.
    """
    passes = mitigations_of(design)
    stored = [
        store_group(mapping.weights[span.start : span.stop], passes, vectors[:, span.start : span.stop])
        for span in mapping.spans
    ]
    return assemble(mapping, stored, design.operating_circuit, design.rows, design.cols, design.device)


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
