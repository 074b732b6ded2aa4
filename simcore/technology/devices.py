"""Bitcell files: reading, checking and turning them into circuits.

A bitcell file is YAML: name, topology, and under ``corners`` one mapping a corner. A quantity is a plain number, a text
with its unit such as ``12 kohm``, or ``{value, unit, source}``; a unit may have an SI prefix. Besides the fields of
``Circuit``, ``r_on``, ``r_off`` and ``r_access`` (ohms) may stand in place of g_on and g_off, and ``iv_csv`` names a
file of measured points beside the YAML (columns V, I_on and optionally I_off).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from simcore.crossbar.circuit import Circuit, input_error
from simcore.crossbar.topologies import TOPOLOGIES
from simcore.errors import InputError, unknown_name
from simcore.technology.number_file import NumberFile, read_number_rows
from simcore.technology.quantities import in_si, split_quantity, unit_of
from simcore.technology.yaml_model import load_yaml_model, named_at
from simcore.yaml_file import YamlFile

DEFAULT_CORNER = "nominal"
_FOLDER = Path(__file__).parent
_RESISTANCES = ("r_on", "r_off", "r_access")
# An override takes the place of what the file says about the same quantity in another form.
_REPLACED_BY = {
    "g_on": "r_on", "g_off": "r_off", "r_on": "g_on", "r_off": "g_off", "iv_table": "iv_csv", "iv_csv": "iv_table",
}  # fmt: skip
_UNITS = {"r": "ohm", "v": "V", "g": "S"}  # by the first letter of a field's name
_IV_POINTS = NumberFile("iv_csv", "bitcell file", "I-V points", "V, I_on[, I_off]")


class Quantity(BaseModel):
    """A number with its unit and where it was read.

    Attributes:
        value: in ``unit``.
        unit: ``ohm``, ``V`` or ``S``, with an SI prefix or not; empty for what has none. Another unit than the
            field's is refused.
        source: the paper, table or file that it comes from, or the word ``judgement``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float
    unit: str = ""
    source: str = ""


class CellWrite(BaseModel):
    """What it takes to write cells, a row at a time; of use where activations are written to arrays for every image.

    Attributes:
        voltage: swing of word line and bit lines, V.
        cell_energy: of a cell beside its lines, fJ, whatever it held before.
        row_time: until all cells of a row are written, ns.
        endurance: writes that a cell endures; without it, any number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    voltage: Quantity
    cell_energy: Quantity
    row_time: Quantity
    endurance: Quantity | None = None

    @model_validator(mode="after")
    def _in_its_units(self) -> CellWrite:
        for name, unit in {"voltage": "V", "cell_energy": "fJ", "row_time": "ns", "endurance": "writes"}.items():
            given = getattr(self, name)
            if given is not None and given.unit != unit:
                raise ValueError(f"{name} is given in '{given.unit}', expected '{unit}'")
            if given is not None and not (given.value > 0 and math.isfinite(given.value)):
                raise ValueError(f"{name} must be positive ({unit}), got {given.value:g}")
        return self

    @property
    def volts(self) -> float:
        return self.voltage.value

    @property
    def joules(self) -> float:
        """Of a cell."""
        return self.cell_energy.value * 1e-15

    @property
    def seconds(self) -> float:
        """Of a row."""
        return self.row_time.value * 1e-9


class CellGeometry(BaseModel):
    """Size of one bitcell, and what of it loads and leaks: without it a device has no costs.

    Attributes:
        height_um: along the bit line, µm.
        width_um: along the word line, µm.
        area_um2: µm².
        gate_fins: fins of its select transistor, whose gates load the word line and whose drains load the bit line.
        leaking_fins: fins that are off between supply and ground while it keeps its bit; 0 where it keeps it without a
            supply.
        write: what it takes to write cells; without it, designs that write operands for every image have no costs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    height_um: float = Field(gt=0, allow_inf_nan=False)
    width_um: float = Field(gt=0, allow_inf_nan=False)
    area_um2: float = Field(gt=0, allow_inf_nan=False)
    gate_fins: int = Field(default=1, ge=1)
    leaking_fins: int = Field(default=0, ge=0)
    write: CellWrite | None = None


