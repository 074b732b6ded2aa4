"""Races over designs whose truth is known, to count how often a design of the true front is stopped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.front.elimination import Contender, beaten_in_group
from pipeline.front.pareto import non_dominated
from pipeline.sweep.extent import Extent

Draw = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""(designs, images) booleans, and (designs, pieces) of costs, of all images of a sweep."""


def images_of(rng: np.random.Generator, rates: np.ndarray, images: int, shared: float) -> np.ndarray:
    """(designs, images) rightly classified or not; ``shared`` of 0 to 1 is how much all designs find the same images
    hard."""
    own, common = rng.standard_normal((len(rates), images)), rng.standard_normal(images)
    hardness = np.sqrt(shared) * common + np.sqrt(1 - shared) * own
    order = hardness.argsort(axis=1).argsort(axis=1)  # each design misses exactly its share of the images
    return order < np.round(rates * images)[:, None]


def one_ahead(rng: np.random.Generator) -> np.ndarray:
    """The first of 40 designs is right on far more images than the others, which are alike but for an image each."""
    return images_of(rng, np.array([0.95, *(0.7 + np.arange(39) / 400)]), 400, 0.5)


def a_noisy_best(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The most accurate design costs a little more than all others, and scatters most: where its first pieces look
    cheap, it looks cheap beside all others at once."""
    logarithms = np.arange(40)[:, None] * 1e-5 + rng.normal(0, 1e-4, (40, 48))
    logarithms[0] = 0.002 + rng.normal(0, 0.02, 48)
    return one_ahead(rng), np.exp(logarithms)


def a_lucky_best(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """40 designs; each dearer one is right on one image more, so that all are on the front, and chance alone makes
    cheap ones look accurate."""
    correct = images_of(rng, 0.7 + np.arange(40) / 400, 400, 0.3)
    return correct, np.exp(np.arange(40)[:, None] / 50 + rng.normal(0, 1e-3, (40, 48)))


def twins(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Costs are alike but for noise of many sizes, whose mean over all images decides who is on the front."""
    return one_ahead(rng), np.exp(rng.normal(0, 1, (40, 48)) * np.geomspace(1e-1, 1e-5, 40)[:, None])


def wild_costs(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The same with tails far heavier than a normal distribution's (Student's t of three degrees of freedom)."""
    return one_ahead(rng), np.exp(1e-3 * rng.standard_t(3, (40, 48)))


def race(correct: np.ndarray, costs: np.ndarray, looks: list[int], error: float) -> tuple[int, int]:
    """Designs of the true front that were stopped, and all that were.

    Args:
        looks: pieces after each round. error: that a pair may take in a decision.
    """
    images, pieces = correct.shape[1], costs.shape[1]
    estimates = np.column_stack([correct.mean(axis=1), np.log(costs).mean(axis=1)])
    front = {str(index) for index in np.flatnonzero(non_dominated(estimates, ["max", "min"]))}
    alive = [str(index) for index in range(len(correct))]
    stopped: set[str] = set()
    for look in looks:
        seen = images * look // pieces
        group = [
            Contender(name, correct[None, int(name), :seen], costs[None, int(name), :look], costs[None, int(name), :1])
            for name in alive
        ]
        stopped |= beaten_in_group(group, Extent(images, 1), error, ["accuracy"])
        alive = [name for name in alive if name not in stopped]
    return len(front & stopped), len(stopped)


def wrong_races(draw: Draw, looks: list[int], error: float, races: int, seed: int) -> int:
    """How many races stopped any design of the true front."""
    rng = np.random.default_rng(seed)
    return sum(race(*draw(rng), looks, error)[0] > 0 for _ in range(races))
