"""The search among sets: what it claims is as sure as it says, and it finds cheap sets that reach the target."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.recommend.race import GROWTH, LEAST_SETS, Runner, Verdict, finalists, finish, going_on, rounds

CONFIDENCE = 0.9
TARGET = 0.02


def race(correct: np.ndarray, ideal: np.ndarray, costs: np.ndarray, target: float = TARGET) -> Verdict[int]:
    """A whole search; ``correct``: (sets, images)."""
    steps = rounds(len(ideal))
    alive = list(range(len(correct)))
    for number, images in enumerate(steps, 1):
        runners = [Runner(one, correct[one, :images], float(costs[one])) for one in alive]
        if number == len(steps):
            alive = [one.name for one in finalists(runners, ideal[:images], target)]
        else:
            most = max(LEAST_SETS, len(alive) // GROWTH)
            alive = [one.name for one in going_on(runners, ideal[:images], target, most)]
    last = steps[-1]
    tested = [Runner(one, correct[one, last:], float(costs[one])) for one in alive]
    return finish(tested, ideal[last:], target, CONFIDENCE)


def outcomes(rng: np.random.Generator, losses: np.ndarray, images: int, differing: float) -> tuple[np.ndarray, ...]:
    """Images that sets with these true losses, and ideal arithmetic, classify rightly; sets err on the same images."""
    ideal = rng.random(images) < 0.8
    luck = rng.random(images)  # of the image, shared by all sets
    own = rng.random((len(losses), images))
    mixed = np.where(rng.random((len(losses), 1)) < 0.5, luck, own)
    # of the images that ideal arithmetic has right a set loses some, of the others it wins some
    lost = ((differing + losses) / 2 / 0.8)[:, None]
    won = ((differing - losses) / 2 / 0.2)[:, None]
    return np.where(ideal, mixed >= lost, mixed < won), ideal


def test_a_set_that_loses_the_target_is_hardly_ever_confirmed() -> None:
    rng = np.random.default_rng(1)
    times, wrong = 150, 0
    for _ in range(times):
        losses = np.full(24, TARGET)  # all of them at the edge: the worst there is
        correct, ideal = outcomes(rng, losses, 600, 0.04)
        wrong += race(correct, ideal, rng.random(24)).kind == "confirmed"
    error = 1 - CONFIDENCE
    assert wrong / times <= error + 3 * np.sqrt(error * (1 - error) / times)


def test_no_bad_set_is_confirmed_among_good_ones_more_often_than_is_said() -> None:
    rng = np.random.default_rng(2)
    times, wrong, confirmed = 100, 0, 0
    for _ in range(times):
        losses = np.where(np.arange(24) < 6, 0.0, TARGET)
        costs = np.where(np.arange(24) < 6, 2.0, 1.0) + 0.1 * rng.random(24)  # what is bad is cheap
        correct, ideal = outcomes(rng, losses, 1200, 0.03)
        verdict = race(correct, ideal, costs)
        confirmed += verdict.kind == "confirmed"
        wrong += verdict.kind == "confirmed" and verdict.order[0].runner.name >= 6
    error = 1 - CONFIDENCE
    assert wrong / times <= error + 3 * np.sqrt(error * (1 - error) / times)
    assert confirmed / times > 0.6


def test_the_cheapest_set_that_reaches_the_target_is_found() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(60):
        losses = np.array([0.4] * 30 + [0.1] * 10 + [0.0] * 8)
        costs = np.concatenate([np.linspace(1, 2, 40), np.linspace(1.5, 3, 8)])
        correct, ideal = outcomes(rng, losses, 1000, 0.02)
        correct[:40] &= rng.random((40, 1000)) > losses[:40, None]
        verdict = race(correct, ideal, costs)
        assert verdict.order[0].runner.name >= 40
        found.append(verdict.order[0].runner.cost)
    assert np.mean(np.array(found) == 1.5) > 0.7


def test_where_no_set_reaches_the_target_the_closest_one_is_told() -> None:
    rng = np.random.default_rng(4)
    losses = np.linspace(0.15, 0.4, 24)
    ideal = rng.random(400) < 0.8
    correct = ideal & (rng.random((24, 400)) > losses[:, None])
    verdict = race(correct, ideal, np.ones(24))
    assert verdict.kind == "missed"
    first = verdict.order[0]
    assert first.loss == min(one.loss for one in verdict.order)
    assert first.confidence < 0.5


@pytest.mark.parametrize("images", [2, 20, 50, 200, 1000, 10000])
def test_some_images_confirm_and_rounds_grow(images: int) -> None:
    steps = rounds(images)
    assert steps == sorted(set(steps)) and 0 < steps[-1] < images


def test_an_unknown_cost_is_no_low_one() -> None:
    ideal = np.ones(100, bool)
    runners = [Runner("unknown", ideal, float("nan")), Runner("dear", ideal, 5.0), Runner("cheap", ideal, 1.0)]
    assert going_on(runners, ideal, TARGET, 1)[0].name == "cheap"
    assert finish(runners, np.ones(100, bool), 0.1, CONFIDENCE).order[0].runner.name == "cheap"
