"""When a race may leave a design behind: another one is surely at least as accurate, surely costs no more in any
objective, and less in one.

What is guaranteed is of the whole race: the probability that it stops any design at all that is on the front of the
complete sweep is at most ``ERROR``. A design of that front is stopped wrongly by another one only if a claim that is
false was made: that the other one is at least as accurate, or that it costs less. The error is shared among all pairs
of designs that the race could ever compare and all its decisions (Bonferroni), so that it does not matter how the
claims hang together (all designs see the same images), which pairs are looked at in the end, or what picked them:

- Accuracy, half of the error. Of two designs one at most is the less accurate: one claim a pair can be false. It is
  tested on the images on which the two differ; if the better one were less accurate on all images of the sweep, its
  wins among them would be hypergeometric. This is exact for images in random order, and asks nothing of the designs.
- Costs, the other half, shared by both directions of a pair and the objectives. The logarithm of the ratio of the two
  costs, piece by piece of the images, is tested by Student's t with the pair's own spread and its own few degrees of
  freedom: spreads of several pairs are not pooled, for pairs that share a design share its noise. It asks that these
  logarithms scatter normally, with spreads that may differ between pieces (R. Ibragimov and U. K. Mueller, J. Bus.
  Econ. Stat. 28, 2010). A cost that does not depend on the images, such as an area, is compared as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from pipeline.front.pareto import non_dominated
from pipeline.sweep.objectives import Direction

ERROR = 0.01
"""Probability, at most, that a race stops any design of the front of the complete sweep."""


@dataclass(frozen=True)
class Contender:
    """What a design has shown so far.

    Attributes:
        correct: (images,) booleans, over the first images of the split.
        costs: (objectives, pieces) of an image in each shard, or run of shards that is a piece for all designs, NaN
            where unknown.
    """

    key: str
    correct: np.ndarray
    costs: np.ndarray


def error_of_a_pair(group_sizes: Iterable[int], decisions: int) -> float:
    """The part of ``ERROR`` that one pair of designs may take in one decision.

    Args:
        group_sizes: designs of each group as the race begins: what is left later depends on chance.
        decisions: how many times designs may be stopped.
    """
    pairs = sum(math.comb(size, 2) for size in group_sizes)
    return ERROR / max(1, pairs * decisions)


def beaten_in_group(group: Sequence[Contender], all_images: int, error: float, by_accuracy: bool = True) -> set[str]:
    """The keys of the designs that surely are not on the front of their group. Designs with a cost that is unknown or
    nothing take no part: they are not compared and go on.

    Args:
        all_images: images of the whole sweep.
        error: that a pair may take (``error_of_a_pair``).
        by_accuracy: False where accuracy is no objective.
    """
    group = [contender for contender in group if (contender.costs > 0).all()]
    if len(group) < 2 or not group[0].costs.size:
        return set()
    correct = np.array([contender.correct for contender in group])
    logarithms = np.log(np.array([contender.costs for contender in group]))  # (designs, objectives, pieces)
    accuracy = correct.mean(axis=1) if by_accuracy else np.zeros(len(group))
    estimates = np.column_stack([accuracy, logarithms.mean(axis=2)])
    objectives = logarithms.shape[1]
    directions: list[Direction] = ["max"]
    directions += ["min"] * objectives
    beaten: set[str] = set()
    for best in np.flatnonzero(non_dominated(estimates, directions)).tolist():
        differences = logarithms - logarithms[best]
        less = surely_positive(differences, error / 2 / objectives)
        equal = (differences == 0).all(axis=2)
        cheaper = (less | equal).all(axis=1) & less.any(axis=1)
        wins = (correct[best] & ~correct).sum(axis=1)
        losses = (~correct[best] & correct).sum(axis=1)
        chance = chance_of_error(wins, losses, all_images - correct.shape[1]) if by_accuracy else np.zeros(len(group))
        beaten |= {group[index].key for index in np.flatnonzero(cheaper & (chance <= error / 2)).tolist()}
    return beaten


def surely_positive(differences: np.ndarray, error: float) -> np.ndarray:
    """Whether the mean of each sample (last axis) is above zero: Student's one-sided t-test at the level ``error``."""
    pieces = differences.shape[-1]
    if pieces < 2:
        return np.zeros(differences.shape[:-1], dtype=bool)
    margin = stats.t.isf(error, pieces - 1) * differences.std(axis=-1, ddof=1) / math.sqrt(pieces)
    return np.asarray(differences.mean(axis=-1) > margin)


def chance_of_error(wins: np.ndarray, losses: np.ndarray, images_left: int) -> np.ndarray:
    """Largest chance of so few losses if the better design were less accurate on all images.

    Args:
        wins, losses: images that only the better, only the other design classified rightly.
        images_left: images not seen yet, any of which may tell the two apart.
    """
    seen = wins + losses
    worst = np.zeros(len(seen))
    # Chance has most to say where most images are still to tell, and nearly half of them are wins (an odd number).
    for telling in (seen + images_left, np.maximum(seen, seen + images_left - 1)):
        most_wins = np.maximum(telling - 1, 0) // 2  # fewer than half: less accurate
        worst = np.maximum(worst, stats.hypergeom.cdf(losses, telling, telling - most_wins, seen))
    nothing_tells = seen + images_left == 0
    return np.where(nothing_tells, 0.0, np.where(losses >= wins, 1.0, worst))
