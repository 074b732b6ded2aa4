"""What an encoding does: signs become cells and driven rows, column sums become dot products."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numba.extending import register_jitable


class Encoding(ABC):
    """How products of signs become products of bits.

    A column of N rows reads PS = sum_i X_i W_i of the bits applied and stored. Its share of an output's dot product is

        sum_factor PS - input_factor sum(X) + constant,

    and ``combine`` adds up the shares of an output's columns and reads. ``sum_factor`` and ``input_factor`` are whole,
    so that the digital side computes without rounding.

    Attributes:
        name: as designs call it.
        sum_factor, input_factor: of the share above.
    """

    name: str
    sum_factor: int
    input_factor: int

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
    def constants(self, valid: np.ndarray, stored: np.ndarray) -> np.ndarray:
        """What a share has of weights and geometry alone.

        Args:
            valid: (patterns, N) float64, 1 where a row is no padding. stored: (N, M') bits.

        Returns:
            (patterns, M') float64, whole numbers.
        """

    @abstractmethod
    def combine(self, shares: np.ndarray) -> np.ndarray:
        """(B, P, M) dot products of the (B, P reads, M') shares, the reads of a position side by side."""


@register_jitable(inline="always")
def column_share(sums, sum_factor, inputs, constant):  # type: ignore[no-untyped-def]
    """The share of a column in its output's dot product; numbers, numpy arrays or vectors of a kernel.

    Args:
        sums: partial sums PS as converted. sum_factor: of the encoding. inputs: input_factor sum(X). constant: of the
            column, for the padding of the read.
    """
    return sums * sum_factor - inputs + constant
