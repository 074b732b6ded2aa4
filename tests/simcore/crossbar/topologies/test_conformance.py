"""What every topology must do. A new one is listed in ``kinds.TOPOLOGIES`` with each of its choices."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.crossbar import Circuit, solve
from simcore.crossbar.cells import Cells
from simcore.crossbar.solvers.newton import solve_nodes, voltage_residual
from simcore.crossbar.spice import ngspice_installed, run_ngspice, spice_netlist
from simcore.crossbar.topologies import TOPOLOGIES as KNOWN
from simcore.errors import InputError
from tests.simcore.crossbar.crossbar_circuits import (
    FORMS,
    MILD,
    TOPOLOGIES,
    make_circuit,
    newton_currents,
    random_read,
    spread,
    worst_relative,
)

needs_ngspice = pytest.mark.skipif(
    not ngspice_installed(), reason="NGSPICE IS NOT INSTALLED: topologies are not compared with SPICE here"
)
RESISTANCES = {name for name in MILD if name.startswith("r_")}


def test_all_topologies_are_listed():
    assert {topology["topology"] for topology in TOPOLOGIES} == set(KNOWN)


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
class TestTopology:
    @pytest.mark.parametrize("form", FORMS)
    def test_newtons_method_and_the_fast_solver_agree(self, topology, form):
        read = spread(random_read(make_circuit(topology, form), 14, 9, batch=2, seed=1))
        found = solve(read.circuit, read.weights, read.inputs, tol=1e-11, factors=read.factors)
        assert found.converged
        assert worst_relative(found.sink_currents, newton_currents(read)) <= 1e-9

    @needs_ngspice
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("varied", [False, True])
    def test_ngspice_finds_the_same(self, topology, form, varied):
        read = random_read(make_circuit(topology, form), 10, 7, seed=3)
        read = spread(read) if varied else read
        found = solve(read.circuit, read.weights, read.inputs, tol=1e-12, factors=read.factors)
        expected = run_ngspice(spice_netlist(read.circuit, read.weights, read.inputs[0], factors=read.factors))
        assert worst_relative(found.sink_currents[0], expected) <= 1e-9

    def test_voltages_follow_from_currents(self, topology):
        read = spread(random_read(make_circuit(topology, "sinh"), 9, 7, seed=2))
        nodes, _ = solve_nodes(read.circuit, Cells.of(read.weights, read.factors), read.inputs[0])
        assert voltage_residual(read.circuit, nodes, read.inputs[0]) < 1e-12

    def test_the_parameters_are_those_that_matter(self, topology):
        read = random_read(make_circuit(topology, "linear"), 8, 6, batch=2, seed=4)
        parameters = read.circuit.wiring.parameters
        assert parameters <= set(Circuit.model_fields)
        before = solve(read.circuit, read.weights, read.inputs, tol=1e-12).sink_currents
        for name in RESISTANCES:
            changed = make_circuit(topology, "linear", **{name: 40.0})
            after = solve(changed, read.weights, read.inputs, tol=1e-12).sink_currents
            assert np.array_equal(after, before) != (name in parameters), name

    def test_columns_are_independent_where_it_says_so(self, topology):
        read = random_read(make_circuit(topology, "tanh", r_driver=2e3), 8, 6, batch=2, seed=5)
        whole = solve(read.circuit, read.weights, read.inputs, tol=1e-12).sink_currents
        part = solve(read.circuit, read.weights[:, 1:3], read.inputs, tol=1e-12).sink_currents
        assert np.array_equal(part, whole[:, 1:3]) == read.circuit.wiring.columns_are_independent

    def test_along_feed_is_a_view_and_its_own_inverse(self, topology):
        circuit, cells = make_circuit(topology, "linear"), np.arange(12).reshape(3, 4)
        view = circuit.wiring.along_feed(circuit, cells)
        assert np.shares_memory(view, cells)
        assert view.shape == ((3, 4) if circuit.wiring.feeds_along_columns else (4, 3))
        np.testing.assert_array_equal(circuit.wiring.along_feed(circuit, view), cells)

    def test_inputs_that_are_gates_gate(self, topology):
        if KNOWN[topology["topology"]].always_gated:
            with pytest.raises(InputError, match="always gated"):
                make_circuit(topology, "linear", gated=False)
