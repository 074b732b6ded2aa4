"""The driver's loop on a stand-in for Ray: when it waits, what it gives up, and whom it tells."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipeline.errors import DiskFull, ResultsNotShared
from pipeline.execution import on_workers
from pipeline.execution.driver import Execution, Listener
from pipeline.execution.progress import SweepProgress
from pipeline.execution.ray_interface import Reference
from pipeline.execution.retries import FailureKind
from pipeline.execution.task_size import TaskSizer
from pipeline.execution.tasks import Outcome, TaskFunctions, TaskSettings
from pipeline.provenance import Provenance
from pipeline.storage.compute_time import ComputeTimes
from pipeline.storage.shards import Range
from pipeline.storage.store import Store
from pipeline.storage.work import DesignWork, find_work
from pipeline.sweep.plan import make_plan
from pipeline.sweep.protocols import Prepared
from pipeline.sweep.spec import load_sweep
from tests.pipeline.fake_inference import FakeEvaluator
from tests.pipeline.fake_ray import FakeClock, FakeRay, fake_session
from tests.pipeline.fake_simcore import write_sweep

pytestmark = pytest.mark.usefixtures("fakes")

WELL = Outcome(0.1, 0.1)
Answer = Callable[[str, int, int], Outcome]
"""How a task ends, by the design's key, the first image (-1: the preparation) and how often it was asked for before."""


