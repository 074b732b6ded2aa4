"""The statistics of each kind against its definition, within five standard deviations of what 1e5 cells can show."""

from __future__ import annotations

from math import log, log10, sqrt

import numpy as np
import pytest

from simcore.effects.base import Conditions
from simcore.technology import circuit_parameters
from tests.simcore.crossbar.crossbar_circuits import TOPOLOGIES, make_circuit
from tests.simcore.effects.examples import CIRCUIT, DISTURB, draws_of, effect_of, on_chip, shipped

ROWS, COLUMNS = 400, 250
CELLS = ROWS * COLUMNS
DAY, TEN_YEARS = 86400.0, 315576000.0
FRESH = Conditions(age_s=1.0, reads=0.0, temperature_K=300.0)
SERIES = 1500.0


def circuit_of(on_uS: float, off_uS: float, series_ohm: float = 0.0, **changes):
    """Cells whose devices have these conductances behind a resistance."""
    on, off = (uS * 1e-6 / (1 + series_ohm * uS * 1e-6) for uS in (on_uS, off_uS))
    return make_circuit(TOPOLOGIES[2], "linear", g_on=on, g_off=off, **changes)


def devices(effect, circuit, state: int, conditions=FRESH, series_ohm: float = 0.0, chip: int = 0) -> np.ndarray:
    """Microsiemens of the devices of 1e5 cells of one state."""
    effect.check(circuit, conditions)
    states = np.full((ROWS, COLUMNS), state, np.uint8)
    cells = on_chip(effect, circuit, states, draws_of(ROWS, COLUMNS, 100, chip=chip), conditions).conductances
    found: np.ndarray = (cells / (1 - series_ohm * cells) * 1e6).ravel()
    return found


def require_moments(found: np.ndarray, mean: float, sigma: float) -> None:
    """Of normal numbers."""
    assert found.size >= 1000
    assert abs(found.mean() - mean) <= 5 * sigma / sqrt(found.size)
    assert abs(found.std() - sigma) <= 5 * sigma / sqrt(2 * found.size)


def require_share(found: np.ndarray, share: float) -> None:
    """Of independent cells."""
    assert abs(found.mean() - share) <= 5 * sqrt(share * (1 - share) / found.size)


def test_draws_are_normal_and_uniform():
    draws = draws_of(ROWS, COLUMNS, 100)
    require_moments(draws.normal("a").ravel(), 0, 1)
    require_moments(draws_of(1, 50_000, 64).column_normal("a"), 0, 1)
    for uniform in (draws.uniform("a").ravel(), draws_of(1, 50_000, 64).column_uniform("a")):
        assert uniform.min() >= 0 and uniform.max() < 1
        # Kolmogorov-Smirnov: the distance is beyond 2.5 / sqrt(n) in one of a hundred thousand draws.
        steps = np.arange(1, uniform.size + 1) / uniform.size
        assert np.abs(np.sort(uniform) - steps).max() < 2.5 / sqrt(uniform.size)
    of_rows = draws.row_uniform("a")
    assert (of_rows[:, :100] == of_rows[:, :1]).all() and (of_rows[:, 100] != of_rows[:, 0]).all()
    assert len(np.unique(of_rows[:, 0])) == ROWS


@pytest.mark.parametrize("per_cent", [4, 5, 6])
@pytest.mark.parametrize("state", [0, 1])
def test_read_ports_spread_by_a_share_of_the_current(per_cent, state):
    sigma = per_cent / 100
    nominal = 80.0 if state else 2.0
    found = devices(shipped(f"sram-vt-{per_cent}"), circuit_of(80, 2), state)
    require_moments(found / nominal, 1, sigma)


@pytest.mark.parametrize("series_ohm", [0.0, SERIES])
@pytest.mark.parametrize(("state", "g"), [(1, 90.0), (0, 6.0)])
def test_an_affine_spread_is_a_share_and_a_constant(series_ohm, state, g):
    spread = {"distribution": "normal", "sigma_fraction": 0.02, "sigma_uS": 0.05}
    effect = effect_of("programming_spread", {"series_ohm": series_ohm, "on": spread, "off": spread})
    found = devices(effect, circuit_of(90, 6, series_ohm), state, series_ohm=series_ohm)
    require_moments(found, g, 0.02 * g + 0.05)


def test_a_log_normal_spread_keeps_the_median():
    effect = effect_of("programming_spread", {"off": {"distribution": "lognormal", "sigma_ln": 0.4}})
    require_moments(np.log(devices(effect, circuit_of(80, 2), 0)), log(2), 0.4)
    np.testing.assert_allclose(devices(effect, circuit_of(80, 2), 1), 80)  # the other state is left alone


@pytest.mark.parametrize(("preset", "sigma"), [("cmo-hfox-2", 1.01), ("cmo-hfox-0.2", 0.0951)])
def test_cmo_hfox_is_programmed_as_its_source_says(preset, sigma):
    found = devices(shipped(preset), circuit_of(88.19, 9, SERIES), 1, series_ohm=SERIES)
    require_moments(found, 88.19, shipped(preset).on.sigma_fraction * 88.19 + shipped(preset).on.sigma_uS)
    assert found.std() == pytest.approx(sigma, rel=0.02)


