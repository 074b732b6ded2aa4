"""The points of a sweep that could not be computed: each with its reason and a command that repeats it, by cause."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from pipeline.commands import command
from pipeline.execution.active import Failure
from pipeline.storage.store import Store
from pipeline.sweep.keys import short_key
from pipeline.tables.files import SWEEPS_FOLDER


@dataclass(frozen=True)
class FailureReport:
    """A failure as people read it. ``kind`` is the class of failure that decided about trying again."""

    design_key: str
    design: str
    stage: str
    reason: str
    kind: str
    cause: str
    command: str
    details: str


@dataclass(frozen=True)
class FailureGroup:
    """Failures of one cause; the first is the example."""

    example: FailureReport
    designs: int


def report_failures(failures: list[Failure], sweep_path: str, store_uri: str) -> list[FailureReport]:
    """Adds to each failure the command that repeats just this point."""
    return [
        FailureReport(
            failure.point.key,
            failure.point.describe(),
            failure.stage,
            failure.reason,
            failure.kind.value,
            failure.cause,
            command("run", sweep_path, results=store_uri, only=short_key(failure.point.key)),
            failure.details,
        )
        for failure in failures
    ]


def group_failures(reports: list[FailureReport]) -> list[FailureGroup]:
    """One group for each cause, the largest first; reasons that differ only in numbers are one cause."""
    groups: dict[tuple[str, str, str], list[FailureReport]] = {}
    for report in reports:
        pattern = re.sub(r"[0-9a-f]{8,}|\d+(\.\d+)?", "#", report.reason)
        groups.setdefault((report.kind, report.cause, pattern), []).append(report)
    found = [FailureGroup(members[0], len(members)) for members in groups.values()]
    return sorted(found, key=lambda group: -group.designs)


def describe_failures(reports: list[FailureReport]) -> list[str]:
    """Lines for people: each cause, with an example and the command that repeats it."""
    lines = []
    for group in group_failures(reports):
        failure = group.example
        others = "" if group.designs == 1 else f" and {group.designs - 1} more designs"
        lines.append(f"failed: {failure.design} ({failure.stage}){others}: {failure.reason}")
        lines.append(f"  repeat with: {failure.command}")
    return lines


def read_failures(sweep_name: str, store: Store) -> list[FailureReport]:
    """What ``failures.json`` of a sweep holds; empty where there is none, or one that is torn or of another form:
    whatever failed is tried again and listed anew."""
    data = store.read(f"{SWEEPS_FOLDER}/{sweep_name}/failures.json")
    try:
        return [FailureReport(**row) for row in json.loads(data)] if data else []
    except (ValueError, TypeError):
        return []


def write_failures(reports: list[FailureReport], sweep_name: str, store: Store) -> str:
    """Writes ``failures.json`` of a sweep, an empty list when all went well; returns its path in the store."""
    path = f"{SWEEPS_FOLDER}/{sweep_name}/failures.json"
    store.put(path, (json.dumps([vars(report) for report in reports], indent=2) + "\n").encode())
    return path
