"""Chips and images both drawn and crossed: intervals against simulated truth, columns of chips against hand cases."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.front.chips import accuracy_interval, chip_change, chip_columns, in_turn, interval_of_the_picked
from pipeline.front.intervals import PairedCounts, exact_interval, wilson_interval
from pipeline.front.yields import YieldRule

Spreads = tuple[float, float]


def logistic(values: np.ndarray) -> np.ndarray:
    found: np.ndarray = 1 / (1 + np.exp(-values))
    return found


def draw(generator: np.random.Generator, shape: tuple[int, int, int], mean: float, spreads: Spreads) -> np.ndarray:
    """(repetitions, chips, images) bool: how good a chip is and how easy an image are normal on the logistic scale."""
    repetitions, chips, images = shape
    of_chips = spreads[0] * generator.standard_normal((repetitions, chips, 1))
    of_images = spreads[1] * generator.standard_normal((repetitions, 1, images))
    chances = logistic(mean + of_chips + of_images)
    return generator.random(chances.shape) < chances


def truth(mean: float, spreads: Spreads) -> float:
    """Over all chips and images, by Gauss and Hermite: their sum is normal."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    return float((logistic(mean + np.hypot(*spreads) * nodes) * weights).sum() / weights.sum())


@pytest.mark.parametrize("mean", [0.3, 2.0])
@pytest.mark.parametrize("spreads", [(0.0, 1.0), (0.3, 2.0), (1.0, 1.0)])
@pytest.mark.parametrize(("chips", "images"), [(2, 50), (3, 100), (4, 100), (20, 200)])
def test_the_interval_of_the_accuracy_holds_chips_and_images_at_large(
    mean: float, spreads: Spreads, chips: int, images: int
) -> None:
    """95 % of the time, of two chips as of twenty; the bound is three standard errors wider."""
    generator = np.random.default_rng([chips, int(10 * mean), int(10 * spreads[0])])
    samples = draw(generator, (250, chips, images), mean, spreads)
    wanted = truth(mean, spreads)
    held = np.mean([low <= wanted <= high for low, high in map(accuracy_interval, samples)])
    assert held >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / 250)


def test_an_interval_of_images_alone_misses_where_chips_differ() -> None:
    generator = np.random.default_rng(3)
    samples = draw(generator, (200, 10, 500), 1.0, (0.8, 1.0))
    wanted = truth(1.0, (0.8, 1.0))
    alone = [wilson_interval(int(one.sum()), one.size) for one in samples]
    crossed = [accuracy_interval(one) for one in samples]
    assert np.mean([low <= wanted <= high for low, high in alone]) < 0.5
    assert np.mean([low <= wanted <= high for low, high in crossed]) > 0.89


def test_an_interval_of_one_chip_or_of_chips_alike_is_the_one_of_images() -> None:
    one = np.random.default_rng(4).random((1, 200)) < 0.8
    assert accuracy_interval(one) == wilson_interval(int(one.sum()), 200)
    low, high = accuracy_interval(np.repeat(one, 6, axis=0))
    assert (low, high) == pytest.approx(wilson_interval(int(one.sum()), 200), abs=0.003)
    assert accuracy_interval(np.ones((5, 80), bool))[1] == 1.0 and accuracy_interval(np.zeros((5, 80), bool))[0] == 0.0


@pytest.mark.parametrize(("chips", "spread"), [(4, 0.8), (10, 0.8), (20, 0.3)])
def test_the_interval_of_the_best_of_many_designs_whose_chips_differ_allows_for_its_having_been_picked(
    chips: int, spread: float
) -> None:
    """Forty designs as accurate as each other, on the same images: the one that seems best is flattered."""
    generator = np.random.default_rng([7, chips])
    wanted, repetitions, designs, images = truth(1.0, (spread, 0.5)), 150, 40, 300
    held = alone = 0
    for _ in range(repetitions):
        of_chips = spread * generator.standard_normal((designs, chips, 1))
        chances = logistic(1.0 + of_chips + 0.5 * generator.standard_normal((1, 1, images)))
        samples = generator.random(chances.shape) < chances
        best = samples[samples.mean(axis=(1, 2)).argmax()]
        low, high = interval_of_the_picked(best, designs)
        held += low <= wanted <= high
        low, high = accuracy_interval(best)
        alone += low <= wanted <= high
    assert held / repetitions >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / repetitions)
    assert alone / repetitions < 0.8  # which is why it is not enough


