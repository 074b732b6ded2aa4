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
from pipeline.storage.shards import Range
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
_NEARLY_ALL = 0.75
"""Part of the designs whose shards say where pieces end: one with other shards must not make them few. A judgement."""


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
        contender: what is compared; None where its shards end at other images than those of most.
        correct: classified rightly, (chips, images) booleans.
        ideal: classified rightly in ideal arithmetic, (images,) booleans.
    """

    point: DesignPoint
    contender: Contender | None
    correct: np.ndarray
    ideal: np.ndarray


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
            ranges = [_of_the_first_chip(work) for work in works]
            ends = shared_ends(ranges)
            read = (self._read(work, runs_to(ends, own)) for work, own in zip(works, ranges, strict=True))
            members = [member for member in read if member is not None]
            beaten = self._beaten(members)
            stopped |= dict.fromkeys(beaten, "beaten")
            going = [member for member in members if member.point.key not in beaten]
            if len(members) == len(works) and self._yields_are_known(going):
                stopped |= {member.point.key: "yield known" for member in going}
        return stopped

    def _read(self, work: DesignWork, runs: Sequence[slice] | None) -> _Member | None:
        """What a design has shown, its records let go, for there may be very many designs; None where it has shown
        nothing, for what is stored of it is damaged."""
        reading = read_shards(self._store, work.point.key, work.files, work.cover.stored)
        if reading.damaged:
            return None
        point, records = work.point, reading.records
        correct = correct_by_chip(records, point.split_images)
        contender = None if runs is None else self._contender(point, records, correct, runs)
        return _Member(point, contender, correct, ideal_correct(records, point.split_images))

    def _beaten(self, members: Sequence[_Member]) -> set[str]:
        group = [member.contender for member in members if member.contender is not None]
        if not group:
            return set()
        return beaten_in_group(group, self._plan.extent_of(members[0].point), self._error, self._gains)

    def _contender(
        self, point: DesignPoint, records: Sequence[ShardRecord], correct: np.ndarray, runs: Sequence[slice]
    ) -> Contender:
        chips = list(shards_by_chip(records, point.split_images).values())
        of_pieces, of_chips = (
            np.array([self._costs(point, shards) for shards in parts]).reshape(len(parts), -1).T
            for parts in ([chips[0][run] for run in runs], chips)
        )
        return Contender(point.key, correct, of_pieces, of_chips)

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


def _of_the_first_chip(work: DesignWork) -> list[Range]:
    return sorted(one for one in work.cover.stored if one[0] < work.point.split_images)


def shared_ends(ranges: Sequence[Sequence[Range]]) -> list[int]:
    """Images at which shards of nearly all designs end: pieces of which costs are compared reach from one to the next.

    Args:
        ranges: (first image, images) of the shards of every design, from image 0 on without a gap.
    """
    ends = Counter(first + count for own in ranges for first, count in own)
    return sorted(end for end, designs in ends.items() if designs >= _NEARLY_ALL * len(ranges))


def runs_to(ends: Sequence[int], own: Sequence[Range]) -> list[slice] | None:
    """How a design's shards make up pieces between ``ends``; None where no shard of it ends at one of them."""
    places = {first + count: place for place, (first, count) in enumerate(own, 1)}
    if not places.keys() >= set(ends):
        return None
    return [slice(*both) for both in pairwise([0, *(places[end] for end in ends)])]
