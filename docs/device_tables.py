"""The generated tables of docs/devices.md: every number of the bitcells that ship, with where it was read."""

from __future__ import annotations

from markdown_table import markdown_table

from simcore.technology import device_names
from simcore.technology.devices import Bitcell, Quantity, load_bitcell

_UNITS = {"ohm": "Ω"}


def bitcells() -> str:
    """A section for each bitcell."""
    return "\n\n".join(_section(load_bitcell(name)) for name in device_names())


def _section(cell: Bitcell) -> str:
    corners = list(cell.corners)
    names = list(dict.fromkeys(name for corner in corners for name in cell.corners[corner]))
    rows = []
    for name in names:
        entries = [cell.corners[corner].get(name) for corner in corners]
        unit = next((entry["unit"] for entry in entries if isinstance(entry, dict)), "")
        rows.append([f"`{name}`", _UNITS.get(unit, unit), *map(_shown, entries)])
    table = markdown_table(["parameter", "unit", *corners], [], rows)
    table += "".join(_written(name, value) for name, value in cell.cell.write or () if value) if cell.cell else ""
    read = [f"- {name}: {text}" for name, text in cell.sources.items()]
    return "\n".join(
        [f"### {cell.name}", "", f"{cell.description.strip()} Topology `{cell.topology}`.", "", table, "", *read]
    )


def _written(name: str, given: Quantity) -> str:
    """A line on what a write takes."""
    unit = "writes of a cell" if given.unit == "writes" else given.unit
    return f"\n\nWriting, {name.replace('_', ' ')}: {given.value:g} {unit}. *{given.source}*"


def _shown(entry: object) -> str:
    """A value with its source below it."""
    if not isinstance(entry, dict):
        return "" if entry is None else f"`{entry}`"
    return f"{entry['value']:g}<br>*{entry['source']}*"
