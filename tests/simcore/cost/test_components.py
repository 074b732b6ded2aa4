"""Every component by hand, with the arithmetic shown, and by its dimension."""

from __future__ import annotations

import math

import pint
import pytest

from simcore.cost import area, energy, leakage, resolve, timing
from simcore.cost_options import CostOptions
from simcore.technology.periphery_file import PERIPHERY_UNITS

units = pint.UnitRegistry()
AMPERE, VOLT, SECOND, FARAD, METRE, OHM, JOULE = (
    units(name) for name in ("A", "V", "s", "F", "m", "ohm", "J")
)  # fmt: skip
AREA = METRE**2
s = resolve(CostOptions())

BY_HAND = {
    # 0.264 V x 16 cells x 11.05 uA x 1 ns = 46.7 fJ
    "array": (energy.array_energy(16 * 11.05e-15, 0.264), 46.6752e-15),
    # 16 cells x 11.05 uA x 1 ns = 176.8 fC
    "charge": (energy.array_charge(16 * 11.05e-6, 1e-9), 176.8e-15),
    # 4096 cells x 4 fins x 1 pA x 0.7 V = 11.5 nW
    "cells that leak": (leakage.off_power(4096 * 4, s.fin_off_current, s.v_dd), 11.4688e-9),
    # 100 um2 x 2.7 nW/um2
    "logic that leaks": (leakage.logic_power(100e-12, s.logic_leakage), 270e-9),
    # 64 x 0.472 um x 0.2 fF/um + 64 x 0.1005 fF = 6.0416 + 6.432 = 12.4736 fF
    "word line C": (energy.line_capacitance(64 * 0.472e-6, 0.2e-9, 64, 0.1005e-15), 12.4736e-15),
    # 32 rows x 12.4736 fF x 0.49 V2 = 195.6 fJ (6.1 fJ a row)
    "word line": (energy.word_line_energy(32, 12.4736e-15, 0.7), 195.586048e-15),
    # 64 cells x (0.0224 + 0.0222) fF x 0.264^2 = 0.199 fJ a column
    "bit line": (energy.bit_line_energy(1, 64 * 0.0446e-15, 0.264), 0.198939e-15),
    # 15 comparators x 12.4 fJ = 186 fJ
    "flash": (energy.flash_energy(4, s.comparator_energy), 186e-15),
    # 6 x 30 fJ
    "sar": (energy.sar_energy(6, s.sar_energy_per_bit), 180e-15),
    # 12 x (1.0 + 1.2) fJ
    "accumulate": (energy.accumulate_energy(12, s.full_adder_energy, s.flip_flop_energy), 26.4e-15),
    # 64 - 7 = 57 full adders, 6 half adders: 57 + 3 = 60
    "popcount": (energy.popcount_energy(64, s.full_adder_energy), 60e-15),
    "compare": (energy.comparison_energy(64, s.full_adder_energy), 7e-15),
    # 64 x 0.35 fJ
    "xor": (energy.xor_energy(64, s.xor_energy), 22.4e-15),
    # 7 x (1.0 + 1.2) fJ
    "undo": (energy.undo_energy(64, s.full_adder_energy, s.flip_flop_energy), 15.4e-15),
    # 7 x 0.35 fJ
    "stored sum": (energy.stored_sum_energy(64, s.stored_bit_read_energy), 2.45e-15),
    # 0.6931 x 1475 x 12.4736 fF = 12.753 ps; 0.38 x (24.3 x 30.208 = 734.05) ohm x 12.4736 fF = 3.4795 ps
    "word line delay": (timing.word_line_delay(1475, 24.3e6 * 64 * 0.472e-6, 12.4736e-15), 16.2323e-12),
    # 64 x 0.0446 fF x (190 + 5.8 x 65 / 2 = 378.5) ohm = 1.0804 ps
    "elmore": (timing.elmore_delay(190, 5.8, 64, 0.0446e-15), 1.080390e-12),
    # (4 + 1) ln 2 = 3.4657
    "settling": (timing.settling_time(1e-12, 4), 3.465736e-12),
    # 0.70 ns + 3.7e-15 s/ohm x 10 kohm = 0.737 ns
    "flash time": (timing.flash_time(s.flash_delay, s.flash_delay_per_ohm, 10e3), 0.737e-9),
    "sar time": (timing.sar_time(6, s.sar_bit_time), 7e-9),
    # 0.0162 + 8 x (0.004 + 0.737) = 5.9442 ns
    "read": (timing.read_time(0.0162e-9, 8, 0.004e-9, 0.737e-9), 5.9442e-9),
    # depth 2 x 6 - 2 = 10 adders: 350 ps + 100 ps + 27.5 ps
    "flip path": (timing.flip_time(64, s.full_adder_delay, s.comparison_delay, s.xor_delay), 477.5e-12),
    "flash area": (area.flash_area(4, s.comparator_area), 85.5e-12),
    # 37 x (156 / 37)^(2 / 4) = sqrt(37 x 156) = 75.97
    "sar area": (area.sar_area(6, s.sar_area_4_bit, s.sar_area_8_bit), math.sqrt(37 * 156) * 1e-12),
    # 12 x (8 x 0.204 + 64 x 0.292) = 243.84 (348 placed at 70 %)
    "accumulators": (area.accumulator_area(12, 8, 64, s.full_adder_area, s.flip_flop_area), 243.84e-12),
    "popcount area": (area.popcount_area(64, s.full_adder_area), 60 * 0.204e-12),
    # 7 x 0.204 + 64 x 0.131 = 9.812
    "input flip area": (area.input_flip_area(64, 64, s.full_adder_area, s.xor_area), 9.812e-12),
    "flags": (area.column_flags_area(64, s.flip_flop_area), 18.688e-12),
    # 64 x 7 x 0.029 = 12.992
    "sums": (area.stored_sums_area(64, 64, s.stored_bit_area), 12.992e-12),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name: str) -> None:
    found, expected = BY_HAND[name]
    assert found == pytest.approx(expected, rel=1e-5)


