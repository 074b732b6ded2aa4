"""Racing: every design is tried on a few images, and one that cannot be on the front goes no further.

When that is sure enough, and what is guaranteed of a whole race, says ``pipeline.front.elimination``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipeline.front.chips import in_turn
from pipeline.front.elimination import Contender, beaten_in_group, error_of_a_pair
from pipeline.storage.chips import correct_by_chip, shards_by_chip
from pipeline.storage.compute_time import ComputeTimes
from pipeline.storage.layer_totals import in_units, sum_layers, sum_network
from pipeline.storage.records import ShardRecord
from pipeline.storage.shard_files import read_shards
from pipeline.storage.store import Store
from pipeline.storage.work import DesignWork, find_work
from pipeline.sweep.axes import WORLD_COLUMNS
from pipeline.sweep.field_types import AxisValue
from pipeline.sweep.objectives import OBJECTIVES
from pipeline.sweep.plan import Plan
from pipeline.sweep.points import DesignPoint
from pipeline.tables.hardware_cost import HardwareCosts

FIRST_SHARDS = 2
GROWTH = 4
_FIRST_PART = 16  # of the images, where that is more than FIRST_SHARDS
PIECES = 12
"""Pieces of the first round: a spread of costs that is known from two shards says next to nothing. The quantile of
Student's t at a level of 1e-6 is 300,000 with two pieces, 15 with eight, 9 with twelve and 7 with sixteen."""


@dataclass
class Race:
    """How far each design went: images by key; a design that is not named goes all the way."""

    stopped_at: dict[str, int]

    def design_works(self, plan: Plan, store: Store, times: ComputeTimes) -> list[DesignWork]:
        """The designs in the order of the plan, each with the images that it got."""
        return find_work(plan, store, times, images=self.stopped_at)


def rounds(images: int, shard_images: int) -> list[int]:
    """Images after each round: few shards at first, four times as many each time, all in the end."""
    first = max(FIRST_SHARDS, math.ceil(images / _FIRST_PART / shard_images))
    counts = []
    while first * shard_images < images:
        counts.append(first * shard_images)
        first *= GROWTH
    return [*counts, images]


def piece_images(images: int, shard_images: int) -> int:
    """Images of a shard in the first round of so many images."""
    return min(shard_images, max(1, images // PIECES))


def run_race(
    plan: Plan,
    store: Store,
    times: ComputeTimes,
    execute: Callable[[list[DesignWork], str], bool],
) -> Race:
    """Runs round after round; after each, designs that cannot be on the front are left behind.

    What is decided depends on stored results alone, so a race that was interrupted goes on as if it had not been.

    Args:
        execute: computes what is missing, told what is left of each design and the round's name; False: no further
            round is to begin.
    """
    race = Race({})
    alive = list(plan.points)
    counts = rounds(plan.images, plan.shard_images)
    error = error_of_a_pair(Counter(map(_group, plan.points)).values(), len(counts) - 1)
    for number, images in enumerate(counts, 1):
        going = {point.key: images for point in alive}
        shard_images = piece_images(images, plan.shard_images) if number == 1 else plan.shard_images
        design_works = find_work(plan, store, times, alive, images=going, shard_images=shard_images)
        if not execute(design_works, f"round {number} of {len(counts)}") or images == plan.images:
            break
        design_works = [work for work in find_work(plan, store, times, alive, going, shard_images) if work.done]
        beaten = _beaten(plan, design_works, store, error)
        race.stopped_at |= dict.fromkeys(beaten, images)
        # What failed does not go on either.
        alive = [work.point for work in design_works if work.point.key not in beaten]
    return race


@dataclass(frozen=True)
class _Member:
    """A design of a group and what it has shown.

    Attributes:
        point: the design.
        shards: those of its first chip, in the order of the images: what an image costs hardly differs from chip to
            chip.
        correct: one an image, see ``in_turn``.
    """

    point: DesignPoint
    shards: list[ShardRecord]
    correct: np.ndarray

    @classmethod
    def of(cls, point: DesignPoint, records: Sequence[ShardRecord]) -> _Member:
        """From all shards that it has, in any order."""
        chips = shards_by_chip(records, point.split_images)
        return cls(point, chips.get(0, []), in_turn(correct_by_chip(records, point.split_images)))


def _group(point: DesignPoint) -> tuple[AxisValue, ...]:
    """What has a front of its own."""
    columns = point.configuration.columns
    return point.model.digest, *(columns[name] for name in WORLD_COLUMNS)


def _beaten(plan: Plan, design_works: Iterable[DesignWork], store: Store, error: float) -> set[str]:
    groups: dict[tuple[AxisValue, ...], list[_Member]] = {}
    hardware = HardwareCosts(plan)
    objectives = plan.sweep.spec.pareto.objectives
    columns = [OBJECTIVES[name].column for name in objectives if name != "accuracy"]
    for work in design_works:
        if work.point.configuration.is_reference:
            continue  # it neither runs nor beats
        reading = read_shards(store, work.point.key, work.files, work.cover.stored)
        if reading.damaged:
            continue  # it has shown nothing
        groups.setdefault(_group(work.point), []).append(_Member.of(work.point, reading.records))
    beaten: set[str] = set()
    for members in groups.values():
        runs = shared_runs([[(shard.first, shard.count) for shard in member.shards] for member in members])
        group = [
            _contender(member, [member.shards[run] for run in own], columns, hardware)
            for member, own in zip(members, runs, strict=True)
        ]
        beaten |= beaten_in_group(group, plan.images, error, "accuracy" in objectives)
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
    member: _Member, pieces: Sequence[Sequence[ShardRecord]], columns: Sequence[str], hardware: HardwareCosts
) -> Contender:
    costs = [_costs(member.point, shards, columns, hardware) for shards in pieces]
    images = sum(shard.count for shards in pieces for shard in shards)
    return Contender(member.point.key, member.correct[:images], np.array(costs).reshape(len(pieces), len(columns)).T)


def _costs(
    point: DesignPoint, shards: Sequence[ShardRecord], columns: Sequence[str], hardware: HardwareCosts
) -> list[float]:
    """The objectives but accuracy, of an image of these shards; NaN for those that the design does not have."""
    totals = sum_layers([shard.layers for shard in shards])
    images = sum(shard.count for shard in shards)
    known = hardware.totals(point, [in_units(layer) for layer in totals], images)
    network = in_units(sum_network(totals))
    known["mean_column_current_A"] = network["column_current_A"] / network["column_reads"]
    return [known.get(name, math.nan) for name in columns]
