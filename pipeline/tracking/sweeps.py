"""MLflow brought up to date with a sweep: one experiment a study, one parent run a sweep, one child run a design point.

Written from the finished tables by the driver alone, so it can be done again at any time: a run is found by its tags
and touched only where its row has changed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipeline.front.sampling import sample_others
from pipeline.storage.store import Store
from pipeline.sweep.spec import SweepFile
from pipeline.tables.stored import read_table
from pipeline.tracking.artifacts import attach_artifacts, attach_datasets, read_artifacts
from pipeline.tracking.client import TrackingUnavailable, default_tracking_uri, quiet_client, unavailable
from pipeline.tracking.database import ensure_database
from pipeline.tracking.mlflow import PARAMETERS, child_entry, distinct_parameters, parent_entry
from pipeline.tracking.runs import known_runs, open_experiment, take_marks, write_entry, write_view
from pipeline.tracking.view import view_state, view_tag
from pipeline.uris import without_secret

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class TrackingResult:
    """What a synchronisation did."""

    uri: str
    experiment: str
    written: int
    unchanged: int
    set_aside: str | None = None
    """Where a damaged database went; what other sweeps had in it is to be tracked again."""


def track_sweep(sweep: SweepFile, store: Store, uri: str | None = None, failed: bool = False) -> TrackingResult:
    """Brings MLflow up to date with the tables of a sweep; doing it twice changes nothing.

    Raises:
        TrackingUnavailable: MLflow cannot be reached or written; nothing else is affected.
    """
    spec = sweep.spec
    table = read_table(spec.name, "designs", store)
    if table is None:
        raise TrackingUnavailable(f"there are no tables of sweep '{spec.name}' in {store.uri}; run it first")
    uri = uri or spec.tracking.uri or default_tracking_uri(store)
    set_aside = ensure_database(uri)
    client = quiet_client(uri)
    try:
        return replace(_synchronise(client, sweep, store, uri, table.to_pylist(), failed), set_aside=set_aside)
    except Exception as error:  # whatever MLflow, SQLAlchemy or HTTP raise: the sweep must not suffer
        raise unavailable(uri, error) from error


def _synchronise(
    client: MlflowClient,
    sweep: SweepFile,
    store: Store,
    uri: str,
    rows: list[dict[str, Any]],
    failed: bool,
) -> TrackingResult:
    name, study = sweep.spec.name, sweep.spec.study
    experiment = open_experiment(client, study, store)
    known = known_runs(client, experiment, name)
    artifacts = read_artifacts(name, store)

    def attach(run_id: str) -> None:
        attach_artifacts(client, run_id, artifacts)
        attach_datasets(client, run_id, rows)

    parent = parent_entry(sweep, rows, artifacts, failed)
    parent_id, parent_written = write_entry(client, experiment, known.get(""), parent, failed, attach)
    written = int(parent_written)
    params = distinct_parameters(rows)
    sample = sample_others(rows, sweep.spec.tracking.sample)
    metrics: set[str] = set()
    tracked = _tracked(rows, sweep.spec.tracking.mode, sample, known.keys())
    for row in tracked:
        entry = child_entry(row, name, parent_id, params[row["design_key"]], row["design_key"] in sample)
        written += write_entry(client, experiment, known.get(row["design_key"]), entry, False)[1]
        metrics |= entry.metrics.keys()
    varied = [name for name in PARAMETERS if len({row[name] for row in rows}) > 1]
    write_view(client, experiment, view_tag(name), view_state(name, varied, metrics))
    unchanged = 1 + len(tracked) - written
    written += take_marks(client, [run for key, run in known.items() if key not in params])
    return TrackingResult(without_secret(uri), study, written, unchanged)


def _tracked(rows: list[dict[str, Any]], mode: str, sample: set[str], known: Collection[str]) -> list[dict[str, Any]]:
    """The rows that get a run. A design that has one keeps it, so that it never tells of a front that is no more."""
    if mode == "all":
        return rows
    return [row for row in rows if row["on_front"] or row["design_key"] in sample or row["design_key"] in known]
