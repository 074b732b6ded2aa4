"""Random circuits against ngspice, which shares no code, no unknowns and no linear solver with ours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from simcore.crossbar import solve, spice
from simcore.crossbar.spice import SpiceError, ngspice_installed, run_ngspice, spice_netlist
from simcore.errors import InputError
from tests.simcore.crossbar.crossbar_circuits import FORMS, TOPOLOGIES, make_circuit, random_read, reads, worst_relative

needs_ngspice = pytest.mark.skipif(
    not ngspice_installed(), reason="NGSPICE IS NOT INSTALLED: the solver is not compared with SPICE here"
)
checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
TOLERANCE = 1e-9


def compare(read, tolerance=TOLERANCE):
    for x in read.inputs:
        found = solve(read.circuit, read.weights, x[None], tol=1e-12)
        assert found.converged
        expected = run_ngspice(spice_netlist(read.circuit, read.weights, x))
        assert worst_relative(found.sink_currents[0], expected) <= tolerance


@needs_ngspice
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=checks)
@given(read=reads(largest=10, batch=1))
def test_random_circuits(read):
    compare(read)


@needs_ngspice
@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=checks)
@given(read=reads(largest=8, batch=1, harsh=True))
def test_random_harsh_circuits(read):
    compare(read, 1e-8)


@needs_ngspice
@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=checks)
@given(read=reads(largest=24, batch=1, harsh=True))
def test_random_circuits_at_length(read):
    compare(read, 1e-8)


@needs_ngspice
@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_and_topology(topology, form):
    compare(random_read(make_circuit(topology, form), 16, 12, seed=3))


@needs_ngspice
@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_the_off_state_may_have_a_curve_of_its_own(topology):
    compare(random_read(make_circuit(topology, "linear", iv_off="sinh", v_nl_off=0.1, g_off=2e-5), 9, 8, seed=4))


@needs_ngspice
@pytest.mark.slow
@pytest.mark.parametrize("topology", TOPOLOGIES[2:], ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_large_gate_driven_arrays(topology, form):
    compare(random_read(make_circuit(topology, form), 128, 128, seed=5))


@needs_ngspice
@pytest.mark.slow
@pytest.mark.parametrize("topology", TOPOLOGIES[:2], ids=str)
@pytest.mark.parametrize("form", ["saturating", "table"])
def test_large_input_sourced_arrays(topology, form):
    compare(random_read(make_circuit(topology, form), 64, 64, seed=6))


@needs_ngspice
@pytest.mark.slow
def test_an_input_sourced_array_of_128_by_128():
    """ngspice needs minutes here: its sparse solver fills up on a mesh."""
    read = random_read(make_circuit(TOPOLOGIES[0], "tanh"), 128, 128, seed=7)
    compare(type(read)(read.circuit, read.weights, (np.arange(128) % 8 == 0).astype(np.uint8)[None]))


def test_a_netlist_names_every_part():
    circuit = make_circuit(TOPOLOGIES[0], "saturating", r_driver=10.0)
    lines = spice_netlist(circuit, [[1, 0], [0, 1]], [1, 0], title="two by two").splitlines()
    assert lines[0] == "* two by two"
    assert "vrow0 in0 0 0.25" in lines and "vrow1 in1 0 0" in lines
    assert "rfeed0 in0 r0_0 16" in lines
    assert "rrow0_1 r0_0 r0_1 6" in lines
    assert "rbit1_0 out0 c1_0 259" in lines and "rbit0_0 c1_0 c0_0 9" in lines
    cells = [line for line in lines if line.startswith("bcell")]
    assert [line.split()[0] for line in cells] == ["bcell0_0", "bcell0_1"]  # the other row is off
    assert cells[0].startswith("bcell0_0 r0_0 c0_0 i=8.")
    assert lines[-1] == ".end"


def test_zero_resistances_join_nodes():
    zero = dict.fromkeys(("r_driver", "r_sink", "r_row", "r_col", "r_source"), 0.0)
    netlist = spice_netlist(make_circuit(TOPOLOGIES[2], "linear", **zero), [[1], [1]], [1, 1])
    assert "rcell0_0 supply out0" in netlist and "rcell1_0 supply out0" in netlist
    assert " 0\n" not in netlist.replace("vsink0 out0 0 0\n", "")


def test_a_title_cannot_smuggle_in_commands():
    circuit = make_circuit(TOPOLOGIES[0], "linear")
    netlist = spice_netlist(circuit, [[1]], [1], title="evil\n.control\nshell rm -rf /\n.endc\x0b")
    assert netlist.splitlines()[0] == "* evil .control shell rm -rf / .endc "
    assert netlist.count("\n.control") == 1


@pytest.mark.parametrize(
    ("weights", "inputs"), [([[1, 2]], [1]), ([[1]], [2]), ([[1]], [1, 1]), ([1], [1]), ([[]], [1]), ([[1]], [0.5])]
)
def test_bad_arrays_are_refused(weights, inputs):
    with pytest.raises(InputError):
        spice_netlist(make_circuit(TOPOLOGIES[0], "linear"), weights, inputs)


def test_a_missing_ngspice_is_named(monkeypatch):
    monkeypatch.setattr(spice.shutil, "which", lambda name: None)
    with pytest.raises(SpiceError, match="ngspice is not installed"):
        run_ngspice("* nothing\n")


@needs_ngspice
def test_a_netlist_without_solution_is_reported():
    with pytest.raises(SpiceError, match="no solution"):
        run_ngspice("* nothing\nr1 a b\n.control\nop\nprint i(vsink0)\nquit\n.endc\n.end\n")


@needs_ngspice
def test_a_run_that_takes_too_long_is_ended():
    netlist = spice_netlist(make_circuit(TOPOLOGIES[0], "linear"), np.ones((40, 40), int), np.ones(40, int))
    with pytest.raises(SpiceError, match="did not finish within 0.001 s"):
        run_ngspice(netlist, timeout_s=0.001)
