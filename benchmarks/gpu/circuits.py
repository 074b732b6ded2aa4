"""Circuits that two devices are compared on: the reference circuits, and random ones of every form and topology."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.gpu import packages
from simcore.crossbar.circuit import Circuit
from tests.simcore.crossbar.kinds import FORMS, TOPOLOGIES

KINDS = len(FORMS) * len(TOPOLOGIES)
_REFERENCE = Path(__file__).parents[2] / "tests/simcore/crossbar/ngspice"
_LARGEST = 32


@dataclass(frozen=True)
class Case:
    """A circuit, the (R, C) bits it stores and (B, R) inputs; ``expected`` (B, C) amperes where SPICE solved it."""

    name: str
    kind: str
    circuit: Circuit
    weights: np.ndarray
    inputs: np.ndarray
    expected: np.ndarray | None = None


def reference_cases() -> list[Case]:
    """The circuits that ngspice solved."""
    return [_reference_case(file) for file in sorted(_REFERENCE.glob("*.json"))]


def random_cases(count: int) -> list[Case]:
    """``count`` random circuits; without scipy, which smooths their curves, those with tabulated cells are left out."""
    numbers = range(count)
    return [random_case(n) for n in numbers if packages.has("scipy") or FORMS[n % len(FORMS)] != "table"]


def random_case(number: int) -> Case:
    """Circuit ``number``: any ``KINDS`` in a row have every form in every topology. Wires are between 1e-5 and 1e-2 of
    a cell's resistance."""
    form, topology = FORMS[number % len(FORMS)], TOPOLOGIES[number // len(FORMS) % len(TOPOLOGIES)]
    rng = np.random.default_rng([18, number])
    g_on, v_read = 10 ** rng.uniform(-6, -3.5), rng.uniform(0.05, 1.0)
    wires = ("r_driver", "r_sink", "r_row", "r_col", "r_source")
    parameters = {
        **topology, "iv": form, "g_on": g_on, "g_off": g_on * rng.uniform(0.0, 0.3), "v_read": v_read,
        **{wire: 10 ** rng.uniform(-5, -2) / g_on for wire in wires},
    }  # fmt: skip
    if form in ("saturating", "sinh", "tanh"):
        parameters["v_nl"] = v_read * rng.uniform(0.2, 5.0)
    if form == "table":
        volts = np.linspace(0, 1.2, 8) * v_read
        amps = g_on * volts * (1 + 3 * (volts / volts[-1]) ** 2) / (1 + 2 * (volts / volts[-1]) ** 3)
        parameters["iv_table"] = [(float(v), float(i), float(0.1 * i)) for v, i in zip(volts, amps, strict=True)]
    rows, cols = rng.integers(2, _LARGEST + 1, 2)
    return Case(
        f"random-{number}", _kind(topology, form), Circuit.from_parameters(parameters),
        rng.integers(0, 2, (rows, cols), dtype=np.uint8), rng.integers(0, 2, (3, rows), dtype=np.uint8),
    )  # fmt: skip


def _reference_case(file: Path) -> Case:
    case = json.loads(file.read_text())
    parameters = case["parameters"]
    return Case(
        file.stem, _kind(parameters, parameters["iv"]), Circuit.from_parameters(parameters),
        np.array(case["weights"], np.uint8), np.array([case["inputs"]], np.uint8), np.array([case["sink_currents_A"]]),
    )  # fmt: skip


def _kind(parameters: dict, form: str) -> str:
    end = parameters.get("source_end", "far")
    gated = "gated" if parameters.get("gated", True) else "always on"
    return f"{parameters['topology']} ({end if parameters['topology'] == 'gate_driven' else gated}), {form}"
