"""A finished sweep in a folder, computed by the stand-ins task by task in this process: no Ray."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline.execution.tasks import TaskSettings, evaluate_shards, prepare_design
from pipeline.provenance import Provenance
from pipeline.storage.compute_time import ComputeTimes
from pipeline.storage.store import Store
from pipeline.storage.work import DesignWork, find_work
from pipeline.sweep.plan import Plan, make_plan
from pipeline.sweep.spec import load_sweep
from pipeline.tables.aggregate import aggregate
from pipeline.tables.files import SWEEPS_FOLDER
from tests.pipeline.fake_simcore import sweep_text

DEVICES = "[8T-SRAM, 1T-1ReRAM]"


def finish_sweep(folder: Path, results: Path | None = None, **changes: str) -> tuple[Plan, Store]:
    """Writes ``NAME.yaml`` into ``folder`` and all that a run of it leaves in ``results`` (default: beside it)."""
    path = folder / f"{changes.get('name', 'small')}.yaml"
    path.write_text(sweep_text(**changes))
    plan = make_plan(load_sweep(path))
    return plan, compute(plan, Store(str(results or folder / "results")))


def compute(plan: Plan, store: Store) -> Store:
    """What is missing of a plan, and all tables; returns the store."""
    times = ComputeTimes.load(store)
    compute_works(plan, store, find_work(plan, store, times))
    store.put(f"{SWEEPS_FOLDER}/{plan.name}/sweep.yaml", plan.sweep.source.text.encode())
    store.put(f"{SWEEPS_FOLDER}/{plan.name}/failures.json", b"[]\n")
    aggregate(plan, find_work(plan, store, times), store).tables.publish(plan.name, store)
    return store


def compute_works(plan: Plan, store: Store, design_works: Iterable[DesignWork]) -> None:
    """What is missing of some designs."""
    settings = TaskSettings(plan.evaluator, store.absolute_uri, 1, Provenance("0.1.0", "c0ffee"))
    for work in design_works:
        point = work.point
        outcome, prepared = prepare_design(
            settings, point.key, point.content, point.design, point.model.checkpoint, point.dataset
        )
        assert outcome.ok, outcome.details
        missing = tuple(work.cover.missing)
        for done in evaluate_shards(settings, point.key, prepared, point.dataset, point.split, missing, None):
            assert done.ok, done.details
