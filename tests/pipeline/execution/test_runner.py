"""A run from plan to tables on a stand-in for Ray: what it says and keeps when something goes wrong."""

from __future__ import annotations

import errno
import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipeline.cli.plan import plan
from pipeline.errors import DiskFull, Interrupted
from pipeline.execution import runner
from pipeline.execution.ray_interface import Ray
from pipeline.execution.runner import RunOptions, RunResult, run_sweep
from pipeline.execution.tasks import TaskSettings
from pipeline.report.figures import draw_figures
from pipeline.report.page import build_report
from pipeline.report.picture import draw_front
from pipeline.report.terminal.fronts import print_robust_front
from pipeline.report.terminal.hardware import print_designs
from pipeline.results.finished import Results, seen_all
from pipeline.storage.compute_time import ComputeTime, ComputeTimes, time_class
from pipeline.storage.store import Store
from pipeline.sweep import protocols
from pipeline.sweep.plan import make_plan
from pipeline.sweep.spec import load_sweep
from pipeline.tables.completeness import what_is_missing
from pipeline.tracking.mlflow import parent_entry
from simcore.design import Design
from simcore.errors import InputError
from tests.pipeline.fake_inference import FakeEvaluator, Prepared, ShardResult
from tests.pipeline.fake_ray import FakeClock, FakeRay, fake_session, small_session
from tests.pipeline.fake_simcore import write_sweep

pytestmark = pytest.mark.usefixtures("fakes")


OPTIONS = RunOptions(session=fake_session)
"""In place of a real Ray; tasks run in this process."""


def run(folder: Path, said: io.StringIO | None = None, options: RunOptions = OPTIONS, **changes: str) -> RunResult:
    options = replace(options, results=str(folder / "results"))
    return run_sweep(write_sweep(folder, **changes), options, Console(file=said or io.StringIO()))


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["aggregate", "run_race", "_write"])
def test_an_interruption_beside_the_tasks_says_that_their_work_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(f"pipeline.execution.runner.{where}", interrupt)
    with pytest.raises(Interrupted, match="^interrupted; all finished tasks are kept, the same command goes on$"):
        run(tmp_path, strategy="racing")


def test_an_interruption_of_the_planning_says_that_nothing_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.execution.runner.make_plan", interrupt)
    with pytest.raises(Interrupted, match="before any work began"):
        run(tmp_path)
    assert not (tmp_path / "results").exists()


def listed_failures(folder: Path) -> list[str]:
    rows = json.loads((folder / "results/sweeps/small/failures.json").read_text())
    return [row["design_key"] for row in rows]


@dataclass(frozen=True)
class Refusing(FakeEvaluator):
    """Fails where ``fails(design, first image)``; of the preparation the first image is -1."""

    fails: Callable[[Design, int], bool] = lambda design, first: False

    def prepare(self, checkpoint: protocols.Checkpoint, design: Design, dataset: protocols.Dataset) -> Prepared:
        self._check(design, -1)
        return super().prepare(checkpoint, design, dataset)

    def evaluate(
        self, prepared: protocols.Prepared, images: np.ndarray, labels: np.ndarray, first_image: int
    ) -> ShardResult:
        assert isinstance(prepared, Prepared)
        self._check(prepared.design, first_image)
        return super().evaluate(prepared, images, labels, first_image)

    def _check(self, design: Design, first: int) -> None:
        if self.fails(design, first):
            raise RuntimeError("it did not converge")


def test_failures_of_all_rounds_of_a_race_count_together(tmp_path: Path) -> None:
    dataset = "{name: fake-images, images: 200, calibration_images: 10}"  # rounds of 50 and 200 images

    def fails(design: Design, first: int) -> bool:
        name = (design.rows, design.sparsity)
        return (name == (64, "dense") and first == 0) or (name == (32, "binsparx") and first >= 50)

    said = io.StringIO()
    options = replace(OPTIONS, max_failures=1, evaluator=Refusing(fails=fails))
    result = run(tmp_path, said, options, strategy="racing", dataset=dataset)
    assert "round 1 of 2: " in said.getvalue()
    assert len(result.failures) == 2 and result.failures[0].stage == "images 0-3"  # of 12 small ones
    assert result.stopped


