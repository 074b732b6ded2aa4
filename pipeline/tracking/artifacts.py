"""What the run of a sweep has beside its figures: files, and the data sets as inputs."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.storage.store import Store
from pipeline.tables.files import SWEEPS_FOLDER

if TYPE_CHECKING:
    from mlflow import MlflowClient

ARTIFACTS = ("sweep.yaml", "designs.parquet", "layers.parquet", "pareto.parquet", "front.png", "report.html")

_DIGEST_CHARACTERS = 36  # of a data set's digest that MLflow holds
# of a data set's digest that MLflow holds


def read_artifacts(sweep_name: str, store: Store) -> dict[str, bytes]:
    """The files of a finished sweep that there are, by name."""
    files = {name: store.read(f"{SWEEPS_FOLDER}/{sweep_name}/{name}") for name in ARTIFACTS}
    return {name: data for name, data in files.items() if data is not None}


def attach_artifacts(client: MlflowClient, run_id: str, artifacts: dict[str, bytes]) -> None:
    """Uploads files, given by name, to a run."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in artifacts.items():
            (Path(folder) / name).write_bytes(data)
        client.log_artifacts(run_id, folder)


def attach_datasets(client: MlflowClient, run_id: str, rows: list[dict[str, Any]]) -> None:
    """The data sets of the designs as inputs of the sweep's run, by their digests."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    found: dict[tuple[str, str, str], int] = {}
    for row in rows:
        data = (row["dataset"], row["dataset_digest"], row["dataset_split"])
        found[data] = max(found.get(data, 0), row["images"])  # what a race stopped saw fewer
    inputs = [
        DatasetInput(
            Dataset(name, digest[:_DIGEST_CHARACTERS], "binsparx", name, profile=json.dumps({"images": images})),
            [InputTag("mlflow.data.context", split)],
        )
        for (name, digest, split), images in found.items()
    ]
    if inputs:
        client.log_inputs(run_id, inputs)
