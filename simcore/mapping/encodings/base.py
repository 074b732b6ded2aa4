"""What an encoding does: signs become cells and driven rows, column sums become dot products."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numba.extending import register_jitable

SUM_FACTOR = np.float32(4)
"""What a partial sum counts in a column's share."""


class Encoding(ABC):
    """How products of signs become products of bits.

    A driven row stands for +1, one that is not for -1, and so do cells that are ON or OFF. So whatever the encoding, a
    column reads a dot product of signs, its share (``column_share``), which changes its sign where the inputs or the
    column are complemented. An encoding says which sign every row is given in every read, which cells a column has,
    and how shares make up the dot products of the layer.

    Attributes:
        name: as designs call it.
    """

    name: str

    @abstractmethod
    def stored_bits(self, weights: np.ndarray) -> np.ndarray:
        """Bits to store.

        Args:
            weights: (K, M) bits of the signs, 1 for +1.

        Returns:
            (K', M') uint8.
        """

    @abstractmethod
    def row_inputs(self, inputs: int) -> tuple[np.ndarray, np.ndarray]:
        """Which input each row is given, and with which sign; a row is driven where the product is +1.

        Args:
            inputs: K.

        Returns:
            (K',) index of the input, and (reads, K') int8 signs, for each read of an output position.
        """

    @abstractmethod
    def combine(self, shares: np.ndarray) -> np.ndarray:
        """(B, P, M) dot products of the (B, P reads, M') shares, the reads of a position side by side."""


@register_jitable(inline="always")
def column_share(sums, inputs, constant):  # type: ignore[no-untyped-def]
    """The dot product of a column's signs with those of its rows: with X = (x + 1) / 2, W = (w + 1) / 2, PS = sum X W
    over the N valid rows of a read

        x.w = 4 PS - 2 sum X - 2 sum W + N.

    A padded row is off (X = 0) and counts in none of the sums. Numbers, numpy arrays or vectors of a kernel, which
    float32 factors leave in float32. Source: arXiv 2412.03553.

    Args:
        sums: PS as converted.
        inputs: sum X.
        constant: N - 2 sum W (``share_constants``).
    """
    return sums * SUM_FACTOR - inputs * np.float32(2) + constant


def share_constants(valid: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """N - 2 sum W, what a share has of weights and padding alone.

    Args:
        valid: (patterns, N) float64, 1 where a row is no padding.
        stored: (N, M) bits.

    Returns:
        (patterns, M) float64, whole numbers.
    """
    constants: np.ndarray = valid.sum(axis=1)[:, None] - 2 * (valid @ stored)
    return constants
