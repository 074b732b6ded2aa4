"""Runs in MLflow: how they are found again, made, brought up to date and taken back."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.storage.store import Store
from pipeline.tracking.client import PREFIX, TrackingUnavailable, quiet_client, unavailable
from pipeline.tracking.database import database_file, database_state
from pipeline.tracking.mlflow import Entry

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_ROW_DIGEST = f"{PREFIX}.row_digest"  # of all that a run holds
_NOTE = "mlflow.note.content"
_MARKS = ("on_front", "in_sample")  # tags that say what a design is among the others of its sweep


@dataclass(frozen=True)
class TrackedDesigns:
    """Where a sweep's designs are: the experiment, its sweep, and runs to compare, those on the front first."""

    experiment: str
    sweep: str
    runs: list[str]


def find_designs(uri: str, sweep_name: str | None, most: int) -> TrackedDesigns | None:
    """At most ``most`` design runs of a sweep, or of any: the front, then an even choice of the others by accuracy.

    Raises:
        TrackingUnavailable: MLflow cannot be reached.
    """
    if (path := database_file(uri)) is not None and not _is_usable(path, uri):
        return None
    client = quiet_client(uri)
    wanted = f"tags.`{PREFIX}.kind` = 'design'"
    wanted += f" and tags.`{PREFIX}.sweep` = '{sweep_name}'" if sweep_name else ""
    try:
        known = [experiment.experiment_id for experiment in client.search_experiments()]
        runs = client.search_runs(known, wanted, max_results=5000, order_by=["metrics.accuracy_pct DESC"])
    except Exception as error:
        raise unavailable(uri, error) from error
    if not runs:
        return None
    experiment = str(runs[0].info.experiment_id)
    of_it = [run for run in runs if run.info.experiment_id == experiment]
    front = [run.info.run_id for run in of_it if run.data.tags.get("on_front") == "true"][:most]
    others = [run.info.run_id for run in of_it if run.data.tags.get("on_front") != "true"]
    step = max(1, -(-len(others) // max(1, most - len(front))))
    return TrackedDesigns(experiment, runs[0].data.tags[f"{PREFIX}.sweep"], (front + others[::step])[:most])


def _is_usable(path: Path, uri: str) -> bool:
    """Whether there is a database that holds anything; opening one with MLflow would make it."""
    try:
        state = database_state(path)
    except sqlite3.OperationalError as error:
        raise unavailable(uri, error) from None
    if state == "damaged":
        raise TrackingUnavailable(f"{path} is damaged; it is made anew by: binsparx track SWEEP.yaml")
    return state == "sound"


def open_experiment(client: MlflowClient, study: str, store: Store) -> str:
    """The id of a study's experiment, made where there is none and brought back where it was deleted."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(study)
    if found is None:
        folder = store.local_path("mlflow-artifacts")
        remote = client.tracking_uri.startswith("http")
        location = None if remote or folder is None else folder_of_study(folder, study).as_uri()
        try:
            return str(client.create_experiment(study, artifact_location=location))
        except MlflowException:
            found = client.get_experiment_by_name(study)  # another process may just have made it
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def folder_of_study(folder: Path, name: str) -> Path:
    """A folder for a study of any name, never outside ``folder``."""
    return folder / (re.sub(r"[^\w .-]", "_", name).lstrip(".") or "_")


def known_runs(client: MlflowClient, experiment: str, sweep_name: str) -> dict[str, Run]:
    """The runs of a sweep by design key; the parent under the empty key.

    A second run of one design goes: a request that was repeated since its answer was lost made it, or somebody who
    synchronised at the same time.
    """
    runs: dict[str, Run] = {}
    surplus: list[str] = []
    token: str | None = None
    while True:
        page = client.search_runs(
            [experiment], f"tags.`{PREFIX}.sweep` = '{sweep_name}'", max_results=1000, page_token=token
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


def write_entry(
    client: MlflowClient,
    experiment: str,
    run: Run | None,
    entry: Entry,
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
    added: dict[str, str] = {}
    if run is not None and not _can_become(run, entry):
        added = _added_by_people(run)
        client.delete_run(run.info.run_id)
        run = None
    now = int(time.time() * 1000)
    if run is None:
        run = client.create_run(experiment, start_time=now, run_name=entry.name, tags=added | entry.tags)
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


def _can_become(run: Run, entry: Entry) -> bool:
    """Whether a run can be brought to an entry: MLflow never changes a parameter, and never takes back a metric."""
    same_parameters = all(run.data.params.get(name, value) == value for name, value in entry.params.items())
    return same_parameters and run.data.metrics.keys() <= entry.metrics.keys()


def _added_by_people(run: Run) -> dict[str, str]:
    """The note of a run and its tags, but for MLflow's own; those of an entry are written over them."""
    return {
        name: value
        for name, value in run.data.tags.items()
        if name == _NOTE or not (name == _ROW_DIGEST or name.startswith("mlflow."))
    }


def write_view(client: MlflowClient, experiment: str, tag: str, state: str) -> None:
    """Sets a tag of an experiment where it says anything else."""
    if client.get_experiment(experiment).tags.get(tag) != state:
        client.set_experiment_tag(experiment, tag, state)


def take_marks(client: MlflowClient, runs: Iterable[Run]) -> int:
    """Takes the marks from runs of designs that left the sweep; returns how many had any: only these are written."""
    from mlflow.entities import RunTag

    marked = [run for run in runs if any(run.data.tags.get(name) == "true" for name in _MARKS)]
    # Without its digest the run is written anew should the design come back, even with the same row.
    tags = [RunTag(_ROW_DIGEST, ""), *(RunTag(name, "false") for name in _MARKS)]
    for run in marked:
        client.log_batch(run.info.run_id, tags=tags)
    return len(marked)
