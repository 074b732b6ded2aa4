"""What a failed task deserves: another try, another try with more room, or none. Pure rules; Ray is not needed."""

from __future__ import annotations

import errno
from dataclasses import dataclass, replace
from enum import StrEnum

from pipeline.errors import NO_ROOM, ResultsNotShared
from simcore.errors import InputError


class FailureKind(StrEnum):
    """Classes of failure, by whose fault it is."""

    INPUT = "input"
    """A file or a number of the user: the same again would fail the same."""
    SIMULATION = "simulation"
    """The computation, which is deterministic: the same again would fail the same."""
    MEMORY = "memory"
    """Too little memory: again with more of it reserved, then with fewer images at a time."""
    WORKER = "worker"
    """The worker's process died, perhaps of this very task."""
    NODE = "node"
    """A machine or an object on it was lost: not the task's fault."""
    STORAGE = "storage"
    """The disk or the object store failed."""
    FULL = "full"
    """A disk has no room left: nothing can be kept, so the run ends."""
    NOT_SHARED = "not shared"
    """A worker's results are not the driver's: what it computes would be lost, so the run ends."""


RETRIES = {
    FailureKind.INPUT: 0,
    FailureKind.SIMULATION: 0,
    FailureKind.MEMORY: 4,
    FailureKind.WORKER: 3,
    FailureKind.NODE: 10,
    FailureKind.STORAGE: 6,
    FailureKind.FULL: 0,
    FailureKind.NOT_SHARED: 0,
}
_FIRST_DELAY_SECONDS = {FailureKind.WORKER: 0.1, FailureKind.NODE: 0.5, FailureKind.STORAGE: 1.0}
_LONGEST_DELAY_SECONDS = 30.0
_NO_MEMORY = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory", "bad_alloc")


@dataclass(frozen=True)
class Room:
    """What the machines have: tasks that fit on the largest one, and the memory of one task's share, in bytes."""

    slots: int
    share: int


@dataclass(frozen=True)
class Trial:
    """How often a task failed, and with what room it is tried next.

    Attributes:
        failures: the kinds of failure so far.
        slots: CPUs and memory of so many tasks are reserved, so that the neighbours stay away.
        batch: images at a time; None: as many as the evaluator takes.
    """

    failures: tuple[FailureKind, ...] = ()
    slots: int = 1
    batch: int | None = None

    def after(self, kind: FailureKind, images: int, room: Room) -> Trial | None:
        """The next trial of a task, or None where it is given up.

        Args:
            kind: of its latest failure.
            images: that it has in memory together as long as nothing is tried with fewer; 0 of a preparation.
            room: that the machines have.
        """
        failures = (*self.failures, kind)
        if failures.count(kind) > RETRIES[kind]:
            return None
        if kind is not FailureKind.MEMORY:
            return replace(self, failures=failures)
        slots = max(self.slots, min(2 * self.slots, room.slots))
        batch = self.batch
        # More memory alone first: with fewer images at a time it takes longer.
        if images and (slots == self.slots or failures.count(kind) > 1):
            batch = max(1, (self.batch or images) // 2)
        if (slots, batch) == (self.slots, self.batch):
            return None
        return Trial(failures, slots, batch)

    def slots_within(self, room: Room) -> int:
        """The slots to reserve now: machines may have left since, and what fits none of them would wait for ever."""
        return max(1, min(self.slots, room.slots))

    @property
    def delay_seconds(self) -> float:
        """How long to wait before this trial: doubling with each failure of the last kind."""
        if not self.failures:
            return 0.0
        kind = self.failures[-1]
        first = _FIRST_DELAY_SECONDS.get(kind, 0.0)
        return min(float(first * 2 ** (self.failures.count(kind) - 1)), _LONGEST_DELAY_SECONDS)


def kind_of(error: BaseException) -> FailureKind:
    """The kind of an exception that a task met."""
    if isinstance(error, ResultsNotShared):
        return FailureKind.NOT_SHARED
    if isinstance(error, InputError):
        return FailureKind.INPUT
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return FailureKind.MEMORY
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return FailureKind.MEMORY
    if isinstance(error, OSError):
        return FailureKind.FULL if error.errno in NO_ROOM else FailureKind.STORAGE
    if isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _NO_MEMORY):
        return FailureKind.MEMORY  # torch and LLVM raise plain RuntimeErrors
    return FailureKind.SIMULATION


def kind_of_system_error(name: str) -> FailureKind:
    """The kind of a Ray error by its class name."""
    if name == "OutOfMemoryError":
        return FailureKind.MEMORY
    if name == "OutOfDiskError":
        return FailureKind.FULL
    return FailureKind.WORKER if name == "WorkerCrashedError" else FailureKind.NODE
