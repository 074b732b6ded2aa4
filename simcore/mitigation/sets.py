"""Which passes a design stands for, in the order in which they act."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from simcore.design import Design
from simcore.mapping.row_groups import RowGroup, StoredBits, assemble
from simcore.mapping.tiling import LayerMapping
from simcore.mitigation.activation_flip import ActivationFlip
from simcore.mitigation.base import Mitigation
from simcore.mitigation.pruning import Pruning
from simcore.mitigation.row_order import ROW_ORDERS
from simcore.mitigation.weight_flip import WeightFlip

SPARSITY_LEVELS: dict[str, tuple[Mitigation, ...]] = {
    "dense": (),
    "weight": (WeightFlip(),),
    "activation": (ActivationFlip(),),
    "binsparx": (WeightFlip(), ActivationFlip()),
}
"""Named sets."""


def mitigations_of(design: Design) -> tuple[Mitigation, ...]:
    """The passes of a design: row order, flips, pruning; re-ranging is the converter's (``re_ranging``)."""
    pruning = (Pruning(design.prune),) if design.prune > 0 else ()
    return ROW_ORDERS[design.row_order], *SPARSITY_LEVELS[design.sparsity], *pruning


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
    return assemble(mapping, stored, design.circuit, design.rows, design.cols, design.device)


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
