"""What every solver must do. A new one is listed in ``SOLVERS`` with the topologies that it knows."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from simcore.crossbar import Circuit, Status
from simcore.crossbar.cells import Cells
from simcore.crossbar.solvers.base import Limits
from simcore.crossbar.solvers.ladder import Ladder
from simcore.crossbar.solvers.line_relaxation import LineRelaxation
from simcore.crossbar.solvers.newton import Newton
from simcore.crossbar.solvers.torch_relaxation import TorchRelaxation
from tests.simcore.crossbar.crossbar_circuits import (
    FORMS,
    NGSPICE_FILES,
    TOPOLOGIES,
    make_circuit,
    newton_currents,
    random_read,
    spread,
    worst_relative,
)

ALL = {"input_sourced", "gate_driven"}
SOLVERS = {
    "line_relaxation": (LineRelaxation(), {"input_sourced"}),
    "ladder": (Ladder(), {"gate_driven"}),
    "newton": (Newton(), ALL),
    "torch": (TorchRelaxation(torch.device("cpu")), ALL),
}
CASES = [
    pytest.param(solver, topology, id=f"{name}-{'-'.join(map(str, topology.values()))}")
    for name, (solver, known) in SOLVERS.items()
    for topology in TOPOLOGIES
    if topology["topology"] in known
]
FLOAT64 = np.dtype(np.float64)
LIMITS = Limits(1e-11, 2000)


def solved(solver, read, dtype=FLOAT64, limits=LIMITS):
    """(1, B, ...) of a read."""
    cells = Cells.of(read.weights, read.factors).stacked()
    return solver.solve(read.circuit, cells, read.inputs[None], np.dtype(dtype), limits)


@pytest.mark.parametrize("name", SOLVERS)
def test_it_agrees_with_ngspice(name):
    solver, known = SOLVERS[name]
    for file in NGSPICE_FILES:
        case = json.loads(file.read_text())
        circuit = Circuit.from_parameters(case["parameters"])
        if circuit.topology not in known:
            continue
        bits = np.array([[case["inputs"]]], np.uint8)
        # One of the circuits delivers what is left of far larger currents: in float64 its nodes balance to 1e-8 of it.
        limits = LIMITS._replace(tolerance=1e-8) if isinstance(solver, Newton) else LIMITS
        found = solver.solve(circuit, Cells.of(case["weights"]).stacked(), bits, FLOAT64, limits)
        assert found.converged, file.stem
        assert worst_relative(found.sink_currents[0, 0], np.array(case["sink_currents_A"])) <= 1e-9, file.stem


@pytest.mark.parametrize(("solver", "topology"), CASES)
class TestSolver:
    @pytest.mark.parametrize("state", [0, 1])
    @pytest.mark.parametrize("factor", [None, 0.0, 0.4, 1.7])
    def test_one_linear_cell_is_one_series_circuit(self, solver, topology, state, factor):
        circuit = make_circuit(topology, "linear")
        g = (circuit.g_on if state else circuit.g_off) * (1.0 if factor is None else factor)
        wires = circuit.r_driver + circuit.wiring.wire(circuit) + circuit.r_col + circuit.r_sink
        cells = Cells.of([[[state]]], None if factor is None else [[[factor]]])
        found = solver.solve(circuit, cells, np.ones((1, 1, 1), np.uint8), FLOAT64, LIMITS)
        assert found.sink_currents[0, 0, 0] == pytest.approx(circuit.v_read * g / (1 + wires * g), rel=1e-11, abs=1e-30)

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("varied", [False, True])
    def test_it_agrees_with_newtons_method(self, solver, topology, form, varied):
        read = random_read(make_circuit(topology, form), 13, 11, batch=3, seed=6)
        read = spread(read) if varied else read
        found = solved(solver, read)
        assert found.converged
        assert worst_relative(found.sink_currents[0], newton_currents(read)) <= 1e-9

    def test_equal_factors_are_another_conductance(self, solver, topology):
        read = random_read(make_circuit(topology, "tanh"), 9, 8, batch=4)
        twice = make_circuit(topology, "tanh", g_on=2 * read.circuit.g_on, g_off=2 * read.circuit.g_off)
        factors = np.full(read.weights.shape, 2.0)
        found = solved(solver, type(read)(read.circuit, read.weights, read.inputs, factors))
        expected = solved(solver, type(read)(twice, read.weights, read.inputs))
        np.testing.assert_array_equal(found.sink_currents, expected.sink_currents)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_a_solution_has_its_shapes_and_types(self, solver, topology, dtype):
        read = random_read(make_circuit(topology, "saturating"), 6, 5, batch=3)
        found = solved(solver, read, dtype, Limits(1e-5, 100))
        assert found.sink_currents.shape == (1, 3, 5) and found.sink_currents.dtype == dtype
        for values, kind in (
            (found.status, np.int8), (found.residual, np.float64), (found.sweeps, np.int32),
            (found.current_error, np.float64),
        ):  # fmt: skip
            assert values.shape == (1, 3) and values.dtype == kind
        assert solved(solver, type(read)(read.circuit, read.weights, read.inputs[:0])).sink_currents.shape == (1, 0, 5)

    def test_tiles_and_reads_do_not_know_of_each_other(self, solver, topology):
        circuit, rng = make_circuit(topology, "tanh"), np.random.default_rng(2)
        cells = Cells.of(rng.integers(0, 2, (3, 8, 6)), rng.uniform(0.5, 2.0, (3, 8, 6)))
        bits = rng.integers(0, 2, (3, 21, 8)).astype(np.uint8)
        together = solver.solve(circuit, cells, bits, FLOAT64, LIMITS)
        for tile in range(3):
            alone = solver.solve(circuit, cells.tile(tile).stacked(), bits[tile, None, 4:7], FLOAT64, LIMITS)
            np.testing.assert_array_equal(together.sink_currents[tile, 4:7], alone.sink_currents[0])

    def test_a_read_that_has_not_converged_says_so(self, solver, topology):
        read = random_read(make_circuit(topology, "saturating", r_driver=2e4, r_sink=2e4), 24, 24, batch=3)
        found = solved(solver, read, limits=Limits(0.0, 1))
        assert (found.status == Status.NOT_CONVERGED).all()
