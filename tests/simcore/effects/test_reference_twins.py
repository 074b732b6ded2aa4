"""Twins of the reference circuits with cells that differ: 5 % of spread, and one cell in a hundred stuck.

Each is solved by relaxation, by Newton's method on the whole circuit, by torch, and by ngspice where it is installed.
"""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from simcore.crossbar import Circuit, solve
from simcore.crossbar.spice import run_ngspice, spice_netlist
from simcore.effects.base import PhysicalCells
from simcore.effects.effect_blocks import load_effects
from tests.simcore.crossbar.crossbar_circuits import NGSPICE_FILES, Read, newton_currents, worst_relative
from tests.simcore.crossbar.test_ngspice import needs_ngspice
from tests.simcore.effects.examples import LATER, draws_of

EFFECTS = load_effects("sram-vt-5+stuck-1e-2")  # which spreads cells of both states
TOLERANCE = 1e-9


@cache
def twin(file) -> Read:
    case = json.loads(file.read_text())
    circuit, states = Circuit.from_parameters(case["parameters"]), np.array(case["weights"], np.uint8)
    cells = PhysicalCells.nominal(circuit, states)
    draws = draws_of(*states.shape, chip=NGSPICE_FILES.index(file))
    for effect in EFFECTS:
        cells = effect.altered_cells(cells, draws, LATER)
    chip = cells.cells()
    return Read(circuit, chip.states, np.array([case["inputs"]], np.uint8), chip.factors)


@cache
def solved(file) -> np.ndarray:
    found = solve(*of(twin(file)), tol=1e-11, factors=twin(file).factors)
    assert found.converged and found.residual[0] < TOLERANCE
    currents: np.ndarray = found.sink_currents[0]
    return currents


def of(read: Read) -> tuple:
    return read.circuit, read.weights, read.inputs


def test_twins_differ_from_their_originals():
    stuck = [(twin(file).weights != np.array(json.loads(file.read_text())["weights"])).sum() for file in NGSPICE_FILES]
    cells = sum(twin(file).weights.size for file in NGSPICE_FILES)
    assert 0 < sum(stuck) < 0.01 * cells  # half of those that are stuck already were in their state
    spread = np.concatenate([twin(file).factors.ravel() for file in NGSPICE_FILES])
    assert spread.std() == pytest.approx(0.05, rel=0.05)
    for file in NGSPICE_FILES:
        expected = np.array(json.loads(file.read_text())["sink_currents_A"])
        assert worst_relative(solved(file), expected) > 1e-4, file.stem


@pytest.mark.parametrize("file", NGSPICE_FILES, ids=lambda file: file.stem)
class TestTwin:
    def test_it_agrees_with_newtons_method(self, file):
        assert worst_relative(solved(file), newton_currents(twin(file))[0]) <= TOLERANCE

    def test_torch_agrees_with_the_cpu(self, file):
        found = solve(*of(twin(file)), tol=1e-11, factors=twin(file).factors, device="cpu")
        assert found.converged and worst_relative(found.sink_currents[0], solved(file)) <= TOLERANCE

    @needs_ngspice
    def test_it_agrees_with_ngspice(self, file):
        read = twin(file)
        expected = run_ngspice(spice_netlist(read.circuit, read.weights, read.inputs[0], factors=read.factors))
        assert worst_relative(solved(file), expected) <= TOLERANCE
