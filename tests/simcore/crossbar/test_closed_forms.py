"""Circuits that can be solved by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from simcore.crossbar import solve
from tests.simcore.crossbar.crossbar_circuits import FORMS, TOPOLOGIES, make_circuit

CURVES = {
    "linear": lambda v, v_nl: v,
    "saturating": lambda v, v_nl: v / (1 + abs(v) / v_nl),
    "sinh": lambda v, v_nl: v_nl * np.sinh(v / v_nl),
    "tanh": lambda v, v_nl: v_nl * np.tanh(v / v_nl),
}


def single(circuit, weights, inputs):
    solution = solve(circuit, weights, [inputs], tol=1e-12)
    assert solution.converged
    return solution.sink_currents[0]


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
@pytest.mark.parametrize("state", [0, 1])
def test_one_linear_cell_is_one_series_circuit(topology, state):
    circuit = make_circuit(topology, "linear")
    feed = circuit.r_driver + (circuit.r_source if circuit.topology == "gate_driven" else circuit.r_row)
    cell = 1 / (circuit.g_on if state else circuit.g_off)
    expected = circuit.v_read / (feed + cell + circuit.r_col + circuit.r_sink)
    assert single(circuit, [[state]], [1])[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
@pytest.mark.parametrize("form", ["saturating", "sinh", "tanh"])
def test_one_nonlinear_cell_meets_its_load_line(topology, form):
    circuit = make_circuit(topology, form, r_driver=4e3, r_sink=3e3)
    wires = 7e3 + circuit.r_col + (circuit.r_source if circuit.topology == "gate_driven" else circuit.r_row)

    def imbalance(current):
        return current - circuit.g_on * CURVES[form](circuit.v_read - wires * current, circuit.v_nl)

    expected = brentq(imbalance, 0, circuit.v_read / wires, xtol=1e-22, rtol=1e-14)
    assert single(circuit, [[1]], [1])[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_a_single_column_without_row_wires_is_a_ladder(topology):
    """Node by node from the top: what lies above is one conductance to v_read."""
    circuit = make_circuit(topology, "linear", r_driver=0.0, r_row=0.0, r_source=0.0, g_off=0.0)
    weights, inputs = [[1], [1], [0], [1], [1]], [1, 1, 1, 0, 1]
    if not circuit.gated:
        weights, inputs = [[1], [1], [0], [1], [1]], [1, 1, 1, 1, 1]
    conductance = 0.0
    for (weight,), applied in zip(weights, inputs, strict=True):
        conductance = conductance / (1 + circuit.r_col * conductance) if conductance else 0.0
        conductance += circuit.g_on if weight and applied else 0.0
    expected = circuit.v_read / (1 / conductance + circuit.r_col + circuit.r_sink)
    assert single(circuit, weights, inputs)[0] == pytest.approx(expected, rel=1e-11)


def test_a_single_row_splits_its_current_as_a_ladder_of_dividers():
    circuit = make_circuit(TOPOLOGIES[0], "linear")
    states = [1, 0, 1, 1, 0, 1]
    branches = [
        1 / ((1 / (circuit.g_on if state else circuit.g_off)) + circuit.r_col + circuit.r_sink) for state in states
    ]
    seen = [0.0] * len(branches)  # conductance to ground at each node, everything behind it included
    for j in reversed(range(len(branches))):
        behind = seen[j + 1] / (1 + circuit.r_row * seen[j + 1]) if j + 1 < len(branches) else 0.0
        seen[j] = branches[j] + behind
    volts = circuit.v_read / (1 + (circuit.r_driver + circuit.r_row) * seen[0])
    expected = []
    for j, branch in enumerate(branches):
        if j > 0:
            volts /= 1 + circuit.r_row * seen[j]
        expected.append(volts * branch)
    np.testing.assert_allclose(single(circuit, [states], [1]), expected, rtol=1e-11)


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_without_any_resistance_the_product_is_the_ideal_one(topology, form):
    zero = dict.fromkeys(("r_driver", "r_sink", "r_row", "r_col", "r_source"), 0.0)
    circuit = make_circuit(topology, form, **zero)
    rng = np.random.default_rng(1)
    weights, inputs = rng.integers(0, 2, (9, 7)), rng.integers(0, 2, (3, 9))
    expected = inputs @ np.where(weights, circuit.on_current(), circuit.off_current())
    solution = solve(circuit, weights, inputs, tol=1e-12)
    assert solution.converged
    np.testing.assert_allclose(solution.sink_currents, expected, rtol=1e-11, atol=1e-30)


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_parallel_cells_behind_terminals_only_are_one_cell(topology, form):
    """Resistance at the sink alone: all columns of equal content see the same load line."""
    circuit = make_circuit(topology, form, r_driver=0.0, r_row=0.0, r_col=0.0, r_source=0.0, r_sink=2e3)
    weights = np.array([[1, 0], [1, 1], [1, 1]])
    currents = single(circuit, weights, [1, 1, 1])
    curves = circuit.curves()
    for column, states in enumerate(weights.T):

        def imbalance(current, states=states):
            volts = np.array([circuit.v_read - circuit.r_sink * current])
            return current - sum(float(curves.current(volts, int(state))[0]) for state in states)

        expected = brentq(imbalance, 0, circuit.v_read / circuit.r_sink, xtol=1e-22, rtol=1e-14)
        assert currents[column] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("form", ["linear", "saturating", "sinh", "tanh"])
@pytest.mark.parametrize("v_nl", [0.02, 0.3, 5.0])
def test_curves_are_the_stated_formulas(form, v_nl):
    circuit = make_circuit(TOPOLOGIES[0], form, v_nl=v_nl)
    volts = np.linspace(-0.25, 0.25, 100)  # not 0, where the saturating curve has a kink in its slope
    current, slope = circuit.curves().evaluate(volts, 1)
    np.testing.assert_allclose(current, circuit.g_on * CURVES[form](volts, v_nl), rtol=1e-10, atol=1e-22)
    step = 1e-6
    numerical = (CURVES[form](volts + step, v_nl) - CURVES[form](volts - step, v_nl)) / (2 * step)
    np.testing.assert_allclose(slope, circuit.g_on * numerical, rtol=1e-5, atol=1e-12)


def test_a_table_goes_through_its_points_and_rises_between_them():
    circuit = make_circuit(TOPOLOGIES[0], "table")
    points = np.array(circuit.iv_table)
    curves = circuit.curves()
    np.testing.assert_allclose(curves.current(points[:, 0], 1), points[:, 1], rtol=1e-13)
    np.testing.assert_allclose(curves.current(points[:, 0], 0), points[:, 2], rtol=1e-13)
    np.testing.assert_allclose(curves.current(-points[:, 0], 1), -points[:, 1], rtol=1e-13)
    dense = curves.current(np.linspace(0, 2 * points[-1, 0], 1000), 1)
    assert (np.diff(dense) > 0).all()
