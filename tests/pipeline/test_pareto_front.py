"""The non-dominated set and the Wilson interval, against definitions and published values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.intervals import wilson_interval
from pipeline.pareto import non_dominated


def front(points: list[tuple[float, ...]], directions: tuple[str, ...] = ("max", "min")) -> list[bool]:
    return non_dominated(points, directions).tolist()  # type: ignore[arg-type]


def test_better_in_one_and_no_worse_in_the_other_dominates() -> None:
    assert front([(0.9, 2.0), (0.8, 2.0), (0.9, 3.0), (0.7, 1.0)]) == [True, False, False, True]


def test_equal_points_stay_together() -> None:
    assert front([(0.9, 1.0), (0.9, 1.0), (0.8, 1.0)]) == [True, True, False]


def test_infinite_values_are_values() -> None:
    assert front([(0.9, math.inf), (0.8, 1.0), (0.7, math.inf), (-math.inf, -math.inf)]) == [True, True, False, True]


def test_nan_is_never_on_the_front_and_beats_nobody() -> None:
    assert front([(math.nan, 0.0), (0.5, 1.0), (0.9, math.nan)]) == [False, True, False]


def test_nothing_gives_nothing() -> None:
    assert non_dominated(np.empty((0, 2)), ("max", "min")).tolist() == []


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
def test_against_the_definition(objectives: int) -> None:
    values = np.random.default_rng(objectives).integers(0, 5, (80, objectives)).astype(float)
    directions = ("max", "min", "min", "max")[:objectives]
    costs = values * np.array([-1.0 if d == "max" else 1.0 for d in directions])
    expected = [not any((other <= row).all() and (other < row).any() for other in costs) for row in costs]
    assert non_dominated(values, directions).tolist() == expected


def test_bad_shapes_and_directions_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        non_dominated([(1.0, 2.0)], ("max",))
    with pytest.raises(ValueError, match="'max' or 'min'"):
        non_dominated([(1.0,)], ("up",))  # type: ignore[arg-type]


def test_wilson_interval_matches_published_values() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I: method 3 (score), without continuity correction.
    for successes, trials, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)]:
        assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)
    assert wilson_interval(29, 29)[1] == 1.0
    assert wilson_interval(0, 0) == (0.0, 1.0)
