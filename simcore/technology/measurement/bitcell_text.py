"""A measured cell as a bitcell file: the curves from the measurement, wires and periphery from another bitcell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simcore.crossbar.circuit import Circuit
from simcore.errors import InputError, unknown_name
from simcore.technology.devices import circuit_parameters, load_bitcell
from simcore.technology.measurement.measured_cell import MeasuredCell

_AROUND = ("r_col", "r_row", "r_source", "r_sink", "r_driver")
_KEY = "M"  # what stands for the measurement in the file's sources


@dataclass(frozen=True)
class Surroundings:
    """What a measurement of one cell cannot know.

    Attributes:
        device: bitcell whose wires, drivers, sinks and cell size are taken: a name that ships, or a file.
        corner: of that bitcell.
        v_read: volts; None for that bitcell's.
    """

    device: str = "1T-1ReRAM"
    corner: str = "nominal"
    v_read: float | None = None


@dataclass(frozen=True)
class BitcellText:
    """The two files of a measured cell.

    Attributes:
        yaml: the bitcell file.
        points: the CSV beside it that it names.
        circuit: what the two load as.
    """

    yaml: str
    points: str
    circuit: Circuit


def bitcell_text(
    name: str, cell: MeasuredCell, surroundings: Surroundings, files: Mapping[str, str], points_file: str
) -> BitcellText:
    """The bitcell file of a measured cell, every number with its source.

    Args:
        name: what sweeps are to call it.
        cell: its curves.
        surroundings: what is not measured, and where it comes from.
        files: measured file names, and the sha256 of each.
        points_file: the name that the CSV will have.

    Raises:
        InputError: an unknown bitcell, or curves that end or cross below the read voltage.
    """
    around = load_bitcell(surroundings.device, "--like")
    if surroundings.corner not in around.corners:
        raise unknown_name(f"corner of {around.name}", surroundings.corner, around.corners, "--corner")
    entries = around.corners[surroundings.corner]
    theirs = circuit_parameters(surroundings.device, surroundings.corner, where="--like")
    origin = f"{around.name} {surroundings.corner}"
    v_read = surroundings.v_read if surroundings.v_read is not None else theirs.v_read
    if not 0 < v_read <= cell.largest_voltage:
        raise InputError(
            f"both curves are known up to {cell.largest_voltage:.3g} V, and are to be read at {v_read:g} V"
            + ("" if surroundings.v_read is not None else f" as {origin}")
            + ": give a read voltage that they reach",
            "--v-read",
        )
    grid, on, off = cell.on.curve.voltage, cell.on.curve.current, cell.off.curve.current
    points = "V,I_on,I_off\n" + "".join(f"{v:.6g},{i:.6g},{j:.6g}\n" for v, i, j in zip(grid, on, off, strict=True))
    at_low_voltage = f"{_KEY}: V / I at {grid[1]:.3g} V"
    quantities: dict[str, Any] = {
        field: {"value": getattr(theirs, field), "unit": "ohm", "source": _source(entries[field], origin)}
        for field in _AROUND
        if field in entries
    }
    given = surroundings.v_read is not None
    quantities["v_read"] = {"value": v_read, "unit": "V", "source": "given" if given else origin}
    quantities["r_on"] = {"value": _rounded(grid[1] / on[1]), "unit": "ohm", "source": at_low_voltage}
    quantities["r_off"] = {"value": _rounded(grid[1] / off[1]), "unit": "ohm", "source": at_low_voltage}
    table = tuple(tuple(float(cell) for cell in line.split(",")) for line in points.splitlines()[1:])
    circuit = Circuit.from_parameters(
        {
            "topology": around.topology, "gated": around.gated, "iv": "table", "iv_table": table,
            "g_on": 1 / quantities["r_on"]["value"], "g_off": 1 / quantities["r_off"]["value"], "v_read": v_read,
            **{field: quantities[field]["value"] for field in _AROUND if field in quantities},
        },
        name,
    )  # fmt: skip
    if circuit.off_current() > circuit.on_current():
        raise InputError(
            f"the curves cross below {v_read:g} V, where OFF carries {circuit.off_current():.3g} A and ON "
            f"{circuit.on_current():.3g} A: give a read voltage at which ON carries more",
            "--v-read",
        )
    lines = [
        *(f"# {line}" for line in summary(cell, v_read)),
        f"name: {json.dumps(name)}",
        f"description: {json.dumps(f'Measured curves; wires, periphery and cell size of {origin}.')}",
        f"topology: {around.topology}",
        f"gated: {json.dumps(around.gated)}",
    ]
    if "source_end" in circuit.wiring.parameters:
        lines.append(f"source_end: {around.source_end}")
    if around.cell is not None:
        lines.append(f"cell: {json.dumps(around.cell.model_dump())}  # {around.name}")
    lines += ["sources:", f"  {_KEY}: {_quoted(_measurement(cell, files))}"]
    lines += [f"  {_quoted(key)}: {_quoted(text)}" for key, text in around.sources.items() if key != _KEY]
    lines += ["corners:", "  nominal:"]
    lines += [f"    {field}: {_quoted(quantity)}" for field, quantity in quantities.items()]
    lines += ["    iv: table", f"    iv_csv: {_quoted(points_file)}"]
    return BitcellText("\n".join(lines) + "\n", points, circuit)


def summary(cell: MeasuredCell, v_read: float) -> list[str]:
    """What was found, a line each: of the states, their ratio, where the table ends and where the cell switches."""
    lines = []
    for name, state in (("ON", cell.on), ("OFF", cell.off)):
        current = state.curve.at(v_read)
        line = f"{name}: {v_read / current:.4g} ohm at {v_read:g} V, {_count(len(state.branches), 'branch')}, "
        line += f"{state.fitted_points} points fitted, noise {100 * state.curve.noise:.2g} %"
        if state.spread:
            line += f", from branch to branch {100 * state.spread:.2g} %"
        if state.asymmetry is not None:
            line += f", positive against negative voltage {100 * state.asymmetry:+.2g} %"
        lines.append(line)
    lines.append(f"on / off: {cell.ratio(v_read):.4g} at {v_read:g} V")
    lines.append(f"both states are known up to {cell.largest_voltage:.3g} V")
    if cell.switches_at is not None:
        lines.append(f"the cell begins to switch at about {cell.switches_at:.3g} V; points above are left out")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("es" if number > 1 else "")


def _source(entry: object, origin: str) -> str:
    said = entry.get("source", "") if isinstance(entry, dict) else ""
    return f"{origin}: {said}" if said else origin


def _measurement(cell: MeasuredCell, files: Mapping[str, str]) -> str:
    named = ", ".join(f"{name} (sha256 {digest[:12]})" for name, digest in files.items())
    return f"measured: {named}; {'; '.join(cell.columns)}; curves by monotone regression splines"


def _quoted(value: object) -> str:
    """In JSON, which is YAML too."""
    return json.dumps(value, ensure_ascii=False)


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
