"""Racing: every design is tried on a few images of a few chips, and one that cannot be on the front goes no further.

When that is sure enough, and what is guaranteed of a whole race, says ``pipeline.front.elimination``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from pipeline.front.elimination import Contender, beaten_in_group, error_of_a_pair
from pipeline.front.rounds import FIRST_CHIPS, rounds
from pipeline.storage.chips import correct_by_chip, ideal_correct, shards_by_chip
from pipeline.storage.compute_time import ComputeTimes
from pipeline.storage.layer_totals import in_units, sum_layers, sum_network
from pipeline.storage.records import ShardRecord
from pipeline.storage.shard_files import read_shards
from pipeline.storage.store import Store
from pipeline.storage.work import DesignWork, StopReason, find_work
from pipeline.sweep.axes import WORLD_COLUMNS
from pipeline.sweep.extent import Extent
from pipeline.sweep.field_types import AxisValue
from pipeline.sweep.objectives import OBJECTIVES
from pipeline.sweep.plan import Plan
from pipeline.sweep.points import DesignPoint
from pipeline.tables.hardware_cost import HardwareCosts
from pipeline.tables.yields import yield_rule

PIECES = 12
"""Pieces of the first round: a spread of costs that is known from two shards says next to nothing. The quantile of
Student's t at a level of 1e-6 is 300,000 with two pieces, 15 with eight, 9 with twelve and 7 with sixteen."""


class Stop(NamedTuple):
    """Where a race left a design, and why."""

    extent: Extent
    reason: StopReason


@dataclass
class Race:
    """The designs that did not go all the way, by key."""

    stops: dict[str, Stop]

    def design_works(self, plan: Plan, store: Store, times: ComputeTimes) -> list[DesignWork]:
        """The designs in the order of the plan, each with the images and chips that it got."""
        found = find_work(plan, store, times, extents={key: stop.extent for key, stop in self.stops.items()})
        return [
            replace(work, stopped=self.stops[work.point.key].reason) if work.point.key in self.stops else work
            for work in found
        ]


def race_rounds(plan: Plan) -> list[Extent]:
    """The rounds of a sweep.

    The accuracy that 95 % of the chips reach says nothing before all of them are there (``front.elimination``): where
    it is an objective, the first round has all of them.
    """
    all_at_once = "chip_accuracy" in plan.sweep.spec.pareto.objectives
    whole = Extent(plan.images, plan.chips if any(point.chips_differ for point in plan.points) else 1)
    return rounds(whole, plan.shard_images, whole.chips if all_at_once else FIRST_CHIPS)


