"""The search for many pieces of hardware at once: what is missing is computed round by round and kept in the store like
any design of a sweep, so that a search that ran costs nothing when it is asked for again."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.front.chips import in_turn
from pipeline.front.intervals import PairedCounts
from pipeline.recommend.candidates import Candidate, candidates_of
from pipeline.recommend.names import hardware_names
from pipeline.recommend.race import GROWTH, LEAST_SETS, Runner, finalists, finish, going_on, rounds
from pipeline.recommend.recommendation import Options, Recommendation, Standing, Tried, standing
from pipeline.storage.chips import correct_by_chip, ideal_correct
from pipeline.storage.compute_time import ComputeTimes
from pipeline.storage.layer_totals import in_units, sum_layers
from pipeline.storage.store import Store
from pipeline.storage.trusted import read_trusted
from pipeline.storage.work import DesignWork, find_work
from pipeline.sweep.extent import Extent
from pipeline.sweep.objectives import OBJECTIVES
from pipeline.sweep.plan import Plan
from pipeline.sweep.points import Configuration, DesignPoint
from pipeline.tables.evidence import within_limits
from pipeline.tables.hardware_cost import HardwareCosts
from simcore.errors import BinsparxError

Compute = Callable[[list[DesignWork], str], None]
"""Computes what is missing of some designs, told what is left of each and the round's name; some may fail."""
_LOOKS = 2
"""What is found damaged is computed once more."""


@dataclass(frozen=True)
class Seen:
    """What the store holds of a design's first images.

    Attributes:
        correct: images that it classifies rightly, each on the next chip in turn (``in_turn``).
        ideal: images that ideal arithmetic does.
        costs: of an image by column of ``designs``.
        within_limits: the fast solver was as good on it as its own limits demand.
        chips: that the images took turns on.
    """

    correct: np.ndarray
    ideal: np.ndarray
    costs: dict[str, float]
    within_limits: bool
    chips: int


class NothingFound(UserWarning):
    """Nothing can be said of a piece of hardware: too much of its search failed."""


class Evaluations:
    """Designs of a plan, or beside it, computed where they are missing and read from the store."""

    def __init__(self, plan: Plan, store: Store, compute: Compute) -> None:
        self._plan, self._store, self._compute = plan, store, compute
        self._times = ComputeTimes.load(store)
        self._costs = HardwareCosts(plan)
        self._seen: dict[tuple[str, int], Seen] = {}

    def of(self, points: Iterable[DesignPoint], images: int, name: str) -> dict[str, Seen]:
        """What the first images say of each design, by key; a design that failed is left out.

        Args:
            points: the designs.
            images: so many.
            name: of the round, for people who wait.
        """
        wanted = {point.key: point for point in points}
        open_points = [point for key, point in wanted.items() if (key, images) not in self._seen]
        for _ in range(_LOOKS):
            self._compute([work for work in self._works(open_points, images) if not work.done], name)
            works = [work for work in self._works(open_points, images) if work.done]
            open_points = [work.point for work in works if not self._see(work, images)]
        return {key: self._seen[key, images] for key in wanted if (key, images) in self._seen}

    def _works(self, points: Sequence[DesignPoint], images: int) -> list[DesignWork]:
        if not points:
            return []
        extents = {point.key: Extent(images, self._plan.extent_of(point).chips) for point in points}
        return find_work(self._plan, self._store, self._times, points, extents)

    def _see(self, work: DesignWork, images: int) -> bool:
        """Takes in what is stored of a design; False where some of it could not be trusted and is missing now."""
        point = work.point
        stored = read_trusted(self._store, point.key, work.files, work.cover.stored)
        stored.warn()
        if stored.set_aside or stored.record is None:
            return False
        shards = stored.shards.records
        by_chip = correct_by_chip(shards, point.split_images)
        totals = [in_units(layer) for layer in sum_layers([shard.layers for shard in shards])]
        self._seen[point.key, images] = Seen(
            in_turn(by_chip),
            ideal_correct(shards, point.split_images),
            self._costs.totals(point, totals, sum(shard.count for shard in shards)),
            within_limits(stored.record.evidence, point.design.evidence),
            len(by_chip),
        )
        return True


