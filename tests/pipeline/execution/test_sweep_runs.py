"""Whole runs on a real local Ray with real Parquet: what is computed, what is kept, what happens when things break."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipeline.execution.runner import RunOptions, RunResult, run_sweep
from pipeline.tables.schema import SCHEMAS
from simcore.errors import InputError
from tests.pipeline.fake_simcore import write_sweep

pytestmark = pytest.mark.usefixtures("fakes", "ray_cluster")

CONTRACT_COLUMNS = (
    "design_key sweep model dataset device corner rows cols active_rows sparsity prune adc_bits adc_reference "
    "seed images accuracy accuracy_low accuracy_high ideal_accuracy mean_partial_sum partial_sum_reduction "
    "rms_error_lsb solver"
).split()


def run(folder: Path, only: str | None = None, **changes: str) -> RunResult:
    options = RunOptions(results=str(folder / "results"), only=only)
    return run_sweep(write_sweep(folder, **changes), options, Console(file=io.StringIO()))


def tables_on_disk(folder: Path, sweep: str = "small") -> dict[str, bytes]:
    names = [name for name in SCHEMAS if name != "timings"]
    return {name: (folder / "results" / "sweeps" / sweep / f"{name}.parquet").read_bytes() for name in names}


def names_of(calls: Path, kind: str) -> list[str]:
    return sorted(file.name for file in calls.iterdir() if f"-{kind}" in file.name)


def test_a_run_fills_all_tables(tmp_path: Path, calls: Path) -> None:
    result = run(tmp_path)
    assert not result.failures
    assert result.tasks_run == 4 * (1 + 4)
    assert len(names_of(calls, "prepare")) == 4
    assert len(names_of(calls, "evaluate")) == 16
    designs = pq.read_table(tmp_path / "results/sweeps/small/designs.parquet")
    assert set(CONTRACT_COLUMNS) <= set(designs.column_names)
    for field in designs.schema:
        assert b"unit" in field.metadata and field.metadata[b"description"]
    rows = designs.to_pylist()
    assert [(row["rows"], row["sparsity"]) for row in rows] == [
        (32, "dense"),
        (32, "binsparx"),
        (64, "dense"),
        (64, "binsparx"),
    ]
    for row in rows:
        assert row["images"] == 100 and row["ideal_accuracy"] == 1.0
        assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]
        assert row["accuracy_loss"] == pytest.approx(1 - row["accuracy"])
        assert row["partial_sum_reduction"] == pytest.approx(0.4 if row["sparsity"] == "binsparx" else 0.0)
        assert row["rms_error_lsb"] == pytest.approx(0.3**0.5)
        assert row["column_reads_per_image"] == 2000
        assert row["solver"] == "fast"
    assert result.tables["layers"].num_rows == 8
    assert result.tables["shards"].num_rows == 16
    assert result.tables["timings"].num_rows == 4
    # the stand-in's currents are small beside the converters', so that flips cost more than they save
    assert [row["sparsity"] for row in result.tables["pareto"].to_pylist()] == ["dense", "binsparx"]
    for name, schema in SCHEMAS.items():
        stored: pa.Schema = pq.read_schema(tmp_path / f"results/sweeps/small/{name}.parquet")
        assert stored.equals(schema, check_metadata=True)
        assert result.tables[name].schema.equals(schema)


def test_a_run_of_one_point_keeps_the_failures_of_others(tmp_path: Path, control: Callable[..., None]) -> None:
    control(fail="32-dense:prepare")
    result = run(tmp_path)
    (failure,) = result.failures
    other = next(point.key for point in result.plan.points if point.key != failure.design_key)
    assert not run(tmp_path, only=other).failures
    listed = json.loads((tmp_path / "results/sweeps/small/failures.json").read_text())
    assert [row["design_key"] for row in listed] == [failure.design_key]


def test_a_new_value_on_an_axis_and_another_sweep_recompute_nothing(tmp_path: Path, calls: Path) -> None:
    run(tmp_path)
    for file in calls.iterdir():
        file.unlink()
    assert run(tmp_path, sparsity="[dense, weight, binsparx]", name="wider").tasks_run == 2 * (1 + 4)
    assert all("-weight-" in file.name for file in calls.iterdir())


def test_more_images_compute_only_the_new_ones(tmp_path: Path, calls: Path) -> None:
    run(tmp_path)
    for file in calls.iterdir():
        file.unlink()
    result = run(tmp_path, dataset="{name: fake-images, images: 130, calibration_images: 10}")
    assert {name.split("-evaluate-")[1].rsplit("-", 2)[0] for name in names_of(calls, "evaluate")} == {
        "100-25",
        "125-5",
    }
    assert result.tables["designs"]["images"].to_pylist() == [130] * 4


def test_the_order_of_computing_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    run(tmp_path / "a")
    run(tmp_path / "b", arrays="64x64")
    run(tmp_path / "b", sparsity="binsparx")
    run(tmp_path / "b")
    assert tables_on_disk(tmp_path / "a") == tables_on_disk(tmp_path / "b")


@pytest.mark.parametrize("stage", ["prepare", "evaluate"])
def test_a_failing_point_leaves_the_others_alone(tmp_path: Path, control: Callable[..., None], stage: str) -> None:
    control(fail=f"64-dense:{stage}")
    result = run(tmp_path)
    assert result.tables["designs"].num_rows == 3
    (failure,) = result.failures
    assert failure.reason == "RuntimeError: the solver of 64-dense did not converge"
    assert "--only " + failure.design_key[:12] in failure.command
    assert "Traceback" in failure.details
    written = json.loads((tmp_path / "results/sweeps/small/failures.json").read_text())
    assert [entry["design_key"] for entry in written] == [failure.design_key]
    control()
    again = run(tmp_path, only=failure.design_key[:12])
    assert not again.failures
    assert again.tables["designs"].num_rows == 4
    assert json.loads((tmp_path / "results/sweeps/small/failures.json").read_text()) == []


def test_a_wrong_input_found_by_a_worker_is_not_tried_again(tmp_path: Path, control: Callable[..., None]) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    control(fail="64-dense:input", calls=calls)
    (failure,) = run(tmp_path).failures
    assert failure.reason == "somewhere: a wrong input"
    assert len([name for name in names_of(calls, "prepare") if name.startswith("64-dense")]) == 1


@pytest.mark.parametrize(
    ("victim", "images", "damage"),
    [
        ("images-000000000-000000025.parquet", 25, "foreign"),
        ("images-000000000-000000100-000000025.parquet", 100, "torn"),
        ("design.json", 100, "torn"),
    ],
)
def test_a_damaged_file_is_set_aside_and_computed_again(tmp_path: Path, victim: str, images: int, damage: str) -> None:
    dataset = f"{{name: fake-images, images: {images}, calibration_images: 10}}"
    run(tmp_path, arrays="32x32", dataset=dataset)
    before = tables_on_disk(tmp_path)
    file = sorted((tmp_path / "results" / "designs").rglob(victim))[0]
    file.write_bytes(file.read_bytes()[:-7] if damage == "torn" else b"not ours")
    result = run(tmp_path, arrays="32x32", dataset=dataset)
    assert tables_on_disk(tmp_path) == before
    assert any(victim in warning for warning in result.warnings)
    assert len(list((tmp_path / "results" / "set_aside").iterdir())) == 1


def test_only_an_unknown_key_is_bad_input_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no design of sweep 'small' has a key"):
        run(tmp_path, only="123zz")
    assert not (tmp_path / "results").exists()