def test_what_a_race_stopped_as_beaten_is_on_no_front_where_the_others_never_finish(tmp_path: Path) -> None:
    """Round 1 of 50 images stops two of the four; the other two fail in round 2, of 200."""
    options = replace(OPTIONS, evaluator=Refusing(fails=lambda design, first: first >= 50))
    said = io.StringIO()
    result = run(
        tmp_path, said, options, strategy="racing", arrays="32x32", sparsity="[dense, weight, activation, binsparx]",
        dataset="{name: fake-images, images: 200, calibration_images: 10}",
    )  # fmt: skip
    designs = result.tables["designs"].to_pylist()
    assert [(row["images"], row["stopped"]) for row in designs] == [(50, "beaten")] * 2 and len(result.failures) == 2
    assert {(row["on_front"], row["pareto_rank"], row["front_support"]) for row in designs} == {(False, 0, 0.0)}
    assert result.tables["pareto"].num_rows == 0
    parent = parent_entry(load_sweep(tmp_path / "small.yaml"), designs, {}, failed=True)
    assert parent.metrics == {"designs": 2, "designs_on_front": 0}
    assert "max()" not in said.getvalue()
    results = Results(str(tmp_path / "results"))
    assert results.front("array_current_A").empty and seen_all(results.designs()).empty
    assert "All designs that are here, 2, were beaten in a race" in build_report(results, "small")
    assert draw_front(result.tables["designs"], ("accuracy", "energy"))
    assert not dict(draw_figures(results, "small"))
    print_designs(result.tables["designs"], Console(file=said))
    print_robust_front(result.tables["designs"], Console(file=said))


def test_a_stopped_run_keeps_the_failures_of_points_it_did_not_come_to(tmp_path: Path) -> None:
    options = replace(OPTIONS, evaluator=Refusing(fails=lambda design, first: True))
    keys = [failure.design_key for failure in run(tmp_path, options=options).failures]
    assert len(keys) == 4
    stopped = run(tmp_path, options=replace(options, session=small_session, max_failures=0))
    assert stopped.stopped and len(stopped.failures) < 4
    assert sorted(listed_failures(tmp_path)) == sorted(keys)


@dataclass(frozen=True)
class StoppedByHand(FakeEvaluator):
    """Ctrl-C comes at the first design of this sparsity."""

    sparsity: str = "binsparx"

    def evaluate(
        self, prepared: protocols.Prepared, images: np.ndarray, labels: np.ndarray, first_image: int
    ) -> ShardResult:
        assert isinstance(prepared, Prepared)
        if prepared.design.sparsity == self.sparsity:
            raise KeyboardInterrupt
        return super().evaluate(prepared, images, labels, first_image)


def test_an_interrupted_run_leaves_tables_of_what_is_finished_and_its_times(tmp_path: Path) -> None:
    stopped = replace(OPTIONS, evaluator=StoppedByHand())
    with pytest.raises(Interrupted, match=r"kept, the tables hold [12] of 4 designs, the same command goes on$"):
        run(tmp_path, options=stopped)
    results = tmp_path / "results"
    table = pq.read_table(results / "sweeps/small/designs.parquet")
    assert set(table["sparsity"].to_pylist()) == {"dense"}
    store = Store(str(results))
    assert what_is_missing(table, "small", store).startswith(f"incomplete: {table.num_rows} of the 4 designs")
    assert (results / "costs.parquet").exists()
    assert run(tmp_path).tables["designs"].num_rows == 4

    # More images, and stopped before anything is finished with them: the tables that stand are worth more.
    whole = (results / "sweeps/small/designs.parquet").read_bytes()
    more = "{name: fake-images, images: 200, calibration_images: 10}"
    with pytest.raises(Interrupted, match="all finished tasks are kept, the same command goes on$"):
        run(tmp_path, options=replace(OPTIONS, evaluator=StoppedByHand(sparsity="dense")), dataset=more)
    assert (results / "sweeps/small/designs.parquet").read_bytes() == whole


