"""The non-dominated set. Directions are normalised once, here; everything inside minimises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Direction = Literal["max", "min"]


def non_dominated(objectives: ArrayLike, directions: Sequence[Direction]) -> NDArray[np.bool_]:
    """Which points no other point beats.

    A point is dominated where another is at least as good in every objective and better in one; equal points are
    therefore kept together. Infinite values are ordinary values; a point with NaN is never on the front and
    dominates nothing.

    Args:
        objectives: (points, objectives), in any units.
        directions: "max" or "min" for each objective.

    Returns:
        (points,) booleans.

    Raises:
        ValueError: shapes do not fit, or a direction is neither "max" nor "min".
    """
    values = np.asarray(objectives, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(directions):
        raise ValueError(f"expected (points, {len(directions)}) objectives, found shape {values.shape}")
    if any(direction not in ("max", "min") for direction in directions):
        raise ValueError(f"directions are 'max' or 'min', found {list(directions)}")
    signs = np.array([-1.0 if direction == "max" else 1.0 for direction in directions])
    costs = values * signs
    front = np.zeros(len(costs), dtype=bool)
    usable = np.flatnonzero(~np.isnan(costs).any(axis=1))
    if usable.size == 0:
        return front
    unique, inverse = np.unique(costs[usable], axis=0, return_inverse=True)
    front[usable] = _minimal_rows(unique)[inverse.reshape(-1)]
    return front


def _minimal_rows(costs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Minimal rows among distinct rows sorted lexicographically: a row can only be dominated by an earlier one."""
    kept = np.zeros(len(costs), dtype=bool)
    front: NDArray[np.float64] = np.empty((0, costs.shape[1]))
    for index, row in enumerate(costs):
        if not (front <= row).all(axis=1).any():
            kept[index] = True
            front = np.vstack([front, row])
    return kept
