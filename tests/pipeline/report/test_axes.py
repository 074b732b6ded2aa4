"""Axes of the page and the pictures: round ticks, few of them, within the range."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from pipeline.report.accuracy_scale import accuracy_scale
from pipeline.report.drawing import logarithmic_ticks
from pipeline.report.page.axes import accuracy_axis, cost_axis, error_axis
from pipeline.sweep.objectives import OBJECTIVES


def texts(*costs: float, logarithmic: bool = False) -> list[str]:
    return [text for _, text in cost_axis(pd.Series(costs), OBJECTIVES["energy"], logarithmic).ticks]


def test_costs_get_ticks_that_suit_their_spread() -> None:
    assert texts(1e-6, 1.5e-6) == ["1 µJ", "1.2 µJ", "1.4 µJ"]
    assert texts(2e-6, 2e-5, logarithmic=True) == ["2 µJ", "3 µJ", "5 µJ", "7 µJ", "10 µJ", "15 µJ", "20 µJ"]
    assert texts(1e-9, 1e-6, logarithmic=True)[::2] == ["1 nJ", "10 nJ", "100 nJ", "1 µJ"]
    one = cost_axis(pd.Series([3.0]), OBJECTIVES["energy"], False)
    assert one.low < 3 < one.high and one.ticks and not one.logarithmic
    area = cost_axis(pd.Series([0.5, 0.9]), OBJECTIVES["area"], False)  # in mm², the unit of the axis
    assert area.ticks[0] == (0.5, "0.5 mm²")


@pytest.mark.parametrize("spread", [1.06, 1.3, 1.9, 4.0, 12.0, 300.0, 1e5, 1e9])
def test_a_logarithmic_axis_has_enough_ticks_whatever_its_range(spread: float) -> None:
    for start in np.geomspace(0.7, 7, 23):
        ticks = logarithmic_ticks(start, start * spread, 8)
        assert 4 <= len(ticks) <= 8, (start, spread, ticks)
        assert ticks == sorted(ticks) and start <= ticks[0] and ticks[-1] <= start * spread


def test_most_of_the_height_is_for_what_is_near_ideal_arithmetic() -> None:
    scale = accuracy_scale(8.0, 96.0, 93.0)
    assert scale.bend == 70 and scale.low == 0
    heights = scale.share(np.array([0.0, 70.0, 85.0, 95.0]))
    assert heights[0] == 0 and heights[1] < 0.35 and heights[3] - heights[2] > 0.2
    assert scale.accuracy(scale.share(np.array([3.0, 70.0, 88.8]))) == pytest.approx([3.0, 70.0, 88.8])
    assert {0, 20, 40, 60, 70, 85, 90, 95} <= set(scale.ticks)
    near = accuracy_scale(88.0, 96.0, 93.0)
    assert near.bend is None and 85 < near.low < 88 and len(near.ticks) >= 4
    axes = Figure().subplots()
    scale.apply(axes)
    shown = axes.transAxes.inverted().transform(axes.transData.transform([(0, 70.0), (0, 90.0)]))[:, 1]
    assert shown == pytest.approx(scale.share(np.array([70.0, 90.0])))


def test_the_page_has_both_scales_and_errors_begin_at_nothing() -> None:
    both = [accuracy_axis(8.0, 96.0, 93.0, bent) for bent in (True, False)]
    assert [axis["bend"] for axis in both] == [70.0, None]
    assert [text for _, text in both[1]["ticks"]] == ["0", "20", "40", "60", "80", "100"][: len(both[1]["ticks"])]
    assert error_axis(0.4).ticks[0] == (0.0, "0") and error_axis(0.4).high > 0.4
