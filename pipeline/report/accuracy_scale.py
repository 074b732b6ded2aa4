"""The accuracy axis: most of it for what an architect would build, a little for what has broken down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.scale import FuncScale
from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullLocator
from numpy.typing import ArrayLike

from pipeline.report.drawing import linear_ticks

_WINDOW = 15.0  # points below ideal arithmetic that the upper part shows, rounded to tens
_UPPER = 0.68  # of the height, where the axis is in two parts: a judgement


@dataclass(frozen=True)
class AccuracyScale:
    """From ``low`` to ``high`` in %; below ``bend``, where there is one, a point takes less height than above.

    Attributes:
        low: at the bottom.
        high: at the top.
        bend: where the scale changes; None where it is the same throughout.
        ticks: values that are written beside it.
    """

    low: float
    high: float
    bend: float | None
    ticks: tuple[float, ...]

    def share(self, accuracy: Float[np.ndarray, "*points"]) -> Float[np.ndarray, "*points"]:
        """How far up an accuracy in % lies, 0 at the bottom and 1 at the top."""
        return np.interp(accuracy, *self.knots)

    def accuracy(self, share: Float[np.ndarray, "*points"]) -> Float[np.ndarray, "*points"]:
        """The inverse of ``share``."""
        values, shares = self.knots
        return np.interp(share, shares, values)

    def apply(self, axes: Axes) -> None:
        """Makes it the vertical axis of a matplotlib panel and of those that share it."""
        margin = 1e-6  # matplotlib asks beyond the ends
        values, shares = (np.array(ends) for ends in self.knots)
        slope = (values[-1] - values[-2]) / (shares[-1] - shares[-2])
        start = (values[1] - values[0]) / (shares[1] - shares[0])

        def forward(given: ArrayLike) -> np.ndarray:
            value = np.asarray(given, float)
            below, above = (value - values[0]) / start, 1 + (value - values[-1]) / slope
            return np.where(value < values[0], below, np.where(value > values[-1], above, self.share(value)))

        def inverse(given: ArrayLike) -> np.ndarray:
            share = np.asarray(given, float)
            below, above = values[0] + share * start, values[-1] + (share - 1) * slope
            return np.where(share < -margin, below, np.where(share > 1 + margin, above, self.accuracy(share)))

        axes.set_yscale(FuncScale(axes.yaxis, (forward, inverse)))
        axes.set_ylim(self.low, self.high)
        axes.yaxis.set_major_locator(FixedLocator(self.ticks))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))

    @property
    def knots(self) -> tuple[list[float], list[float]]:
        """Values in %, and how far up each lies; straight between them."""
        if self.bend is None:
            return [self.low, self.high], [0.0, 1.0]
        return [self.low, self.bend, self.high], [0.0, 1 - _UPPER, 1.0]


def accuracy_scale(lowest: float, highest: float, ideal: float) -> AccuracyScale:
    """The scale for accuracies in %.

    Args:
        lowest: of all that is drawn, ends of intervals included.
        highest: of all that is drawn.
        ideal: accuracy of ideal arithmetic.
    """
    top = min(100.0, max(highest, ideal))
    high = top + 0.04 * (top - max(0.0, min(lowest, ideal - _WINDOW)))
    bend = 10.0 * np.floor((ideal - _WINDOW) / 10)
    if lowest >= bend or bend < 20:
        low = max(0.0, lowest - 0.06 * (top - lowest) - 0.5)
        return AccuracyScale(low, high, None, tuple(linear_ticks(low, min(high, 100.0), 6)))
    low = max(0.0, 10.0 * np.floor(lowest / 10))
    if bend - low < 10:
        return AccuracyScale(low, high, None, tuple(linear_ticks(low, min(high, 100.0), 6)))
    upper = linear_ticks(bend, min(high, 100.0), 6)
    lower = tuple(tick for tick in linear_ticks(low, bend, 4) if tick < bend)
    return AccuracyScale(low, high, float(bend), (*lower, *dict.fromkeys((float(bend), *upper))))
