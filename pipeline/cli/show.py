"""``binsparx show``: everything that is known about one design."""

from __future__ import annotations

import json as json_module
import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
from rich.console import Console

from pipeline.cli.json_output import json_row
from pipeline.cli.options import RESULTS_FOLDER, DesignArgument, JsonOption, ResultsOption, make_console
from pipeline.commands import command
from pipeline.front.chips import NO_CHIPS
from pipeline.report.text_table import Column, print_table
from pipeline.results.finished import Results
from pipeline.results.fixed import cost_choices
from pipeline.sweep.objectives import COSTS, shared_unit
from pipeline.tables.schema import AXIS_COLUMNS

_LONGEST_VALUE = 24
_FRONT = ("on_front", "front_candidate", "above_floor", "pareto_rank", "front_support", "knee")
_GROUPS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("design", lambda name: name in AXIS_COLUMNS),
    ("front", lambda name: name in _FRONT),
    ("chips", lambda name: name in NO_CHIPS),
    ("accuracy", lambda name: name in ("images", "split_images") or "accuracy" in name),
    ("energy", lambda name: name.startswith(("energy_", "charge_", "tops_per_watt"))),
    ("time", lambda name: name.startswith(("latency_", "throughput_"))),
    ("area", lambda name: name.startswith(("area_", "tops_per_mm2", "tiles"))),
    ("evidence", lambda name: name.startswith(("evidence_", "kcl_", "solver")) and name != "solver_version"),
    ("provenance", lambda name: name.endswith(("_digest", "_split", "_version", "_commit"))),
    ("sums and errors", lambda name: True),
)


def show(design: DesignArgument, results: ResultsOption = None, json: JsonOption = False) -> None:
    """Show everything about one design: axes, figures with units, layers, chips, evidence, provenance.

    Examples: `binsparx show 3f2a91` (the first digits of a key from `binsparx results` or the report).
    """
    opened = Results(results or RESULTS_FOLDER)
    row = opened.design(design)
    layers = opened.layers(row.sweep)
    layers = layers[layers.design_key == row.design_key].sort_values("layer_index")
    chips = opened.chips(row.sweep)
    chips = chips[chips.design_key == row.design_key].sort_values("chip")
    designs = opened.designs()
    sweeps = sorted(set(designs.sweep[designs.design_key == row.design_key]))
    if json:
        print(
            json_module.dumps(
                {
                    "design": json_row(row.to_dict()),
                    "layers": [json_row(layer) for layer in layers.to_dict("records")],
                    "chips": [json_row(chip) for chip in chips.to_dict("records")],
                    "sweeps": sweeps,
                },
                indent=2,
            )
        )
        return
    console = make_console()
    _print(row, sweeps, opened, console)
    _print_layers(layers, console)
    _print_chips(chips, console)
    why = command("explain", row.design_key[:12], results=results)
    console.print(f"\nwhy it loses accuracy: {why}", highlight=False, soft_wrap=True)


def _print(row: Any, sweeps: list[str], opened: Results, console: Console) -> None:
    schema = opened.table("designs", row.sweep).schema
    for heading, fields in _grouped(schema).items():
        lines = _lines(fields, row.to_dict() | {"sweep": ", ".join(sweeps)})
        long = [line for line in lines if len(line[1]) > _LONGEST_VALUE]  # digests, which would widen the column
        lines = [line for line in lines if line not in long]
        if lines:
            columns = [
                Column(heading),
                Column("value", number=True),
                Column("unit"),
                Column("spread"),
                Column("meaning"),
            ]
            print_table("", columns, lines, console, names=0)
        for name, value, *_ in long:
            console.print(f"{name} {value}", highlight=False, soft_wrap=True, markup=False)
        if lines or long:
            console.print()
    choices = cost_choices(row.to_frame().T)
    if choices:
        print_table("", [Column("costs"), Column("counted")], list(choices.items()), console)
        console.print()


