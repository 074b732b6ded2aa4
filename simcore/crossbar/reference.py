"""Reference circuits: JSON files with a circuit, its weights and inputs, and the sink currents that SPICE found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simcore.crossbar.circuit import Circuit
from simcore.crossbar.exact import solve
from simcore.crossbar.solution import Status
from simcore.errors import InputError


@dataclass(frozen=True)
class ReferenceResult:
    """One reference circuit solved.

    Attributes:
        relative_error: largest |current - reference| relative to the reference's largest sink current.
        status: how the solve ended.
        residual: Kirchhoff residual (see Solution).
    """

    name: str
    relative_error: float
    status: Status
    residual: float


def verify_folder(folder: str | Path, tol: float = 1e-6) -> list[ReferenceResult]:
    """Solve every reference JSON in ``folder``; a solve is made at least 100 times tighter than ``tol``.

    Raises:
        InputError: the folder is missing or holds no JSON, or a file is not a reference circuit.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"'{folder}' is not a folder; expected one that holds reference circuits (*.json)")
    files = sorted(root.glob("*.json"))
    if not files:
        raise InputError(f"'{folder}' holds no reference circuit (*.json)")
    return [verify_file(file, tol) for file in files]


def verify_file(file: Path, tol: float) -> ReferenceResult:
    """Solve one reference circuit and compare.

    Raises:
        InputError: the file is not a reference circuit.
    """
    try:
        case = json.loads(file.read_text())
        parameters = case["parameters"]
        if not isinstance(parameters, dict):
            raise TypeError("parameters is no mapping")
        weights, inputs = _array(case, "weights", 2), _array(case, "inputs", 1)
        expected = _array(case, "sink_currents_A", 1).astype(np.float64)
    except (ValueError, KeyError, TypeError, RecursionError) as cause:
        raise InputError(
            f"not a reference circuit (expected JSON with parameters, weights, inputs, sink_currents_A): {cause}",
            str(file),
        ) from None
    circuit = Circuit.from_parameters(parameters, where=str(file))
    try:
        solution = solve(circuit, weights, inputs[None], tol=min(1e-9, tol / 100))
    except InputError as cause:
        raise InputError(cause.message, str(file)) from None
    found = solution.sink_currents[0]
    if found.shape != expected.shape:
        raise InputError(
            f"sink_currents_A has {expected.shape[0]} values, the array has {found.shape[0]} columns", str(file)
        )
    largest = float(np.abs(expected).max(initial=0.0))
    if largest == 0:
        raise InputError("all its sink currents are 0: there is nothing to compare with", str(file))
    error = float(np.abs(found - expected).max() / largest)
    return ReferenceResult(file.stem, error, Status(int(solution.status[0])), float(solution.residual[0]))


def _array(case: dict[str, Any], name: str, axes: int) -> np.ndarray:
    """Raises ValueError where the array has another number of axes, and KeyError where it is missing."""
    array = np.asarray(case[name])
    if array.ndim != axes:
        raise ValueError(f"{name} has {array.ndim} axes, expected {axes}")
    return array
