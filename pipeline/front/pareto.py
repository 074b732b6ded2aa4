"""The front of a set of designs: who is on it, in which order the others follow.

Directions are normalised once, here; everything inside minimises. Sorting is moocore's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import moocore
import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from pipeline.sweep.objectives import Direction

_ROUNDING = 1e-9  # of heights: members on a straight line are not below it


@dataclass(frozen=True)
class Front:
    """How a set of designs stands to each other, one value a design.

    Attributes:
        ranks: 1 for the front, 2 for the front of the rest, and so on; 0 for a design with a missing objective.
        knee: index of the design at the knee, or None.
    """

    ranks: Int[np.ndarray, " designs"]
    knee: int | None

    @property
    def members(self) -> Bool[np.ndarray, " designs"]:
        """Which designs are on the front."""
        return self.ranks == 1


def find_front(objectives: ArrayLike, directions: Sequence[Direction]) -> Front:
    """Ranks and knee of a set of designs.

    Args:
        objectives: (designs, objectives), in any units; NaN is a missing value.
        directions: "max" or "min" for each objective.

    Raises:
        ValueError: shapes do not fit.
    """
    costs = _costs(objectives, directions)
    ranks = np.zeros(len(costs), dtype=np.int64)
    usable = np.flatnonzero(~np.isnan(costs).any(axis=1))
    if usable.size:
        ranks[usable] = 1 + moocore.pareto_rank(costs[usable])
    members = np.flatnonzero(ranks == 1)
    return Front(ranks, _knee(costs, members))


def non_dominated(objectives: ArrayLike, directions: Sequence[Direction]) -> Bool[np.ndarray, " points"]:
    """Which points no other point beats.

    A point is dominated where another is at least as good in every objective and better in one; equal points are
    therefore kept together. Infinite values are ordinary values; a point with NaN is never on the front and
    dominates nothing.

    Args:
        objectives: (points, objectives), in any units.
        directions: "max" or "min" for each objective.

    Raises:
        ValueError: shapes do not fit.
    """
    costs = _costs(objectives, directions)
    front = np.zeros(len(costs), dtype=bool)
    usable = np.flatnonzero(~np.isnan(costs).any(axis=1))
    if usable.size:
        front[usable] = moocore.is_nondominated(costs[usable], keep_weakly=True)
    return front


def _costs(objectives: ArrayLike, directions: Sequence[Direction]) -> Float[np.ndarray, "points objectives"]:
    """A copy of (points, objectives) in which less is better."""
    values = np.asarray(objectives, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(directions):
        raise ValueError(f"expected (points, {len(directions)}) objectives, found shape {values.shape}")
    return values * np.array([-1.0 if direction == "max" else 1.0 for direction in directions])


def _knee(costs: Float[np.ndarray, "points objectives"], members: Int[np.ndarray, " members"]) -> int | None:
    """The member farthest below the plane through the ends of the front, each objective scaled to 0..1 over it.

    None for fewer than three distinct members, where none lies below the ends, or where an objective has one value or
    an infinite one.
    Source: I. Das, Structural Optimization 18 (1999).
    """
    front = costs[members]
    if len(np.unique(front, axis=0)) < 3 or not np.isfinite(front).all():
        return None
    spread = front.max(axis=0) - front.min(axis=0)
    if (spread == 0).any():
        return None
    scaled = (front - front.min(axis=0)) / spread
    heights = scaled.sum(axis=1)
    ends = [heights[lowest == 0].max() for lowest in scaled.T]  # of each objective the member that is best in it
    place = int(np.argmin(heights))
    return int(members[place]) if heights[place] < min(ends) - _ROUNDING else None
