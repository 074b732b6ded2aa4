"""Periphery files: what stands around the cells (converters, drivers, logic, storage), one cited YAML a technology.

Every entry is ``{value, unit, source}``; a number that its sources dispute carries ``low`` and ``high`` too. Numbers
are handed out in SI units.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simcore.errors import unknown_name
from simcore.technology.yaml_model import load_yaml_model

Corner = Literal["low", "nominal", "high"]

PERIPHERY_FOLDER = Path(__file__).parent / "periphery"
# name -> (unit of the files, factor to SI)
PERIPHERY_UNITS: dict[str, tuple[str, float]] = {
    "v_dd": ("V", 1.0),
    "wire_capacitance": ("fF/um", 1e-9),
    "fin_gate_capacitance": ("fF", 1e-15),
    "fin_drain_capacitance": ("fF", 1e-15),
    "word_line_resistance": ("ohm/um", 1e6),
    "word_line_driver_resistance": ("ohm", 1.0),
    "row_driver_area": ("um2", 1e-12),
    "sampled_on_time": ("ns", 1e-9),
    "comparator_energy": ("fJ", 1e-15),
    "comparator_area": ("um2", 1e-12),
    "flash_delay": ("ns", 1e-9),
    "flash_delay_per_ohm": ("ns/ohm", 1e-9),
    "sar_energy_per_bit": ("fJ", 1e-15),
    "sar_bit_time": ("ns", 1e-9),
    "sar_area_4_bit": ("um2", 1e-12),
    "sar_area_8_bit": ("um2", 1e-12),
    "full_adder_energy": ("fJ", 1e-15),
    "full_adder_area": ("um2", 1e-12),
    "full_adder_delay": ("ps", 1e-12),
    "flip_flop_energy": ("fJ", 1e-15),
    "flip_flop_area": ("um2", 1e-12),
    "xor_energy": ("fJ", 1e-15),
    "xor_area": ("um2", 1e-12),
    "xor_delay": ("ps", 1e-12),
    "comparison_delay": ("ps", 1e-12),
    "stored_bit_area": ("um2", 1e-12),
    "stored_bit_read_energy": ("fJ", 1e-15),
    "buffer_read_energy": ("fJ", 1e-15),
    "logic_utilisation": ("", 1.0),
    "digital_mac_energy": ("fJ", 1e-15),
    "digital_mac_area": ("um2", 1e-12),
    "digital_cycle_time": ("ns", 1e-9),
    "sram_bit_area": ("um2", 1e-12),
    "fin_off_current": ("pA", 1e-12),
    "logic_leakage": ("nW/um2", 1e3),
}


class DisputedQuantity(BaseModel):
    """A number with its unit and source, and the ends of what its sources say where they disagree."""

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
            raise ValueError(f"low {self.low:g}, value {self.value:g} and high {self.high:g} do not rise")
        return self

    def at(self, corner: Corner) -> float:
        """The number at a corner, in the file's unit."""
        end = {"low": self.low, "nominal": self.value, "high": self.high}[corner]
        return self.value if end is None else end


class Periphery(BaseModel):
    """A periphery file."""

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
            raise ValueError(f"parameters that are missing: {', '.join(missing)}")
        return self

    def si(self, name: str, corner: Corner = "nominal") -> float:
        """A parameter in SI units."""
        return self.parameters[name].at(corner) * PERIPHERY_UNITS[name][1]


def periphery_names() -> list[str]:
    """Names of the technologies that ship."""
    return sorted(path.stem for path in PERIPHERY_FOLDER.glob("*.yaml"))


def load_periphery(technology: str, where: str = "") -> Periphery:
    """The periphery of a shipped technology, or of a user's own file (ends in .yaml or .yml).

    Raises:
        InputError: no such technology or file, or not a periphery file.
    """
    own = technology.endswith((".yaml", ".yml"))
    if not own and technology not in periphery_names():
        raise unknown_name("technology", technology, [*periphery_names(), "PATH.yaml"], where)
    path = Path(technology) if own else PERIPHERY_FOLDER / f"{technology}.yaml"
    return load_yaml_model(path, Periphery, f"periphery file '{technology}'", "name and parameters", where)
