"""Axes of the page: round ticks, few of them, within the range."""

from __future__ import annotations

import pandas as pd

from pipeline.report.page.axes import accuracy_axis, cost_axis, error_axis
from pipeline.sweep.objectives import OBJECTIVES


def texts(*costs: float) -> list[str]:
    return [text for _, text in cost_axis(pd.Series(costs), OBJECTIVES["energy"]).ticks]


def test_costs_get_ticks_that_suit_their_spread() -> None:
    assert texts(1e-6, 1.5e-6) == ["1 µJ", "1.2 µJ", "1.4 µJ"]
    assert texts(2e-6, 2e-5) == ["2 µJ", "5 µJ", "10 µJ", "20 µJ"]
    assert texts(1e-9, 1e-6) == ["1 nJ", "10 nJ", "100 nJ", "1 µJ"]
    one = cost_axis(pd.Series([3.0]), OBJECTIVES["energy"])
    assert one.low < 3 < one.high and one.ticks and not one.logarithmic
    area = cost_axis(pd.Series([0.5, 0.9]), OBJECTIVES["area"])  # in mm², the unit of the axis
    assert area.ticks[0] == (0.5, "0.5 mm²")


def test_accuracies_begin_at_the_tens_below_and_errors_at_nothing() -> None:
    assert [text for _, text in accuracy_axis(61.2).ticks] == ["60", "70", "80", "90", "100"]
    assert accuracy_axis(61.2).low == 60 and accuracy_axis(0.0).low == 0
    assert error_axis(0.4).ticks[0] == (0.0, "0") and error_axis(0.4).high > 0.4
