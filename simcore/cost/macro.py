"""The cost model beside a measured chip: a 64 x 64 macro at 7 nm that adds charge and converts with a 4-bit flash.

The chip differs from the arrays of this project in two ways that the comparison respects: rows are pulsed (up to 15
times for a 4-bit input), and columns discharge capacitors instead of drawing a steady current. Word lines, bit lines
and converters are the model's own; there is no accumulator, and the circuits that make the pulses are not modelled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict

from simcore.cost import area, energy
from simcore.cost.settings import CostSettings
from simcore.technology.devices import load_bitcell

_FOLDER = Path(__file__).parents[1] / "technology" / "macros"
PARTIAL_SUM_CUTS = (0.431, 0.498)
"""Reductions of the mean partial sum that BinSparX reports (arXiv 2412.03553)."""


class Measured(BaseModel):
    """What was measured.

    Attributes:
        energy_pJ: of a read, by mean output code.
        area_um2: by part of the macro.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    energy_pJ: dict[int, float]
    area_um2: dict[str, float]


class Macro(BaseModel):
    """A measured macro."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    source: str
    rows: int
    columns: int
    outputs: int
    converter_bits: int
    input_pulses: int
    supply_V: float
    read_time_ns: float
    weighting_capacitor_fF: float
    input_scale: float
    measured: Measured

    def measured_energy_J(self, code: float) -> float:
        """At a mean output code, linear between the points of the figure."""
        codes = sorted(self.measured.energy_pJ)
        return float(np.interp(code, codes, [self.measured.energy_pJ[at] for at in codes])) * 1e-12


class PublishedMacro(BaseModel):
    """What a paper says of its macro, at the precision in bits that it says it for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    activations: int
    weights: int
    tops_per_watt: float
    tops_per_mm2: float | None = None
    source: str

    @property
    def one_bit(self) -> int:
        """Operations of 1 bit x 1 bit in one of its own."""
        return self.activations * self.weights


@dataclass(frozen=True)
class MacroEnergy:
    """Energy of one read of the macro by the model, J.

    Attributes:
        converters: of all outputs.
        word_lines: all rows, pulse by pulse.
        columns: bit lines and weighting capacitors.
    """

    converters: float
    word_lines: float
    columns: float

    @property
    def total(self) -> float:
        return self.converters + self.word_lines + self.columns


def load_macro() -> Macro:
    """The macro that ships."""
    return Macro.model_validate(yaml.safe_load((_FOLDER / "sinangil_jssc_2021.yaml").read_text(encoding="utf-8")))


def load_published() -> list[PublishedMacro]:
    """The macros that rates are compared with."""
    content = yaml.safe_load((_FOLDER / "published.yaml").read_text(encoding="utf-8"))
    return [PublishedMacro.model_validate(entry) for entry in content]


def macro_energy(macro: Macro, code: float, settings: CostSettings) -> MacroEnergy:
    """The model's energy of one read at a mean output code.

    Word lines: rows x pulses x mean input x C_WL V². Columns: bit lines and weighting capacitors discharge by the
    code's share of the supply, C V² code / 2^b.

    Args:
        macro: sizes, pulses and supply.
        code: mean output code.
        settings: the numbers of the periphery.
    """
    cell = load_bitcell("8T-SRAM").cell
    assert cell is not None  # noqa: S101 (a shipped file)
    width, height = cell.width_um * 1e-6, cell.height_um * 1e-6
    word_line = energy.line_capacitance(
        macro.columns * width, settings.wire_capacitance, macro.columns, settings.fin_gate_capacitance
    )
    bit_line = energy.line_capacitance(
        macro.rows * height, settings.wire_capacitance, macro.rows, settings.fin_drain_capacitance
    )
    pulses = macro.rows * macro.input_pulses * macro.input_scale * math.sqrt(code)
    swing = code / 2**macro.converter_bits
    capacitors = macro.outputs * macro.weighting_capacitor_fF * 1e-15
    return MacroEnergy(
        macro.outputs * energy.flash_energy(macro.converter_bits, settings.comparator_energy),
        energy.word_line_energy(pulses, word_line, macro.supply_V),
        swing * energy.bit_line_energy(1, macro.columns * bit_line + capacitors, macro.supply_V),
    )


def macro_area_um2(macro: Macro, settings: CostSettings) -> dict[str, float]:
    """The model's areas under the names of the measured parts."""
    cell = load_bitcell("8T-SRAM").cell
    assert cell is not None  # noqa: S101
    converters = macro.outputs * area.flash_area(macro.converter_bits, settings.comparator_area)
    return {
        "converters and input circuits": converters * 1e12,
        "array and drivers": macro.rows * macro.columns * cell.area_um2 + macro.rows * settings.row_driver_area * 1e12,
        "capacitors": math.nan,
    }


def saving(before: float, after: float) -> float:
    """1 - after / before."""
    return 1.0 - after / before
