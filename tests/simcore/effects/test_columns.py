"""Columns of cells that differ, against what can be computed by hand and against ngspice."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from simcore.crossbar import solve
from simcore.crossbar.spice import run_ngspice, spice_netlist
from simcore.technology import circuit_parameters
from tests.simcore.crossbar.crossbar_circuits import FORMS, TOPOLOGIES, make_circuit, random_read, worst_relative
from tests.simcore.crossbar.test_ngspice import needs_ngspice
from tests.simcore.effects.examples import LATER, conditions_for, draws_of, on_chip, shipped

NO_WIRES = dict.fromkeys(("r_driver", "r_sink", "r_row", "r_col", "r_source"), 0.0)
COLUMNS = 4000


@pytest.mark.parametrize("name", ["reram-5", "sram-vt-5"])
@pytest.mark.parametrize("k", [1, 16, 36])
def test_k_on_cells_of_spread_s_err_by_s_sqrt_k(name, k):
    """5 % at 16 cells: 0.2 LSB; at 36: 0.3 LSB."""
    circuit = make_circuit(TOPOLOGIES[2], "linear", g_off=0.0, **NO_WIRES)
    states = np.ones((40, COLUMNS), np.uint8)
    cells = on_chip(shipped(name), circuit, states, draws_of(40, COLUMNS, 64, chip=k), LATER).cells()
    driven = (np.arange(40) < k).astype(np.uint8)[None]
    found = solve(circuit, cells.states, driven, factors=cells.factors).sink_currents[0] / circuit.on_current()
    assert abs(found.mean() - k) <= 5 * 0.05 * sqrt(k / COLUMNS)
    assert abs(found.std() - 0.05 * sqrt(k)) <= 5 * 0.05 * sqrt(k / (2 * COLUMNS))


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_cells_behind_a_sink_are_a_divider(topology):
    """Conductances add up, and their sum is in series with the sink."""
    circuit = make_circuit(topology, "linear", **{**NO_WIRES, "r_sink": 2e3})
    cells = on_chip(shipped("cmo-hfox-2"), circuit, np.ones((9, 5), np.uint8), draws_of(9, 5), LATER)
    chip = cells.cells()
    found = solve(circuit, chip.states, np.ones((1, 9), np.uint8), tol=1e-12, factors=chip.factors)
    together = cells.conductances.sum(axis=0)
    np.testing.assert_allclose(found.sink_currents[0], circuit.v_read / (1 / together + 2e3), rtol=1e-11)


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_a_column_of_different_cells_is_a_ladder(topology):
    """Node by node from the top: what lies above is one conductance to v_read."""
    circuit = make_circuit(topology, "linear", r_driver=0.0, r_row=0.0, r_source=0.0)
    cells = on_chip(shipped("reram-5"), circuit, np.array([[1], [0], [1], [1]], np.uint8), draws_of(4, 1), LATER)
    chip, above = cells.cells(), 0.0
    for conductance in cells.conductances[:, 0]:
        above = above / (1 + circuit.r_col * above) + conductance
    expected = circuit.v_read / (1 / above + circuit.r_col + circuit.r_sink)
    found = solve(circuit, chip.states, np.ones((1, 4), np.uint8), tol=1e-12, factors=chip.factors)
    assert found.sink_currents[0, 0] == pytest.approx(expected, rel=1e-11)


def test_an_open_bit_line_delivers_what_is_left_of_it():
    """Cells that the break cuts off are as if they were not there, wires and all."""
    circuit = make_circuit(TOPOLOGIES[2], "linear", r_source=0.0, r_driver=0.0)
    factors = np.ones((6, 1))
    factors[:3] = 0
    found = solve(circuit, np.ones((6, 1), int), np.ones((1, 6), int), tol=1e-12, factors=factors)
    left = solve(circuit, np.ones((3, 1), int), np.ones((1, 3), int), tol=1e-12)
    np.testing.assert_allclose(found.sink_currents, left.sink_currents, rtol=1e-11)


@needs_ngspice
@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_a_chip_agrees_with_ngspice(topology, form):
    read = random_read(make_circuit(topology, form), 12, 10, seed=5)
    effect = shipped("stuck-early-hfo2")
    stuck = on_chip(effect, read.circuit, read.weights, draws_of(12, 10), conditions_for(effect))
    cells = shipped("reram-5").altered_cells(stuck, draws_of(12, 10), LATER).cells()
    found = solve(read.circuit, cells.states, read.inputs, tol=1e-12, factors=cells.factors)
    expected = run_ngspice(spice_netlist(read.circuit, cells.states, read.inputs[0], factors=cells.factors))
    assert found.converged and worst_relative(found.sink_currents[0], expected) <= 1e-9


@needs_ngspice
@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM", "1T-1ReRAM-BL"])
def test_a_chip_of_a_bitcell_that_ships_agrees_with_ngspice(device):
    circuit = circuit_parameters(device)
    read = random_read(circuit, 16, 16, seed=6)
    effect = shipped("sram-vt-6" if device == "8T-SRAM" else "cmo-hfox-relaxation")
    effect.check(circuit, LATER)
    cells = on_chip(effect, circuit, read.weights, draws_of(16, 16), LATER).cells()
    found = solve(circuit, cells.states, read.inputs, tol=1e-12, factors=cells.factors)
    expected = run_ngspice(spice_netlist(circuit, cells.states, read.inputs[0], factors=cells.factors))
    assert found.converged and worst_relative(found.sink_currents[0], expected) <= 1e-9
