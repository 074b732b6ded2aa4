"""Axes of the page's charts: from where to where they go, and which values are written beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from pipeline.report.accuracy_scale import AccuracyScale, accuracy_scale
from pipeline.report.drawing import linear_ticks, logarithmic_ticks
from pipeline.sweep.objectives import Objective

_MARGIN = 0.06  # of the range
_MOST_TICKS = 9


@dataclass(frozen=True)
class Axis:
    """An axis from ``low`` to ``high`` with its ticks: value and text."""

    low: float
    high: float
    logarithmic: bool
    ticks: list[tuple[float, str]]


def cost_axis(costs: pd.Series, cost: Objective, logarithmic: bool) -> Axis:
    """Costs in the unit of ``cost``, with room on both sides.

    Args:
        costs: in the unit of ``cost``.
        cost: what they are.
        logarithmic: each factor takes the same room.
    """
    low, high = float(costs.min()), float(costs.max())
    if logarithmic:
        pad = max((high / low) ** _MARGIN, 1 + _MARGIN / 2)
        low, high = low / pad, high * pad
        ticks = logarithmic_ticks(low, high, _MOST_TICKS)
    else:
        pad = _MARGIN * ((high - low) or abs(high) or 1.0)
        low, high = low - pad, high + pad
        ticks = linear_ticks(low, high, 5)
    return Axis(low, high, logarithmic, [(tick, cost.show(tick / cost.scale)) for tick in ticks])


def accuracy_axis(lowest: float, highest: float, ideal: float, bent: bool = True) -> dict[str, object]:
    """Accuracies in %: values and how far up they lie at the ends and where the scale changes, and the ticks.

    Args:
        lowest: of all that is drawn.
        highest: of all that is drawn.
        ideal: accuracy of ideal arithmetic.
        bent: what has broken down may take less height than what is near ideal arithmetic.
    """
    scale = accuracy_scale(lowest, highest, ideal)
    if not bent:
        low = 10.0 * math.floor(lowest / 10)
        scale = AccuracyScale(low, scale.high, None, tuple(linear_ticks(low, min(100.0, scale.high), 6)))
    values, shares = scale.knots
    return {"values": values, "shares": shares, "bend": scale.bend, "ticks": [(t, f"{t:g}") for t in scale.ticks]}


def error_axis(largest: float) -> Axis:
    """Errors from 0 to a little above ``largest``."""
    high = 1.08 * max(1e-9, largest)
    return Axis(0.0, high, False, [(tick, f"{tick:.3g}") for tick in linear_ticks(0.0, high, 5)])
