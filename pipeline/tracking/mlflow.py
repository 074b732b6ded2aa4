"""MLflow: one experiment a study, one parent run a sweep, one child run a design point.

Written from the finished tables by the driver alone, so it can be done again at any time: a run is found by its tags
and touched only where its row has changed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.front.sampling import sample_others
from pipeline.storage.store import Store
from pipeline.sweep.keys import digest_of, short_key
from pipeline.sweep.spec import SweepFile
from pipeline.tables.files import SWEEPS_FOLDER, read_table
from pipeline.tables.schema import AXIS_COLUMNS
from pipeline.uris import without_secret
from simcore.errors import BinsparxError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ARTIFACTS = ("sweep.yaml", "designs.parquet", "layers.parquet", "pareto.parquet", "front.png", "report.html")
_PREFIX = "binsparx"
_ROW_DIGEST = f"{_PREFIX}.row_digest"  # of all that a run holds
_MARKS = ("on_front", "in_sample")  # tags that say what a design is among the others of its sweep
_SHOWN_CHARACTERS = 9  # of a value in MLflow's parallel coordinates
_DIGEST_CHARACTERS = 36  # of a data set's digest that MLflow holds
_PARAMETERS = [*(name for name in AXIS_COLUMNS if name not in ("design_key", "sweep")), "solver"]
_FRACTIONS = {
    "accuracy": "accuracy_pct",
    "accuracy_low": "accuracy_low_pct",
    "accuracy_high": "accuracy_high_pct",
    "ideal_accuracy": "ideal_accuracy_pct",
    "accuracy_loss": "accuracy_loss_points",
    "partial_sum_reduction": "partial_sum_reduction_pct",
    "clipped_fraction": "clipped_pct",
    "evidence_changed": "evidence_changed_pct",
    "energy_change": "energy_change_pct",
    "latency_change": "latency_change_pct",
    "area_change": "area_change_pct",
}
_METRICS = {
    "images": "images",
    "mean_partial_sum": "mean_partial_sum_lsb",
    "rms_error_lsb": "rms_error_lsb",
    "worst_error_lsb": "worst_error_lsb",
    "mean_column_current_A": "mean_column_current_A",
    "charge_per_image_C": "charge_per_image_C",
    "energy_per_image_J": "energy_per_image_J",
    "energy_array_J": "energy_array_J",
    "energy_adc_J": "energy_adc_J",
    "energy_leakage_J": "energy_leakage_J",
    "energy_digital_mac_J": "energy_digital_mac_J",
    "energy_digital_memory_J": "energy_digital_memory_J",
    "energy_digital_leakage_J": "energy_digital_leakage_J",
    "energy_delay_Js": "energy_delay_Js",
    "latency_per_image_s": "latency_per_image_s",
    "latency_digital_s": "latency_digital_s",
    "throughput_per_s": "throughput_per_s",
    "area_m2": "area_m2",
    "area_digital_m2": "area_digital_m2",
    "tops_per_watt": "tops_per_watt",
    "tops_per_mm2": "tops_per_mm2",
    "column_reads_per_image": "column_reads_per_image",
    "evidence_rms_lsb": "evidence_rms_lsb",
    "evidence_worst_lsb": "evidence_worst_lsb",
    "evidence_converted_rms_lsb": "evidence_converted_rms_lsb",
    "evidence_converted_worst_lsb": "evidence_converted_worst_lsb",
    "evidence_top_bias_lsb": "evidence_top_bias_lsb",
    "evidence_output_error": "evidence_output_error",
}


class TrackingUnavailable(BinsparxError):
    """The tracking server or file cannot be used now; results are not affected."""


@dataclass(frozen=True)
class TrackingResult:
    """What a synchronisation did."""

    uri: str
    experiment: str
    written: int
    unchanged: int


@dataclass(frozen=True)
class _Entry:
    """All that MLflow holds about one run."""

    name: str
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]

    @property
    def digest(self) -> str:
        return digest_of([self.name, self.params, self.metrics, self.tags])


def default_tracking_uri(store: Store) -> str:
    """An SQLite file in the results folder.

    Raises:
        TrackingUnavailable: the results are not on this machine's disk.
    """
    path = store.local_path("mlflow.db")
    if path is None:
        raise TrackingUnavailable(f"results at {store.uri} have no place for an SQLite file; name a tracking server")
    return f"sqlite:///{path}"


@dataclass(frozen=True)
class TrackedDesigns:
    """Where a sweep's designs are: the experiment, and runs to compare, those on the front first."""

    experiment: str
    runs: list[str]