class Heard:
    """Listens and keeps it."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int]] = []
        self.retries = 0
        self.abandoned: list[Range] = []
        self.slots: list[int] = []
        self.reasons: list[str] = []

    def task_done(self, work: DesignWork, images: int, expected_seconds: float, outcome: Outcome) -> None:
        self.done.append((work.point.key, images))

    def task_retried(self, work: DesignWork, outcome: Outcome) -> None:
        self.retries += 1

    def shards_abandoned(self, work: DesignWork, shards: Sequence[Range]) -> None:
        self.abandoned += shards

    def slots_found(self, slots: int) -> None:
        self.slots.append(slots)

    def held_up(self, reason: str) -> None:
        self.reasons.append(reason)


def design_works_of(folder: Path, **changes: str) -> list[DesignWork]:
    plan = make_plan(load_sweep(write_sweep(folder, **changes)))
    return find_work(plan, Store(str(folder / "results")), ComputeTimes({}))


def execution(
    answer: Answer,
    cpus: int = 2,
    max_failures: int | None = None,
    listener: Listener | None = None,
    cpus_later: int | None = None,
    ray: FakeRay | None = None,
    device: str = "numba",
    threads: int = 1,
    batches: list[int | None] | None = None,
) -> Execution:
    """An execution whose tasks end as ``answer`` says, one task a shard; ``batches`` gets what each is told."""
    asked: dict[tuple[str, int], int] = {}

    def ask(key: str, first: int) -> Outcome:
        asked[key, first] = asked.get((key, first), -1) + 1
        return answer(key, first, asked[key, first])

    def prepare(settings: TaskSettings, key: str, *_: object) -> tuple[Outcome, Prepared | None]:
        return ask(key, -1), None

    def evaluate(
        settings: TaskSettings,
        key: str,
        prepared: object,
        dataset: object,
        split: str,
        shards: Sequence[Range],
        batch: int | None,
    ) -> list[Outcome]:
        if batches is not None:
            batches.append(batch)
        return [ask(key, first) for first, _ in shards]

    ray = ray or FakeRay(cpus, FakeClock(), cpus_later)
    return Execution(
        ray,
        TaskSettings(FakeEvaluator(device), "", threads, Provenance("0", "")),
        listener or Heard(),
        max_failures,
        TaskFunctions(prepare, evaluate),
        TaskSizer(most_shards=1),
        ray.clock,
    )


def failing(kind: FailureKind) -> Outcome:
    return Outcome(0.1, 0.1, f"a failure of {kind.value}", "Error", "", kind)


def test_a_retry_that_is_due_waits_for_room_without_spinning(tmp_path: Path) -> None:
    design_works = design_works_of(tmp_path)
    first = design_works[0].point.key
    heard = Heard()

    def answer(key: str, image: int, before: int) -> Outcome:
        return failing(FailureKind.STORAGE) if (key, image, before) == (first, 0, 0) else WELL

    assert execution(answer, cpus=1, listener=heard).run(design_works) == []
    assert heard.retries == 1
    assert len(heard.done) == sum(work.tasks for work in design_works)


def test_a_retry_that_is_due_after_the_stop_does_not_keep_the_driver_spinning(tmp_path: Path) -> None:
    design_works = design_works_of(tmp_path)
    poor, bad = design_works[0].point.key, design_works[1].point.key

    def answer(key: str, image: int, before: int) -> Outcome:
        if (key, image) == (poor, 0):
            return failing(FailureKind.STORAGE)
        return failing(FailureKind.SIMULATION) if key == bad else WELL

    running = execution(answer, cpus=4, max_failures=0)
    assert [failure.point.key for failure in running.run(design_works)] == [bad]
    assert running.stopped


@pytest.mark.parametrize("where", [-1, 0])
def test_a_full_disk_ends_it_without_another_try(tmp_path: Path, where: int) -> None:
    design_works = design_works_of(tmp_path)
    bad, tries = design_works[1].point.key, []

    def answer(key: str, image: int, before: int) -> Outcome:
        if (key, image) != (bad, where):
            return WELL
        tries.append(before)
        return failing(FailureKind.FULL)

    with pytest.raises(DiskFull, match="a failure of full; what is finished is kept"):
        execution(answer).run(design_works)
    assert tries == [0]


@pytest.mark.parametrize("end", [FailureKind.FULL, FailureKind.NOT_SHARED])
def test_a_run_that_is_broken_off_keeps_the_failures_of_designs_that_are_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: FailureKind
) -> None:
    design_works = design_works_of(tmp_path, shard_images="10")
    bad = design_works[0].point.key

    def answer(key: str, image: int, before: int) -> Outcome:
        ends = {0: FailureKind.SIMULATION, 50: end}
        return failing(ends[image]) if key == bad and image in ends else WELL

    monkeypatch.setattr(on_workers, "Execution", lambda ray, settings, progress: execution(answer, listener=progress))
    settings = TaskSettings(FakeEvaluator("numba"), str(tmp_path), 1, Provenance("0", ""))
    with on_workers.OnWorkers(settings, Console(file=io.StringIO()), None, fake_session) as workers:
        with pytest.raises((DiskFull, ResultsNotShared)):
            workers(design_works, "all")
    (failure,) = workers.failures
    assert failure.point.key == bad and failure.kind is FailureKind.SIMULATION and len(failure.shards) == 1


@pytest.mark.parametrize("fails", ["preparation", "shards", "shards after tries"])
def test_the_work_of_a_design_that_is_given_up_is_taken_off(tmp_path: Path, fails: str) -> None:
    design_works = design_works_of(tmp_path, shard_images="10")
    bad = design_works[1].point.key

    def answer(key: str, image: int, before: int) -> Outcome:
        if key != bad or (image < 0) != (fails == "preparation"):
            return WELL
        return failing(FailureKind.STORAGE if image in (0, 10) and fails != "shards" else FailureKind.SIMULATION)

    heard = Heard()
    (failure,) = execution(answer, listener=heard).run(design_works)
    assert failure.point.key == bad and heard.abandoned
    assert len(heard.done) + len(heard.abandoned) == sum(work.tasks for work in design_works)


def test_a_bar_whose_design_was_given_up_fills(tmp_path: Path) -> None:
    design_works = design_works_of(tmp_path, shard_images="10")
    bad = design_works[1].point.key

    def answer(key: str, image: int, before: int) -> Outcome:
        return failing(FailureKind.SIMULATION) if (key, image) == (bad, -1) else WELL

    text = io.StringIO()
    with SweepProgress(design_works, Console(file=text), "round 1 of 2") as progress:
        execution(answer, listener=progress).run(design_works)
    assert (progress.tasks_done, progress.tasks) == (34, 34)  # of 4 designs of 11 tasks, 10 shards were given up
    assert text.getvalue().splitlines()[-1] == "round 1 of 2: 34/34 tasks, 300 images, 1 designs failed, about 0 s left"


def test_the_listener_hears_of_a_cluster_that_grows(tmp_path: Path) -> None:
    design_works = design_works_of(tmp_path)
    heard = Heard()
    first = design_works[0].point.key

    def answer(key: str, image: int, before: int) -> Outcome:
        return failing(FailureKind.NODE) if (key, image) == (first, 0) and before < 5 else WELL

    execution(answer, cpus=1, cpus_later=8, listener=heard).run(design_works)
    assert heard.slots[0] == 1 and heard.slots[-1] == 8


@pytest.mark.parametrize(("device", "slots"), [("numba", 4), ("cuda", 2)])
def test_slots_are_what_tasks_can_use(device: str, slots: int) -> None:
    """Three CPUs a task: two on 8 CPUs, one on 5, none on 2; those without a GPU are no use to tasks that need one."""
    heard = Heard()
    nodes = [{"CPU": 8.0, "GPU": 1.0}, {"CPU": 5.0}, {"CPU": 5.0}, {"CPU": 2.0}, {"memory": 1.0}]
    ray = FakeRay(20, FakeClock(), nodes=nodes)
    execution(lambda *_: WELL, listener=heard, ray=ray, device=device, threads=3)
    assert heard.slots == [slots]


def out_of_memory(key: str, image: int, before: int) -> Outcome:
    return WELL if image < 0 else failing(FailureKind.MEMORY)


def test_a_lack_of_memory_halves_what_is_in_memory_together_and_not_the_shard(tmp_path: Path) -> None:
    one = design_works_of(tmp_path, arrays="32x32", sparsity="dense", shard_images="100")
    batches: list[int | None] = []
    assert len(execution(out_of_memory, cpus=1, batches=batches).run(one)) == 1
    assert batches == [None, 12, 6, 3, 1]  # the evaluator takes 25 at a time


def test_a_task_that_needs_a_gpu_reserves_no_more_than_a_node_with_one_has(tmp_path: Path) -> None:
    one = design_works_of(tmp_path, arrays="32x32", sparsity="dense", shard_images="100")
    for device, reserved in (("cuda", [2, 4, 8, 8]), ("numba", [2, 4, 8, 16])):
        ray = FakeRay(40, FakeClock(), nodes=[{"CPU": 32.0}, {"CPU": 8.0, "GPU": 1.0}])
        assert len(execution(out_of_memory, ray=ray, device=device).run(one)) == 1
        assert ray.reserved == reserved


def test_a_retry_fits_the_machines_that_are_left(tmp_path: Path) -> None:
    one = design_works_of(tmp_path, arrays="32x32", sparsity="dense", shard_images="100")
    nodes = [{"CPU": 8.0}]

    def answer(key: str, image: int, before: int) -> Outcome:
        if image < 0 or before > 3:
            return WELL
        if before == 3:  # of eight CPUs, when the larger machine leaves
            nodes[0] = {"CPU": 2.0}
        return failing(FailureKind.NODE if before == 3 else FailureKind.MEMORY)

    ray = FakeRay(8, FakeClock(), nodes=nodes)
    assert execution(answer, ray=ray).run(one) == []
    assert ray.reserved == [2, 4, 8, 2]


def test_a_retry_that_waits_for_a_machine_that_left_is_submitted_with_less(tmp_path: Path) -> None:
    one = design_works_of(tmp_path, arrays="32x32", sparsity="dense", shard_images="100")
    nodes = [{"CPU": 8.0, "memory": 8.0 * 2**30}]

    class Leaving(FakeRay):
        def wait(self, references: list[Reference], **limits: Any) -> tuple[list[Reference], list[Reference]]:
            if self.reserved == [2, 4, 8]:  # of eight CPUs, not begun yet
                nodes[0] = {"CPU": 2.0, "memory": 2.0**30}
            return super().wait(references, **limits)

    heard = Heard()
    ray = Leaving(8, FakeClock(), nodes=nodes)

    def answer(key: str, image: int, before: int) -> Outcome:
        return failing(FailureKind.MEMORY) if image >= 0 and before < 3 else WELL

    assert execution(answer, ray=ray, listener=heard).run(one) == []
    assert ray.reserved == [2, 4, 8, 2]
    assert len(ray.cancelled) == 1
    assert heard.reasons == []


def test_one_hears_once_that_no_machine_is_left_and_the_work_goes_on_when_one_is(tmp_path: Path) -> None:
    design_works = design_works_of(tmp_path)
    nodes = [{"CPU": 4.0}]

    class Clock(FakeClock):
        def sleep(self, seconds: float, /) -> None:
            super().sleep(seconds)
            gone = 10 < self.now < 100
            nodes[0] = {"CPU": 2.0 if gone else 4.0}

    heard = Heard()
    assert (
        execution(lambda *_: WELL, ray=FakeRay(4, Clock(), nodes=nodes), threads=4, listener=heard).run(design_works)
        == []
    )
    (reason,) = heard.reasons
    assert reason.startswith("--threads 4 is more than the 2 CPUs of the cluster's largest node now; tasks wait")
    assert len(heard.done) == sum(work.tasks for work in design_works)


def test_what_holds_the_work_up_is_a_line_of_the_progress() -> None:
    console = Console(file=io.StringIO(), width=20)
    SweepProgress([], console).held_up("no node of the cluster has a GPU now; tasks wait until one joins")
    assert console.file.getvalue() == "warning: no node of the cluster has a GPU now; tasks wait until one joins\n"  # type: ignore[attr-defined]
