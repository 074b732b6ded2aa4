"""Curves of straight pieces as the readout computes them: a line and what it bends by at each of some knots."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from simcore.mitigation.transfer import Curve


class Bends(NamedTuple):
    """One curve a row group; G groups, k knots.

    Attributes:
        line: (G, 2) float32: slope and intercept before the first knot.
        knots: (G, k, 2) float32: where the slope changes, and half of the change. Without any, the line is all.
    """

    line: np.ndarray
    knots: np.ndarray


@register_jitable(forceinline=True)  # inlined as source, its loop would leave numba a variable of no scope
def bent(value, line, knots):  # type: ignore[no-untyped-def]
    """The curve at ``value``, a number, a numpy array or a vector of a kernel.

    Args:
        value: the argument.
        line: (2,) of ``Bends``.
        knots: (k, 2) of ``Bends``.
    """
    along = value * line[0] + line[1]
    for knot in range(len(knots)):
        along = along + added_beyond(value, knots[knot, 0], knots[knot, 1])
    return along


@register_jitable(inline="always")
def added_beyond(value, knot, half):  # type: ignore[no-untyped-def]
    """What the curve gains over its line at ``value`` by one knot of ``Bends``: nothing before it."""
    beyond = value - knot
    return (beyond + abs(beyond)) * half


@register_jitable(inline="always")
def level_of(curves, applied):  # type: ignore[no-untyped-def]
    """Which curve of the levels a read with ``applied`` rows on takes.

    Args:
        curves: (3,) of ``fused.Curves.level_of``.
        applied: rows that are on.
    """
    return min(curves[0] + np.int64(applied) // curves[1], curves[2])


@register_jitable(inline="always")
def on_grid(value, grid):  # type: ignore[no-untyped-def]
    """The place of a grid that is nearest to ``value``.

    Args:
        value: the argument.
        grid: (2,) of ``fused.Curves.grid``.
    """
    return np.rint((value - grid[0]) * (np.float32(1) / grid[1])) * grid[1] + grid[0]


def straight(groups: int) -> Bends:
    """Curves that change nothing.

    Args:
        groups: row groups.
    """
    return Bends(np.tile(np.array([1, 0], np.float32), (groups, 1)), np.zeros((groups, 0, 2), np.float32))


def bends_of(curves: list[Curve | None]) -> Bends:
    """The curves of the row groups.

    Args:
        curves: None for one that changes nothing.
    """
    bends = straight(len(curves))
    most = max((len(curve.at) - 2 for curve in curves if curve is not None), default=0)
    knots = np.zeros((len(curves), most, 2), np.float32)
    for group, curve in enumerate(curves):
        if curve is None:
            continue
        slopes = np.diff(curve.values) / np.diff(curve.at)
        bends.line[group] = slopes[0], curve.values[0] - slopes[0] * curve.at[0]
        knots[group, : len(slopes) - 1, 0] = curve.at[1:-1]
        knots[group, : len(slopes) - 1, 1] = np.diff(slopes) / 2
    return Bends(bends.line, knots)
