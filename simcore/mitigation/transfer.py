"""From a column's current to its partial sum: a line, bent where the array's own curve bends, and what the digital side
adds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Real

# One for all columns, or one for each.
PerColumn = float | np.floating | Float[np.ndarray, ""] | Float[np.ndarray, " columns"]


@dataclass(frozen=True)
class Curve:
    """A rising curve of straight pieces, the first and the last going on for ever.

    Attributes:
        at: where pieces meet, and a point of the first and of the last; rising.
        values: there; rising, level where the curve is ``held``.
    """

    at: Float[np.ndarray, " points"]
    values: Float[np.ndarray, " points"]

    def __call__(self, x: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        piece = np.clip(np.searchsorted(self.at, x) - 1, 0, len(self.at) - 2)
        slopes = np.diff(self.values) / np.diff(self.at)
        along: np.ndarray = self.values[piece] + slopes[piece] * (x - self.at[piece])
        return along

    @property
    def inverse(self) -> Curve:
        """The same curve read the other way."""
        return Curve(self.values, self.at)

    def rescaled(self, scale: float, shift: float) -> Curve:
        """scale y + shift of its values y."""
        return Curve(self.at, scale * self.values + shift)

    def then(self, other: Curve) -> Curve:
        """Another curve of this one's values."""
        at = np.unique(np.concatenate([self.at, self.inverse(other.at)]))
        return Curve(at, other(self(at)))

    def held(self, low: float, high: float) -> Curve:
        """The curve between two of its values, and level beyond."""
        if low >= high:
            return Curve(np.array([0.0, 1.0]), np.array([low, low], float))
        start, end = self.inverse(np.array([low, high], float))
        end = max(end, np.nextafter(start, np.inf))
        inside = (self.at > start) & (self.at < end)
        at, values = self.at[inside], self.values[inside]
        return Curve(
            np.concatenate([[start - 1, start], at, [end, end + 1]]),
            np.concatenate([[low, low], values, [high, high]]),
        )

    def of_fewer_pieces(self, most: int) -> Curve:
        """At most so many of its pieces, drawn through the points that lie farthest from those drawn before."""
        kept = [0, len(self.at) - 1]
        while len(kept) <= most:
            gaps = np.abs(np.interp(self.at, self.at[kept], self.values[kept]) - self.values)
            if not gaps.any():
                break
            kept = sorted([*kept, int(gaps.argmax())])
        return Curve(self.at[kept], self.values[kept])

    def in_units(self, zero: float, step: float) -> Curve:
        """Both axes counted in ``step`` from ``zero`` on."""
        return Curve((self.at - zero) / step, (self.values - zero) / step)


@dataclass(frozen=True)
class ScopeReads:
    """Calibration reads of everything that shares a transfer.

    Attributes:
        current: column currents in nominal LSB.
        sums: the partial sums that an ideal array would deliver.
        applied: rows that are on in each read.
    """

    current: Float[np.ndarray, "reads columns"]
    sums: Real[np.ndarray, "reads columns"]
    applied: Real[np.ndarray, " reads"]


@dataclass(frozen=True)
class Transfer:
    """Partial sum = curve(slope I + intercept) + per_row X, of a current I in nominal LSB in a read with X rows on.

    Attributes:
        slope: of the line.
        intercept: of the line.
        curve: None where the line is not bent.
        per_row: what the digital side adds for every row that is on.
    """

    slope: PerColumn
    intercept: PerColumn
    curve: Curve | None = None
    per_row: float = 0.0

    def line(self, current: Float[np.ndarray, "reads columns"]) -> Float[np.ndarray, "reads columns"]:
        """The line's share."""
        along: np.ndarray = self.slope * current + self.intercept
        return along

    def measured(self, current: Float[np.ndarray, "reads columns"]) -> Float[np.ndarray, "reads columns"]:
        """What codes stand for: all but what the digital side adds."""
        along = self.line(current)
        return along if self.curve is None else self.curve(along)

    def target(self, reads: ScopeReads) -> Float[np.ndarray, "reads columns"]:
        """What ``measured`` should be."""
        wanted: np.ndarray = reads.sums - self.per_row * reads.applied[:, None]
        return wanted

    def rescaled(self, scale: float, shift: float) -> Transfer:
        """The same with scale y + shift of what is measured."""
        if self.curve is not None:
            return replace(self, curve=self.curve.rescaled(scale, shift))
        return replace(self, slope=scale * self.slope, intercept=scale * self.intercept + shift)


IDENTITY = Transfer(np.ones(()), np.zeros(()))
"""One nominal LSB is one."""