def test_the_access_transistor_takes_its_share_of_the_spread():
    cell = circuit_parameters("1T-1ReRAM")  # 11300 + 1500 ohm
    assert shipped("cmo-hfox-2").device_of_on(cell) == pytest.approx(1e6 / 11300)
    states = np.ones((ROWS, COLUMNS), np.uint8)
    found = on_chip(shipped("cmo-hfox-2"), cell, states, draws_of(ROWS, COLUMNS), FRESH).cells().factors
    require_moments(found.ravel(), 1, (0.01129027418 + 0.0112185391 / (1e6 / 11300)) * 11300 / 12800)


@pytest.mark.parametrize(("g", "share"), [(88, 0.045), (225, 0.012)])
def test_igvva_spreads_less_the_more_a_cell_conducts(g, share):
    found = devices(shipped("igvva-130nm"), circuit_of(g, 2, SERIES), 1, series_ohm=SERIES)
    require_moments(found, g, 4.782321 - 0.009107 * g)
    assert found.std() / g == pytest.approx(share, rel=0.03)


@pytest.mark.parametrize(("age", "share", "lowest"), [(1.0, 0.028, 0.35), (DAY, 0.066, 0.70), (2 * DAY, 0.067, 0.78)])
@pytest.mark.parametrize("on_uS", [40.0, 88.0])
def test_wan_2022_spreads_as_measured(age, share, lowest, on_uS):
    circuit = circuit_of(on_uS, on_uS / 1000)
    effect, conditions = shipped("wan-2022"), Conditions(age, 0.0, 300.0)
    coefficients = next(found.coefficients_uS for found in effect.at if found.age_s == age)
    found = devices(effect, circuit, 1, conditions)
    require_moments(found, on_uS, sum(coefficients) * on_uS / 40)
    assert found.std() / on_uS == pytest.approx(share, rel=0.02)
    off = devices(effect, circuit, 0, conditions)
    sigma = sum(c * 0.001**power for power, c in enumerate(coefficients)) * on_uS / 40
    assert sigma * 40 / on_uS == pytest.approx(lowest, rel=0.06)
    above = off[off > on_uS / 1000]  # the other half is held at 0
    assert sqrt(((above - on_uS / 1000) ** 2).mean()) == pytest.approx(sigma, rel=5 / sqrt(2 * above.size))


@pytest.mark.parametrize(("age", "mean", "sigma"), [(1.0, 0.0, 0.41), (DAY, -1.01, 0.89), (TEN_YEARS, -1.74, 1.23)])
def test_cmo_hfox_relaxes_with_the_logarithm_of_time(age, mean, sigma):
    conditions = Conditions(age, 0.0, 300.0)
    found = devices(shipped("cmo-hfox-relaxation"), circuit_of(88.19, 9, SERIES), 1, conditions, SERIES) - 88.19
    require_moments(found, -0.08900206 * log(age), 0.41183342 + 0.04201137 * log(age))
    assert (found.mean(), found.std()) == pytest.approx((mean, sigma), abs=0.015)


def test_programming_and_relaxation_are_independent():
    circuit, conditions = circuit_of(88.19, 9, SERIES), Conditions(DAY, 0.0, 300.0)
    programmed = devices(shipped("cmo-hfox-2"), circuit, 1, conditions, SERIES)
    relaxed = devices(shipped("cmo-hfox-relaxation"), circuit, 1, conditions, SERIES)
    assert abs(np.corrcoef(programmed, relaxed)[0, 1]) < 5 / sqrt(CELLS)


def test_a_chip_ages_and_is_not_drawn_anew():
    effect, circuit = shipped("cmo-hfox-relaxation"), circuit_of(88.19, 9, SERIES)
    young, old = (devices(effect, circuit, 1, Conditions(age, 0.0, 300.0), SERIES) for age in (1.0, DAY))
    assert np.corrcoef(young, old)[0, 1] == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("v_read", "onset"), [(0.2, 102), (0.264, 0.46), (0.4, 0.24e-3)])
def test_read_disturb_begins_when_its_source_says(v_read, onset):
    effect = effect_of("read_disturb", {**DISTURB, "read_time_s": 1e-9})
    circuit = circuit_of(80, 2, v_read=v_read)
    assert effect.onset(circuit) == pytest.approx(onset, rel=0.02)
    reads = effect.onset(circuit) / 1e-9
    assert effect.kept(circuit, 0.99 * reads) == 1
    found = devices(effect, circuit, 1, Conditions(1.0, 1000 * reads, 300.0))
    np.testing.assert_allclose(found, 80 * 1000 ** -effect.power(circuit), rtol=1e-9)
    np.testing.assert_allclose(devices(effect, circuit, 0, Conditions(1.0, 1000 * reads, 300.0)), 2)


def test_switching_brings_read_disturb_forward():
    worn = effect_of("read_disturb", {**DISTURB, "cycle_factor": 0.003, "cycle_power": 0.41, "cycles": 1e4})
    fresh, circuit = effect_of("read_disturb", DISTURB), circuit_of(80, 2, v_read=0.264)
    factor = (1 - 0.003 * 1e4**0.41) ** (1 / fresh.power(circuit))
    assert worn.onset(circuit) == pytest.approx(factor * fresh.onset(circuit))


