"""What every effect must do: every kind with numbers of its own, and every block that ships."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simcore.crossbar.cells import Cells
from simcore.design import Design
from simcore.effects import KINDS
from tests.simcore.effects.examples import (
    CIRCUIT,
    EXAMPLES,
    LATER,
    NUMBERS,
    ZERO,
    checkered,
    conditions_for,
    draws_of,
    effect_of,
    on_chip,
)

ROWS, WIDTH, COLUMNS = 128, 128, 256  # of two tiles
OF_LINES = {"broken_lines"}


def test_every_kind_is_here():
    assert list(NUMBERS) == list(ZERO) == list(KINDS)
    for kind, effect in KINDS.items():
        assert effect.model_fields["kind"].is_required() and EXAMPLES[kind].kind == kind


@pytest.mark.parametrize("name", EXAMPLES)
class TestEffect:
    def numbers(self, name: str, draws, conditions=None) -> np.ndarray:
        """All that the effect draws for some tiles: of cells as factors, of columns as errors of converters."""
        effect = EXAMPLES[name]
        conditions = conditions or conditions_for(effect)
        states = checkered(draws.rows, draws.columns)
        cells = on_chip(effect, CIRCUIT, states, draws, conditions)
        errors = effect.converter_errors(draws)
        if errors is not None:
            return np.stack([errors.gain, errors.offset_lsb])
        return cells.conductances / np.where(states == 1, CIRCUIT.g_on, CIRCUIT.g_off)

    def test_the_same_chip_is_the_same(self, name):
        draws = draws_of(ROWS, COLUMNS, WIDTH, chip=7)
        np.testing.assert_array_equal(self.numbers(name, draws), self.numbers(name, replace(draws)))

    @pytest.mark.parametrize("columns", [1, 100, WIDTH, 200])
    def test_a_cell_does_not_depend_on_how_much_of_its_tile_is_in_use(self, name, columns):
        draws = draws_of(ROWS, COLUMNS, WIDTH)
        part = self.numbers(name, replace(draws, columns=columns))
        np.testing.assert_array_equal(part, self.numbers(name, draws)[:, :columns])

    def test_cells_can_be_solved(self, name):
        effect = EXAMPLES[name]
        cells = on_chip(
            effect, CIRCUIT, checkered(ROWS, COLUMNS), draws_of(ROWS, COLUMNS, WIDTH), conditions_for(effect)
        )
        found = cells.cells()
        assert (cells.conductances >= 0).all() and np.isfinite(cells.conductances).all()
        Cells.of(found.states, found.factors)  # raises where they cannot
        nominal = np.where(found.states == 1, CIRCUIT.g_on, CIRCUIT.g_off)
        np.testing.assert_allclose(found.factors * nominal, cells.conductances, rtol=1e-12)

    @pytest.mark.parametrize("key", ["seed", "chip", "layer", "tile_row"])
    def test_chips_layers_and_tiles_are_independent(self, name, key):
        draws = draws_of(ROWS, COLUMNS, WIDTH)
        self.require_independent(name, self.numbers(name, draws), self.numbers(name, replace(draws, **{key: 1})))

    def test_tiles_side_by_side_are_independent(self, name):
        found = self.numbers(name, draws_of(ROWS, COLUMNS, WIDTH))
        self.require_independent(name, found[:, :WIDTH], found[:, WIDTH:])

    @pytest.mark.parametrize("rows", [True, False])
    def test_cells_are_independent_of_their_neighbours(self, name, rows):
        if EXAMPLES[name].kind in OF_LINES:
            return  # whose cells share their fate
        found = self.numbers(name, draws_of(ROWS, COLUMNS, WIDTH))
        if rows and len(found) == ROWS:
            self.require_independent(name, found[:-2], found[2:])  # of one state
        self.require_independent(name, found[:, :-2], found[:, 2:])

    def require_independent(self, name: str, one: np.ndarray, other: np.ndarray) -> None:
        """Within five standard deviations of the correlation that independent numbers have."""
        if not EXAMPLES[name].drawn_per_chip:
            np.testing.assert_array_equal(one, other)
            return
        assert name not in KINDS or (one != other).any()  # of the blocks that ship some are too rare to be seen
        states = checkered(*one.shape) if len(one) > 2 else np.indices(one.shape)[0]  # errors: gains and offsets
        for state in (0, 1):
            a, b = one[states == state], other[states == state]
            if a.std() == 0 or b.std() == 0:
                continue  # a state that the effect leaves alone, or a fault too rare to be there
            independent = ROWS if EXAMPLES[name].kind in OF_LINES else a.size
            assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(independent)
            assert (a != b).any()

    def test_only_the_conditions_that_it_names_change_it(self, name):
        effect, draws = EXAMPLES[name], draws_of(16, 16)
        start = conditions_for(effect)

        def seen(conditions):
            circuit = effect.altered_circuit(CIRCUIT, conditions)
            return self.numbers(name, draws, conditions).tolist(), circuit, effect.read_noise(CIRCUIT, conditions)

        other = {"age_s": 1.0, "reads": 0.0, "temperature_K": 300.0}
        for condition, value in other.items():
            changed = seen(replace(start, **{condition: value})) != seen(start)
            assert changed == (condition in effect.depends_on), condition

    def test_a_design_holds_it(self, name):
        effect = EXAMPLES[name]
        conditions = vars(conditions_for(effect))
        design = Design(circuit=CIRCUIT, rows=8, cols=8, adc={"bits": 4}, effects=(effect,), **conditions)
        again = Design.model_validate(design.content())
        assert again.effects == design.effects and again.content() == design.content()
        assert {name for name in conditions if name in design.content()} <= set(effect.depends_on)


@pytest.mark.parametrize("kind", KINDS)
def test_zero_is_the_nominal_chip(kind):
    effect, draws, states = effect_of(kind, ZERO[kind]), draws_of(12, 10), checkered(12, 10)
    nominal = np.where(states == 1, CIRCUIT.g_on, CIRCUIT.g_off)
    cells = on_chip(effect, CIRCUIT, states, draws, LATER)
    np.testing.assert_array_equal(cells.states, states)
    np.testing.assert_allclose(cells.conductances, nominal, rtol=1e-14)
    assert effect.altered_circuit(CIRCUIT, LATER) == CIRCUIT
    noise, errors = effect.read_noise(CIRCUIT, LATER), effect.converter_errors(draws)
    assert noise is None or (noise.on, noise.off) == (0, 0)
    assert errors is None or ((errors.gain == 1).all() and (errors.offset_lsb == 0).all())