def test_a_run_that_computes_nothing_measures_nothing_anew(tmp_path: Path) -> None:
    small = {"arrays": "32x32", "sparsity": "dense"}
    (point,) = run(tmp_path, **small).plan.points
    store = Store(str(tmp_path / "results"))
    latest = ComputeTime(123.0, 45.0, True)
    ComputeTimes({time_class(point): latest}).save(store)  # of another sweep, since
    run(tmp_path, **small)
    assert ComputeTimes.load(store).estimate(point) == latest
    store.delete(["costs.parquet"])
    run(tmp_path, **small)
    assert ComputeTimes.load(store).estimate(point).measured  # old times are better than none
    ComputeTimes({time_class(point): latest}).save(store)
    run(tmp_path, dataset="{name: fake-images, images: 200, calibration_images: 10}", **small)
    assert ComputeTimes.load(store).estimate(point) != latest


@dataclass(frozen=True)
class BrokenOff(Refusing):
    """Designs of some size fail; a run is broken off at the first images of the others."""

    end: type[BaseException] = KeyboardInterrupt

    def evaluate(
        self, prepared: protocols.Prepared, images: np.ndarray, labels: np.ndarray, first_image: int
    ) -> ShardResult:
        if self.end is KeyboardInterrupt:
            raise KeyboardInterrupt
        raise OSError(errno.ENOSPC, "No space left on device", "/full/shard.parquet")


@pytest.mark.parametrize(("end", "raised"), [(KeyboardInterrupt, Interrupted), (OSError, DiskFull)])
@pytest.mark.parametrize("strategy", ["complete", "racing"])
def test_what_failed_before_a_run_was_broken_off_is_told_and_listed(
    tmp_path: Path, end: type[BaseException], raised: type[Exception], strategy: str
) -> None:
    evaluator = BrokenOff(fails=lambda design, first: design.rows == 32, end=end)
    said = io.StringIO()
    with pytest.raises(raised):
        run(tmp_path, said, replace(OPTIONS, evaluator=evaluator, session=small_session), strategy=strategy)
    points = make_plan(load_sweep(tmp_path / "small.yaml"), evaluator).points
    failing = [point.key for point in points if point.design.rows == 32]
    assert listed_failures(tmp_path) and set(listed_failures(tmp_path)) <= set(failing)
    assert "failed: " in said.getvalue() and "it did not converge" in said.getvalue()


def test_failures_of_an_interrupted_run_are_listed_where_its_tables_stand(tmp_path: Path) -> None:
    run(tmp_path)
    whole = (tmp_path / "results/sweeps/small/designs.parquet").read_bytes()
    stopped = replace(OPTIONS, evaluator=BrokenOff(fails=lambda design, first: design.rows == 32))
    more = "{name: fake-images, images: 200, calibration_images: 10}"
    with pytest.raises(Interrupted):
        run(tmp_path, options=replace(stopped, session=small_session), dataset=more)
    assert listed_failures(tmp_path)
    assert (tmp_path / "results/sweeps/small/designs.parquet").read_bytes() == whole


def test_an_interrupted_race_leaves_no_tables(tmp_path: Path) -> None:
    stopped = replace(OPTIONS, evaluator=StoppedByHand())
    with pytest.raises(Interrupted, match="all finished tasks are kept, the same command goes on$"):
        run(tmp_path, options=stopped, strategy="racing")
    assert not (tmp_path / "results/sweeps/small/designs.parquet").exists()


