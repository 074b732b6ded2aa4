"""Fast solver of gate-driven row groups: columns do not see each other, so one fit to a few of them serves all row
groups at one place of their tiles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from simcore.mapping.row_groups import RowGroup
from simcore.surrogate.base import FIT_GROUPS, FIT_READS, Calibration, Surrogate
from simcore.surrogate.column_drops import OFF_SHARE, feed_of, in_lanes, pack_rows
from simcore.surrogate.column_fit import ColumnFit, ColumnSums, column_sums_of, fit_column_sums
from simcore.surrogate.reference_column import fit_reference

_COLUMNS = 16  # drawn from each row group
_TOLERANCE = 1e-8  # converters amplify what the fit gets wrong, so its data are solved far beyond that


@dataclass(frozen=True)
class ColumnModel(Surrogate):
    """Fast solver of one row group.

    Attributes:
        bits: (N, M), states of the cells.
        feed: of the feed lines.
        fit: shared by all columns.
        references: (N + 1,) currents of the reference column in LSB, whose cells are nominal, by the rows that are on.
        currents: (N, M) float64 of the cells to first order, in LSB; None where all cells are nominal.
    """

    bits: np.ndarray
    feed: np.ndarray
    fit: ColumnFit
    references: np.ndarray
    currents: np.ndarray | None = None

    def evaluate(self, bits: np.ndarray, columns: slice | np.ndarray = slice(None)) -> np.ndarray:
        stored = self.bits[:, columns]
        currents = None if self.currents is None else in_lanes(self.currents[:, columns])
        sums = column_sums_of(bits, (pack_rows(stored), currents), stored.shape[1], self.feed, self.fit)
        return sums.current.astype(np.float64)

    def reference(self, applied: np.ndarray) -> np.ndarray:
        return self.references[applied].astype(np.float64)

    def on_cells(self, group: RowGroup) -> ColumnModel:
        states, factors = group.cells
        nominal = np.where(states == 1, 1.0, self.feed[OFF_SHARE])
        return replace(self, bits=states, currents=None if factors is None else nominal * factors)


def fit_columns(groups: list[RowGroup], calibration: Calibration) -> list[ColumnModel]:
    """Fast solvers of the row groups at one place of their tiles.

    Raises:
        UnsolvedError: an exact solve did not converge.
    """
    feeds = [feed_of(g.tile.circuit, len(g.tile.bits), g.span.offset, g.rows) for g in groups]
    samples, solved = [], []
    for position in calibration.draw(len(groups), FIT_GROUPS):
        group = groups[position]
        columns = calibration.draw(group.columns, _COLUMNS)
        bits = calibration.bits(group, FIT_READS)
        stored = group.stored.bits[:, columns]
        samples.append(column_sums_of(bits, (pack_rows(stored), None), stored.shape[1], feeds[position]))
        solved.append(group.in_lsb(group.solve(bits, columns, _TOLERANCE)).ravel())
    fit = fit_column_sums(ColumnSums.joined(samples), np.concatenate(solved))
    references = fit_reference(groups, calibration)
    return [ColumnModel(group.stored.bits, feed, fit, references) for group, feed in zip(groups, feeds, strict=True)]
