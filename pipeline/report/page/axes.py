"""Axes of the page's charts: from where to where they go, and which values are written beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from pipeline.report.front_panels import is_logarithmic
from pipeline.sweep.objectives import Objective

_MARGIN = 0.06  # of the range
_STEPS = (1, 2, 2.5, 5, 10)
# Finer and finer, until three ticks are within the range, and what is left where none gives as many.
_DIGITS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9))


@dataclass(frozen=True)
class Axis:
    """An axis from ``low`` to ``high`` with its ticks: value and text."""

    low: float
    high: float
    logarithmic: bool
    ticks: list[tuple[float, str]]


def cost_axis(costs: pd.Series, cost: Objective) -> Axis:
    """Costs in the unit of ``cost``, with room on both sides."""
    low, high = float(costs.min()), float(costs.max())
    logarithmic = is_logarithmic(costs)
    if logarithmic:
        pad = (high / low) ** _MARGIN
        low, high = low / pad, high * pad
        ticks = _logarithmic_ticks(low, high)
    else:
        pad = _MARGIN * ((high - low) or abs(high) or 1.0)
        low, high = low - pad, high + pad
        ticks = _linear_ticks(low, high, 5)
    return Axis(low, high, logarithmic, [(tick, cost.show(tick / cost.scale)) for tick in ticks])


def accuracy_axis(lowest: float) -> Axis:
    """Accuracies in %, from the tens below ``lowest`` to a little above 100."""
    low = max(0.0, 10.0 * math.floor(lowest / 10))
    return Axis(low, 102.0, False, [(tick, f"{tick:g}") for tick in _linear_ticks(low, 100.0, 6)])


def error_axis(largest: float) -> Axis:
    """Errors from 0 to a little above ``largest``."""
    high = 1.08 * max(1e-9, largest)
    return Axis(0.0, high, False, [(tick, f"{tick:.3g}") for tick in _linear_ticks(0.0, high, 5)])


def _linear_ticks(low: float, high: float, most: int) -> list[float]:
    ticks = MaxNLocator(most, steps=_STEPS).tick_values(low, high)
    return [float(f"{tick:.12g}") for tick in ticks if low <= tick <= high * (1 + 1e-12)]


def _logarithmic_ticks(low: float, high: float) -> list[float]:
    decades = 10.0 ** np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for digits in _DIGITS:
        values = np.outer(decades, digits).ravel()
        ticks = values[(values >= low) & (values <= high)].tolist()
        if len(ticks) >= 3:
            break
    return ticks
