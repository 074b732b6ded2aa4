"""Random circuits and reads for the solver tests, and the independent solution that they are compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from simcore.crossbar import Circuit
from simcore.crossbar.cells import Cells
from simcore.crossbar.solution import Solution, Status
from simcore.crossbar.solvers.base import Limits, Solver
from simcore.crossbar.solvers.newton import solve_nodes
from tests.simcore.crossbar.kinds import FORMS, TOPOLOGIES

NGSPICE_FOLDER = Path(__file__).parent / "ngspice"
"""Circuits with the sink currents that ngspice found for them."""
NGSPICE_FILES = sorted(NGSPICE_FOLDER.glob("*.json"))

MILD = {
    "g_on": 8e-5, "g_off": 2e-6, "v_read": 0.25, "r_driver": 300.0, "r_sink": 250.0, "r_row": 6.0, "r_col": 9.0,
    "r_source": 4.0,
}  # fmt: skip


@dataclass(frozen=True)
class Read:
    """A circuit, the (R, C) bits it stores and a (B, R) batch of inputs; factors (R, C) where cells are not nominal."""

    circuit: Circuit
    weights: np.ndarray
    inputs: np.ndarray
    factors: np.ndarray | None = None


def make_circuit(topology: dict, form: str, **changes) -> Circuit:
    """A circuit with moderate wires; ``changes`` replace single parameters."""
    parameters = {**MILD, **topology, "iv": form, **changes}
    if form in ("saturating", "sinh", "tanh"):
        parameters.setdefault("v_nl", 0.4 * parameters["v_read"])
    if form == "table":
        parameters.setdefault("iv_table", table_points(parameters))
    return Circuit.from_parameters(parameters)


def table_points(parameters: dict, off_column: bool = True) -> list[tuple[float, ...]]:
    """Points of a curve that first bends up and then flattens: no formula has this shape."""
    v = np.linspace(0, 1.2, 8) * parameters["v_read"]
    shape = v * (1 + 3 * (v / v[-1]) ** 2) / (1 + 2 * (v / v[-1]) ** 3)
    columns = [v, parameters["g_on"] * shape] + ([parameters["g_off"] * (v + v**2)] if off_column else [])
    return [tuple(float(value) for value in point) for point in zip(*columns, strict=True)]


def random_read(circuit: Circuit, rows: int, cols: int, batch: int = 1, density: float = 0.5, seed: int = 0) -> Read:
    """Bits that are 1 with probability ``density``."""
    rng = np.random.default_rng(seed)
    weights = (rng.random((rows, cols)) < density).astype(np.uint8)
    return Read(circuit, weights, (rng.random((batch, rows)) < density).astype(np.uint8))


def spread(read: Read, seed: int = 0) -> Read:
    """The read with a factor of its own for every cell, among them cells that do not conduct at all."""
    rng = np.random.default_rng(seed)
    factors = rng.lognormal(0.0, 0.4, read.weights.shape) * (rng.random(read.weights.shape) > 0.05)
    return replace(read, factors=factors)


class Hopeless(Solver):
    """Finds nothing but zeros, as far from right as can be."""

    def solve(self, circuit: Circuit, cells: Cells, bits: np.ndarray, dtype: np.dtype, limits: Limits) -> Solution:
        shape = len(cells.states), bits.shape[1]
        ones, status = np.ones(shape), np.full(shape, Status.NOT_CONVERGED, np.int8)
        return Solution(np.zeros((*shape, cells.states.shape[2]), dtype), status, ones, np.zeros(shape, np.int32), ones)


def newton_currents(read: Read) -> np.ndarray:
    """(B, C) amperes by sparse Newton nodal analysis: another method, other unknowns."""
    cells = Cells.of(read.weights, read.factors)
    solved = [solve_nodes(read.circuit, cells, x)[0] for x in read.inputs]
    return np.stack([nodes.cell_currents.sum(axis=0) for nodes in solved])


def worst_relative(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference relative to the largest current (of at least 1e-18 A, below which rounding rules)."""
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-18))


