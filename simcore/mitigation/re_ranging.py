"""Re-ranging: the line from current to partial sum is set on calibration inputs, not by the lone ON cell's current."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.mitigation.base import Mitigation
from simcore.mitigation.transfer import ScopeReads, Transfer

_SURE = 3.0  # standard errors by which a column's currents are to follow its sums. A judgement.


@dataclass(frozen=True)
class ReRanging(Mitigation):
    """A line for the reads of a scope.

    Attributes:
        per: ``layer``, ``row_group`` or ``column``; None where the unit is never re-ranged.
        fit: ``unbiased`` or ``least_squares``.
    """

    per: str | None
    fit: str
    name = "re_ranging"

    @property
    def by_column(self) -> bool:
        """Each column has a line and a range of its own."""
        return self.per == "column"

    def scopes(self, groups: int) -> list[list[int]]:
        """Which row groups of a layer are set together."""
        if self.per in (None, "layer"):
            return [list(range(groups))]
        return [[group] for group in range(groups)]

    def sense(self, transfer: Transfer, reads: ScopeReads) -> Transfer:
        """A new line.

        ``unbiased`` takes the currents' regression on the sums and turns it round: a threshold lies where the mean
        currents of neighbouring sums part, and reads of a sum are right on average. ``least_squares`` is the sums'
        regression on the currents: the least squared error over all reads, for which it draws the sums towards their
        mean. Where the reads show no spread, or a column none that is more than chance, the nominal unit stays, shifted
        to their mean.

        Args:
            transfer: what the passes before leave; only what the digital side adds is kept of it.
            reads: calibration reads of the scope.
        """
        if self.per is None:
            return transfer
        current, sums = reads.current, transfer.target(reads)
        axis = 0 if self.by_column else None
        mean_x, mean_y = current.mean(axis=axis), sums.mean(axis=axis)
        covariance = ((current - mean_x) * (sums - mean_y)).mean(axis=axis)
        variance = ((current - mean_x) ** 2).mean(axis=axis)
        spread = ((sums - mean_y) ** 2).mean(axis=axis)
        usable = (variance > 1e-6) & (covariance > 0)
        if self.by_column and self.fit == "unbiased":
            # Turned round, a line that chance alone draws is all too steep; Student's t of its slope.
            usable &= (len(current) - 2) * covariance**2 > _SURE**2 * (variance * spread - covariance**2)
        held = np.where(usable, covariance, 1.0)
        slope = held / np.maximum(variance, 1e-12) if self.fit == "least_squares" else spread / held
        slope = np.where(usable, slope, 1.0)
        return Transfer(slope, mean_y - slope * mean_x, per_row=transfer.per_row)


_SCOPES = {"nominal": None, "calibrated": "row_group", "calibrated_column": "column", "calibrated_layer": "layer"}


def re_ranging(reference: str, fit: str) -> ReRanging:
    """The pass of a converter's ``reference`` and ``fit``."""
    return ReRanging(_SCOPES[reference], fit)
