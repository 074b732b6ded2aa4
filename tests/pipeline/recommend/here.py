"""Designs computed in this process, one after the other: what a search asks of workers, without Ray."""

from __future__ import annotations

from pipeline.execution.active import Failure
from pipeline.execution.tasks import TaskSettings, evaluate_shards, prepare_design
from pipeline.provenance import Provenance
from pipeline.storage.store import Store
from pipeline.storage.work import DesignWork
from pipeline.sweep.plan import Plan


class Here:
    """Computes, and counts; a design that cannot be prepared is a failure."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self.settings = TaskSettings(plan.evaluator, store.absolute_uri, 1, Provenance("0.1.0", "c0ffee"))
        self.designs: list[str] = []
        self.images = 0
        self.failures: list[Failure] = []

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *error: object) -> None: ...

    def __call__(self, design_works: list[DesignWork], name: str) -> None:
        for work in design_works:
            point, missing = work.point, tuple(work.cover.missing)
            outcome, prepared = prepare_design(
                self.settings, point.key, point.content, point.design, point.model.checkpoint, point.dataset
            )
            if prepared is None:
                assert outcome.kind is not None
                self.failures.append(Failure(point, "prepare", outcome.reason, outcome.cause, "", outcome.kind))
                continue
            self.designs.append(point.key)
            self.images += work.missing_images
            while missing:
                done = evaluate_shards(self.settings, point.key, prepared, point.dataset, point.split, missing, None)
                missing = missing[len(done) :]