@st.composite
def circuits(draw, forms=FORMS, harsh: bool = False) -> Circuit:
    """Any form and topology; wires may have no resistance at all, or (``harsh``) as much as the cells."""
    form = draw(st.sampled_from(forms))
    topology = draw(st.sampled_from(TOPOLOGIES))
    g_on = 10 ** draw(st.floats(-6, -3.5))
    v_read = draw(st.floats(0.05, 1.0))
    most = 0.0 if harsh else -2.0  # log10 of resistance x g_on

    def resistance() -> float:
        share = draw(st.one_of(st.just(None), st.floats(-6.0, most)))
        return 0.0 if share is None else 10**share / g_on

    parameters = {
        **topology,
        "iv": form,
        "g_on": g_on,
        "g_off": g_on * draw(st.sampled_from([0.0, 1e-4, 0.02, 0.3, 1.0])),
        "v_read": v_read,
        **{name: resistance() for name in ("r_driver", "r_sink", "r_row", "r_col", "r_source")},
    }
    if form in ("saturating", "sinh", "tanh"):
        parameters["v_nl"] = v_read * draw(st.floats(0.2, 5.0))
    if form == "table":
        if parameters["g_off"] == 0:
            parameters["g_off"] = 0.01 * g_on
        parameters["iv_table"] = table_points(parameters, draw(st.booleans()))
    elif draw(st.booleans()):
        parameters["iv_off"] = draw(st.sampled_from(["linear", "sinh", "tanh"]))
        parameters["v_nl_off"] = v_read * draw(st.floats(0.3, 3.0))
    return Circuit.from_parameters(parameters)


@st.composite
def reads(draw, largest: int = 14, batch: int = 2, forms=FORMS, harsh: bool = False) -> Read:
    """A random circuit with random bits, down to one row or one column."""
    return random_read(
        draw(circuits(forms, harsh)),
        draw(st.integers(1, largest)),
        draw(st.integers(1, largest)),
        batch,
        draw(st.sampled_from([0.1, 0.5, 0.9, 1.0])),
        draw(st.integers(0, 2**31)),
    )


def harsh_read(seed: int, largest: int = 128) -> Read:
    """A read that is hard on a solver: resistances over seven decades up to a megohm, cells up to fifteen times their
    v_nl, few or many rows driven, currents that are what is left of larger ones."""
    rng = np.random.default_rng(seed)

    def ohms(most: float) -> float:
        return 0.0 if rng.random() < 0.15 else 10 ** rng.uniform(rng.choice([-1, most - 2]), most)

    form, v_read, g_on = str(rng.choice(FORMS)), rng.uniform(0.05, 1.0), 10 ** rng.uniform(-6.5, -3.5)
    parameters = {
        **TOPOLOGIES[rng.integers(len(TOPOLOGIES))],
        "iv": form,
        "g_on": g_on,
        "g_off": g_on * (0.01 if form == "table" else rng.choice([0.0, 1e-4, 0.02, 0.3, 1.0])),
        "v_read": v_read,
        **{name: ohms(6) for name in ("r_driver", "r_sink")},
        **{name: ohms(4) for name in ("r_row", "r_col", "r_source")},
    }
    if form in ("saturating", "sinh", "tanh"):
        parameters["v_nl"] = v_read / 10 ** rng.uniform(-0.7, 1.2)
    if form == "table":
        parameters["iv_table"] = table_points(parameters, bool(rng.integers(2)))
    elif rng.random() < 0.5:
        parameters["iv_off"] = str(rng.choice(["linear", "sinh", "tanh"]))
        parameters["v_nl_off"] = v_read / 10 ** rng.uniform(-0.5, 1.0)
    rows = int(rng.choice([size for size in (8, 16, 32, 64, 128) if size <= largest]))
    weights = rng.random((rows, min(16, rows))) < rng.choice([0.1, 0.5, 0.9, 1.0])
    inputs = rng.random((4, rows)) < rng.choice([0.03, 0.1, 0.5, 0.9])
    inputs[~inputs.any(axis=1), 0] = True
    return Read(Circuit.from_parameters(parameters), weights.astype(np.uint8), inputs.astype(np.uint8))
