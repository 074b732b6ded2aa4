"""What fails in mid-sweep, on a real local Ray: tried again by its kind, set apart where it fails for good."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.errors import DiskFull
from pipeline.execution.active import QUARANTINED_SHARDS
from pipeline.execution.retries import RETRIES, FailureKind
from pipeline.execution.runner import RunOptions, RunResult, run_sweep
from pipeline.provenance import Provenance
from pipeline.tables.schema import SCHEMAS
from tests.pipeline.fake_simcore import write_sweep

pytestmark = pytest.mark.usefixtures("fakes", "ray_cluster")


def run(folder: Path, max_failures: int | None = None, results: str = "results", **changes: str) -> RunResult:
    options = RunOptions(results=str(folder / results), max_failures=max_failures, provenance=Provenance("0", ""))
    return run_sweep(write_sweep(folder, **changes), options, Console(file=io.StringIO()))


def tables(folder: Path) -> dict[str, bytes]:
    names = [name for name in SCHEMAS if name != "timings"]
    return {name: (folder / "sweeps/small" / f"{name}.parquet").read_bytes() for name in names}


def evaluations(calls: Path, design: str) -> list[str]:
    """``FIRST-COUNT`` of every evaluation of a design."""
    names = [file.name for file in calls.iterdir() if file.name.startswith(f"{design}-evaluate-")]
    return sorted("-".join(name.removeprefix(f"{design}-evaluate-").split("-")[:2]) for name in names)


@pytest.mark.parametrize("how", ["evaluate", "crash"])
def test_a_poisoned_shard_is_set_apart_and_the_rest_goes_on(
    tmp_path: Path, control: Callable[..., None], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setitem(RETRIES, FailureKind.WORKER, 1)
    calls = tmp_path / "calls"
    calls.mkdir()
    control(fail=f"64-dense:{how}@50", calls=calls)
    result = run(tmp_path)
    (failure,) = result.failures
    assert failure.stage == "images 50-74"
    assert failure.kind == ("simulation" if how == "evaluate" else "worker")
    assert failure.cause == ("RuntimeError" if how == "evaluate" else "WorkerCrashedError")
    assert {"0-25", "25-25", "75-25"} <= set(evaluations(calls, "64-dense"))
    assert result.tables["designs"].num_rows == 3
    control(calls=calls)
    for file in calls.iterdir():
        file.unlink()
    assert run(tmp_path).failures == []
    assert evaluations(calls, "64-dense") == ["50-25"]  # nothing else of it was left to do


def test_a_design_all_of_whose_shards_fail_is_given_up(tmp_path: Path, control: Callable[..., None]) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    control(fail="64-dense:evaluate", calls=calls)
    dataset = "{name: fake-images, images: 200, calibration_images: 10}"
    (failure,) = run(tmp_path, dataset=dataset, shard_images="5").failures
    assert failure.stage.count(",") + 1 >= QUARANTINED_SHARDS
    assert len(evaluations(calls, "64-dense")) < 40


@pytest.mark.parametrize("how", ["disk-once", "crash-once", "die-once"])
def test_system_failures_leave_no_trace_in_the_tables(
    tmp_path: Path, control: Callable[..., None], calls: Path, how: str
) -> None:
    run(tmp_path, results="undisturbed")
    control(fail=f"64-binsparx:{how}", calls=calls)
    result = run(tmp_path)
    assert (calls / "failed-once").exists()
    assert result.failures == []
    assert tables(tmp_path / "results") == tables(tmp_path / "undisturbed")


def test_a_lack_of_memory_ends_in_smaller_batches_and_whole_shards(
    tmp_path: Path, control: Callable[..., None]
) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    control(most_images=7, calls=calls)
    result = run(tmp_path, arrays="32x32", sparsity="dense")
    assert result.failures == []
    assert "0-6" in evaluations(calls, "32-dense") and "24-1" in evaluations(calls, "32-dense")
    (row,) = result.tables["designs"].to_pylist()
    assert row["images"] == 100 and result.tables["shards"].num_rows == 4
    control()
    (plain,) = run(tmp_path, results="plain", arrays="32x32", sparsity="dense").tables["designs"].to_pylist()
    for name, value in plain.items():
        assert row[name] == (pytest.approx(value) if isinstance(value, float) else value)


def test_a_run_stops_after_too_many_failures(tmp_path: Path, control: Callable[..., None]) -> None:
    control(fail="32-dense:prepare")
    result = run(tmp_path, max_failures=0)
    assert result.stopped and len(result.failures) == 1
    control()
    assert not run(tmp_path, max_failures=0).stopped


def test_a_full_disk_ends_the_run_at_once_and_names_the_path(
    tmp_path: Path, control: Callable[..., None], calls: Path
) -> None:
    control(fail="32-binsparx:full@25", calls=calls)
    with pytest.raises(DiskFull, match="^/full/shard.parquet: No space left on device; what is finished is kept"):
        run(tmp_path)
    assert evaluations(calls, "32-binsparx").count("25-25") == 1
    control()
    assert run(tmp_path).failures == []
