"""What a synchronisation that was cut short, or one after tables that changed, leaves in MLflow. No Ray."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from pipeline.storage.store import Store
from pipeline.tables.files import table_path
from pipeline.tables.stored import read_table
from pipeline.tracking.artifacts import attach_datasets
from pipeline.tracking.client import TrackingUnavailable, default_tracking_uri
from pipeline.tracking.sweeps import track_sweep
from tests.pipeline.finished_sweep import finish_sweep


def runs_of(store: Store) -> tuple[MlflowClient, dict[str, Run]]:
    """The runs by design key, the sweep's own under the empty key."""
    client = MlflowClient(tracking_uri=default_tracking_uri(store))
    experiment = client.get_experiment_by_name("tests")
    assert experiment is not None
    return client, {run.data.tags.get("design_key", ""): run for run in client.search_runs([experiment.experiment_id])}


def write_designs(store: Store, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), sink)
    store.put(table_path("small", "designs"), sink.getvalue())


def test_what_could_not_be_uploaded_comes_with_the_next_synchronisation(
    tmp_path: Path, fakes: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, store = finish_sweep(tmp_path, study="tests", arrays="32x32")

    def fail(*_: Any) -> None:
        raise OSError("no room")

    for method in ("log_artifacts", "log_inputs"):
        with monkeypatch.context() as patch:
            patch.setattr(MlflowClient, method, fail)
            with pytest.raises(TrackingUnavailable, match="no room"):
                track_sweep(plan.sweep, store)
    assert track_sweep(plan.sweep, store).unchanged == 0
    client, runs = runs_of(store)
    uploaded = {item.path for item in client.list_artifacts(runs[""].info.run_id)}
    assert {"sweep.yaml", "designs.parquet"} <= uploaded
    assert len(runs[""].inputs.dataset_inputs) == 1
    assert track_sweep(plan.sweep, store).written == 0


def test_a_metric_that_is_no_more_leaves_mlflow(tmp_path: Path, fakes: None) -> None:
    plan, store = finish_sweep(tmp_path, study="tests", arrays="32x32")
    track_sweep(plan.sweep, store)
    table = read_table("small", "designs", store)
    assert table is not None
    changed, kept = table.to_pylist()
    write_designs(store, [changed | {"energy_per_image_J": None}, kept], table.schema)
    track_sweep(plan.sweep, store)
    runs = runs_of(store)[1]
    assert "energy_per_image_nJ" not in runs[changed["design_key"]].data.metrics
    assert runs[changed["design_key"]].data.metrics["accuracy_pct"] == pytest.approx(100 * changed["accuracy"])
    assert runs[kept["design_key"]].data.metrics["energy_per_image_nJ"] == 1e9 * kept["energy_per_image_J"]
    assert track_sweep(plan.sweep, store).written == 0


def test_a_data_set_has_the_images_of_the_design_that_saw_most() -> None:
    attached: list[Any] = []
    client: Any = SimpleNamespace(log_inputs=lambda run_id, inputs: attached.extend(inputs))
    data = {"dataset": "images", "dataset_digest": "d" * 64, "dataset_split": "test"}
    attach_datasets(client, "run", [data | {"images": images} for images in (50, 200, 100)])
    (one,) = attached
    assert json.loads(one.dataset.profile) == {"images": 200}
