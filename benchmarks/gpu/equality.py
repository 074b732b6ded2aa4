"""Whether the exact solver finds on a device what it finds on the CPU, and the same bits every time."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from benchmarks.gpu.circuits import Case, random_cases, reference_cases
from benchmarks.gpu.on_torch import solve_raw
from benchmarks.gpu.processor import Processor
from benchmarks.gpu.results import CutShort, Tell
from benchmarks.gpu.scale import Scale

LIMITS = {"error64": 1e-9, "error32": 1e-4, "spice": 1e-9}
"""Largest differences, relative to the largest current, that the tests allow between numba and torch."""


def compare(work: Scale, device: torch.device, processor: Processor, end: float, tell: Tell) -> None:
    """Every circuit in float64 twice and in float32 once, until ``end``.

    Raises:
        CutShort: not all of them by then.
        ValueError: a circuit that differs by more than it may, did not converge, or gave other bits the second time.
    """
    now = time.monotonic()
    known = processor.currents(now + (end - now) / 2)
    against = "the CPU's kernels" if known else "torch on the CPU (no kernels' currents: no numba, or too late)"
    cases = [*reference_cases(), *random_cases(work.circuits)]
    rows: list[dict[str, Any]] = []
    for case in cases:
        if time.monotonic() >= end:
            break
        rows.append(_compared(case, device, known))
        tell(circuits=rows, against=against, summary=_summary(rows, len(cases), against))
    failed = [row["name"] for row in rows if not _passes(row)]
    if failed:
        raise ValueError(f"{len(failed)} circuits are not as they should be, the first one is {failed[0]}")
    if len(rows) < len(cases):
        raise CutShort(f"the clock ended it after {len(rows)} of {len(cases)} circuits")


def _compared(case: Case, device: torch.device, known: dict[str, np.ndarray]) -> dict[str, Any]:
    first, second = (_solved(case, np.float64, device) for _ in range(2))
    single = _solved(case, np.float32, device)
    expected = known.get(case.name)
    if expected is None:
        expected = _solved(case, np.float64, torch.device("cpu")).currents
    row = {
        "name": case.name, "kind": case.kind, "error64": _apart(first.currents, expected),
        "error32": _apart(single.currents, expected), "same_bits": first.same_bits(second),
        "converged": bool(first.converged.all() and single.converged.all()),
    }  # fmt: skip
    if case.expected is not None:
        row["spice"] = _apart(first.currents, case.expected)
    return row


def _solved(case: Case, dtype: type, device: torch.device) -> Any:
    return solve_raw(case.circuit, case.weights, case.inputs, 1e-11, dtype, device)


def _apart(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-18))


def _passes(row: dict[str, Any]) -> bool:
    near = all(row[name] <= limit for name, limit in LIMITS.items() if name in row)
    return near and row["same_bits"] and row["converged"]


def _summary(rows: list[dict[str, Any]], count: int, against: str) -> list[str]:
    worst = {name: max(row.get(name, 0.0) for row in rows) for name in LIMITS}
    same = sum(row["same_bits"] for row in rows)
    kinds = len({row["kind"] for row in rows})
    return [
        f"{len(rows)} of {count} circuits of {kinds} kinds against {against}: worst {worst['error64']:.1e} in float64, "
        f"{worst['error32']:.1e} in float32, {worst['spice']:.1e} from ngspice",
        f"{same} of {len(rows)} bit-identical when solved again, {sum(map(_passes, rows))} within every limit",
    ]
