"""The designs that are being worked on: what of each is waiting, running, failed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from pipeline.execution.ray_interface import Reference
from pipeline.execution.retries import FailureKind, Trial
from pipeline.execution.tasks import Outcome
from pipeline.storage.compute_time import time_class
from pipeline.storage.shards import Range
from pipeline.storage.work import DesignWork
from pipeline.sweep.points import DesignPoint

QUARANTINED_SHARDS = 3
"""So many shards of a design may fail for good before the design is given up: one may be poisoned, all are a fault."""


@dataclass(frozen=True)
class Failure:
    """A design point that could not be finished, and why; ``shards`` are its quarantined ones."""

    point: DesignPoint
    stage: str
    reason: str
    cause: str
    details: str
    kind: FailureKind = FailureKind.SIMULATION
    shards: tuple[Range, ...] = ()


@dataclass
class ActiveDesign:
    """A design whose preparation was submitted."""

    work: DesignWork
    waiting: deque[Range]
    prepared: Reference | None = None
    ready: bool = False
    running: int = 0
    delayed: int = 0
    preparation: Trial = field(default_factory=Trial)
    quarantined: list[Range] = field(default_factory=list)
    outcome: Outcome | None = None  # the first failure for good
    given_up: bool = False  # nothing of the design is tried any more
    announced: bool = False  # the preparation was reported
    time_class: str = ""

    def __post_init__(self) -> None:
        self.time_class = time_class(self.work.point)

    @property
    def finished(self) -> bool:
        """Nothing is waiting, running or to be tried again."""
        return self.ready and not (self.waiting or self.running or self.delayed)

    def give_up(self, outcome: Outcome, shard: Range | None) -> None:
        """Notes a failure for good: of a shard, or of the preparation and so of the whole design."""
        self.outcome = self.outcome or outcome
        if shard is None:
            self.ready = True
        else:
            self.quarantined.append(shard)
        if shard is None or len(self.quarantined) >= QUARANTINED_SHARDS:
            self.given_up = True
            self.waiting.clear()

    def failure(self) -> Failure | None:
        """The design's failure, once it is finished."""
        if self.outcome is None:
            return None
        shards = tuple(sorted(self.quarantined))
        split_images = self.work.point.split_images if self.work.point.chips_differ else None
        stage = describe_shards(shards, split_images) if shards else "prepare"
        kind = self.outcome.kind or FailureKind.SIMULATION
        return Failure(
            self.work.point, stage, self.outcome.reason, self.outcome.cause, self.outcome.details, kind, shards
        )


def describe_shards(shards: tuple[Range, ...], split_images: int | None = None) -> str:
    """``images 0-24, 50-74``; with images of the whole split, where chips differ, ``images 0-24 of chip 3``."""
    texts = []
    for number, count in shards:
        chip, first = divmod(number, split_images) if split_images else (0, number)
        texts.append(f"{first}-{first + count - 1}" + (f" of chip {chip}" if split_images else ""))
    return "images " + ", ".join(texts)
