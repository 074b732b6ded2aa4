"""Periphery files: what stands around the cells (converters, drivers, logic, storage), one cited YAML a technology.

Every entry is ``{value, unit, source}``; a number that its sources dispute carries ``low`` and ``high`` too. Numbers
are handed out in SI units.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simcore.cost_options import Corner
from simcore.errors import unknown_name
from simcore.technology.yaml_model import load_yaml_model

PERIPHERY_FOLDER = Path(__file__).parent / "periphery"


def _number(unit: str, si: float) -> Any:
    """A field of the periphery file: its unit there, and the factor to SI."""
    return field(metadata={"unit": unit, "si": si})


@dataclass(frozen=True, kw_only=True)
class PeripheryNumbers:
    """What a periphery file holds, in SI units; each field knows its unit in the files and the factor to SI."""

    v_dd: float = _number("V", 1.0)
    wire_capacitance: float = _number("fF/um", 1e-9)
    fin_gate_capacitance: float = _number("fF", 1e-15)
    fin_drain_capacitance: float = _number("fF", 1e-15)
    fin_resistance: float = _number("kohm", 1e3)
    fin_area: float = _number("um2", 1e-12)
    current_mirror_area: float = _number("um2", 1e-12)
    word_line_resistance: float = _number("ohm/um", 1e6)
    word_line_driver_resistance: float = _number("ohm", 1.0)
    row_driver_area: float = _number("um2", 1e-12)
    sampled_on_time: float = _number("ns", 1e-9)
    comparator_energy: float = _number("fJ", 1e-15)
    comparator_area: float = _number("um2", 1e-12)
    flash_delay: float = _number("ns", 1e-9)
    flash_delay_per_ohm: float = _number("ns/ohm", 1e-9)
    sar_energy_per_bit: float = _number("fJ", 1e-15)
    sar_bit_time: float = _number("ns", 1e-9)
    sar_area_4_bit: float = _number("um2", 1e-12)
    sar_area_8_bit: float = _number("um2", 1e-12)
    full_adder_energy: float = _number("fJ", 1e-15)
    full_adder_area: float = _number("um2", 1e-12)
    full_adder_delay: float = _number("ps", 1e-12)
    flip_flop_energy: float = _number("fJ", 1e-15)
    flip_flop_area: float = _number("um2", 1e-12)
    xor_energy: float = _number("fJ", 1e-15)
    xor_area: float = _number("um2", 1e-12)
    xor_delay: float = _number("ps", 1e-12)
    comparison_delay: float = _number("ps", 1e-12)
    stored_bit_area: float = _number("um2", 1e-12)
    stored_bit_read_energy: float = _number("fJ", 1e-15)
    buffer_read_energy: float = _number("fJ", 1e-15)
    logic_utilisation: float = _number("", 1.0)
    digital_mac_energy: float = _number("fJ", 1e-15)
    digital_mac_area: float = _number("um2", 1e-12)
    digital_cycle_time: float = _number("ns", 1e-9)
    sram_bit_area: float = _number("um2", 1e-12)
    fin_off_current: float = _number("pA", 1e-12)
    logic_leakage: float = _number("nW/um2", 1e3)


PERIPHERY_UNITS: dict[str, tuple[str, float]] = {
    number.name: (number.metadata["unit"], number.metadata["si"]) for number in fields(PeripheryNumbers)
}
"""The unit of each number in the files, and the factor to SI."""


class DisputedQuantity(BaseModel):
    """A number with its unit and source, and the ends of what its sources say where they disagree.

    Attributes:
        value: what is computed with, in ``unit``.
        low: the lowest that a source says, or None where sources agree.
        high: the highest that a source says, or None where sources agree.
        unit: the unit of ``PERIPHERY_UNITS``.
        source: the paper, table or file, or the word ``judgement``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float = Field(gt=0, allow_inf_nan=False)
    low: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    high: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    unit: str
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _ordered(self) -> DisputedQuantity:
        if (self.low is None) != (self.high is None):
            raise ValueError("a disputed number has both low and high")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ValueError(f"expected low <= value <= high, got {self.low:g}, {self.value:g}, {self.high:g}")
        return self

    def at(self, corner: Corner) -> float:
        """The number at a corner, in the file's unit; its value where the sources agree."""
        end = {"low": self.low, "nominal": self.value, "high": self.high}[corner]
        return self.value if end is None else end


class Periphery(BaseModel):
    """A periphery file: what stands around the cells, in one technology.

    Attributes:
        name: what a sweep calls the technology.
        description: one sentence for people.
        sources: what the short names in the quantities' ``source`` stand for.
        parameters: every name of ``PERIPHERY_UNITS``, each in the unit that it has there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str = ""
    sources: dict[str, str] = {}
    parameters: dict[str, DisputedQuantity]

    @model_validator(mode="after")
    def _complete(self) -> Periphery:
        for name, quantity in self.parameters.items():
            if name not in PERIPHERY_UNITS:
                raise ValueError(str(unknown_name("parameter", name, list(PERIPHERY_UNITS))))
            unit = PERIPHERY_UNITS[name][0]
            if quantity.unit != unit:
                raise ValueError(f"{name} is given in '{quantity.unit}', expected '{unit}'")
            if name == "logic_utilisation" and quantity.at("high") > 1:
                raise ValueError(f"logic_utilisation is a fraction, at most 1, got {quantity.at('high'):g}")
        missing = [name for name in PERIPHERY_UNITS if name not in self.parameters]
        if missing:
            raise ValueError(f"these parameters are missing: {', '.join(missing)}")
        return self

    def si(self, name: str, corner: Corner = "nominal") -> float:
        """A parameter in SI units.

        Args:
            name: one of ``PERIPHERY_UNITS``.
            corner: the end of what its sources say.
        """
        return self.parameters[name].at(corner) * PERIPHERY_UNITS[name][1]


def periphery_names() -> list[str]:
    """Names of the technologies that ship, sorted."""
    return sorted(path.stem for path in PERIPHERY_FOLDER.glob("*.yaml"))


def load_periphery(technology: str, where: str = "") -> Periphery:
    """The periphery of a shipped technology, or of a user's own file.

    Args:
        technology: a shipped name, or the path of a periphery file (ends in .yaml or .yml).
        where: where the user wrote this, for messages.

    Raises:
        InputError: no such technology or file, or not a periphery file.
    """
    own = technology.endswith((".yaml", ".yml"))
    if not own and technology not in periphery_names():
        raise unknown_name("technology", technology, [*periphery_names(), "PATH.yaml"], where)
    path = Path(technology) if own else PERIPHERY_FOLDER / f"{technology}.yaml"
    return load_yaml_model(path, Periphery, f"periphery file '{technology}'", "name and parameters", where)[0]
