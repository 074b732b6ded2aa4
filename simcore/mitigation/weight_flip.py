"""Static weight sparsification: columns with more than half ones are stored complemented."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from simcore.mapping.row_groups import StoredBits
from simcore.mitigation.base import Mitigation


class WeightFlip(Mitigation):
    """Source: Malhotra and Gupta, arXiv 2412.03553. The digital side gives the column's share the other sign."""

    name = "weight_flip"

    def store(self, stored: StoredBits, vectors: np.ndarray) -> StoredBits:
        bits, flips = flip_columns(stored.bits)
        return replace(stored, bits=bits, digital=bits, flips=stored.flips ^ flips)


def flip_columns(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Complement the columns that hold more ones than zeros.

    Args:
        weights: (N, C) bits.

    Returns:
        (N, C) uint8 stored bits with at most N/2 ones a column, and the (C,) bool flips.
    """
    flips = 2 * weights.sum(axis=0, dtype=np.int64) > weights.shape[0]
    return np.where(flips, 1 - weights, weights).astype(np.uint8), flips