def test_the_interval_of_the_only_design_is_its_own_and_of_one_chip_that_of_its_images() -> None:
    correct = draw(np.random.default_rng(8), (1, 6, 200), 1.0, (0.8, 1.0))[0]
    assert interval_of_the_picked(correct, 1) == pytest.approx(accuracy_interval(correct))
    assert interval_of_the_picked(correct[:1], 5) == exact_interval(int(correct[0].sum()), 200, 0.01)
    assert interval_of_the_picked(np.ones((3, 50), bool), 5) == exact_interval(50, 50, 0.01)
    low, high = interval_of_the_picked(correct, 100)
    assert low < accuracy_interval(correct)[0] and high > accuracy_interval(correct)[1]


def test_designs_that_do_not_differ_are_told_apart_by_mistake_as_often_as_is_said() -> None:
    generator = np.random.default_rng(5)
    shape, wrong, held = (400, 6, 120), 0, 0
    chips, images = 0.6 * generator.standard_normal((400, 6, 1)), generator.standard_normal((400, 1, 120))
    own = 0.5 * generator.standard_normal((2, 400, 6, 1))  # of the chips in each design
    chances = logistic(1.0 + chips + images + own)
    for first, second in zip(*(generator.random((2, *shape)) < chances), strict=True):
        change = chip_change(first, second)
        wrong += min(change.chance_up, change.chance_down) <= 0.025
        held += change.low <= 0 <= change.high
    assert wrong / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    assert held / 400 >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / 400)


def test_a_change_between_single_chips_is_that_of_the_same_images_seen_twice() -> None:
    generator = np.random.default_rng(6)
    first, second = generator.random((2, 1, 150)) < 0.8
    counts = PairedCounts.of(first[0], second[0])
    change = chip_change(first, second)
    assert (change.value, change.low, change.high) == (counts.change, *counts.interval())
    assert chip_change(np.repeat(first, 4, axis=0), np.repeat(second, 4, axis=0)) == change
    many = generator.random((5, 150)) < 0.9
    same = chip_change(many, many)
    assert same.value == 0 and same.low < 0 < same.high and same.chance_up == 1
    against_one = chip_change(many, second)
    assert against_one.value == pytest.approx(many.mean() - second.mean())
    assert against_one.low < against_one.value < against_one.high
    back = chip_change(second, many)
    assert back.low == pytest.approx(-against_one.high) and back.chance_up == pytest.approx(against_one.chance_down)


def test_the_columns_of_chips() -> None:
    correct = np.zeros((4, 10), bool)
    for chip, right in enumerate((9, 8, 7, 10)):
        correct[chip, :right] = True
    found = chip_columns(correct, np.arange(10) < 9, YieldRule(0.1))
    assert found["chips"] == 4 and found["yield"] == 0.75 and found["yield_loss"] == 0.1
    assert found["accuracy_chip_std"] == pytest.approx(np.std([0.9, 0.8, 0.7, 1.0], ddof=1))
    assert found["accuracy_chip_p5"] == 0.7
    assert found["yield_low"] == pytest.approx(0.194120, abs=1e-6)  # 3 of 4, Clopper and Pearson
    assert found["yield_high"] == pytest.approx(0.993691, abs=1e-6)
    hundred = np.zeros((100, 200), bool)
    for chip in range(100):
        hundred[chip, : 100 + chip] = True
    reached = chip_columns(hundred, np.arange(200) < 180, YieldRule(0.05))["accuracy_chip_p5"]
    assert isinstance(reached, float)
    assert (hundred.mean(axis=1) >= reached).mean() >= 0.95 >= (hundred.mean(axis=1) > reached).mean()
    alone = chip_columns(correct[:1], np.arange(10) < 9, YieldRule(0.0))
    assert alone["accuracy_chip_std"] is None and alone["yield"] == 1.0


def test_a_chip_just_at_the_loss_counts_in_the_yield() -> None:
    correct = np.arange(100)[None] < np.array([[91], [90]])
    found = chip_columns(correct, np.arange(100) < 93, YieldRule(0.02))
    assert found["yield"] == 0.5  # 0.93 - 0.91 is a little more than 0.02 in the computer


def test_each_image_is_judged_by_the_next_chip_in_turn() -> None:
    correct = np.array([[1, 1, 1, 1, 1], [0, 0, 0, 0, 0]], bool)
    assert in_turn(correct).tolist() == [True, False, True, False, True]
    assert in_turn(np.zeros((0, 0), bool)).tolist() == []