def _print_layers(layers: pd.DataFrame, console: Console) -> None:
    current = {cost.column: cost for cost in COSTS}["mean_column_current_A"]
    headings = ("mean sum (LSB)", "reduction", "rms error (LSB)", "worst (LSB)", "clipped", "column current")
    columns = [Column("layer"), *(Column(heading, number=True) for heading in headings)]
    lines = [
        [
            layer.layer, f"{layer.mean_partial_sum:.2f}", f"{100 * layer.partial_sum_reduction:.1f} %",
            f"{layer.rms_error_lsb:.3f}", f"{layer.worst_error_lsb:.1f}", f"{100 * layer.clipped_fraction:.2f} %",
            "" if _is_empty(layer.mean_column_current_A) else current.show(layer.mean_column_current_A),
        ]
        for layer in layers.itertuples()
    ]  # fmt: skip
    print_table("", columns, lines, console)


def _print_chips(chips: pd.DataFrame, console: Console) -> None:
    """One line a chip; nothing where they do not differ."""
    if chips.empty:
        return
    console.print()
    headings = ("accuracy", "95 %", "loss", "rms error (LSB)", "clipped")
    columns = [Column("chip"), *(Column(heading, number=True) for heading in headings)]
    lines = [
        [
            str(chip.chip), f"{100 * chip.accuracy:.2f} %",
            f"{100 * chip.accuracy_low:.1f}..{100 * chip.accuracy_high:.1f} %", f"{100 * chip.accuracy_loss:.2f} %",
            f"{chip.rms_error_lsb:.3f}", f"{100 * chip.clipped_fraction:.2f} %",
        ]
        for chip in chips.itertuples()
    ]  # fmt: skip
    print_table("", columns, lines, console)


def _grouped(schema: pa.Schema) -> dict[str, list[pa.Field]]:
    """The columns of a design by what they are about; those of how costs are counted are told apart."""
    groups: dict[str, list[pa.Field]] = {heading: [] for heading, _ in _GROUPS}
    for field in schema:
        if field.name in ("converter", "cost_boundary", "cost_assumptions"):
            continue
        heading = next(heading for heading, match in _GROUPS if match(field.name))
        groups[heading].append(field)
    return groups


def _lines(fields: list[pa.Field], row: dict[str, Any]) -> list[list[str]]:
    """A line a column that holds anything; the ends of a spread stand beside the value."""
    fields = [field for field in fields if not _is_empty(row[field.name])]
    largest: dict[str, float] = {}
    for field in fields:
        if isinstance(row[field.name], float):
            largest[_quantity(field)] = max(largest.get(_quantity(field), 0.0), abs(row[field.name]))
    spreads = {name: end for field in fields for name, end in ((_stem(field.name), field.name),) if name != end}
    lines = []
    for field in fields:
        if _stem(field.name) != field.name and _stem(field.name) in row:
            continue
        factor, unit = shared_unit(_unit(field), largest.get(_quantity(field), 0.0))
        value = row[field.name]
        spread = ""
        if field.name in spreads:
            low, high = (row[_end(field.name, end)] for end in ("low", "high"))
            spread = f"{_text(factor * low)} to {_text(factor * high)}"
        shown = _text(factor * value) if isinstance(value, float) else str(value)
        meaning = (field.metadata or {}).get(b"description", b"").decode()
        lines.append([field.name, shown, unit, spread, meaning])
    return lines


def _unit(field: pa.Field) -> str:
    unit = (field.metadata or {}).get(b"unit", b"").decode()
    return "" if unit == "1" else unit


def _quantity(field: pa.Field) -> str:
    """What shares a prefix: energies and times do, a column's current and the sum of all currents do not."""
    return field.name if _unit(field) == "A" else _unit(field)


def _stem(name: str) -> str:
    """``energy_per_image_J`` of ``energy_per_image_low_J``, ``accuracy`` of ``accuracy_high``."""
    return re.sub(r"_(low|high)(?=_|$)", "", name)


def _end(name: str, end: str) -> str:
    stem, _, unit = name.rpartition("_")
    return f"{stem}_{end}_{unit}" if unit in ("J", "s", "m2") else f"{name}_{end}"


def _text(value: float) -> str:
    return f"{value:.4g}"


def _is_empty(value: Any) -> bool:
    return value is None or value != value or value == ""
