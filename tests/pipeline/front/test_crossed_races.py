"""Races over chips and images together: how often they stop a design of the front of the complete sweep."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from pipeline.front.elimination import ERROR, Contender, beaten_in_group, error_of_a_pair
from pipeline.front.pareto import non_dominated
from pipeline.front.rounds import FIRST_CHIPS, rounds
from pipeline.sweep.extent import Extent

WHOLE = Extent(200, 24)
DESIGNS = 12
Draw = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""(designs, chips, images) booleans and (designs, chips, pieces) of costs, of a whole sweep."""


def answers(rng: np.random.Generator, skill: np.ndarray, of_chips: np.ndarray, own: float) -> np.ndarray:
    """(designs, chips, images) of designs with a skill, chips that shift it, and images that all find equally hard but
    for what is each design's own."""
    hard = rng.standard_normal(WHOLE.images)
    hard = hard + own * rng.standard_normal((len(skill), 1, WHOLE.images))
    noise = 0.3 * rng.standard_normal((len(skill), *WHOLE[::-1]))
    return np.asarray(skill[:, None, None] + of_chips[:, :, None] + hard + noise > 0)


def scattered_chips(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Designs nearly alike, each of which the chips shift in its own way; the dearer ones are a little better."""
    chips = 0.5 * rng.standard_normal((DESIGNS, WHOLE.chips))
    return answers(rng, 0.5 + 0.03 * np.arange(DESIGNS), chips, 0.3), costs(rng, np.arange(DESIGNS) / 100)


def scattered_images(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Chips alike, images each design's own."""
    chips = np.zeros((DESIGNS, WHOLE.chips)) + 0.1 * rng.standard_normal(WHOLE.chips)
    return answers(rng, 0.5 + 0.03 * np.arange(DESIGNS), chips, 1.0), costs(rng, np.arange(DESIGNS) / 100)


def skewed_chips(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Chips that mostly are alike, and some far worse, in each design others: not normal."""
    chips = -0.4 * rng.standard_exponential((DESIGNS, WHOLE.chips))
    return answers(rng, 0.8 + 0.03 * np.arange(DESIGNS), chips, 0.3), costs(rng, np.arange(DESIGNS) / 100)


def costs_of_chips(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The first is far more accurate; costs are alike but for noise from chip to chip and from piece to piece."""
    skill = np.array([3.0, *np.zeros(DESIGNS - 1)])
    return answers(rng, skill, np.zeros((DESIGNS, WHOLE.chips)), 0.3), costs(rng, np.zeros(DESIGNS), 0.02)


def costs(rng: np.random.Generator, logarithms: np.ndarray, of_chips: float = 0.001) -> np.ndarray:
    chips = of_chips * rng.standard_normal((len(logarithms), WHOLE.chips, 1))
    pieces = 0.002 * rng.standard_normal((len(logarithms), WHOLE.chips, WHOLE.images // 5))
    return np.exp(logarithms[:, None, None] + chips + pieces)


def race(drawn: tuple[np.ndarray, np.ndarray], gain: str, error: float) -> tuple[int, int]:
    """Designs of the front of the whole sweep that were stopped, and all that were."""
    correct, prices = drawn
    first = WHOLE.chips if gain == "chip_accuracy" else FIRST_CHIPS
    of_chips = np.sort(correct.mean(axis=2), axis=1)
    accuracy = of_chips.mean(axis=1) if gain == "accuracy" else of_chips[:, int(0.05 * WHOLE.chips)]
    estimates = np.column_stack([accuracy, np.log(prices).mean(axis=(1, 2))])
    front = {str(index) for index in np.flatnonzero(non_dominated(estimates, ["max", "min"]))}
    alive, stopped = [str(index) for index in range(len(correct))], set[str]()
    for extent in rounds(WHOLE, 5, first)[:-1]:
        pieces = extent.images // 5
        group = [
            Contender(
                name,
                correct[int(name), : extent.chips, : extent.images],
                prices[None, int(name), 0, :pieces],
                np.exp(np.log(prices[None, int(name), : extent.chips, :pieces]).mean(axis=2)),
            )
            for name in alive
        ]
        stopped |= beaten_in_group(group, WHOLE, error, [gain])
        alive = [name for name in alive if name not in stopped]
    return len(front & stopped), len(stopped)


LOOKS = len(rounds(WHOLE, 5)) - 1
A_PAIR = error_of_a_pair([DESIGNS], LOOKS)


def wrong(draw: Draw, gain: str, error: float, races: int) -> int:
    rng = np.random.default_rng(7)
    return sum(race(draw(rng), gain, error)[0] > 0 for _ in range(races))


@pytest.mark.parametrize("draw", [scattered_chips, costs_of_chips])
def test_a_race_over_chips_stops_a_design_of_the_front_no_more_often_than_promised(draw: Draw) -> None:
    assert wrong(draw, "accuracy", A_PAIR, 40) <= stats.binom.ppf(0.999, 40, ERROR)
    assert wrong(draw, "accuracy", 0.2, 20) > 0  # these races are hard


@pytest.mark.slow
@pytest.mark.parametrize("gain", ["accuracy", "chip_accuracy"])
@pytest.mark.parametrize("draw", [scattered_chips, scattered_images, skewed_chips, costs_of_chips])
def test_many_races_over_chips_keep_the_promise(draw: Draw, gain: str) -> None:
    races = 500
    found = wrong(draw, gain, A_PAIR, races)
    assert found <= stats.binom.ppf(0.999, races, ERROR)
    if gain == "accuracy":
        assert wrong(draw, gain, 0.2, 50) > 0


def test_chips_at_random_would_be_taken_for_the_sweeps_by_a_test_of_images_alone() -> None:
    """Why chips are a sample of their own: pairs of designs alike but for their chips, told apart on few chips."""
    rng = np.random.default_rng(8)
    pair, alone = Extent(50, 4), 0
    for _ in range(100):
        correct, _ = scattered_chips(rng)
        seen = correct[:, : pair.chips, : pair.images]
        truth = correct.mean(axis=(1, 2))
        for better in (0, 1):
            difference = (seen[better].mean(axis=0) - seen[1 - better].mean(axis=0)).astype(float)
            spread = difference.std(ddof=1) / np.sqrt(pair.images)
            alone += bool(difference.mean() > 3.27 * spread and truth[better] < truth[1 - better])
    assert alone / 100 > 0.01  # where a level of 0.001 each way was asked for


@pytest.mark.parametrize("gain", ["accuracy", "chip_accuracy"])
def test_a_race_over_chips_still_stops_what_is_clearly_beaten(gain: str) -> None:
    rng = np.random.default_rng(9)
    chips = 0.1 * rng.standard_normal((DESIGNS, WHOLE.chips))
    correct = answers(rng, 3.0 - np.arange(DESIGNS) * 0.6, chips, 0.3)
    on_front, stopped = race((correct, costs(rng, np.arange(DESIGNS) / 50)), gain, A_PAIR)
    assert on_front == 0 and stopped >= 4
