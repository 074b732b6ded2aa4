"""One run of a sweep from start to end: plan, compute what is missing, tables, tracking, picture.

Running again is resuming: the store decides what is left to do.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pyarrow as pa
from rich.console import Console

from pipeline.errors import DiskFull, Interrupted, ResultsNotShared
from pipeline.execution.active import Failure
from pipeline.execution.capacity import check_threads, may_grow
from pipeline.execution.cluster import ray_session
from pipeline.execution.driver import Execution
from pipeline.execution.failures import (
    FailureReport,
    describe_failures,
    read_failures,
    report_failures,
    write_failures,
)
from pipeline.execution.progress import SweepProgress
from pipeline.execution.racing import Race, run_race
from pipeline.execution.ray_interface import Session
from pipeline.execution.retries import FailureKind
from pipeline.execution.tasks import TaskSettings, marked_results
from pipeline.provenance import Provenance, find_provenance
from pipeline.storage.compute_time import ComputeTimes
from pipeline.storage.records import DamagedRecord
from pipeline.storage.store import Store
from pipeline.storage.work import DesignWork, find_work
from pipeline.sweep.plan import Plan, make_plan
from pipeline.sweep.points import DesignPoint
from pipeline.sweep.protocols import Evaluator
from pipeline.sweep.spec import load_sweep
from pipeline.tables.aggregate import Aggregate, aggregate
from pipeline.tables.completeness import Asked, write_asked
from pipeline.tables.files import SWEEPS_FOLDER
from pipeline.tables.stored import UnusableTable, read_table
from simcore.errors import InputError

DEFAULT_RESULTS = "results"
_ROUNDS = 3


@dataclass(frozen=True)
class RunOptions:
    """What the caller adds to a sweep file.

    Args:
        results: folder or URI of the results; None: the sweep file's, else ``results``.
        address: Ray cluster; None: a Ray of this machine.
        only: only designs whose key begins so.
        threads: CPU threads of each task.
        max_failures: nothing new is begun after more designs failed; None: no limit.
        evaluator: what simulates; None: simcore on the device that the environment names.
        session: connects to Ray.
        provenance: of the code, as records and tables tell it; None: found out.
    """

    results: str | None = None
    address: str | None = None
    only: str | None = None
    threads: int = 1
    max_failures: int | None = None
    evaluator: Evaluator | None = None
    session: Session = ray_session
    provenance: Provenance | None = None


@dataclass
class RunResult:
    """How a run ended."""

    plan: Plan
    store: Store
    tables: Mapping[str, pa.Table]
    tasks_run: int
    stopped: bool = False  # more designs failed than allowed, so the rest was not begun
    failures: list[FailureReport] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def run_sweep(path: str, options: RunOptions, console: Console) -> RunResult:
    """Runs or resumes a sweep.

    Raises:
        InputError: bad input; no tables have been written then.
        Interrupted: Ctrl-C; what is finished is stored.
    """
    try:
        run = _begin(path, options, console)
    except KeyboardInterrupt:
        raise Interrupted("interrupted before any work began; the same command starts again") from None
    try:
        return run.to_the_end()
    except KeyboardInterrupt:  # beside the tasks: while a race is decided, or the tables are made
        run.keep_failures()
        raise run.interrupted("") from None


def _begin(path: str, options: RunOptions, console: Console) -> _Run:
    """Plans and checks everything; only the results folder may be made."""
    if options.threads < 1:
        raise InputError(f"expected at least 1 thread a task, found {options.threads}", "--threads")
    sweep = load_sweep(path)
    plan = make_plan(sweep, options.evaluator)
    selected = plan.select(options.only, "--only") if options.only is not None else plan.points
    plan.dataset.verify()  # a torn shard is better found now than after an hour
    store = Store(options.results or sweep.spec.results or DEFAULT_RESULTS)
    store.ensure_writable()
    for warning in plan.warnings:
        _warn(console, warning)
    return _Run(path, options, console, selected, RunResult(plan, store, {}, 0))


def _warn(console: Console, text: str) -> None:
    console.print(f"warning: {text}", highlight=False, soft_wrap=True, markup=False)


class _Run:
    """A planned run: what it works with, and what came of it so far."""

    def __init__(
        self, path: str, options: RunOptions, console: Console, selected: Sequence[DesignPoint], result: RunResult
    ) -> None:
        self._path = path
        self._options = options
        self._console = console
        self._selected = selected
        self._wanted = {point.key for point in selected}
        self._result = result
        self._plan, self._store = result.plan, result.store
        self._times = ComputeTimes.load(self._store)
        self._settings = TaskSettings(
            self._plan.evaluator, self._store.absolute_uri, options.threads, options.provenance or find_provenance()
        )
        self._failures: list[Failure] = []
        self._set_aside: dict[str, list[str]] = {}  # by the design's key, of all rounds

    def to_the_end(self) -> RunResult:
        """Computes what is missing, again where it was damaged or deleted, and writes what came of it."""
        result = self._result
        done: Aggregate
        for rounds_left in reversed(range(_ROUNDS)):
            self._failures.clear()
            done = aggregate(self._plan, self._compute(), self._store)
            again = self._without_outcome(done) if rounds_left else set()
            self._tell_damage(done.damaged, again)
            if gone := again - done.damaged.keys():
                _warn(self._console, f"stored results of {len(gone)} designs are gone; computing them again")
            if not again:
                break
        self._failures += self._lost(done)
        if done.unbundled:
            self._warn_once(done.unbundled)
        self._publish(done)
        return result

    def _publish(self, done: Aggregate) -> None:
        self._result.tables = done.tables
        self._result.failures = report_failures(self._failures, self._path, self._store.uri)
        _write(self._result, done, self._times)

    def _publish_finished(self) -> str:
        """Tables of what a run that is broken off has finished, and what to say of them.

        Not where larger ones stand already, and not of a race: why it left a design is known when its round ends."""
        if self._plan.sweep.spec.strategy == "racing":
            return ""
        done = aggregate(self._plan, find_work(self._plan, self._store, self._times), self._store)
        self._tell_damage(done.damaged, again=())
        finished = done.tables["designs"].num_rows
        if finished <= len(_designs_that_stand(self._plan.name, self._store)):
            return ""
        self._publish(done)
        return f", the tables hold {finished} of {len(self._plan.points)} designs"

    def keep_failures(self) -> None:
        """Tells and writes the failures of a run that is broken off, whether it gets tables or not."""
        self._result.failures = report_failures(self._failures, self._path, self._store.uri)
        for text in describe_failures(self._result.failures):
            self._console.print(text, highlight=False, soft_wrap=True, markup=False)
        if self._failures:
            _write_failures(self._result, _designs_that_stand(self._plan.name, self._store))

    def _tell_damage(self, damaged: Mapping[str, list[str]], again: Container[str]) -> None:
        for key, texts in damaged.items():
            self._set_aside.setdefault(key, []).extend(texts)
            follows = "computing it again" if key in again else "its design is missing until it is computed again"
            for text in texts:
                self._result.warnings.append(f"set aside {text}")
                _warn(self._console, f"set aside {text}; {follows}")

    def _without_outcome(self, done: Aggregate) -> set[str]:
        """Selected designs that neither have a row nor failed; a run that is stopped did not come to them."""
        return set() if self._result.stopped else self._wanted - self._with_outcome(done)

    def _with_outcome(self, done: Aggregate) -> set[str]:
        there: set[str] = set(done.tables["designs"]["design_key"].to_pylist())
        return there | {failure.point.key for failure in self._failures}

    def _lost(self, done: Aggregate) -> list[Failure]:
        """Designs whose records were set aside or deleted and that have no row now: not asked for (``--only``), not
        come to, or lost each time anew. Tables that lack what they held are no success."""
        lost = (self._set_aside.keys() | self._without_outcome(done)) - self._with_outcome(done)
        texts = {key: f"set aside {'; '.join(found)}" for key, found in self._set_aside.items()}
        gone = "deleted while the run went on"
        kind, cause = FailureKind.STORAGE, DamagedRecord.__name__
        return [
            Failure(point, "stored results", texts.get(point.key, gone), cause, "", kind)
            for point in self._plan.points
            if point.key in lost
        ]

    def interrupted(self, after: str, tables: str = "") -> Interrupted:
        """What Ctrl-C ends in once there may be something to keep."""
        kept = f"all finished tasks are kept{tables}"
        return Interrupted(f"interrupted{after}; {kept}, the same command goes on")

    def _compute(self) -> list[DesignWork]:
        """Computes what is missing of the selected designs; returns all of the plan with the images that they got."""
        race = Race({})
        if self._plan.sweep.spec.strategy == "racing":
            race = run_race(self._plan, self._store, self._times, self._execute)
        else:
            self._execute(find_work(self._plan, self._store, self._times, self._selected))
        return race.design_works(self._plan, self._store, self._times)

    def _execute(self, design_works: list[DesignWork], part: str = "") -> bool:
        """Computes what is missing on Ray, which is started only if there is something to compute.

        Args:
            part: names these designs where they are not all of the run's.

        Returns:
            whether the run may go on: not more designs failed than the user allows.

        Raises:
            InputError: no node of the cluster can run a task, or one does not reach the results.
        """
        design_works = [work for work in design_works if work.point.key in self._wanted]
        if all(work.done for work in design_works):
            return True
        progress: SweepProgress | None = None
        try:
            if self._options.address is None and not self._result.tasks_run:
                self._console.print("starting Ray ...", highlight=False)
            threads, device = self._settings.threads, self._settings.evaluator.device
            address = self._options.address
            with self._options.session(address, threads) as ray, marked_results(self._settings, address) as settings:
                if warning := check_threads(ray, threads, device, may_grow):
                    self._warn_once(warning)
                _note_asked(self._plan, self._store)
                with SweepProgress(design_works, self._console, part) as progress:
                    execution = Execution(ray, settings, progress, self._failures_left())
                    try:
                        execution.run(design_works)
                    finally:
                        self._failures += execution.failures
        except (DiskFull, ResultsNotShared):
            with suppress(OSError):
                self.keep_failures()
            raise
        except KeyboardInterrupt:
            self.keep_failures()
            after = f"after {progress.tasks_done} of {progress.tasks} tasks" if progress else "before the first task"
            raise self.interrupted(f" {after}", self._publish_finished()) from None
        self._result.tasks_run += progress.tasks_done
        self._result.stopped = execution.stopped
        return not execution.stopped

    def _failures_left(self) -> int | None:
        """How many more designs may fail: the limit is the run's, not that of each round of a race."""
        most = self._options.max_failures
        return None if most is None else most - len(self._failures)

    def _warn_once(self, text: str) -> None:
        if text not in self._result.warnings:  # a race comes here in every round
            self._result.warnings.append(text)
            _warn(self._console, text)


