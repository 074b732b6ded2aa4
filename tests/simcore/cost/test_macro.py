"""The model beside the measured macro: figures of the model by hand, of the silicon as published."""

from __future__ import annotations

import pytest

from simcore.cost import resolve
from simcore.cost.macro import PARTIAL_SUM_CUTS, load_macro, load_published, macro_area_um2, macro_energy, saving
from simcore.cost_options import CostOptions

MACRO = load_macro()
SETTINGS = resolve(CostOptions())


def test_measured_energy_is_the_published_efficiency() -> None:
    # 64 rows x 16 outputs x 2 operations at 5.84 pJ: 351 TOPS/W, as published for an average code of 6
    assert 2 * 64 * 16 / MACRO.measured_energy_J(6) / 1e12 == pytest.approx(351, rel=0.001)
    # 0.3724 TOPS
    assert 2 * 64 * 16 / MACRO.read_time_ns * 1e-3 == pytest.approx(0.3724, rel=0.001)


def test_rates_in_one_unit() -> None:
    """A 4 x 4-bit multiplication is sixteen of one bit: the macro's own reads, counted bit by bit, say the same."""
    chip = next(macro for macro in load_published() if "Sinangil" in macro.name)
    one_bit_operations = 2 * (64 * 4) * (16 * 4)  # 64 inputs and 16 weights of 4 bits
    per_joule = one_bit_operations / MACRO.measured_energy_J(6) / 1e12
    assert chip.one_bit * chip.tops_per_watt == pytest.approx(per_joule, rel=0.001)
    area_mm2 = sum(MACRO.measured.area_um2.values()) * 1e-6
    rate = one_bit_operations / MACRO.read_time_ns / 1e3
    assert chip.tops_per_mm2 is not None
    assert chip.one_bit * chip.tops_per_mm2 == pytest.approx(rate / area_mm2, rel=0.001)


@pytest.mark.parametrize(
    ("code", "low", "high"), [(4, 0.065, 0.075), (6, 0.088, 0.102), (8, 0.117, 0.133)]
)  # fmt: skip
def test_saving_of_the_silicon(code: int, low: float, high: float) -> None:
    found = [
        saving(MACRO.measured_energy_J(code), MACRO.measured_energy_J(code * (1 - cut))) for cut in PARTIAL_SUM_CUTS
    ]
    assert found == pytest.approx([low, high], abs=0.001)


def test_the_models_macro_by_hand() -> None:
    found = macro_energy(MACRO, 6, SETTINGS)
    # 16 x 15 x 12.4 fJ
    assert found.converters == pytest.approx(2.976e-12)
    # 64 rows x 15 pulses x 0.25 sqrt(6) x 12.4736 fF x 0.64 V2
    assert found.word_lines == pytest.approx(64 * 15 * 0.25 * 6**0.5 * 12.4736e-15 * 0.64)
    # (64 columns x 64 x 0.0446 fF + 16 x 16 fF) x 0.64 V2 x 6 / 16
    assert found.columns == pytest.approx((4096 * 0.0446e-15 + 256e-15) * 0.64 * 6 / 16)


def test_the_model_is_within_a_factor_of_two_of_the_silicon() -> None:
    for code in MACRO.measured.energy_pJ:
        assert 0.5 < macro_energy(MACRO, code, SETTINGS).total / MACRO.measured_energy_J(code) < 2
    areas = macro_area_um2(MACRO, SETTINGS)
    for name in ("converters and input circuits",):
        assert 0.5 < areas[name] / MACRO.measured.area_um2[name] < 2


def test_saving_falls_where_the_silicons_does() -> None:
    for code in (4, 6, 8):
        for cut in PARTIAL_SUM_CUTS:
            model = saving(
                macro_energy(MACRO, code, SETTINGS).total, macro_energy(MACRO, code * (1 - cut), SETTINGS).total
            )
            silicon = saving(MACRO.measured_energy_J(code), MACRO.measured_energy_J(code * (1 - cut)))
            assert 1 < model / silicon < 3
