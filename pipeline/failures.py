"""The points of a sweep that could not be computed: each with its reason and a command that repeats it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from pipeline.aggregate import SWEEPS_FOLDER
from pipeline.execution import Failure
from pipeline.keys import short_key
from pipeline.store import Store


@dataclass(frozen=True)
class FailureReport:
    """A failure as people read it."""

    design_key: str
    design: str
    stage: str
    reason: str
    cause: str
    command: str
    details: str


def report_failures(failures: list[Failure], sweep_path: str, store_uri: str) -> list[FailureReport]:
    """Adds to each failure the command that repeats just this point."""
    again = f"binsparx run {shlex.quote(sweep_path)} --results {shlex.quote(store_uri)}"
    return [
        FailureReport(
            failure.point.key,
            failure.point.describe(),
            failure.stage,
            failure.reason,
            failure.cause,
            f"{again} --only {short_key(failure.point.key)}",
            failure.details,
        )
        for failure in failures
    ]


def write_failures(reports: list[FailureReport], sweep_name: str, store: Store) -> str:
    """Writes ``failures.json`` of a sweep, an empty list when all went well; returns its path in the store."""
    path = f"{SWEEPS_FOLDER}/{sweep_name}/failures.json"
    rows: list[dict[str, Any]] = [vars(report) for report in reports]
    store.put(path, (json.dumps(rows, indent=2) + "\n").encode())
    return path