def damage_a_shard(folder: Path, key: str) -> str:
    """Tears a file with shards of a design and returns its path in the store."""
    file = sorted(path for path in (folder / "results/designs").rglob("*.parquet") if key in str(path))[0]
    file.write_bytes(file.read_bytes()[:-7])
    return file.relative_to(folder / "results").as_posix()


def test_a_damaged_design_that_was_not_asked_for_is_told_as_missing(tmp_path: Path) -> None:
    first, _, _, last = [point.key for point in run(tmp_path).plan.points]
    path = damage_a_shard(tmp_path, last)
    said = io.StringIO()
    result = run(tmp_path, said, options=replace(OPTIONS, only=first))
    assert f"set aside {path}" in said.getvalue() and "computing it again" not in said.getvalue()
    (failure,) = result.failures
    assert (failure.design_key, failure.stage) == (last, "stored results") and path in failure.reason
    assert listed_failures(tmp_path) == [last]
    again = run(tmp_path, options=replace(OPTIONS, only=last))
    assert not again.failures and again.tables["designs"].num_rows == 4
    assert listed_failures(tmp_path) == []


def test_damage_of_others_is_not_forgotten_while_a_design_is_computed_again(tmp_path: Path) -> None:
    first, _, _, last = [point.key for point in run(tmp_path).plan.points]
    for key in (first, last):
        damage_a_shard(tmp_path, key)
    said = io.StringIO()
    result = run(tmp_path, said, options=replace(OPTIONS, only=first))
    assert said.getvalue().count("computing it again") == 1
    assert [failure.design_key for failure in result.failures] == [last]
    assert result.tables["designs"].num_rows == 3


def test_damage_that_comes_back_every_time_ends_as_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.execution.tasks.encode_shard", lambda record: b"torn")
    said = io.StringIO()
    result = run(tmp_path, said, arrays="32x32", sparsity="dense", dataset="{name: fake-images, images: 25}")
    (failure,) = result.failures
    assert failure.kind == "storage" and failure.cause == "DamagedRecord"
    lines = [line for line in said.getvalue().splitlines() if "set aside" in line]
    assert ["computing it again" in line for line in lines] == [True, True, False]
    assert result.tables["designs"].num_rows == 0


class OtherDisk(FakeRay):
    """Workers of another machine, where the path of the results leads to a disk of its own."""

    def remote(self, **options: float) -> Any:
        make = super().remote(**options)

        def on_other_disk(function: Callable[..., Any]) -> Any:
            def run_there(settings: TaskSettings, *arguments: Any) -> Any:
                return function(replace(settings, store_uri=f"{settings.store_uri}-elsewhere"), *arguments)

            return make(run_there)

        return on_other_disk


@contextmanager
def on_other_disk(address: str | None, threads: int) -> Iterator[Ray]:
    yield OtherDisk(2, FakeClock())


def test_results_that_workers_do_not_share_end_a_run_before_anything_is_computed(tmp_path: Path) -> None:
    run(tmp_path)
    tables = (tmp_path / "results/sweeps/small/designs.parquet").read_bytes()
    shutil.rmtree(tmp_path / "results/designs")
    with pytest.raises(InputError, match="^--results: results must be reachable from all machines: on "):
        run(tmp_path, options=replace(OPTIONS, address="head:6379", session=on_other_disk))
    assert (tmp_path / "results/sweeps/small/designs.parquet").read_bytes() == tables
    assert not (tmp_path / "results-elsewhere").exists()
    assert not list((tmp_path / "results/.partial").iterdir())
    assert not run(tmp_path, options=replace(OPTIONS, address="head:6379")).failures