DIMENSIONS = {
    "charge": (energy.array_charge(AMPERE, SECOND), AMPERE * SECOND),
    "array": (energy.array_energy(AMPERE * SECOND, VOLT), JOULE),
    "cells that leak": (leakage.off_power(3, AMPERE, VOLT), JOULE / SECOND),
    "logic that leaks": (leakage.logic_power(AREA, JOULE / SECOND / AREA), JOULE / SECOND),
    "line": (energy.line_capacitance(METRE, FARAD / METRE, 3, FARAD), FARAD),
    "word line": (energy.word_line_energy(3, FARAD, VOLT), JOULE),
    "bit line": (energy.bit_line_energy(3, FARAD, VOLT), JOULE),
    "flash": (energy.flash_energy(4, JOULE), JOULE),
    "sar": (energy.sar_energy(4, JOULE), JOULE),
    "accumulate": (energy.accumulate_energy(4, JOULE, JOULE), JOULE),
    "popcount": (energy.popcount_energy(4, JOULE), JOULE),
    "compare": (energy.comparison_energy(4, JOULE), JOULE),
    "xor": (energy.xor_energy(4, JOULE), JOULE),
    "undo": (energy.undo_energy(4, JOULE, JOULE), JOULE),
    "stored sum": (energy.stored_sum_energy(4, JOULE), JOULE),
    "word line delay": (timing.word_line_delay(OHM, OHM, FARAD), SECOND),
    "elmore": (timing.elmore_delay(OHM, OHM, 4, FARAD), SECOND),
    "settling": (timing.settling_time(SECOND, 4), SECOND),
    "flash time": (timing.flash_time(SECOND, SECOND / OHM, OHM), SECOND),
    "sar time": (timing.sar_time(4, SECOND), SECOND),
    "read": (timing.read_time(SECOND, 8, SECOND, SECOND), SECOND),
    "flip path": (timing.flip_time(64, SECOND, SECOND, SECOND), SECOND),
    "flash area": (area.flash_area(4, AREA), AREA),
    "sar area": (area.sar_area(4, AREA, AREA), AREA),
    "accumulators": (area.accumulator_area(4, 8, 64, AREA, AREA), AREA),
    "popcount area": (area.popcount_area(4, AREA), AREA),
    "input flip area": (area.input_flip_area(4, 4, AREA, AREA), AREA),
    "flags": (area.column_flags_area(4, AREA), AREA),
    "sums": (area.stored_sums_area(4, 64, AREA), AREA),
}


@pytest.mark.parametrize("name", DIMENSIONS)
def test_dimensions(name: str) -> None:
    found, expected = DIMENSIONS[name]
    assert found.check(expected.dimensionality)


def test_every_parameter_is_converted_to_si() -> None:
    for name, (unit, factor) in PERIPHERY_UNITS.items():
        quantity = units.Quantity(1, unit.replace("um2", "um**2")).to_base_units()
        si = units.Quantity(1, "1") if not unit else quantity
        assert si.magnitude == pytest.approx(factor), name


def test_popcount_of_a_few_bits() -> None:
    # 1 bit: nothing to add. 3 bits: one full adder, and half a one for the carry column that is carried along.
    assert energy.popcount_adders(1) == 0
    assert energy.popcount_adders(3) == 1.5
    assert [energy.sum_bits(n) for n in (1, 3, 4, 16, 63, 64)] == [1, 2, 3, 5, 6, 7]
    # -64..64 are 129 values
    assert [energy.accumulator_bits(k) for k in (1, 64, 2047)] == [2, 8, 12]


@pytest.mark.parametrize(
    ("parallel", "expected"),
    [
        (None, 20),  # 10 positions x 2 steps: every tile at once
        (6, 20),
        (4, 25),  # 10 x 5 groups x 2 column tiles / 4
        (1, 100),  # one tile after another
    ],
)
def test_rounds_of_reads(parallel: int | None, expected: float) -> None:
    # 5 row groups, 2 a tile: 3 row tiles; 2 column tiles
    assert timing.rounds(10, 5, 2, 3, 2, parallel) == expected
