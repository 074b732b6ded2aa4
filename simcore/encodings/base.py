"""What an encoding does: signs become cells and driven rows, column sums become dot products."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np


class Encoding(ABC):
    """How products of signs become products of bits.

    A driven row stands for +1, one that is not for -1, and so do cells that are ON or OFF. So whatever the encoding, a
    column reads a dot product of signs, its share (``column_share``), which changes its sign where the inputs or the
    column are complemented. An encoding says which sign every row is given in every read, which cells a column has,
    what converters are given of the columns, and how shares make up the dot products of the layer.

    What it takes besides is what ``cost`` charges for it.

    Attributes:
        name: as designs call it.
        rows_an_input: rows that an input goes to.
        columns_an_output: columns that an output is read from.
        subtracts_currents: a converter is given the difference of the currents of the two columns of an output, which
            lie side by side; else every column has a code of its own.
        reads_a_position: reads of an output position.
        balanced: every read drives half of the rows, and half of a column's cells are ON, whatever inputs and weights:
            there is nothing to count, and nothing that flips could lower.
        counts_inputs: sums of the inputs stay in the dot products where nothing is complemented.
        counts_weights: sums of the weights do.
    """

    name: str
    rows_an_input: int = 1
    columns_an_output: int = 1
    subtracts_currents: bool = False
    reads_a_position: int = 1
    balanced: bool = False
    counts_inputs: bool = True
    counts_weights: bool = True

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
        """(B, P, M) dot products of the (B, P reads, C) shares of all conversions, the reads of a position side by
        side."""

    def converted(self, columns: np.ndarray) -> np.ndarray:
        """What converters are given of currents, or sums, of the columns: (..., C) of (..., M')."""
        return columns[..., 0::2] - columns[..., 1::2] if self.subtracts_currents else columns

    @property
    def columns_a_conversion(self) -> int:
        """Columns that a converter reads at once."""
        return self.columns_an_output if self.subtracts_currents else 1

    @property
    def flips_columns(self) -> bool:
        """There are columns that could be stored complemented and then hold fewer ones. Two whose currents are
        subtracted could only change places."""
        return not (self.balanced or self.subtracts_currents)

    @property
    def flips_inputs(self) -> bool:
        """There are sub-vectors that could be applied complemented and then drive fewer rows."""
        return not self.balanced

    def span_of_sums(self, rows: int) -> int:
        """How far apart, at most, two sums of so many rows are that converters are given."""
        return 2 * rows if self.subtracts_currents and not self.balanced else rows

    @property
    def inverted_rows(self) -> float:
        """Part of the rows whose input is complemented in some read: each has a gate for that."""
        return float((self.row_inputs(1)[1] < 0).any(axis=0).mean())

    @property
    def column_reads_an_output(self) -> int:
        """Column reads of an output position, for every row group."""
        return self.columns_an_output * self.reads_a_position
