"""One run of a sweep from start to end: plan, compute what is missing, tables, tracking, picture.

Running again is resuming: the store decides what is left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
from rich.console import Console

from pipeline import simulation
from pipeline.active import Failure
from pipeline.aggregate import Aggregate, aggregate
from pipeline.capacity import check_threads
from pipeline.cluster import ray_session
from pipeline.costs import CostModel
from pipeline.errors import Interrupted
from pipeline.execution import Execution
from pipeline.failures import FailureReport, read_failures, report_failures, write_failures
from pipeline.plan import Plan, make_plan
from pipeline.progress import SweepProgress
from pipeline.provenance import find_provenance
from pipeline.racing import Race, run_race
from pipeline.spec import load_sweep
from pipeline.store import Store
from pipeline.table_files import SWEEPS_FOLDER
from pipeline.tasks import TaskSettings
from pipeline.work import DesignWork, find_work
from simcore.errors import InputError

DEFAULT_RESULTS = "results"
_ROUNDS = 3


@dataclass(frozen=True)
class RunOptions:
    """What the command line adds to a sweep file."""

    results: str | None = None
    address: str | None = None
    only: str | None = None
    threads: int = 1
    tracking_uri: str | None = None
    tracking: bool = True
    evaluator: str | None = None
    max_failures: int | None = None


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
        InputError: bad input; nothing has been written then.
        Interrupted: Ctrl-C; what is finished is stored.
    """
    try:
        return _run(path, options, console)
    except KeyboardInterrupt:
        raise Interrupted("interrupted before any work began; the same command starts again") from None


def _run(path: str, options: RunOptions, console: Console) -> RunResult:
    if options.threads < 1:
        raise InputError(f"expected at least 1 thread a task, found {options.threads}", "--threads")
    sweep = load_sweep(path)
    plan = make_plan(sweep, options.evaluator)
    selected = plan.select(options.only, "--only") if options.only is not None else plan.points
    if hasattr(plan.dataset, "verify"):
        plan.dataset.verify()  # a torn shard is better found now than after an hour
    store = Store(options.results or sweep.spec.results or DEFAULT_RESULTS)
    store.ensure_writable()
    for warning in plan.warnings:
        _warn(console, warning)

    evaluator = options.evaluator or simulation.DEFAULT_EVALUATOR
    settings = TaskSettings(evaluator, store.absolute_uri, options.threads, find_provenance())
    result = RunResult(plan, store, {}, 0)
    costs = CostModel.load(store)
    failures: list[Failure] = []

    wanted = {point.key for point in selected}

    def warn_once(text: str) -> None:
        if text not in result.warnings:  # a race comes here in every round
            result.warnings.append(text)
            _warn(console, text)

    def execute(works: list[DesignWork], part: str = "") -> bool:
        works = [work for work in works if work.point.key in wanted]
        ran, new_failures, result.stopped = _execute(works, settings, options, console, path, warn_once, part)
        result.tasks_run += ran
        failures.extend(new_failures)
        return not result.stopped

    done: Aggregate
    for _ in range(_ROUNDS):
        failures.clear()
        race = Race({})
        if sweep.spec.strategy == "racing":
            race = run_race(plan, store, costs, execute)
        else:
            execute(find_work(plan, store, costs, selected))
        done = aggregate(plan, race.works(plan, store, costs), store)
        result.warnings += [f"set aside {text}" for text in done.damaged]
        if not done.damaged or result.stopped:
            break
        for text in done.damaged:
            _warn(console, f"set aside {text}; computing it again")
    if done.unbundled:
        result.warnings.append(done.unbundled)
        _warn(console, done.unbundled)
    result.tables = done.tables
    result.failures = report_failures(failures, path, store.uri)
    _write(result, done, costs, wanted)
    return result


def _warn(console: Console, text: str) -> None:
    console.print(f"warning: {text}", highlight=False, soft_wrap=True, markup=False)


def _execute(
    works: list[DesignWork],
    settings: TaskSettings,
    options: RunOptions,
    console: Console,
    path: str,
    warn: Callable[[str], None],
    part: str,
) -> tuple[int, list[Failure], bool]:
    """Computes what is missing on Ray, which is started only if there is something to compute.

    Returns:
        tasks that ended, designs that failed, and whether their number stopped the run.

    Raises:
        InputError: no node of the cluster can run a task.
    """
    if all(work.done for work in works):
        return 0, [], False
    progress: SweepProgress | None = None
    try:
        with ray_session(options.address, settings.threads) as ray:
            if warning := check_threads(ray, settings.threads):
                warn(warning)
            with SweepProgress(works, console, part) as progress:
                execution = Execution(ray, settings, progress, options.max_failures)
                failures = execution.run(works)
            return progress.tasks_done, failures, execution.stopped
    except KeyboardInterrupt:
        so_far = f"after {progress.tasks_done} of {progress.tasks} tasks" if progress else "before the first task"
        raise Interrupted(
            f"interrupted {so_far}; all finished tasks are kept, go on with: binsparx run {path}"
        ) from None


def _write(result: RunResult, done: Aggregate, costs: CostModel, wanted: set[str]) -> None:
    """Tables, failures, the sweep file beside them, measured costs.

    What failed earlier stays listed while it is in the plan, was not asked for now (``--only``) and has no row."""
    plan, store = result.plan, result.store
    open_keys = {point.key for point in plan.points} - wanted - set(done.tables["designs"]["design_key"].to_pylist())
    earlier = [failure for failure in read_failures(plan.name, store) if failure.design_key in open_keys]
    folder = f"{SWEEPS_FOLDER}/{plan.name}"
    store.put(f"{folder}/sweep.yaml", plan.sweep.source.text.encode())
    done.tables.publish(plan.name, store)
    result.files.append(store.display(f"{folder}/designs.parquet"))
    path = write_failures([*result.failures, *earlier], plan.name, store)
    if result.failures:
        result.files.append(store.display(path))
    costs.with_measured(done.costs).save(store)