@dataclass(frozen=True)
class Deleted(FakeEvaluator):
    """While designs of 32 rows are evaluated, for the first ``times``, somebody deletes all that is stored."""

    results: Path = Path()
    times: int = 1

    def evaluate(
        self, prepared: protocols.Prepared, images: np.ndarray, labels: np.ndarray, first_image: int
    ) -> ShardResult:
        assert isinstance(prepared, Prepared)
        marks = self.results / "deleted"
        marks.mkdir(exist_ok=True)
        done = len(list(marks.iterdir()))
        if prepared.design.rows == 32 and done < self.times:
            (marks / str(done)).touch()
            shutil.rmtree(self.results / "designs")
        return super().evaluate(prepared, images, labels, first_image)


@pytest.mark.parametrize("strategy", ["complete", "racing"])
def test_what_was_deleted_while_a_run_went_on_is_computed_again(tmp_path: Path, strategy: str) -> None:
    (tmp_path / "undisturbed").mkdir()
    undisturbed = run(tmp_path / "undisturbed", strategy=strategy, sparsity="dense")
    said = io.StringIO()
    options = replace(OPTIONS, evaluator=Deleted(results=tmp_path / "results"))
    result = run(tmp_path, said, options, strategy=strategy, sparsity="dense")
    assert not result.failures
    assert result.tables["designs"].equals(undisturbed.tables["designs"])
    assert "are gone; computing them again" in said.getvalue()


def test_what_is_deleted_every_time_ends_as_a_failure(tmp_path: Path) -> None:
    deleted = replace(OPTIONS, evaluator=Deleted(results=tmp_path / "results", times=100))
    result = run(tmp_path, options=deleted, arrays="32x32", sparsity="dense")
    (failure,) = result.failures
    assert (failure.kind, failure.stage) == ("storage", "stored results")
    assert listed_failures(tmp_path) == [failure.design_key]
    assert not run(tmp_path, arrays="32x32", sparsity="dense").failures


def test_what_a_stopped_run_did_not_begin_is_no_failure(tmp_path: Path) -> None:
    failing = replace(OPTIONS, evaluator=Refusing(fails=lambda design, first: True), session=small_session)
    stopped = run(tmp_path, options=replace(failing, max_failures=0))
    assert stopped.stopped and {failure.stage for failure in stopped.failures} == {"prepare"}


@pytest.mark.parametrize(("images", "shards"), [(25, 1), (100, 4)])
def test_what_another_run_stored_meanwhile_is_not_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: Path, images: int, shards: int
) -> None:
    """A second run of the same sweep, which looked at the store before the first one had stored anything. One shard
    stays in its file, several are in a bundle by then."""
    find_work, seen = runner.find_work, []

    def find_early_work(*arguments: Any) -> Any:
        seen.append(seen[0] if seen else find_work(*arguments))
        return seen[-1]

    monkeypatch.setattr(runner, "find_work", find_early_work)
    dataset = f"{{name: fake-images, images: {images}, calibration_images: 10}}"
    first = run(tmp_path, dataset=dataset).tables["designs"]
    evaluated = len([file for file in calls.iterdir() if "-evaluate-" in file.name])
    assert run(tmp_path, dataset=dataset).tables["designs"].equals(first)
    assert len([file for file in calls.iterdir() if "-evaluate-" in file.name]) == evaluated == 4 * shards


def test_a_plan_tells_how_far_a_race_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = {
        "strategy": "racing",
        "dataset": "{name: fake-images, images: 200, calibration_images: 10}",
        "sparsity": "[dense, weight, activation, binsparx]",
    }
    path, results = write_sweep(tmp_path, **changes), str(tmp_path / "results")
    plan(path, results)
    before = capsys.readouterr().out
    assert "images   at most 200 for each point" in before
    assert "to do    at most 168 tasks: 16 preparations and 152 shards" in before and "time     at most " in before

    finished = run(tmp_path, **changes)
    assert min(finished.tables["designs"]["images"].to_pylist()) < 200  # the race did stop some
    plan(path, results)
    after = capsys.readouterr().out
    assert "8 points finished" in after and "to do    at most 0 tasks" in after and "time     " not in after
