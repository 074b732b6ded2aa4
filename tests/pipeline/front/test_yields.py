"""The interval of the yield against simulated truth: wherever a race stops, on however few images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pipeline.front.intervals import exact_interval
from pipeline.front.rounds import most_rounds, rounds
from pipeline.front.yields import YieldRule, most_of_all
from pipeline.sweep.extent import Extent

LOSS = 0.05


@pytest.mark.parametrize(("images", "seen"), [(7, 3), (12, 12), (15, 1)])
@pytest.mark.parametrize("error", [0.2, 0.01])
def test_bounds_on_all_images_hold_for_every_truth(images: int, seen: int, error: float) -> None:
    """Every number of all images that may be of the kind, one by one."""
    bounds = most_of_all(seen, images, error)
    for truth in range(images + 1):
        chances = stats.hypergeom.pmf(np.arange(seen + 1), images, truth, seen)
        assert chances[bounds < truth].sum() <= error + 1e-12
    if seen == images:
        assert bounds.tolist() == list(range(images + 1))


def test_one_look_at_all_images_is_clopper_and_pearsons() -> None:
    correct = np.arange(100) < np.array([[93], [91], [90], [60]])
    ideal = np.arange(100) < 93
    assert YieldRule(0.02).interval(correct, ideal) == exact_interval(2, 4, 0.05)
    assert YieldRule(0.02, 100, 4).interval(correct, ideal) == exact_interval(2, 4, 0.05 / 4)


def test_chips_that_are_not_sure_yet_count_on_both_sides() -> None:
    """Of 1000 images 100 were seen: one chip loses hopelessly many, one wins as many, one lies between."""
    ideal = np.ones(100, bool)
    ideal[50:] = False
    correct = np.tile(ideal, (3, 1))
    correct[0, :50], correct[1, 50:] = False, True
    low, high = YieldRule(0.02, 1000, 3).interval(correct, ideal)
    error = 0.8 * 0.05 / 3
    assert low == exact_interval(1, 3, error)[0] and high == exact_interval(2, 3, error)[1]


def chips_of(rng: np.random.Generator, whole: Extent, share: float, near: int) -> np.ndarray:
    """(chips, images) classified rightly, where ideal arithmetic always is right: ``share`` of the chips are good, and
    a chip lies up to ``near`` images from the border."""
    most = int(LOSS * whole.images)
    good, away = rng.random(whole.chips) < share, rng.integers(0, near + 1, whole.chips)
    losses = np.where(good, np.maximum(0, most - away), most + 1 + away)
    return np.asarray(rng.random(whole[::-1]).argsort(axis=1) >= losses[:, None])


def stops(rng: np.random.Generator, whole: Extent, share: float, near: int, width: float) -> tuple[bool, bool, int]:
    """A race of one design: whether the interval where it stops holds the truth, whether all do; and its chips."""
    correct, ideal = chips_of(rng, whole, share, near), np.ones(whole.images, bool)
    rule = YieldRule(LOSS, whole.images, most_rounds(whole.chips))
    every, stopped = True, None
    for extent in rounds(whole, 10):
        low, high = rule.interval(correct[: extent.chips, : extent.images], ideal[: extent.images])
        held = low <= share <= high
        every &= held
        if stopped is None and (high - low <= width or extent == whole):
            stopped = held, extent.chips
    assert stopped is not None
    return stopped[0], every, stopped[1]


def coverage(whole: Extent, share: float, near: int, width: float, races: int) -> tuple[float, float, float]:
    """How often the interval at the end holds the truth, how often all do, and how many chips it takes on average."""
    rng = np.random.default_rng([whole.images, int(100 * share), near, int(100 * width)])
    last, every, chips = np.mean([stops(rng, whole, share, near, width) for _ in range(races)], axis=0)
    return float(last), float(every), float(chips)


FEW, MANY = Extent(20, 64), Extent(120, 64)
"""Of few images every round has all; of many the first ones have some."""


@pytest.mark.parametrize(
    ("whole", "share", "near", "width"), [(FEW, 0.9, 4, 0.3), (MANY, 0.03, 60, 0.3), (MANY, 0.5, 2, 0.5)]
)
def test_the_interval_holds_the_yield_wherever_a_race_stops(
    whole: Extent, share: float, near: int, width: float
) -> None:
    races = 100
    for held in coverage(whole, share, near, width, races)[:2]:
        assert held >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / races)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("width", [0.2, 0.35, 0.6])
@pytest.mark.parametrize(("whole", "near"), [(FEW, 3), (MANY, 1), (MANY, 60)])
def test_the_interval_holds_every_yield_in_many_races(whole: Extent, near: int, share: float, width: float) -> None:
    races = 500
    for held in coverage(whole, share, near, width, races)[:2]:
        assert held >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / races)


def test_an_interval_for_one_look_misses_where_a_race_stops_at_will() -> None:
    """Why looks share the error: stopped as soon as the interval of one look excludes a yield of 60 %, it misses it."""
    good = np.random.default_rng(5).random((2000, 64)) < 0.6
    wrong = {}
    for looks in (1, 4):
        missed = np.zeros(2000, bool)
        for chips in (8, 16, 32, 64):
            ends = [exact_interval(count, chips, 0.05 / looks) for count in range(chips + 1)]
            outside = np.array([not low <= 0.6 <= high for low, high in ends])
            missed |= outside[good[:, :chips].sum(axis=1)]
        wrong[looks] = missed.mean()
    assert wrong[1] > 0.08 > 0.05 >= wrong[4]


def test_a_race_stops_early_where_the_yield_is_plain() -> None:
    assert coverage(MANY, 0.0, 60, 0.4, 20)[2] < 64
    assert coverage(FEW, 1.0, 1, 0.4, 20)[2] < 64
