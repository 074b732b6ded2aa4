"""What one layer did in a run, for each image: the counts and the current that costs are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LayerActivity:
    """One mapped layer. Counts are means over the images.

    Attributes:
        inputs: rows K that it fills.
        columns: columns M that it fills.
        groups: G row groups, each read together.
        positions: P reads of all rows, one an output position or several (``Encoding.reads_a_position``).
        column_current_A: solved column currents in amperes, summed over the P G M column reads.
        driven_rows: rows at 1, summed over the P G sub-vectors.
        flipped_sub_vectors: sub-vectors that were applied complemented, of P G.
        flipped_columns: columns that are stored complemented, of G M.
        written: what the columns hold is written for every image.
    """

    inputs: int
    columns: int
    groups: int
    positions: float
    column_current_A: float
    driven_rows: float
    flipped_sub_vectors: float
    flipped_columns: int
    written: bool = False

    @classmethod
    def from_totals(cls, totals: Mapping[str, Any], images: int, written: bool = False) -> LayerActivity:
        """The activity of one image on average.

        Args:
            totals: the fields of ``simcore.inference.evaluation.LayerTotals``, currents in amperes
                (``column_current_A``).
            images: images that the totals are sums over.
            written: as the attribute.
        """
        columns = int(totals["column_reads"]) // max(int(totals["activation_reads"]), 1)
        groups = int(totals["stored_columns"]) // max(columns, 1)
        return cls(
            inputs=int(totals["inputs"]),
            columns=columns,
            groups=groups,
            positions=totals["activation_reads"] / (images * max(groups, 1)),
            column_current_A=totals["column_current_A"] / images,
            driven_rows=totals["applied_ones"] / images,
            flipped_sub_vectors=totals["activation_flips"] / images,
            flipped_columns=int(totals["weight_flips"]),
            written=written,
        )

    @property
    def sub_vectors(self) -> float:
        """Sub-vectors applied, P G."""
        return self.positions * self.groups

    @property
    def column_reads(self) -> float:
        """Column reads, one conversion each, P G M."""
        return self.sub_vectors * self.columns

    @property
    def mean_column_current_A(self) -> float:
        """Mean current of a column read, A; 0 without reads."""
        return self.column_current_A / self.column_reads if self.column_reads else 0.0

    @property
    def operations(self) -> float:
        """Multiplications and additions of the cells, 2 K M P."""
        return 2.0 * self.inputs * self.columns * self.positions