def recommend(hardware: Sequence[Configuration], options: Options, evaluations: Evaluations) -> list[Recommendation]:
    """Searches for all pieces of hardware together, so that there is work for every worker.

    Args:
        hardware: to be helped.
        options: what is asked for.
        evaluations: computes and reads.

    Returns:
        Of every piece of hardware but those that ``NothingFound`` warns of.

    Raises:
        BinsparxError: nothing can be said of any piece of hardware.
        ValueError: the passes that are to be tried are not right.
    """
    searches = [
        _Search(one, name, candidates_of(one, options.passes, options.knobs), options)
        for one, name in zip(hardware, hardware_names(hardware), strict=True)
    ]
    steps = rounds(options.images)
    for number, images in enumerate(steps, 1):
        seen = evaluations.of(
            (one.point for search in searches for one in search.alive), images, f"round {number} of {len(steps) + 1}"
        )
        for search in searches:
            search.choose(seen, images, last=number == len(steps))
    last = (one.point for search in searches for one in (search.dense, *search.alive))
    seen = evaluations.of(last, options.images, f"round {len(steps) + 1} of {len(steps) + 1}, which confirms")
    ends = {search: search.end(seen, steps[-1]) for search in searches}
    if not any(ends.values()):
        raise BinsparxError(searches[0].lost)
    for search in searches:
        if search.lost:
            warnings.warn(NothingFound(search.lost), stacklevel=2)
    return [found for found in ends.values() if found is not None]


class _Search:
    """The search for one piece of hardware; ``lost`` says why nothing comes of it."""

    def __init__(self, hardware: Configuration, name: str, candidates: list[Candidate], options: Options) -> None:
        self._hardware, self._name, self._options = hardware, name, options
        self.dense = candidates[0]
        self.alive = candidates
        self.lost = ""
        self._tried: dict[str, Tried] = {}
        self._failed = 0

    def choose(self, seen: Mapping[str, Seen], images: int, last: bool) -> None:
        """Takes a round into account: keeps those that are looked at again."""
        there = self._there(seen)
        if not there:
            return
        for one in there:
            self._note(one, seen[one.point.key], images)
        ideal = seen[there[0].point.key].ideal
        runners = [Runner(one, found.correct, self._cost(found)) for one in there if (found := seen[one.point.key])]
        target, most = self._options.target, max(LEAST_SETS, len(self.alive) // GROWTH)
        kept = finalists(runners, ideal, target) if last else going_on(runners, ideal, target, most)
        self.alive = [runner.name for runner in kept]

    def end(self, seen: Mapping[str, Seen], first: int) -> Recommendation | None:
        """The recommendation, from the images from ``first`` on; None where there is nothing to recommend from."""
        there = self._there(seen)
        if there and self.dense.point.key not in seen:
            self.lost = f"dense storage, which sets are compared with, failed on {self._name}"
        if self.lost:
            return None
        for one in there:
            self._note(one, seen[one.point.key], self._options.images)
        dense = seen[self.dense.point.key]
        ideal = dense.ideal[first:]
        runners = [
            Runner(one, found.correct[first:], self._cost(found)) for one in there if (found := seen[one.point.key])
        ]
        verdict = finish(runners, ideal, self._options.target, self._options.confidence)
        standings = tuple(
            standing(one, found.costs, found.within_limits)
            for one in verdict.order
            if (found := seen[one.runner.name.point.key])
        )
        counts = PairedCounts.of(dense.correct[first:], ideal)
        beside = Standing(self.dense, counts, dense.costs, None, False, dense.within_limits)
        return Recommendation(
            self._hardware,
            self._options,
            verdict.kind,
            standings[0],
            standings[1:],
            beside,
            float(ideal.mean()),
            tuple(self._tried.values()),
            self._failed,
            dense.chips,
        )

    def _there(self, seen: Mapping[str, Seen]) -> list[Candidate]:
        """Those of what is alive that could be computed."""
        there = [one for one in self.alive if one.point.key in seen]
        self._failed += len(self.alive) - len(there)
        self.alive = there
        if not there:
            self.lost = f"no set of mitigations could be computed for {self._name}"
        return there

    def _note(self, one: Candidate, found: Seen, images: int) -> None:
        accuracy, ideal = float(found.correct.mean()), float(found.ideal.mean())
        self._tried[one.point.key] = Tried(one, images, accuracy, ideal, found.costs)

    def _cost(self, found: Seen) -> float:
        return found.costs.get(OBJECTIVES[self._options.by].column, math.nan)
