"""Cells from measured curves: of files as instruments write them, the curves that made them come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.errors import InputError
from simcore.technology.measurement import Limits, MeasuredCell, Measurement, Probe, measured_cell
from simcore.technology.measurement.branches import find_branches, turning_points
from simcore.technology.measurement.columns import Series
from simcore.technology.measurement.curve_fit import fit_monotone
from tests.simcore.technology.synthetic_curves import (
    Instrument,
    TrueCell,
    bipolar_sweep,
    ohmic_and_sinh,
    read_sweep,
    saturating,
    table,
)

ORDINARY, SATURATING = ohmic_and_sinh(), saturating()
FEW_TIMES = ohmic_and_sinh(g_on=10e-6, g_off=4e-6, v_nl=0.5)  # on / off 2.5
MILLIONFOLD = ohmic_and_sinh(g_on=100e-6, g_off=1e-9, v_nl=0.2)
SCOPED = ohmic_and_sinh(g_on=200e-6, g_off=20e-6)
CYCLES = ((1.05, 0.85), (0.98, 1.3), (0.97, 0.9))

FIRST_CYCLE = TrueCell(lambda v: 1.05 * ORDINARY.on(v), lambda v: 0.85 * ORDINARY.off(v))


class Case(NamedTuple):
    """A file, what is said about it, its truth, and how far the curves may be from it (relative, above 30 % of V)."""

    text: Callable[[], str]
    cell: TrueCell
    tolerance: float
    known: dict[str, object] = {}


def sourcemeter() -> str:
    _, volts, amps = bipolar_sweep(ORDINARY, Instrument())
    return table(["Model,2450", "Serial,1,2,3", "", "Voltage (V),Current (A)"], [volts, amps])


def german() -> str:
    _, volts, amps = bipolar_sweep(ORDINARY, Instrument(seed=2))
    return "\ufeff" + table(["Spannung (V);Strom (µA)"], [volts, amps * 1e6], ";", ",")


def cycles_with_numbers() -> str:
    cycle, volts, amps = bipolar_sweep(ORDINARY, Instrument(cycle_factors=CYCLES, seed=3))
    return table(["Cycle,AV,AI,Time"], [cycle, volts, amps, np.arange(len(volts)) * 0.1])


def cycles_below_each_other() -> str:
    parts = [bipolar_sweep(ORDINARY, Instrument(cycle_factors=[one], seed=n)) for n, one in enumerate(CYCLES)]
    return "\n\n".join(
        table([f"Sweep {n}", "Vd / V\tId / nA"], [v, i * 1e9], "\t") for n, (_, v, i) in enumerate(parts)
    )


def logged_sizes_coarse() -> str:
    cycle, volts, amps = bipolar_sweep(ORDINARY, Instrument(step=0.05, cycle_factors=CYCLES[:1] * 3))
    return table(["# repeat V(V) I(A)"], [cycle, volts, np.abs(amps)], " ")


def parameter_analyser() -> str:
    """Semiconductor parameter analysers begin every row with a word; this one counts currents out of the cell."""
    _, volts, amps = bipolar_sweep(MILLIONFOLD, Instrument(floor=2e-12))
    rows = table([], [volts, -amps], ", ").splitlines()
    heads = ["SetupTitle, RRAM", "Dimension1, 440, 440", "DataName, V1, I1"]
    return "\n".join([*heads, *(f"DataValue, {row}" for row in rows)])


def scope_with_shunt() -> str:
    random = np.random.default_rng(5)
    _, volts, amps = bipolar_sweep(SCOPED, Instrument(step=0.004, compliance=1, noise=0.01, floor=4e-7))
    applied = volts + 1000 * amps + random.normal(0, 0.004, len(volts))
    return table(["x-axis,1,2", "second,Volt,Volt"], [np.arange(len(volts)) * 1e-6, applied, 1000 * amps])


def scope_of_8_bits() -> str:
    _, volts, amps = bipolar_sweep(SCOPED, Instrument(step=0.004, compliance=1, noise=0.005, floor=4e-7))
    volts, amps = np.round(volts / 0.01) * 0.01, np.round(amps / 1.6e-6) * 1.6e-6
    return table(["x-axis,1,2", "second,Volt,Ampere"], [np.arange(len(volts)) * 1e-6, volts, amps])


def saturates_below_the_limit() -> str:
    _, volts, amps = bipolar_sweep(SATURATING, Instrument(compliance=1e-3))
    return table(["mV;nA"], [volts * 1e3, amps * 1e9], ";")


def saturates_at_the_limit() -> str:
    _, volts, amps = bipolar_sweep(SATURATING, Instrument(compliance=8e-6))
    return table(["V,I"], [volts, amps])


def few_times() -> str:
    _, volts, amps = bipolar_sweep(FEW_TIMES, Instrument(compliance=1e-3, noise=0.03))
    return table([], [volts, amps])


def columns_for_each_state() -> str:
    volts = np.linspace(0, 0.4, 41)
    on, off = (read_sweep(curve, volts, Instrument(seed=n)) for n, curve in enumerate((ORDINARY.on, ORDINARY.off)))
    return table(["V (V),I_LRS (A),I_HRS (A)"], [volts, on, off])


def a_pair_of_columns_for_each_sweep() -> str:
    volts = np.linspace(-0.4, 0.4, 81)
    sweeps = [
        read_sweep(lambda v, curve=curve: np.sign(v) * curve(np.abs(v)), volts, Instrument(seed=n))
        for n, curve in enumerate((ORDINARY.on, ORDINARY.off))
    ]
    return table(["V1,I1,V2,I2"], [volts, sweeps[0], volts, sweeps[1]])


CASES = {
    "sourcemeter": Case(sourcemeter, ORDINARY, 0.03),
    "german": Case(german, ORDINARY, 0.03),
    "cycles with numbers": Case(cycles_with_numbers, ORDINARY, 0.03),
    "cycles below each other": Case(cycles_below_each_other, ORDINARY, 0.03),
    "sizes, coarse": Case(logged_sizes_coarse, FIRST_CYCLE, 0.04),
    "parameter analyser": Case(parameter_analyser, MILLIONFOLD, 0.04),
    "scope with shunt": Case(scope_with_shunt, SCOPED, 0.03, {"probe": Probe(shunt=1000)}),
    "scope of 8 bits": Case(scope_of_8_bits, SCOPED, 0.03),
    "saturates": Case(saturates_below_the_limit, SATURATING, 0.03),
    "saturates at the limit": Case(saturates_at_the_limit, SATURATING, 0.03),
    "on / off of 2.5": Case(few_times, FEW_TIMES, 0.05),
    "columns for each state": Case(columns_for_each_state, ORDINARY, 0.04),
    "pairs of columns": Case(a_pair_of_columns_for_each_sweep, ORDINARY, 0.04),
    "positive alone": Case(sourcemeter, ORDINARY, 0.04, {"limits": Limits(polarity=1)}),
    "read range alone": Case(sourcemeter, ORDINARY, 0.04, {"limits": Limits(largest_voltage=0.4)}),
    "limit given": Case(sourcemeter, ORDINARY, 0.03, {"limits": Limits(compliance=60e-6)}),
}  # fmt: skip


def imported(folder: Path, text: str, **known: object) -> MeasuredCell:
    path = folder / "measured.csv"
    path.write_text(text, encoding="utf-8")
    return measured_cell(Measurement((path,), **known))


@pytest.mark.parametrize("name", CASES)
def test_curves_and_ratio_come_back(tmp_path, name):
    case = CASES[name]
    cell = imported(tmp_path, case.text(), **case.known)
    # The geometric mean of the three cycles' factors is 1.0 for ON and 0.998 for OFF.
    voltage = cell.on.curve.voltage
    upper = voltage >= 0.3 * voltage[-1]
    assert 0.35 < voltage[-1] < 1.3
    for state, truth in ((cell.on, case.cell.on), (cell.off, case.cell.off)):
        np.testing.assert_allclose(state.curve.current[upper], truth(voltage[upper]), rtol=case.tolerance)
        assert (np.diff(state.curve.current) > 0).all()
    at = float(voltage[len(voltage) // 2])
    assert cell.ratio(at) == pytest.approx(float(case.cell.on(at) / case.cell.off(at)), rel=1.5 * case.tolerance)


def test_what_was_found_is_said(tmp_path):
    cell = imported(tmp_path, cycles_with_numbers())
    assert cell.columns == ("measured.csv: voltage = AV (V), current = AI (A)",)
    assert len(cell.on.branches) == len(cell.off.branches) == 6
    assert cell.off.spread == pytest.approx(np.std(np.log([0.85, 1.3, 0.9]).repeat(2), ddof=1), rel=0.1)
    assert cell.on.curve.noise == pytest.approx(0.02, rel=0.3)
    assert cell.switches_at == pytest.approx(0.85 * 0.7, rel=0.1)
    assert abs(cell.on.asymmetry) < 0.02
    assert {branch.ends for branch in cell.on.branches} == {"limit", "switch"}


def test_polarities_that_differ_are_told_apart(tmp_path):
    _, volts, amps = bipolar_sweep(ORDINARY, Instrument())
    text = table(["V,I"], [volts, np.where(volts > 0, amps, 0.7 * amps)])
    assert imported(tmp_path, text).on.asymmetry == pytest.approx(-np.log(0.7), abs=0.02)
    negative = imported(tmp_path, text, limits=Limits(polarity=-1))
    assert negative.on.curve.at(0.3) == pytest.approx(0.7 * ORDINARY.on(0.3), rel=0.03)


def test_both_states_may_come_from_two_files(tmp_path):
    volts = np.linspace(0, 0.4, 41)
    paths = []
    for name, curve in (("lrs", ORDINARY.on), ("hrs", ORDINARY.off)):
        path = tmp_path / f"{name}.txt"
        path.write_text(table(["V I"], [volts, read_sweep(curve, volts, Instrument())], "   "))
        paths.append(path)
    cell = measured_cell(Measurement(tuple(paths)))
    assert cell.ratio(0.2) == pytest.approx(float(ORDINARY.on(0.2) / ORDINARY.off(0.2)), rel=0.04)


def test_a_heading_says_the_state_whatever_other_branches_say_of_theirs():
    """By their conductances alone the second branch would go with the third."""
    volts = np.linspace(0, 0.4, 41)
    series = [Series(volts, g * volts, state, "file") for g, state in ((10e-6, "on"), (3e-6, "on"), (1e-6, None))]
    assert [branch.state for branch in find_branches(series, Limits())] == ["on", "on", "off"]
    with pytest.raises(InputError, match="only the off state was measured"):
        find_branches([replace(series[0], state="off"), series[2]], Limits())


def test_a_line_of_any_length_is_a_remark(tmp_path):
    cell = imported(tmp_path, "x" * 200_000 + "\n# " + "1" * 200_000 + "\n" + sourcemeter())
    assert cell.on.curve.at(0.3) == pytest.approx(ORDINARY.on(0.3), rel=0.03)


def test_headings_may_be_given(tmp_path):
    _, volts, amps = bipolar_sweep(ORDINARY, Instrument())
    text = table([], [np.arange(len(volts)), amps * 1e6, volts * 1e3])
    cell = imported(tmp_path, text, headings=("-", "I (uA)", "V (mV)"))
    assert cell.on.curve.at(0.3) == pytest.approx(ORDINARY.on(0.3), rel=0.03)


@pytest.mark.parametrize(
    ("heading", "factors"),
    [
        ("V,I", (1, 1)), ("Voltage,Current", (1, 1)), ("U [mV],I [pA]", (1e-3, 1e-12)), ("V_S,I_D", (1, 1)),
        ("V/mV,I/µA", (1e-3, 1e-6)), ("V1_mV,I1_nA", (1e-3, 1e-9)), ("Bias in V,Drain current in mA", (1, 1e-3)),
        ("V_read_mV,I_meas/µA", (1e-3, 1e-6)), ("V of cell [mV],I (mA) of drain", (1e-3, 1e-3)),
        ("V(GS) (mV),I(V) [uA]", (1e-3, 1e-6)), ("V,I(V) in mA", (1, 1e-3)),
        ("Volt,Ampere", (1, 1)), ("tension (kV),courant (A)", (1e3, 1)), ("Voltage (Volts),Current (Amps)", (1, 1)),
    ],
)  # fmt: skip
def test_headings_and_units(tmp_path, heading, factors):
    volts = np.tile(np.linspace(0, 0.4, 41), 2)
    amps = np.concatenate([ORDINARY.on(volts[:41]), ORDINARY.off(volts[41:])])
    cell = imported(tmp_path, table([heading], [volts / factors[0], amps / factors[1]]))
    assert cell.largest_voltage == pytest.approx(0.4)
    assert cell.on.curve.at(0.2) == pytest.approx(ORDINARY.on(0.2), rel=1e-2)


VOLTS = np.linspace(0, 1, 50)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected columns of numbers"),
        ("V,I\n0,0\n", "expected columns of numbers"),
        ("nothing here\n", "expected columns of numbers"),
        ("PK\x03\x04", "a spreadsheet, not a text: save its table as CSV"),
        ("\0\0\0", "no text file"),
        (table(["x-axis,1,2", "second,Volt,Volt"], [VOLTS, VOLTS, VOLTS]), "two voltages and no current"),
        (table([], [VOLTS, VOLTS, VOLTS]), "3 columns without headings: say what they are"),
        (table(["a,b"], [VOLTS, VOLTS]), "0 voltages and 0 currents among the columns 'a', 'b'"),
        (table(["V,I (uA)"], [VOLTS, VOLTS]), "one state alone: at low voltage the conductances of its 1 branches"),
        (table(["V,I_on (uA)"], [VOLTS, VOLTS]), "only the on state was measured"),
        (table(["V,I"], [VOLTS, 85 * VOLTS]), "a current of 85 A is none of a memory cell: say the unit"),
        (table(["V,I"], [0 * VOLTS, VOLTS * 1e-6]), "no branch of at least three points"),
        (
            "V,I\n" + "".join(f"0,{n},0,00{n}\n" for n in range(9)),
            "cannot be told apart; part the columns with semicolons",
        ),
        (table(["V,I_on,I_off"], [VOLTS, 1e-6 * VOLTS, 0 * VOLTS]), "points show the off state"),
    ],
)
def test_what_cannot_be_understood_gives_one_line(tmp_path, text, message):
    with pytest.raises(InputError) as error:
        imported(tmp_path, text)
    assert message in str(error.value)
    assert "measured.csv" in str(error.value)
    assert "\n" not in str(error.value)


@given(st.binary(max_size=400) | st.text("0123456789.,;-eV IA()\n\t", max_size=400).map(str.encode))
@settings(max_examples=80, deadline=None)
def test_any_file_gives_a_cell_or_one_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_bytes(content)
    try:
        cell = measured_cell(Measurement((path,)))
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert (np.diff(cell.on.curve.current) > 0).all()


@given(st.integers(0, 10**6), st.floats(0, 0.3), st.integers(5, 200))
@settings(max_examples=20, deadline=None)
def test_a_fit_rises_from_zero_whatever_the_points(seed, noise, points):
    random = np.random.default_rng(seed)
    voltage = random.uniform(0.01, 1, points)
    current = 1e-6 * voltage ** random.uniform(0.3, 3) * (1 + noise * random.standard_normal(points))
    curve = fit_monotone(voltage, current, np.linspace(0, voltage.max(), 33))
    assert curve.current[0] == 0
    assert (np.diff(curve.current) > 0).all()


def test_a_long_trace_is_averaged():
    """Noise as large as a fifth of the largest current becomes less by the root of the number of neighbours."""
    volts = np.linspace(0.001, 0.4, 200_000)
    trace = Series(volts, read_sweep(ORDINARY.on, volts, Instrument(noise=0.0, floor=6e-6)), "on", "long")
    off = Series(volts[::1000], ORDINARY.off(volts[::1000]), "off", "short")
    branch, _ = find_branches([trace, off], Limits())
    assert len(branch.voltage) == 2000
    np.testing.assert_allclose(np.std(branch.current - ORDINARY.on(branch.voltage)), 6e-6 / 10, rtol=0.1)


def test_turning_points_of_a_noisy_triangle():
    way = np.concatenate([np.linspace(0, 1, 200), np.linspace(1, -1, 400), np.linspace(-1, 0, 200)])
    noisy = way + np.random.default_rng(0).normal(0, 0.01, len(way))
    cuts = turning_points(noisy, 0.1)
    assert len(cuts) == 4
    np.testing.assert_allclose(cuts, [0, 200, 600, 800], atol=12)
