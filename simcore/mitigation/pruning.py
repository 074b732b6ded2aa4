"""Pruning with the mean-field correction: the least influential stored ones become zeros."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Integer, UInt8

from simcore.mapping.row_groups import StoredBits
from simcore.mitigation.base import Mitigation


@dataclass(frozen=True)
class Pruning(Mitigation):
    """Prune ``fraction`` of each column's ones, after the flips; their mean contribution is added digitally."""

    fraction: float
    name = "pruning"

    def store(self, stored: StoredBits, vectors: np.ndarray) -> StoredBits:
        seen = np.maximum((vectors != 0).sum(axis=0), 1)
        means = stored.apply(vectors).bits.sum(axis=0) / seen
        bits, pruned = prune_columns(stored.bits, means, self.fraction)
        return replace(stored, bits=bits, expected=pruned * means[:, None])


def prune_columns(
    weights: Integer[np.ndarray, "rows columns"], mean_inputs: Float[np.ndarray, " rows"], fraction: float
) -> tuple[UInt8[np.ndarray, "rows columns"], Bool[np.ndarray, "rows columns"]]:
    """Pruning with the mean-field correction: the least influential stored 1s of each column become 0s.

    A pruned cell's X_i is replaced by its mean p_i, which leaves an error of variance p_i (1 - p_i); the cells of
    smallest variance go first, the lower row first on ties.

    Args:
        weights: stored bits.
        mean_inputs: p_i, the mean of the applied bits over calibration inputs, in [0, 1].
        fraction: share of each column's ones to prune (rounded down), in [0, 1).

    Returns:
        The bits that are left, and a mask of the pruned cells: sum of the masked p_i is the expected contribution to
        add to the partial sum.

    Example:
        Of three ones the two go whose inputs are nearly always the same:

        >>> left, pruned = prune_columns(np.ones((3, 1), np.uint8), np.array([0.02, 0.5, 0.9]), 0.7)
        >>> left.ravel().tolist(), pruned.ravel().tolist()
        ([0, 1, 0], [True, False, True])
    """
    ones = weights.sum(axis=0, dtype=np.int64)
    budget = np.floor(fraction * ones + 1e-9).astype(np.int64)
    influence = mean_inputs * (1.0 - mean_inputs)
    order = np.argsort(influence, kind="stable")
    stored = weights[order] != 0
    pruned_in_order = stored & (np.cumsum(stored, axis=0) <= budget)
    pruned = np.zeros_like(stored)
    pruned[order] = pruned_in_order
    return np.where(pruned, 0, weights).astype(np.uint8), pruned
