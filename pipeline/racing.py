"""Racing: every design is tried on a few shards, and one that cannot be on the front goes no further.

A design cannot be on the front where another one of its group is at least as accurate, costs no more in any objective
of the sweep and less in one. Both are judged on the same images of both designs:

- accuracy by the images on which the two differ. If the better one were in truth less accurate on all N images, its
  wins among the m images that tell them apart would be hypergeometric with at most half of them; how unlikely as few
  losses as were seen would be, is the error taken on.
- a cost by the logarithm of its ratio, shard by shard, with Student's t. The spread of few shards is itself
  uncertain, so a pair's spread is taken no smaller than that of all pairs together, and where it is larger it counts
  with its own few degrees of freedom. Costs that do not depend on the images, such as an area, may be equal.

The error of 1 % a design is shared among all its opponents, all rounds and all objectives (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import stats

from pipeline.aggregate import sum_layers
from pipeline.costs import CostModel
from pipeline.hardware_cost import HardwareCosts
from pipeline.pareto import OBJECTIVES, Direction, non_dominated
from pipeline.plan import Plan
from pipeline.points import DesignPoint
from pipeline.records import ShardRecord
from pipeline.shard_files import read_shards
from pipeline.store import Store
from pipeline.work import DesignWork, find_work

CONFIDENCE = 0.99
FIRST_SHARDS = 2
GROWTH = 4
_FIRST_PART = 16  # of the images, where that is more than FIRST_SHARDS


@dataclass(frozen=True)
class Contender:
    """What a design has shown so far.

    Attributes:
        correct: (images,) booleans, over the first images of the split. costs: (objectives, pieces) of an image in
            each shard, or run of shards that is a piece for all designs, NaN where unknown.
    """

    key: str
    correct: np.ndarray
    costs: np.ndarray


@dataclass
class Race:
    """How far each design went: images by key; a design that is not named goes all the way."""

    stopped_at: dict[str, int]

    def works(self, plan: Plan, store: Store, costs: CostModel) -> list[DesignWork]:
        """The designs in the order of the plan, each with the images that it got."""
        return find_work(plan, store, costs, images=self.stopped_at)


def rounds(images: int, shard_images: int) -> list[int]:
    """Images after each round: few shards at first, four times as many each time, all in the end."""
    first = max(FIRST_SHARDS, math.ceil(images / _FIRST_PART / shard_images))
    counts = []
    while first * shard_images < images:
        counts.append(first * shard_images)
        first *= GROWTH
    return [*counts, images]


def run_race(
    plan: Plan,
    store: Store,
    costs: CostModel,
    execute: Callable[[list[DesignWork], str], bool],
) -> Race:
    """Runs round after round; after each, designs that cannot be on the front are left behind.

    What is decided depends on stored results alone, so a race that was interrupted goes on as if it had not been.

    Args:
        execute: computes what is missing, told the works and the round's name; False: no further round is to begin.
    """
    race = Race({})
    alive = list(plan.points)
    counts = rounds(plan.images, plan.shard_images)
    for number, images in enumerate(counts, 1):
        going = {point.key: images for point in alive}
        works = find_work(plan, store, costs, alive, images=going)
        if not execute(works, f"round {number} of {len(counts)}") or images == plan.images:
            break
        works = [work for work in find_work(plan, store, costs, alive, images=going) if work.done]
        beaten = _beaten(plan, works, store, len(counts) - 1)
        race.stopped_at |= dict.fromkeys(beaten, images)
        alive = [work.point for work in works if work.point.key not in beaten]  # what failed does not go on either
    return race


def _beaten(plan: Plan, works: Iterable[DesignWork], store: Store, decisions: int) -> set[str]:
    groups: dict[tuple[str, str], list[tuple[DesignPoint, list[ShardRecord]]]] = {}
    hardware = HardwareCosts(plan)
    objectives = plan.sweep.spec.pareto.objectives
    columns = [OBJECTIVES[name][0] for name in objectives if name != "accuracy"]
    for work in works:
        if work.point.hardware.is_reference:
            continue  # it neither runs nor beats
        reading = read_shards(store, work.point.key, work.files, work.cover.stored)
        if reading.damaged:
            continue  # it has shown nothing
        name = (work.point.model.digest, work.point.cell.corner)
        groups.setdefault(name, []).append((work.point, list(reading.records)))
    beaten: set[str] = set()
    for members in groups.values():
        runs = shared_runs([[(shard.first, shard.count) for shard in shards] for _, shards in members])
        group = [
            _contender(point, [shards[run] for run in own], columns, hardware)
            for (point, shards), own in zip(members, runs, strict=True)
        ]
        beaten |= beaten_in_group(group, plan.images, decisions, "accuracy" in objectives)
    return beaten


def shared_runs(ranges: Sequence[Sequence[tuple[int, int]]]) -> list[list[slice]]:
    """How each design's shards make up the same pieces of the images for all: runs between the ends they share.

    Args:
        ranges: (first image, images) of the shards of every design, from image 0 on without a gap.
    """
    ends = [[first + count for first, count in own] for own in ranges]
    shared = sorted(set(ends[0]).intersection(*ends[1:]))
    stops = [[own.index(end) + 1 for end in shared] for own in ends]
    return [[slice(*ends) for ends in pairwise([0, *own])] for own in stops]


def _contender(
    point: DesignPoint, pieces: Sequence[Sequence[ShardRecord]], columns: Sequence[str], hardware: HardwareCosts
) -> Contender:
    costs = [_costs(point, shards, columns, hardware) for shards in pieces]
    correct = [shard.predictions == shard.labels for shards in pieces for shard in shards]
    joined = np.concatenate(correct) if correct else np.zeros(0, dtype=bool)
    return Contender(point.key, joined, np.array(costs).reshape(len(pieces), len(columns)).T)


def _costs(
    point: DesignPoint, shards: Sequence[ShardRecord], columns: Sequence[str], hardware: HardwareCosts
) -> list[float]:
    """The objectives but accuracy, of an image of these shards; NaN for those that the design does not have."""
    layers = sum_layers([shard.layers for shard in shards])
    images = sum(shard.count for shard in shards)
    known: dict[str, float] = hardware.totals(point, layers, images)
    known["array_current_A"] = math.fsum(layer["column_current_A"] for layer in layers) / images
    return [known.get(name, math.nan) for name in columns]


def beaten_in_group(group: Sequence[Contender], all_images: int, decisions: int, by_accuracy: bool = True) -> set[str]:
    """The keys of the designs that cannot be on the front of their group with ``CONFIDENCE``. Designs with a cost that
    is unknown or nothing take no part: they are not compared and go on.

    Args:
        all_images: images of the whole sweep. decisions: how many times such a decision is made in a race.
        by_accuracy: False where accuracy is no objective.
    """
    group = [contender for contender in group if (contender.costs > 0).all()]
    if len(group) < 2 or not group[0].costs.size:
        return set()
    correct = np.array([contender.correct for contender in group])
    logarithms = np.log(np.array([contender.costs for contender in group]))  # (designs, objectives, shards)
    accuracy = correct.mean(axis=1) if by_accuracy else np.zeros(len(group))
    estimates = np.column_stack([accuracy, logarithms.mean(axis=2)])
    objectives = logarithms.shape[1]
    directions: list[Direction] = ["max"]
    directions += ["min"] * objectives
    error = (1 - CONFIDENCE) / ((1 + objectives) * decisions * (len(group) - 1))
    beaten: set[str] = set()
    for best in np.flatnonzero(non_dominated(estimates, directions)).tolist():
        less = np.array([_surely_less(logarithms[:, index], best, error) for index in range(objectives)])
        equal = (logarithms == logarithms[best]).all(axis=2).T
        cheaper = (less | equal).all(axis=0) & less.any(axis=0)
        wins = (correct[best] & ~correct).sum(axis=1)
        losses = (~correct[best] & correct).sum(axis=1)
        chance = chance_of_error(wins, losses, all_images - correct.shape[1]) if by_accuracy else np.zeros(len(group))
        beaten |= {group[index].key for index in np.flatnonzero(cheaper & (chance <= error)).tolist()}
    return beaten


def _surely_less(logarithms: np.ndarray, best: int, error: float) -> np.ndarray:
    """(designs,) whether the design ``best`` surely costs less than each of the others; (designs, shards) given."""
    shards = logarithms.shape[1]
    if shards < 2:
        return np.zeros(len(logarithms), dtype=bool)
    differences = logarithms - logarithms[best]
    spreads = differences.std(axis=1, ddof=1)
    others = len(logarithms) - 1
    together = math.sqrt(float((spreads**2).sum()) / others)
    # The spread of all pairs is known from many shards, a pair's own, where it is larger, from few.
    margin = np.maximum(
        stats.t.isf(error, others * (shards - 1)) * together,
        stats.t.isf(error, shards - 1) * spreads * (spreads > together),
    ) / math.sqrt(shards)
    return np.asarray(differences.mean(axis=1) > margin)


def chance_of_error(wins: np.ndarray, losses: np.ndarray, images_left: int) -> np.ndarray:
    """Largest chance of so few losses if the better design were less accurate on all images.

    Args:
        wins, losses: images that only the better, only the other design classified rightly. images_left: images not
            seen yet, any of which may tell the two apart.
    """
    seen = wins + losses
    worst = np.zeros(len(seen))
    # Chance has most to say where most images are still to tell, and nearly half of them are wins (an odd number).
    for telling in (seen + images_left, np.maximum(seen, seen + images_left - 1)):
        most_wins = np.maximum(telling - 1, 0) // 2  # fewer than half: less accurate
        worst = np.maximum(worst, stats.hypergeom.cdf(losses, telling, telling - most_wins, seen))
    nothing_tells = seen + images_left == 0
    return np.where(nothing_tells, 0.0, np.where(losses >= wins, 1.0, worst))
