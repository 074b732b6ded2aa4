"""What a failed task deserves: pure rules."""

from __future__ import annotations

import errno

import pytest

from pipeline.errors import ResultsNotShared
from pipeline.execution.failures import FailureReport, group_failures
from pipeline.execution.retries import RETRIES, FailureKind, Room, Trial, kind_of, kind_of_system_error
from pipeline.execution.task_size import MOST_SHARDS, TASK_SECONDS, TaskSizer
from simcore.errors import InputError

ROOM = Room(slots=8, share=1 << 30)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InputError("bad", "here"), FailureKind.INPUT),
        (ResultsNotShared("another folder", "--results"), FailureKind.NOT_SHARED),
        (RuntimeError("the solver did not converge"), FailureKind.SIMULATION),
        (MemoryError(), FailureKind.MEMORY),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), FailureKind.MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), FailureKind.MEMORY),
        (OSError(errno.EIO, "Input/output error"), FailureKind.STORAGE),
        (OSError(errno.ENOSPC, "No space left on device"), FailureKind.FULL),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), FailureKind.FULL),
        (ConnectionResetError("gone"), FailureKind.STORAGE),
    ],
)
def test_an_exception_tells_its_kind(error: Exception, kind: FailureKind) -> None:
    assert kind_of(error) is kind


def test_torch_and_ray_errors_tell_their_kind() -> None:
    import torch

    assert kind_of(torch.OutOfMemoryError("CUDA")) is FailureKind.MEMORY
    assert kind_of_system_error("OutOfMemoryError") is FailureKind.MEMORY
    assert kind_of_system_error("WorkerCrashedError") is FailureKind.WORKER
    assert kind_of_system_error("OutOfDiskError") is FailureKind.FULL
    assert kind_of_system_error("ObjectReconstructionFailedError") is FailureKind.NODE


def tries_of(kind: FailureKind, images: int = 50, room: Room = ROOM) -> list[Trial]:
    trials = [Trial()]
    while (following := trials[-1].after(kind, images, room)) is not None:
        trials.append(following)
    return trials


@pytest.mark.parametrize("kind", [FailureKind.INPUT, FailureKind.SIMULATION, FailureKind.FULL, FailureKind.NOT_SHARED])
def test_what_would_fail_the_same_is_not_tried_again(kind: FailureKind) -> None:
    assert len(tries_of(kind)) == 1


@pytest.mark.parametrize("kind", [FailureKind.WORKER, FailureKind.NODE, FailureKind.STORAGE])
def test_system_failures_are_tried_again_ever_later_with_the_same_room(kind: FailureKind) -> None:
    trials = tries_of(kind)
    assert len(trials) == 1 + RETRIES[kind]
    assert {(trial.slots, trial.batch) for trial in trials} == {(1, None)}
    delays = [trial.delay_seconds for trial in trials]
    assert delays == sorted(delays) and delays[0] == 0 and delays[-1] <= 30


def test_a_lack_of_memory_gets_more_of_it_then_smaller_batches() -> None:
    assert [(trial.slots, trial.batch) for trial in tries_of(FailureKind.MEMORY)] == [
        (1, None),
        (2, None),
        (4, 25),
        (8, 12),
        (8, 6),
    ]
    one_slot = Room(slots=1, share=1 << 30)
    assert [trial.batch for trial in tries_of(FailureKind.MEMORY, room=one_slot)] == [None, 25, 12, 6, 3]
    assert [trial.slots for trial in tries_of(FailureKind.MEMORY, images=0)] == [1, 2, 4, 8]  # a preparation


def test_no_more_is_reserved_than_the_machines_that_are_left_have() -> None:
    trial = Trial(slots=8)
    assert [trial.slots_within(Room(slots, share=0)) for slots in (16, 8, 2, 0)] == [8, 8, 2, 1]


def test_kinds_are_counted_apart() -> None:
    trial: Trial | None = Trial()
    for _ in range(RETRIES[FailureKind.WORKER]):
        trial = trial and trial.after(FailureKind.WORKER, 50, ROOM)
    assert trial is not None and trial.after(FailureKind.NODE, 50, ROOM) is not None
    assert trial.after(FailureKind.WORKER, 50, ROOM) is None


def test_tasks_take_seconds_and_get_smaller_towards_the_end() -> None:
    sizer = TaskSizer()
    assert sizer.shards("a", 50, None, 10_000, 2) == 1  # nothing is known yet
    assert sizer.shards("a", 50, TASK_SECONDS / 500, 10_000, 2) == 10
    assert sizer.shards("a", 50, 60.0, 10_000, 2) == 1
    for _ in range(50):
        sizer.learn("a", 50, 50 * TASK_SECONDS / 1000)
    assert sizer.shards("a", 50, 60.0, 10_000, 2) in (19, 20)  # measured now: 20 shards in TASK_SECONDS
    assert sizer.shards("a", 50, None, 20, 2) == 5
    assert sizer.shards("a", 50, None, 1, 2) == 1
    sizer.learn("b", 50, 0.0)
    assert sizer.shards("b", 50, None, 10**9, 2) == MOST_SHARDS


def test_failures_of_one_cause_are_one_group() -> None:
    def report(reason: str, kind: str = "simulation") -> FailureReport:
        return FailureReport("k", "design", "prepare", reason, kind, "RuntimeError", "binsparx run", "")

    reports = [report("layer conv2: 12 solves failed"), report("other"), report("layer conv2: 7 solves failed")]
    groups = group_failures([*reports, report("other", "worker")])
    assert [(group.example.reason, group.designs) for group in groups] == [
        ("layer conv2: 12 solves failed", 2),
        ("other", 1),
        ("other", 1),
    ]