def _note_asked(plan: Plan, store: Store) -> None:
    racing = plan.sweep.spec.strategy == "racing"
    write_asked(Asked(len(plan.points), plan.images, racing, plan.chips), plan.name, store)


def _designs_that_stand(sweep_name: str, store: Store) -> list[str]:
    """Keys of the designs in the table that an earlier run left."""
    try:
        table = read_table(sweep_name, "designs", store)
    except UnusableTable:
        return []
    return table["design_key"].to_pylist() if table is not None else []


def _write(result: RunResult, done: Aggregate, times: ComputeTimes) -> None:
    """Tables, failures, the sweep file beside them, measured compute times."""
    plan, store = result.plan, result.store
    folder = f"{SWEEPS_FOLDER}/{plan.name}"
    _note_asked(plan, store)
    store.put(f"{folder}/sweep.yaml", plan.sweep.source.text.encode())
    done.tables.publish(plan.name, store)
    result.files.append(store.display(f"{folder}/designs.parquet"))
    path = _write_failures(result, done.tables["designs"]["design_key"].to_pylist())
    if result.failures:
        result.files.append(store.display(path))
    times.with_measured(done.times, newer=result.tasks_run > 0).save(store)


def _write_failures(result: RunResult, there: Sequence[str]) -> str:
    """Writes what failed now and earlier; returns the path in the store.

    What failed earlier stays listed while it is in the plan, has no row, and did not fail anew: it was not asked for
    now (``--only``), or the run was stopped before it came to it.

    Args:
        result: of the run.
        there: keys of the designs that have a row.
    """
    plan, store = result.plan, result.store
    anew = {failure.design_key for failure in result.failures}
    open_keys = {point.key for point in plan.points} - anew - set(there)
    earlier = [failure for failure in read_failures(plan.name, store) if failure.design_key in open_keys]
    return write_failures([*result.failures, *earlier], plan.name, store)