def find_designs(uri: str, sweep_name: str | None, most: int) -> TrackedDesigns | None:
    """At most ``most`` design runs of a sweep, or of any: the front, then an even choice of the others by accuracy.

    Raises:
        TrackingUnavailable: MLflow cannot be reached.
    """
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        return None
    client = _quiet_client(uri)
    wanted = f"tags.`{_PREFIX}.kind` = 'design'"
    wanted += f" and tags.`{_PREFIX}.sweep` = '{sweep_name}'" if sweep_name else ""
    try:
        known = [experiment.experiment_id for experiment in client.search_experiments()]
        runs = client.search_runs(known, wanted, max_results=5000, order_by=["metrics.accuracy_pct DESC"])
    except Exception as error:
        raise _unavailable(uri, error) from error
    if not runs:
        return None
    experiment = str(runs[0].info.experiment_id)
    of_it = [run for run in runs if run.info.experiment_id == experiment]
    front = [run.info.run_id for run in of_it if run.data.tags.get("on_front") == "true"][:most]
    others = [run.info.run_id for run in of_it if run.data.tags.get("on_front") != "true"]
    step = max(1, -(-len(others) // max(1, most - len(front))))
    return TrackedDesigns(experiment, (front + others[::step])[:most])


def track_sweep(sweep: SweepFile, store: Store, uri: str | None = None, failed: bool = False) -> TrackingResult:
    """Brings MLflow up to date with the tables of a sweep; doing it twice changes nothing.

    Raises:
        TrackingUnavailable: MLflow cannot be reached or written; nothing else is affected.
    """
    spec = sweep.spec
    uri = uri or spec.tracking.uri or default_tracking_uri(store)
    table = read_table(spec.name, "designs", store)
    if table is None:
        raise TrackingUnavailable(f"there are no tables of sweep '{spec.name}' in {store.uri}; run it first")
    client = _quiet_client(uri)
    try:
        return _synchronise(client, sweep, store, uri, table.to_pylist(), failed)
    except Exception as error:  # whatever MLflow, SQLAlchemy or HTTP raise: the sweep must not suffer
        raise _unavailable(uri, error) from error


def _synchronise(
    client: MlflowClient,
    sweep: SweepFile,
    store: Store,
    uri: str,
    rows: list[dict[str, Any]],
    failed: bool,
) -> TrackingResult:
    name, study = sweep.spec.name, sweep.spec.study
    experiment = _experiment(client, study, store)
    known = _known_runs(client, experiment, name)
    artifacts = {file: data for file in ARTIFACTS if (data := store.read(f"{SWEEPS_FOLDER}/{name}/{file}")) is not None}

    def attach(run_id: str) -> None:
        _log_artifacts(client, run_id, artifacts)
        _attach_dataset(client, run_id, rows)

    parent = _parent_entry(sweep, rows, artifacts, failed)
    parent_id, parent_written = _write_entry(client, experiment, known.get(""), parent, failed, attach)
    written = int(parent_written)
    params = _distinct_parameters(rows)
    sample = sample_others(rows, sweep.spec.tracking.sample)
    tracked = _tracked(rows, sweep.spec.tracking.mode, sample, known.keys())
    for row in tracked:
        entry = _child_entry(row, name, parent_id, params[row["design_key"]], row["design_key"] in sample)
        written += _write_entry(client, experiment, known.get(row["design_key"]), entry, False)[1]
    unchanged = 1 + len(tracked) - written
    written += _take_marks(client, [run for key, run in known.items() if key not in params])
    return TrackingResult(without_secret(uri), study, written, unchanged)


def _tracked(rows: list[dict[str, Any]], mode: str, sample: set[str], known: Collection[str]) -> list[dict[str, Any]]:
    """The rows that get a run. A design that has one keeps it, so that it never tells of a front that is no more."""
    if mode == "all":
        return rows
    return [row for row in rows if row["on_front"] or row["design_key"] in sample or row["design_key"] in known]


def _quiet_client(uri: str) -> MlflowClient:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    for name in ("alembic", "mlflow", "mlflow.store.db.utils", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.ERROR)
    from mlflow import MlflowClient

    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        return MlflowClient(tracking_uri=uri)
    except Exception as error:
        raise _unavailable(uri, error) from error


def _experiment(client: MlflowClient, study: str, store: Store) -> str:
    found = client.get_experiment_by_name(study)
    if found is None:
        folder = store.local_path("mlflow-artifacts")
        location = None if client.tracking_uri.startswith("http") or folder is None else _below(folder, study).as_uri()
        return str(client.create_experiment(study, artifact_location=location))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _below(folder: Path, name: str) -> Path:
    """A folder for a study of any name, never outside ``folder``."""
    return folder / (re.sub(r"[^\w .-]", "_", name).lstrip(".") or "_")


def _known_runs(client: MlflowClient, experiment: str, sweep_name: str) -> dict[str, Run]:
    """The runs of a sweep by design key; the parent under the empty key.

    A second run of one design goes: a request that was repeated since its answer was lost made it, or somebody who
    synchronised at the same time.
    """
    runs: dict[str, Run] = {}
    surplus: list[str] = []
    token: str | None = None
    while True:
        page = client.search_runs(
            [experiment], f"tags.`{_PREFIX}.sweep` = '{sweep_name}'", max_results=1000, page_token=token
        )
        for run in page:
            if runs.setdefault(run.data.tags.get("design_key", ""), run) is not run:
                surplus.append(run.info.run_id)
        token = page.token
        if not token:
            break
    for run_id in surplus:
        client.delete_run(run_id)
    return runs


def _write_entry(
    client: MlflowClient,
    experiment: str,
    run: Run | None,
    entry: _Entry,
    failed: bool,
    attach: Callable[[str], None] | None = None,
) -> tuple[str, bool]:
    """Makes or updates one run; returns its id and whether anything had to be written.

    Args:
        attach: adds to the run of that id what belongs to it beside the entry.
    """
    from mlflow.entities import Metric, Param, RunTag

    if run is not None and run.data.tags.get(_ROW_DIGEST) == entry.digest:
        return str(run.info.run_id), False
    if run is not None and not _can_become(run, entry):
        client.delete_run(run.info.run_id)
        run = None
    now = int(time.time() * 1000)
    if run is None:
        run = client.create_run(experiment, start_time=now, run_name=entry.name, tags=entry.tags)
    run_id = str(run.info.run_id)
    held = run.data.metrics
    metrics = [Metric(name, value, now, 0) for name, value in entry.metrics.items() if held.get(name) != value]
    params = [Param(name, value) for name, value in entry.params.items() if name not in run.data.params]
    tags = [RunTag(name, value) for name, value in entry.tags.items()]
    client.log_batch(run_id, metrics=metrics, params=params, tags=tags)
    client.set_terminated(run_id, status="FAILED" if failed else "FINISHED")
    if attach is not None:
        attach(run_id)
    # Last, so that a synchronisation that was cut short is done again.
    client.set_tag(run_id, _ROW_DIGEST, entry.digest)
    return run_id, True


def _can_become(run: Run, entry: _Entry) -> bool:
    """Whether a run can be brought to an entry: MLflow never changes a parameter, and never takes back a metric."""
    same_parameters = all(run.data.params.get(name, value) == value for name, value in entry.params.items())
    return same_parameters and run.data.metrics.keys() <= entry.metrics.keys()


def _take_marks(client: MlflowClient, runs: Iterable[Run]) -> int:
    """Takes the marks from runs of designs that left the sweep; returns how many had any: only these are written."""
    from mlflow.entities import RunTag

    marked = [run for run in runs if any(run.data.tags.get(name) == "true" for name in _MARKS)]
    # Without its digest the run is written anew should the design come back, even with the same row.
    tags = [RunTag(_ROW_DIGEST, ""), *(RunTag(name, "false") for name in _MARKS)]
    for run in marked:
        client.log_batch(run.info.run_id, tags=tags)
    return len(marked)


def _parent_entry(sweep: SweepFile, rows: list[dict[str, Any]], artifacts: dict[str, bytes], failed: bool) -> _Entry:
    spec = sweep.spec
    metrics: dict[str, float] = {"designs": len(rows), "designs_on_front": sum(row["on_front"] for row in rows)}
    if rows:
        images = max(row["images"] for row in rows)  # what a race stopped saw fewer
        metrics["best_accuracy_pct"] = 100 * max(row["accuracy"] for row in rows if row["images"] == images)
    tags = {
        f"{_PREFIX}.sweep": spec.name,
        f"{_PREFIX}.kind": "sweep",
        f"{_PREFIX}.failed": str(failed).lower(),
        f"{_PREFIX}.artifacts": digest_of({name: _sha256(data) for name, data in artifacts.items()}),
        "mlflow.note.content": spec.description,
    }
    return _Entry(spec.name, {}, metrics, tags)


def _distinct_parameters(rows: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """The parameters of every design by key.

    MLflow's parallel coordinates cut values short: of values that would look the same there, each begins with what sets
    it apart, or with digits of its digest where that is too long as well.
    """
    shown = {name: _told_apart({str(row[name]) for row in rows}) for name in _PARAMETERS}
    return {row["design_key"]: {name: shown[name][str(row[name])] for name in _PARAMETERS} for row in rows}


def _told_apart(values: set[str]) -> dict[str, str]:
    """How each value is written so that the first characters of no two agree."""
    alike: dict[str, list[str]] = {}
    for value in sorted(values):
        alike.setdefault(value[:_SHOWN_CHARACTERS], []).append(value)
    shown: dict[str, str] = {}
    for group in alike.values():
        common = len(os.path.commonprefix(group))
        tails = {value: value[common:].strip(" -_;=") if len(group) > 1 else "" for value in group}
        shown |= {value: f"{tail} {value}" if tail else value for value, tail in tails.items()}
    starts = [text[:_SHOWN_CHARACTERS] for text in shown.values()]
    return {
        value: text if starts.count(text[:_SHOWN_CHARACTERS]) == 1 else f"{digest_of(value)[:4]} {value}"
        for value, text in shown.items()
    }


def _child_entry(
    row: dict[str, Any], sweep_name: str, parent_id: str, params: dict[str, str], in_sample: bool
) -> _Entry:
    metrics = {metric: 100 * float(row[name]) for name, metric in _FRACTIONS.items() if row[name] is not None}
    metrics |= {metric: float(row[name]) for name, metric in _METRICS.items() if row[name] is not None}
    tags = {
        "mlflow.parentRunId": parent_id,
        "design_key": row["design_key"],
        "on_front": str(row["on_front"]).lower(),
        "in_sample": str(in_sample).lower(),
        f"{_PREFIX}.sweep": sweep_name,
        f"{_PREFIX}.kind": "design",
        "git_commit": row["git_commit"],
        "package_version": row["package_version"],
    }
    size = f"{row['rows']}x{row['cols']}"
    run_name = f"{row['device']} {row['corner']} {size} {row['sparsity']} {short_key(row['design_key'])}"
    return _Entry(run_name, params, metrics, tags)


def _attach_dataset(client: MlflowClient, run_id: str, rows: list[dict[str, Any]]) -> None:
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


def _log_artifacts(client: MlflowClient, run_id: str, artifacts: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, data in artifacts.items():
            (Path(folder) / name).write_bytes(data)
        client.log_artifacts(run_id, folder)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _unavailable(uri: str, error: Exception) -> TrackingUnavailable:
    text = without_secret(" ".join(str(error).split()))
    return TrackingUnavailable(f"MLflow at {without_secret(uri)} cannot be used: {text[:200]}")
