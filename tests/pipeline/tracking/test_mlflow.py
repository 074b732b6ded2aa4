"""MLflow on SQLite: a run a design point, written once, and a server that is away stops nothing."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from pipeline.storage.store import Store
from pipeline.sweep.plan import Plan
from pipeline.tables.stored import read_table
from pipeline.tracking.client import TrackingUnavailable, default_tracking_uri
from pipeline.tracking.sweeps import track_sweep
from pipeline.tracking.view import view_tag
from tests.pipeline.finished_sweep import finish_sweep

pytestmark = pytest.mark.usefixtures("fakes")


class Finished(NamedTuple):
    """What a run leaves."""

    plan: Plan
    store: Store
    tables: dict[str, pa.Table]


def run(folder: Path, **changes: str) -> Finished:
    # Of accuracy and current the stand-in's front is the binsparx designs alone, whatever else a sweep holds.
    changes = {"pareto": "{objectives: [accuracy, current]}", **changes}
    plan, store = finish_sweep(folder, study="tests", **changes)
    tables = {name: read_table(plan.name, name, store) for name in ("designs", "pareto")}
    return Finished(plan, store, {name: table for name, table in tables.items() if table is not None})


def runs_of(result: Finished) -> tuple[MlflowClient, list[Run]]:
    client = MlflowClient(tracking_uri=default_tracking_uri(result.store))
    experiment = client.get_experiment_by_name("tests")
    assert experiment is not None
    return client, list(client.search_runs([experiment.experiment_id], max_results=1000))


def test_tracking_is_complete_and_doing_it_again_changes_nothing(tmp_path: Path) -> None:
    result = run(tmp_path)
    first = track_sweep(result.plan.sweep, result.store)
    assert (first.written, first.unchanged) == (5, 0)
    client, runs = runs_of(result)
    (parent,) = [run for run in runs if run.data.tags["binsparx.kind"] == "sweep"]
    children = {run.data.tags["design_key"]: run for run in runs if run is not parent}
    rows = {row["design_key"]: row for row in result.tables["designs"].to_pylist()}
    assert children.keys() == rows.keys()
    for key, child in children.items():
        row = rows[key]
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.data.tags["on_front"] == str(row["on_front"]).lower()
        assert child.data.metrics["accuracy_pct"] == pytest.approx(100 * row["accuracy"])
        assert child.data.metrics["mean_column_current_uA"] == 1e6 * row["mean_column_current_A"]
        for metric, column, factor in (
            ("energy_per_image_nJ", "energy_per_image_J", 1e9),
            ("area_mm2", "area_m2", 1e6),
        ):
            assert child.data.metrics[metric] == pytest.approx(factor * row[column])
        assert child.data.metrics["latency_per_image_us"] == pytest.approx(1e6 * row["latency_per_image_s"])
        assert child.data.params["sparsity"] == row["sparsity"]
        assert child.info.status == "FINISHED"
    assert {"sweep.yaml", "designs.parquet"} <= {item.path for item in client.list_artifacts(parent.info.run_id)}

    again = track_sweep(result.plan.sweep, result.store)
    assert (again.written, again.unchanged) == (0, 5)
    history = client.get_metric_history(next(iter(children.values())).info.run_id, "accuracy_pct")
    assert len(history) == 1

    wider = run(tmp_path, sparsity="[dense, weight, binsparx]")
    third = track_sweep(wider.plan.sweep, wider.store)
    assert third.written == 3  # two new points and the parent
    assert len(runs_of(wider)[1]) == 7

    more = run(
        tmp_path,
        sparsity="[dense, weight, binsparx]",
        dataset="{name: fake-images, images: 130, calibration_images: 10}",
    )
    track_sweep(more.plan.sweep, more.store)
    found = runs_of(more)[1]
    assert len(found) == 7
    assert {run.data.metrics["images"] for run in found if "images" in run.data.metrics} == {130.0}


def tracked(result: Finished, tag: str) -> set[str]:
    """The keys of the designs whose run has ``tag`` set."""
    tags = [run.data.tags for run in runs_of(result)[1]]
    return {held["design_key"] for held in tags if held.get(tag) == "true"}


def test_the_front_alone_can_be_tracked(tmp_path: Path) -> None:
    result = run(tmp_path, tracking="{mode: front, sample: 0}")
    done = track_sweep(result.plan.sweep, result.store)
    assert done.written == 1 + result.tables["pareto"].num_rows


def test_the_front_and_a_sample_of_the_other_designs(tmp_path: Path) -> None:
    tracking = "{mode: front, sample: 3}"
    levels = "[dense, weight, activation, binsparx]"
    result = run(tmp_path, tracking=tracking, sparsity=levels)
    front = set(result.tables["pareto"]["design_key"].to_pylist())
    others = sorted(set(result.tables["designs"]["design_key"].to_pylist()) - front)
    assert front and len(others) > 3
    first = track_sweep(result.plan.sweep, result.store)
    assert (first.written, first.unchanged) == (1 + len(front) + 3, 0)
    assert tracked(result, "on_front") == front
    assert tracked(result, "in_sample") == set(others[:3])
    again = track_sweep(result.plan.sweep, result.store)
    assert (again.written, again.unchanged) == (0, 1 + len(front) + 3)

    everything = run(tmp_path, tracking="{mode: all, sample: 3}", sparsity=levels)
    more = track_sweep(everything.plan.sweep, everything.store)
    assert more.written == 1 + len(others) - 3  # the sweep's own run, for its file changed, and those that had none
    assert tracked(everything, "in_sample") == set(others[:3])


def test_a_design_that_leaves_the_front_or_the_sample_does_not_keep_its_tag(tmp_path: Path) -> None:
    narrow = run(tmp_path, tracking="{mode: front, sample: 1}", sparsity="[dense, weight]")
    track_sweep(narrow.plan.sweep, narrow.store)
    old = tracked(narrow, "on_front")
    wide = run(tmp_path, tracking="{mode: front, sample: 2}", sparsity="[dense, weight, activation, binsparx]")
    front = set(wide.tables["pareto"]["design_key"].to_pylist())
    others = sorted(set(wide.tables["designs"]["design_key"].to_pylist()) - front)
    assert old - front
    track_sweep(wide.plan.sweep, wide.store)
    assert tracked(wide, "on_front") == front
    assert tracked(wide, "in_sample") == set(others[:2])
    assert track_sweep(wide.plan.sweep, wide.store).written == 0


def test_a_design_that_leaves_the_sweep_does_not_keep_its_tag(tmp_path: Path) -> None:
    tracking = "{mode: all, sample: 1}"
    wide = run(tmp_path, tracking=tracking, sparsity="[dense, weight, binsparx]")
    track_sweep(wide.plan.sweep, wide.store)
    old_front, old_sample = tracked(wide, "on_front"), tracked(wide, "in_sample")
    runs_before = {run.data.tags.get("design_key"): run.info.run_id for run in runs_of(wide)[1]}

    narrow = run(tmp_path, tracking=tracking, sparsity="[dense, weight]")
    front = set(narrow.tables["pareto"]["design_key"].to_pylist())
    left = old_front - set(narrow.tables["designs"]["design_key"].to_pylist())
    assert left and front and not left & front
    track_sweep(narrow.plan.sweep, narrow.store)
    assert tracked(narrow, "on_front") == front
    assert {run.data.tags.get("design_key"): run.info.run_id for run in runs_of(narrow)[1]} == runs_before
    assert track_sweep(narrow.plan.sweep, narrow.store).written == 0

    # With the same row as before, so that nothing but the tags tells that its run has to be written.
    back = run(tmp_path, tracking=tracking, sparsity="[dense, weight, binsparx]")
    track_sweep(back.plan.sweep, back.store)
    assert (tracked(back, "on_front"), tracked(back, "in_sample")) == (old_front, old_sample)
    assert track_sweep(back.plan.sweep, back.store).written == 0


def test_runs_of_designs_that_left_cost_nothing_but_the_tags_to_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracking = "{mode: all, sample: 0}"
    wide = run(tmp_path, tracking=tracking, corners="[nominal, pessimistic]", sparsity="[dense, binsparx]")
    track_sweep(wide.plan.sweep, wide.store)
    front = tracked(wide, "on_front")
    narrow = run(tmp_path, tracking=tracking, arrays="32x32", sparsity="dense")
    assert narrow.tables["designs"].num_rows == 1 and len(front) == 2  # of the seven that left
    requests: list[str] = []
    for name in ("search_runs", "get_run", "log_batch", "set_tag"):
        original = getattr(MlflowClient, name)

        def counted(*arguments: Any, _name: str = name, _original: Any = original, **options: Any) -> Any:
            requests.append(_name)
            return _original(*arguments, **options)

        monkeypatch.setattr(MlflowClient, name, counted)
    track_sweep(narrow.plan.sweep, narrow.store)
    # the sweep's own run and the design that is left, and the two that were on the front
    assert Counter(requests) == {"search_runs": 1, "log_batch": 2 + 2, "set_tag": 2}
    requests.clear()
    track_sweep(narrow.plan.sweep, narrow.store)
    assert requests == ["search_runs"]


def test_a_run_that_was_made_twice_is_one_again(tmp_path: Path) -> None:
    result = run(tmp_path)
    track_sweep(result.plan.sweep, result.store)
    client, runs = runs_of(result)
    for run_made in runs:  # the design's or the sweep's tags, as a repeated request would set them
        names = ("design_key", "binsparx.sweep", "binsparx.kind")
        tags = {name: run_made.data.tags[name] for name in names if name in run_made.data.tags}
        client.create_run(run_made.info.experiment_id, tags=tags)
    assert len(runs_of(result)[1]) == 10
    track_sweep(result.plan.sweep, result.store)
    kept = runs_of(result)[1]
    assert len({item.data.tags.get("design_key") for item in kept}) == len(kept) == 5
    (parent,) = [item for item in kept if item.data.tags["binsparx.kind"] == "sweep"]
    assert parent.data.metrics["designs"] == 4
    assert {item.data.tags.get("mlflow.parentRunId") for item in kept if item is not parent} == {parent.info.run_id}
    assert track_sweep(result.plan.sweep, result.store).written == 0

    one = next(item for item in kept if item is not parent)
    client.log_metric(one.info.run_id, "no_longer_known", 1.0)  # MLflow takes none back: the run is made anew
    for name, value in (("mine", "yes"), ("mlflow.note.content", "look here"), ("binsparx.row_digest", "")):
        client.set_tag(one.info.run_id, name, value)
    assert track_sweep(result.plan.sweep, result.store).written == 1
    (again,) = [r for r in runs_of(result)[1] if r.data.tags.get("design_key") == one.data.tags["design_key"]]
    assert again.info.run_id != one.info.run_id and "no_longer_known" not in again.data.metrics
    assert (again.data.tags["mine"], again.data.tags["mlflow.note.content"]) == ("yes", "look here")


@pytest.mark.parametrize("uri", ["http://user:secret@127.0.0.1:9", "sqlite:////proc/nowhere/mlflow.db"])
def test_a_store_that_is_away_is_one_warning_without_secrets(tmp_path: Path, uri: str) -> None:
    result = run(tmp_path)
    with pytest.raises(TrackingUnavailable) as caught:
        track_sweep(result.plan.sweep, result.store, uri)
    assert len(str(caught.value).splitlines()) == 1
    assert "secret" not in str(caught.value)


def test_tracking_needs_tables(tmp_path: Path) -> None:
    result = run(tmp_path)
    (tmp_path / "results/sweeps/small/designs.parquet").unlink()
    with pytest.raises(TrackingUnavailable, match="run it first"):
        track_sweep(result.plan.sweep, result.store)


def test_values_that_mlflow_would_cut_to_the_same_are_told_apart() -> None:
    from pipeline.tracking.mlflow import told_apart

    assert told_apart({"8T-SRAM", "1T-1ReRAM", "1T-1ReRAM-BL"}) == {
        "8T-SRAM": "8T-SRAM",
        "1T-1ReRAM": "1T-1ReRAM",
        "1T-1ReRAM-BL": "BL 1T-1ReRAM-BL",
    }
    long = {f"r_col=1.25;r_source=2.5;r_sink={ohms}000000000000{end}" for ohms in (1, 2) for end in (1, 2)}
    assert len({text[:9] for text in told_apart(long).values()}) == 4
    assert all(text.endswith(value) for value, text in told_apart(long).items())


def test_designs_can_be_told_apart_and_are_found_for_comparison(tmp_path: Path) -> None:
    from pipeline.tracking.mlflow import PARAMETERS, distinct_parameters
    from pipeline.tracking.runs import find_designs

    assert len({name[:10] for name in PARAMETERS}) == len(PARAMETERS)
    result = run(tmp_path, adc="{bits: 6, reference: [nominal, calibrated, calibrated_column]}", arrays="32x32")
    rows = result.tables["designs"].to_pylist()
    params = distinct_parameters(rows)
    assert len({values["adc_reference"][:10] for values in params.values()}) == 3
    assert {values["device"] for values in params.values()} == {"8T-SRAM"}
    uri = default_tracking_uri(result.store)
    assert find_designs(uri, "small", 10) is None
    track_sweep(result.plan.sweep, result.store)
    found = find_designs(uri, "small", 4)
    assert found is not None and len(found.runs) == 4
    client, runs = runs_of(result)
    front = {item.info.run_id for item in runs if item.data.tags.get("on_front") == "true"}
    assert set(found.runs[: len(front)]) == front
    (parent,) = [item for item in runs if item.data.tags["binsparx.kind"] == "sweep"]
    tags = client.get_experiment(found.experiment).tags
    view = json.loads(tags[view_tag(found.sweep)])  # the page that the list begins with: MLflow's own form
    assert view["selectedColumns"][:6] == [
        f"params.`{name}`" for name in ("device", "corner", "rows", "cols", "sparsity", "adc_reference")
    ]
    shown = {kind: set() for kind in ("params", "metrics", "tags")}  # type: dict[str, set[str]]
    for column in view["selectedColumns"]:
        kind, _, name = column.partition(".")
        shown[kind].add(name.strip("`"))
    design = client.get_run(found.runs[0]).data
    assert shown["params"] <= design.params.keys() and {"on_front"} == shown["tags"] <= design.tags.keys()
    assert {"accuracy_pct", "energy_per_image_nJ"} <= shown["metrics"] <= design.metrics.keys()
    (dataset,) = parent.inputs.dataset_inputs
    assert dataset.dataset.name == "fake-images"