class Bitcell(BaseModel):
    """A bitcell file as it was written, checked but not yet resolved to a circuit.

    Attributes:
        name: what a sweep calls the device.
        description: one sentence for people.
        topology: ``input_sourced`` or ``gate_driven``, see ``Circuit``.
        gated: cells of a row that is not driven conduct nothing.
        source_end: the end of the source line that is fed, ``far`` from the sink or ``near`` it; ``gate_driven`` only.
        cell: size of the cell; without it there are no costs.
        sources: what the short names in the quantities' ``source`` stand for.
        corners: of each corner the circuit's values by name, plain or as ``{value, unit, source}``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str = ""
    topology: str
    gated: bool = True
    source_end: str = "far"
    cell: CellGeometry | None = None
    sources: dict[str, str] = {}
    corners: dict[str, dict[str, Any]]


def device_names() -> list[str]:
    """Names of the devices that ship, sorted.

    Example:
        >>> device_names()
        ['1T-1ReRAM', '1T-1ReRAM-BL', '8T-SRAM']
    """
    return sorted(_shipped())


def corner_names(device: str, where: str = "") -> list[str]:
    """Corners of a device, in the file's order.

    Args:
        device: a shipped name, or the path of a bitcell file (ends in .yaml or .yml).
        where: where the user wrote this, for messages.

    Raises:
        InputError: the device is unknown or its file is not a bitcell file.
    """
    return list(load_bitcell(device, where).corners)


def circuit_parameters(
    device: str, corner: str = DEFAULT_CORNER, overrides: Mapping[str, Any] | None = None, where: str = ""
) -> Circuit:
    """The circuit of a device at a corner, with single values overridden.

    Args:
        device: a shipped name, or the path of a bitcell file (ends in .yaml or .yml).
        corner: a corner of that file.
        overrides: fields of ``Circuit``, or r_on, r_off, r_access in ohms.
        where: where the user wrote this, for messages.

    Raises:
        InputError: an unknown device, corner or field, or a value out of range.

    Example:
        >>> circuit_parameters("8T-SRAM", "pessimistic").r_sink
        1000.0
        >>> circuit_parameters("8T-SRAM", "pessimistic", {"r_sink": 100}).r_sink
        100.0
    """
    bitcell, source = _load(device, where)
    if corner not in bitcell.corners:
        raise unknown_name(f"corner of {bitcell.name}", corner, bitcell.corners, where)
    fields: dict[str, Any] = {"topology": bitcell.topology, "gated": bitcell.gated}
    if "source_end" in bitcell.model_fields_set:
        _require_wire(bitcell.topology, "source_end", named_at(source.where("source_end"), where))
        fields["source_end"] = bitcell.source_end
    at = where or device
    for name, entry in bitcell.corners[corner].items():
        place = named_at(source.where("corners", corner, name), where)
        _require_wire(bitcell.topology, name, place)
        fields[name] = _value(name, entry, place)
    if "r_access" in fields:
        _require_resistances(fields, named_at(source.where("corners", corner, "r_access"), where))
    for name in overrides or {}:
        fields.pop(_REPLACED_BY.get(name, ""), None)
    for name, entry in (overrides or {}).items():
        _require_wire(bitcell.topology, name, at)
        fields[name] = _value(name, entry, f"{at} {name}")
    if "r_access" in (overrides or {}) and not fields.keys() & {"r_on", "r_off"}:
        _require_resistances(fields, at)
    if "iv_csv" in fields:
        path = _device_path(device)
        folder = path.parent if path else Path()
        fields["iv_table"] = read_number_rows(folder, str(fields.pop("iv_csv")), _IV_POINTS, at)
    # What is wrong with the file's own values is shown in the file.
    place = at if overrides else named_at(source.where("corners", corner), where)
    _conductances(fields, place)
    try:
        circuit = Circuit.model_validate(fields)
    except ValidationError as error:
        fields_named = {str(detail["loc"][0]) for detail in error.errors() if detail["loc"]}
        if fields_named and not fields_named & set(overrides or {}):
            # The line of the field, where it is one that stands there.
            written = fields_named & bitcell.corners[corner].keys() if len(fields_named) == 1 else set()
            place = named_at(source.where("corners", corner, *written), where)
        raise input_error(error, Circuit, place) from None
    if circuit.off_current() > circuit.on_current():
        raise InputError(
            f"at v_read an OFF cell carries {circuit.off_current():.3g} A, more than an ON cell with "
            f"{circuit.on_current():.3g} A",
            place,
        )
    return circuit


def load_bitcell(device: str, where: str = "") -> Bitcell:
    """The bitcell file of a shipped device or at a path.

    Args:
        device: a shipped name, or the path of a bitcell file (ends in .yaml or .yml).
        where: where the user wrote this, for messages.

    Raises:
        InputError: no such device or file, or not a bitcell file.
    """
    return _load(device, where)[0]


def _load(device: str, where: str) -> tuple[Bitcell, YamlFile]:
    path = _device_path(device)
    if path is None:
        raise unknown_name("device", device, [*device_names(), "PATH.yaml"], where)
    return load_yaml_model(path, Bitcell, f"bitcell file '{device}'", "name, topology and corners", where)


@cache
def _shipped() -> dict[str, Path]:
    return {yaml.safe_load(path.read_text())["name"]: path for path in sorted(_FOLDER.glob("*.yaml"))}


def _device_path(device: str) -> Path | None:
    if device in _shipped():
        return _shipped()[device]
    return Path(device) if device.endswith((".yaml", ".yml")) else None


def _value(name: str, entry: Any, where: str) -> Any:
    """What an entry means in SI units; what is no quantity, such as the name of a curve form, as it is."""
    if isinstance(entry, str):
        written = split_quantity(entry) if _unit_of_field(name) else None
        return entry if written is None else _si(name, *written, where)
    if isinstance(entry, bool) and _unit_of_field(name) and name not in _RESISTANCES:
        raise InputError(f"{name} must be a number, got {str(entry).lower()}", where)
    if not isinstance(entry, dict):
        return entry
    try:
        quantity = Quantity.model_validate(entry)
    except ValidationError as error:
        raise input_error(error, Quantity, where) from None
    return _si(name, quantity.value, quantity.unit, where)


def _unit_of_field(name: str) -> str:
    return _UNITS.get(name.partition("_")[0], "")


def _si(name: str, value: float, unit: str, where: str) -> float:
    expected = _unit_of_field(name)
    if not unit:
        return value
    found = unit_of(unit)
    if found is None or found[0] != expected:
        prefixed = {"ohm": "kohm", "V": "mV", "S": "uS"}.get(expected)
        raise InputError(
            f"{name} is given in '{unit}', expected "
            + (f"'{expected}' or with a prefix, such as '{prefixed}'" if prefixed else "no unit"),
            where,
        )
    return in_si(value, found[1])


def _require_wire(name: str, field: str, where: str) -> None:
    """Raises InputError for a wire that other topologies have and that of this name has not: it would be without
    effect."""
    topology = TOPOLOGIES.get(name)  # the circuit refuses an unknown one
    if topology is None or field in topology.parameters:
        return
    wires = [other.parameters for other in TOPOLOGIES.values()]
    if any(field in parameters for parameters in wires):
        own = sorted(topology.parameters.difference(frozenset.intersection(*wires)))
        raise InputError(
            f"'{field}' is without effect in the topology {name}, whose {topology.feed_line}s have {', '.join(own)}",
            where,
        )


def _require_resistances(fields: dict[str, Any], where: str) -> None:
    """Raises InputError where r_access stands beside a conductance, for which it would not count."""
    instead = [name for name in ("g_on", "g_off") if name in fields]
    if instead:
        raise InputError(
            f"r_access is in series with r_on and r_off, but this cell gives {' and '.join(instead)} instead", where
        )


def _conductances(fields: dict[str, Any], where: str) -> None:
    """Replace r_on, r_off and r_access (ohms) by g_on and g_off (siemens), in place."""
    given = {}
    for name in _RESISTANCES:
        if name in fields:
            written = fields.pop(name)
            ohms = _number(written)
            if not math.isfinite(ohms) or ohms < 0 or (name != "r_access" and ohms == 0):
                raise InputError(f"{name} must be a positive resistance in ohms, got {written!r}", where)
            given[name] = ohms
    access = given.get("r_access", 0.0)
    for name, conductance in (("r_on", "g_on"), ("r_off", "g_off")):
        if name in given:
            if conductance in fields:
                raise InputError(f"give either {name} or {conductance}, not both", where)
            fields[conductance] = 1.0 / (given[name] + access)


def _number(written: Any) -> float:
    """The number that a YAML scalar means, NaN for none: YAML 1.1 reads 1e5, without a point, as text."""
    if isinstance(written, bool):
        return math.nan
    try:
        return float(written)
    except (TypeError, ValueError, OverflowError):  # the last of an integer beyond all floats
        return math.nan
