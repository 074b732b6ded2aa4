"""What costs are computed with: the choices of a sweep file, the periphery's numbers, and the corners of both."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from simcore.cost_options import ArraySupply, ColumnsRead, Corner, CostOptions, FlipPath, OnTime, Payer
from simcore.errors import InputError, unknown_name
from simcore.technology.periphery_file import (
    PERIPHERY_UNITS,
    Periphery,
    PeripheryNumbers,
    load_periphery,
    periphery_names,
)

ConverterKind = Literal["flash", "sar"]

# A flash converter up to here, successive approximation beyond. Judgement: flash for its speed while its
# comparators, which double with every bit, are few.
FLASH_BITS = 5
_FAR = 1000.0  # times what a technology has: more is hardly meant. Judgement.
# What a corner means for the choices. Judgement: nominal is the cheaper reading of each.
_CHOICES: dict[str, dict[Corner, Any]] = {
    "array_supply": {"low": "v_read", "nominal": "v_read", "high": "v_dd"},
    "on_time": {"low": "sampled", "nominal": "sampled", "high": "conversion"},
    "flip_path": {"low": "pipelined", "nominal": "pipelined", "high": "serial"},
}
# What is disputed, axis by axis; the names of one axis go to their ends together. Of the converters' only one kind
# counts for a design, and a larger multiplier spends and leaks more.
_AXES: dict[str, tuple[str, ...]] = {
    "array_supply": ("array_supply",),
    "on_time": ("on_time",),
    "conversion_time": ("flash_delay", "flash_delay_per_ohm", "sar_bit_time"),
    "conversion_energy": ("comparator_energy", "sar_energy_per_bit"),
    "flip_path": ("flip_path",),
    "leakage": ("fin_off_current", "logic_leakage"),
    "digital_mac": ("digital_mac_energy", "digital_mac_area"),
    "comparator_area": ("comparator_area",),
    "sar_area_4_bit": ("sar_area_4_bit",),
    "sar_area_8_bit": ("sar_area_8_bit",),
}
_ENDS: tuple[Corner, ...] = ("low", "high")
ENERGY_AXES = ("array_supply", "on_time", "conversion_time", "conversion_energy", "flip_path", "leakage", "digital_mac")
"""What energy is disputed for; time counts, for what leaks does so until the image is done."""
LATENCY_AXES = ("conversion_time", "flip_path")
AREA_AXES = ("comparator_area", "sar_area_4_bit", "sar_area_8_bit", "digital_mac")


@dataclass(frozen=True, kw_only=True)
class CostSettings(PeripheryNumbers):
    """Everything resolved: the periphery's numbers as they are counted with, and the choices.

    Attributes:
        periphery: where the numbers that are not ``pinned`` come from.
        corner: at which end of what its sources say these numbers are.
        pinned: choices and numbers that were given, so that they have no corners.
    """

    periphery: Periphery
    corner: Corner
    converter: Literal["auto", "flash", "sar"]
    columns_per_converter: int
    array_supply: ArraySupply
    on_time: OnTime
    flip_path: FlipPath
    popcount: Payer
    stored_sums: Payer
    activation_buffer: bool
    parallel_tiles: int | None
    columns_read: ColumnsRead | None
    digital_layers: bool
    digital_array: int
    pinned: frozenset[str]

    def converter_kind(self, bits: int) -> ConverterKind:
        """The converter for so many bits."""
        if self.converter == "auto":
            return "flash" if bits <= FLASH_BITS else "sar"
        return self.converter

    def converters(self, cols: int) -> int:
        """Converters of a tile with so many columns, or pairs of them that are converted together."""
        return math.ceil(cols / self.columns_per_converter)

    @cached_property
    def boundary(self) -> str:
        """Who pays and what is counted, on one line: written with every row."""
        buffer = "counted" if self.activation_buffer else "left out"
        digital = "counted" if self.digital_layers else "left out"
        return (
            f"popcount={self.popcount};stored_sums={self.stored_sums};activation_buffer={buffer};"
            f"digital_layers={digital}"
        )

    def columns_read_on(self, columns_are_independent: bool) -> ColumnsRead:
        """How the columns of a converter are read on a topology with such columns."""
        return self.columns_read or ("in_turn" if columns_are_independent else "together")

    def assumptions(self, columns_are_independent: bool) -> str:
        """The choices behind the central values of a topology, and numbers that its technology does not say, on one
        line."""
        tiles = self.parallel_tiles or "all"
        digital = f"{self.digital_array}x{self.digital_array}" if self.digital_layers else "none"
        return (
            f"technology={self._technology};cost_corner={self.corner};array_supply={self.array_supply};on_time={self.on_time};"
            f"flip_path={self.flip_path};columns_per_converter={self.columns_per_converter};"
            f"columns_read={self.columns_read_on(columns_are_independent)};parallel_tiles={tiles};digital_array={digital}"
            + "".join(f";{name}={value}" for name, value in self._own_numbers.items())
        )

    def corners(self, axes: tuple[str, ...]) -> tuple[CostSettings, ...]:
        """Every combination of the ends of these axes of what is disputed: 2^n, low before high, the last fastest."""
        if axes not in self._corners:
            self._corners[axes] = tuple(
                self.at(dict(zip(axes, ends, strict=True))) for ends in itertools.product(_ENDS, repeat=len(axes))
            )
        return self._corners[axes]

    def at(self, ends: Mapping[str, Corner]) -> CostSettings:
        """These settings with axes of what is disputed at an end; what was given stays."""
        settings = self
        for axis, corner in ends.items():
            for name in _AXES[axis]:
                settings = settings._at(name, corner)
        return settings

    @cached_property
    def _technology(self) -> str:
        """Its name, and of a file that does not ship, which may change or be called like one that does, a digest."""
        name = self.periphery.name
        if name in periphery_names() and self.periphery == load_periphery(name):
            return name
        return f"{name}@{hashlib.sha256(self.periphery.model_dump_json().encode()).hexdigest()[:8]}"

    @cached_property
    def _own_numbers(self) -> dict[str, str]:
        """What the technology has other numbers of, with units."""
        own = {}
        for name, (unit, factor) in PERIPHERY_UNITS.items():
            if getattr(self, name) != self.periphery.si(name, self.corner):
                own[name] = f"{getattr(self, name) / factor:.9g} {unit}".rstrip()
        return own

    @cached_property
    def _corners(self) -> dict[tuple[str, ...], tuple[CostSettings, ...]]:
        return {}

    def _at(self, name: str, corner: Corner) -> CostSettings:
        if name in self.pinned:
            return self
        end: Any = _CHOICES[name][corner] if name in _CHOICES else self.periphery.si(name, corner)
        return replace(self, **{name: end})


def implausible(options: CostOptions, settings: CostSettings) -> list[str]:
    """Cost parameters that are hardly meant, in words: a slip of a unit or of an exponent.

    Args:
        options: what a sweep file says.
        settings: what ``resolve`` made of it.
    """
    found = []
    for name, value in options.parameters.items():
        unit, factor = PERIPHERY_UNITS[name]
        usual = settings.periphery.si(name, options.corner) / factor
        if not usual / _FAR <= value <= usual * _FAR:
            found.append(f"{name} is {value:.3g} {unit}, the technology has {usual:.3g} {unit}".replace("  ", " "))
    return found


def resolve(options: CostOptions, where: str = "", periphery_file: str | None = None) -> CostSettings:
    """The settings that options mean, with the numbers of their technology.

    Args:
        options: what a sweep file says.
        where: where the user wrote them, for messages.
        periphery_file: the technology's path, where it is a file.

    Raises:
        InputError: an unknown technology or parameter, a value that is not positive, or ends of a number that are no
            part of the spread.
    """
    periphery = load_periphery(periphery_file or options.technology, where)
    spread = {name for names in _AXES.values() for name in names}
    for name, quantity in periphery.parameters.items():
        if quantity.low is not None and name not in spread:
            known = ", ".join(name for name in PERIPHERY_UNITS if name in spread)
            raise InputError(
                f"technology '{periphery.name}' gives low and high of {name}, which the spread of costs does not "
                f"follow; it follows those of {known}",
                where,
            )
    numbers: dict[str, Any] = {name: periphery.si(name, options.corner) for name in PERIPHERY_UNITS}
    for name, value in options.parameters.items():
        if name not in PERIPHERY_UNITS:
            raise unknown_name("cost parameter", name, PERIPHERY_UNITS, where)
        unit, factor = PERIPHERY_UNITS[name]
        if not (value > 0 and math.isfinite(value)):
            raise InputError(f"{name} must be positive{f' ({unit})' if unit else ''}, got {value:g}", where)
        if name == "logic_utilisation" and value > 1:
            raise InputError(f"logic_utilisation is a fraction, at most 1, got {value:g}", where)
        numbers[name] = value * factor
    choices = {name: getattr(options, name) or ends[options.corner] for name, ends in _CHOICES.items()}
    pinned = {name for name in _CHOICES if getattr(options, name) is not None} | set(options.parameters)
    return CostSettings(
        **numbers,
        **choices,
        periphery=periphery,
        corner=options.corner,
        converter=options.converter,
        columns_per_converter=options.columns_per_converter,
        popcount=options.popcount,
        stored_sums=options.stored_sums,
        activation_buffer=options.activation_buffer,
        parallel_tiles=options.parallel_tiles,
        columns_read=options.columns_read,
        digital_layers=options.digital_layers,
        digital_array=options.digital_array,
        pinned=frozenset(pinned),
    )