def piece_images(images: int, shard_images: int) -> int:
    """Images of a shard in the first round of so many images."""
    return min(shard_images, max(1, images // PIECES))


def run_race(
    plan: Plan,
    store: Store,
    times: ComputeTimes,
    execute: Callable[[list[DesignWork], str], bool],
) -> Race:
    """Runs round after round; after each, designs that cannot be on the front are left behind, and networks and worlds
    whose yields are known well enough (``pareto.yield_width``) are done.

    What is decided depends on stored results alone, so a race that was interrupted goes on as if it had not been.

    Args:
        plan: of the sweep.
        store: the results.
        times: of tasks.
        execute: computes what is missing, told what is left of each design and the round's name; False: no further
            round is to begin.
    """
    race = Race({})
    alive = list(plan.points)
    extents = race_rounds(plan)
    judge = _Judge(plan, store, error_of_a_pair(Counter(map(_group, plan.points)).values(), len(extents) - 1))
    for number, extent in enumerate(extents, 1):
        going = {point.key: extent.within(plan.extent_of(point)) for point in alive}
        shard_images = piece_images(extent.images, plan.shard_images) if number == 1 else plan.shard_images
        design_works = find_work(plan, store, times, alive, going, shard_images)
        if not execute(design_works, _round_name(number, extents)) or number == len(extents):
            break
        design_works = [work for work in find_work(plan, store, times, alive, going, shard_images) if work.done]
        stopped = judge.stopped(design_works, going)
        race.stops |= {key: Stop(going[key], reason) for key, reason in stopped.items()}
        # What failed does not go on either.
        alive = [work.point for work in design_works if work.point.key not in stopped]
    return race


def _round_name(number: int, extents: Sequence[Extent]) -> str:
    chips = extents[number - 1].chips
    return f"round {number} of {len(extents)}" + (f" on {chips} chips" if extents[-1].chips > 1 else "")


@dataclass(frozen=True)
class _Member:
    """A design of a group and what it has shown.

    Attributes:
        point: the design.
        chips: shards of each chip in the order of the images.
        correct: classified rightly, (chips, images) booleans.
        ideal: classified rightly in ideal arithmetic, (images,) booleans.
    """

    point: DesignPoint
    chips: list[list[ShardRecord]]
    correct: np.ndarray
    ideal: np.ndarray

    @classmethod
    def of(cls, point: DesignPoint, records: Sequence[ShardRecord]) -> _Member:
        """From all shards that it has, in any order."""
        chips = shards_by_chip(records, point.split_images)
        correct = correct_by_chip(records, point.split_images)
        return cls(point, list(chips.values()), correct, ideal_correct(records, point.split_images))


def _group(point: DesignPoint) -> tuple[AxisValue, ...]:
    """What has a front of its own."""
    columns = point.configuration.columns
    return point.model.digest, *(columns[name] for name in WORLD_COLUMNS)


class _Judge:
    """Decides after a round who goes no further.

    Args:
        plan: of the sweep.
        store: has the results.
        error: that a pair of designs may take (``error_of_a_pair``).
    """

    def __init__(self, plan: Plan, store: Store, error: float) -> None:
        self._plan = plan
        self._store = store
        self._error = error
        self._hardware = HardwareCosts(plan)
        self._pareto = plan.sweep.spec.pareto
        gains = {name for name in self._pareto.objectives if OBJECTIVES[name].direction == "max"}
        # The floor of a front is one of accuracy, whatever its objectives: nothing below it is to stop what is above.
        self._gains = sorted({*gains, "accuracy"})
        self._cost_columns = [OBJECTIVES[name].column for name in self._pareto.objectives if name not in gains]

    def stopped(self, design_works: Iterable[DesignWork], extents: Mapping[str, Extent]) -> dict[str, StopReason]:
        """Why designs go no further, by key.

        Args:
            design_works: all that finished the round.
            extents: what they got of images and chips, by key.
        """
        stopped: dict[str, StopReason] = {}
        for works in _groups(design_works, self._plan, extents):
            members = [member for work in works if (member := self._read(work)) is not None]
            beaten = self._beaten(members) if members else set()
            stopped |= dict.fromkeys(beaten, "beaten")
            going = [member for member in members if member.point.key not in beaten]
            if len(members) == len(works) and self._yields_are_known(going):
                stopped |= {member.point.key: "yield known" for member in going}
        return stopped

    def _read(self, work: DesignWork) -> _Member | None:
        """None where the design has shown nothing, for what is stored of it is damaged."""
        reading = read_shards(self._store, work.point.key, work.files, work.cover.stored)
        return None if reading.damaged else _Member.of(work.point, reading.records)

    def _beaten(self, members: Sequence[_Member]) -> set[str]:
        runs = shared_runs([[(shard.first, shard.count) for shard in member.chips[0]] for member in members])
        group = [
            self._contender(member, [member.chips[0][run] for run in own])
            for member, own in zip(members, runs, strict=True)
        ]
        return beaten_in_group(group, self._plan.extent_of(members[0].point), self._error, self._gains)

    def _contender(self, member: _Member, pieces: Sequence[Sequence[ShardRecord]]) -> Contender:
        of_pieces, of_chips = (
            np.array([self._costs(member.point, shards) for shards in parts]).reshape(len(parts), -1).T
            for parts in (pieces, member.chips)
        )
        return Contender(member.point.key, member.correct, of_pieces, of_chips)

    def _costs(self, point: DesignPoint, shards: Sequence[ShardRecord]) -> list[float]:
        """The objectives that are costs, of an image of these shards; NaN for those that the design does not have."""
        totals = sum_layers([shard.layers for shard in shards])
        images = sum(shard.count for shard in shards)
        known = self._hardware.totals(point, [in_units(layer) for layer in totals], images)
        network = in_units(sum_network(totals))
        known["mean_column_current_A"] = network["column_current_A"] / network["column_reads"]
        return [known.get(name, math.nan) for name in self._cost_columns]

    def _yields_are_known(self, members: Sequence[_Member]) -> bool:
        """Whether the yield of each is known as well as the sweep asks; all of them saw the same chips and images."""
        width = self._pareto.yield_width
        if width is None or not members[0].point.chips_differ:
            return False
        rule = yield_rule(self._plan)
        ends = [rule.interval(member.correct, member.ideal) for member in members]
        return all(high - low <= width for low, high in ends)


def _groups(
    design_works: Iterable[DesignWork], plan: Plan, extents: Mapping[str, Extent]
) -> Iterable[list[DesignWork]]:
    """Designs with a front of their own, but for references, which neither run nor beat, and what is complete."""
    groups: dict[tuple[AxisValue, ...], list[DesignWork]] = {}
    for work in design_works:
        if not work.point.configuration.is_reference and extents[work.point.key] != plan.extent_of(work.point):
            groups.setdefault(_group(work.point), []).append(work)
    return groups.values()


def shared_runs(ranges: Sequence[Sequence[tuple[int, int]]]) -> list[list[slice]]:
    """How each design's shards make up the same pieces of the images for all: runs between the ends they share.

    Args:
        ranges: (first image, images) of the shards of every design, from image 0 on without a gap.
    """
    ends = [[first + count for first, count in own] for own in ranges]
    shared = sorted(set(ends[0]).intersection(*ends[1:]))
    stops = [[own.index(end) + 1 for end in shared] for own in ends]
    return [[slice(*ends) for ends in pairwise([0, *own])] for own in stops]
