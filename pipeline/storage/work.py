"""What is left to do: the plan compared with what the store holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pipeline.storage.compute_time import ComputeTime, ComputeTimes
from pipeline.storage.records import DESIGNS_FOLDER, parse_design_path
from pipeline.storage.shard_files import ShardFiles, sort_shard_files
from pipeline.storage.shards import Cover, cover_chips
from pipeline.storage.store import Store
from pipeline.sweep.extent import Extent
from pipeline.sweep.plan import Plan
from pipeline.sweep.points import DesignPoint

StopReason = Literal["beaten", "yield known"]
"""Why a race goes no further with a design: another one surely is better; or the yields of all that are left of its
network and world are known well enough."""


@dataclass(frozen=True, slots=True)
class DesignWork:
    """One design point with what is stored of it and what is missing.

    Attributes:
        point: the design.
        cover: the images of all its chips.
        prepared: whether its preparation is stored.
        compute_time: what its tasks take.
        files: what is stored of it.
        stopped: why a race gives it no more images and chips than these; None where it gets all of the plan.
    """

    point: DesignPoint
    cover: Cover
    prepared: bool
    compute_time: ComputeTime
    files: ShardFiles = field(default_factory=ShardFiles)
    stopped: StopReason | None = None

    @property
    def done(self) -> bool:
        return self.prepared and not self.cover.missing

    @property
    def tasks(self) -> int:
        """Tasks to run: a preparation and the missing shards."""
        return 0 if self.done else 1 + len(self.cover.missing)

    @property
    def missing_images(self) -> int:
        return sum(count for _, count in self.cover.missing)

    @property
    def seconds(self) -> float:
        """Estimated worker seconds left."""
        return (
            0.0
            if self.done
            else self.compute_time.prepare_seconds + self.missing_images * self.compute_time.seconds_per_image
        )


def find_work(
    plan: Plan,
    store: Store,
    times: ComputeTimes,
    points: Iterable[DesignPoint] | None = None,
    extents: Mapping[str, Extent] | None = None,
    shard_images: int | None = None,
) -> list[DesignWork]:
    """Compares the plan with one listing of the store; the order of the plan is kept.

    Args:
        points: of the plan; None: all.
        extents: of designs, by key, that are to get other images and chips than the plan's.
        shard_images: of shards to be made, where not the plan's.
    """
    extents = extents or {}
    paths = [path for path, _ in store.list(DESIGNS_FOLDER)]
    prepared = {key for path in paths if (key := parse_design_path(path)) is not None}
    files = sort_shard_files(paths)
    nothing = ShardFiles()
    design_works = []
    for point in plan.points if points is None else points:
        found = files.get(point.key, nothing)
        images, chips = extents.get(point.key) or plan.extent_of(point)
        covered = cover_chips(images, chips, point.split_images, shard_images or plan.shard_images, found.ranges())
        design_works.append(DesignWork(point, covered, point.key in prepared, times.estimate(point), found))
    return design_works
