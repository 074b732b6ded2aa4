"""Static weight sparsification: columns with more than half ones are stored complemented."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Integer, UInt8

from simcore.mapping.row_groups import StoredBits
from simcore.mitigation.base import Mitigation


class WeightFlip(Mitigation):
    """Source: Malhotra and Gupta, arXiv 2412.03553. The digital side gives the column's share the other sign."""

    name = "weight_flip"

    def store(self, stored: StoredBits, vectors: np.ndarray) -> StoredBits:
        bits, flips = flip_columns(stored.bits)
        return replace(stored, bits=bits, digital=bits, flips=stored.flips ^ flips)


def flip_columns(
    weights: Integer[np.ndarray, "rows columns"],
) -> tuple[UInt8[np.ndarray, "rows columns"], Bool[np.ndarray, " columns"]]:
    """Complement the columns that hold more ones than zeros.

    Done once, when a network is written into its arrays. A column with exactly half ones stays as it is.

    Args:
        weights: bits W of one row group, 1 for a weight of +1.

    Returns:
        The stored bits W', with at most half ones a column, and the flip bit of each column.

    Example:
        Two columns of three rows; the first holds two ones and is stored complemented:

        >>> stored, flips = flip_columns(np.array([[1, 0], [1, 0], [0, 1]], np.uint8))
        >>> stored.tolist(), flips.tolist()
        ([[0, 0], [0, 0], [1, 1]], [True, False])
    """
    flips = 2 * weights.sum(axis=0, dtype=np.int64) > weights.shape[0]
    return np.where(flips, 1 - weights, weights).astype(np.uint8), flips