def test_stuck_cells_have_their_shares():
    effect = effect_of("stuck_cells", {"on_fraction": 0.02, "off_fraction": 0.03, "open_fraction": 0.01})
    for state, other, moved in ((1, 2e-6, 0.03), (0, 80e-6, 0.02)):
        states = np.full((ROWS, COLUMNS), state, np.uint8)
        cells = on_chip(effect, circuit_of(80, 2), states, draws_of(ROWS, COLUMNS, 100), FRESH)
        is_open = cells.conductances == 0
        require_share(is_open, 0.01)
        require_share(cells.states != state, moved)
        assert not (is_open & (cells.states != state)).any()
        np.testing.assert_allclose(cells.conductances[cells.states != state], other)
        np.testing.assert_allclose(cells.conductances[(cells.states == state) & ~is_open], 80e-6 if state else 2e-6)


def test_open_lines_end_somewhere_and_grounded_ones_are_gone():
    states = np.ones((ROWS, COLUMNS), np.uint8)

    def dead(**numbers):
        cells = on_chip(effect_of("broken_lines", numbers), CIRCUIT, states, draws_of(ROWS, COLUMNS), FRESH)
        return cells.conductances == 0

    words = dead(open_word_line_fraction=0.3)
    require_share(words.any(axis=1), 0.3)
    assert (np.diff(words.astype(int), axis=1) >= 0).all()  # all beyond the place are dead
    begins = np.argmax(words[words.any(axis=1)], axis=1)
    assert abs(begins.mean() - (COLUMNS - 1) / 2) < 5 * COLUMNS / sqrt(12 * len(begins))
    bits = dead(open_bit_line_fraction=0.3)
    require_share(bits.any(axis=0), 0.3)
    assert (np.diff(bits.astype(int), axis=0) <= 0).all()  # the sink is at the last row
    for name, axis in (("grounded_word_line_fraction", 1), ("grounded_bit_line_fraction", 0)):
        lines = dead(**{name: 0.3})
        require_share(lines.any(axis=axis), 0.3)
        assert (lines.any(axis=axis) == lines.all(axis=axis)).all()


def test_wires_and_nothing_else_gain_resistance():
    circuit = make_circuit(TOPOLOGIES[0], "tanh")
    warm = shipped("wires-neurosim").altered_circuit(circuit, Conditions(1.0, 0.0, 350.0))
    changed = {name for name in type(circuit).model_fields if getattr(circuit, name) != getattr(warm, name)}
    assert changed == {"r_row", "r_col", "r_source"}
    assert warm.r_col / circuit.r_col == pytest.approx(1 + 50 * 0.00451)
    cold = shipped("wires-neurosim").altered_circuit(circuit, Conditions(1.0, 0.0, 250.0))
    assert cold.r_col / circuit.r_col == pytest.approx(1 - 50 * 0.00451)


def test_converters_spread_by_column():
    effect = effect_of("converter_spread", {"gain_sigma_fraction": 0.02, "offset_sigma_codes": 0.3})
    errors = effect.converter_errors(draws_of(8, 50_000, 64))
    require_moments(errors.gain, 1, 0.02)
    require_moments(errors.offset_lsb, 0, 0.3)
    assert abs(np.corrcoef(errors.gain, errors.offset_lsb)[0, 1]) < 5 / sqrt(50_000)


@pytest.mark.parametrize("age", [1.0, DAY])
def test_flicker_noise_is_the_formula_of_its_source(age):
    circuit = circuit_of(88.19, 9, SERIES, v_nl_off=0.3, iv_off="sinh")
    noise = shipped("cmo-hfox-read-noise").read_noise(circuit, Conditions(age, 0.0, 300.0))

    def share(g):
        return 0.0277316483 * log10(g) * sqrt(log((age + 1e-6) / 2e-6)) / g / (1 + SERIES * g * 1e-6)

    assert noise.on == pytest.approx(share(88.19))
    assert noise.off == pytest.approx(share(9) * circuit.off_current() / circuit.on_current())
    assert age > 1 or share(88.19) * 88.19 * (1 + SERIES * 88.19e-6) == pytest.approx(0.195, rel=0.01)
    quiet = circuit_of(88.19, 0.5, SERIES)
    assert shipped("cmo-hfox-read-noise").read_noise(quiet, FRESH).off == 0


def test_measured_means_and_samples_are_what_cells_have():
    samples = (1.0, 1.5, 2.0, 7.0)
    table = {"on": {"mean_uS": 60, "sigma_uS": 3}, "off": {"samples_uS": samples}}
    effect = effect_of("measured_table", table)
    require_moments(devices(effect, circuit_of(80, 2), 1), 60, 3)
    found = devices(effect, circuit_of(80, 2), 0)
    for sample in samples:
        require_share(np.isclose(found, sample), 1 / len(samples))
    assert np.isclose(found[:, None], samples).any(axis=1).all()
