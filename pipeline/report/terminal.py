"""The end of a run on a terminal: dense against the other sparsity levels design by design, and the front."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from rich import box
from rich.console import Console
from rich.table import Table

from pipeline.sweep.names import array_name, level_name
from pipeline.sweep.objectives import OBJECTIVES
from pipeline.tables.schema import HARDWARE_COLUMNS
from simcore.design_axes import REFERENCE_SOLVERS
from simcore.passes import NONE

# Axes that every line shows or that follow from others; the rest get a column only where they have several values.
_SHOWN_ALWAYS = "dataset device corner topology rows cols active_rows adc_bits".split()
# A set of passes names a line as hardware does, for its name is too long for a column of accuracies.
_LINE_COLUMNS = (*HARDWARE_COLUMNS, "mitigations")
_OPTIONAL = [name for name in _LINE_COLUMNS if name not in _SHOWN_ALWAYS]
# Beside the hardware, what the tables show of a design: a row has many more columns.
_SHOWN = (
    "sweep sparsity prune images accuracy accuracy_low accuracy_high ideal_accuracy on_front front_candidate "
    "energy_per_image_J latency_per_image_s area_m2 energy_change_low energy_change_high latency_change_low "
    "latency_change_high area_change_low area_change_high evidence_within_limits"
).split()
_CHANGING = ("energy", "latency", "area")
"""Objectives that ``designs`` has with the ends of what sparsity changes."""
MOST_LINES = 200
"""Hardware designs that the end of a run lists: more would push the front out of sight."""
_Row = dict[str, Any]
_Levels = dict[tuple[str, float], _Row]


def print_designs(designs: pa.Table, console: Console, most: int | None = None) -> None:
    """One line for each hardware design: ideal accuracy, the accuracy of each sparsity level, the best gain.

    Args:
        most: lines; of more hardware designs those with a level on the front come first. None: all.
    """
    finished = _rows(designs)
    if not finished:
        console.print("no design is finished yet")
        return
    rows = [row for row in finished if row["solver_setting"] not in REFERENCE_SOLVERS]
    if rows:
        _print_hardware(rows, console, most)
    _print_references([row for row in finished if row["solver_setting"] in REFERENCE_SOLVERS], console)


def _print_hardware(rows: list[_Row], console: Console, most: int | None) -> None:
    levels = list(dict.fromkeys((row["sparsity"], row["prune"]) for row in rows))
    shown = [name for name in _OPTIONAL if len({row[name] for row in rows}) > 1]
    table = _table(
        f"{rows[0]['sweep']}: accuracy in %, {max(row['images'] for row in rows)} images of {rows[0]['dataset']}"
    )
    for name in ("device", "corner", "array", "ADC", *shown):
        table.add_column(name, no_wrap=True, justify="right" if name == "ADC" else "left")
    table.add_column("ideal", justify="right")
    for level in levels:
        name = level_name(*level, mark="p").replace("activation", "activ.")
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("gain", justify="right", no_wrap=True)
    groups = list(_group(rows).values())
    listed = _listed(groups, most)
    for group in listed:
        first = next(iter(group.values()))
        cells = [first["device"], first["corner"], _array(first), str(first["adc_bits"])]
        cells += [str(first[name]) for name in shown] + [f"{100 * first['ideal_accuracy']:.1f}"]
        cells += [_accuracy(group.get(level)) for level in levels]
        table.add_row(*cells, _gain(group))
    console.print(table)
    _tell_unlisted(len(groups) - len(listed), rows[0]["sweep"], console)
    console.print()
    widest = max(50 * (row["accuracy_high"] - row["accuracy_low"]) for row in rows)
    for note in (
        "gain: best level over dense, in points, by the images that show which is best",
        f"95 % interval of each accuracy: at most ±{widest:.1f} points",
        "*: on the front of its model and corner; ?: cannot be told from it (95 %)",
    ):
        console.print(note, highlight=False)
    if any(_is_beyond(row) for row in rows):
        console.print("~: exact reads show the fast solver beyond the sweep's limits", highlight=False)


def _print_references(rows: list[_Row], console: Console) -> None:
    """One line for each kind of reference and array: they are no hardware, and beside the table to compare with."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        read = f"{row['model']}, {_array(row)}"
        if row["solver_setting"] == "ideal_circuit":
            read += f", {row['adc_bits']} bit {row['adc_reference']}"
        level = level_name(row["sparsity"], row["prune"], row["mitigations"] or NONE, mark="p")
        groups.setdefault(f"reference, {row['solver_setting']}, {read}", []).append(f"{level} {_accuracy(row).strip()}")
    for name, accuracies in groups.items():
        text = f"{name}: {', '.join(dict.fromkeys(accuracies))} %"
        console.print(text, highlight=False, soft_wrap=True, markup=False)


def print_costs(designs: pa.Table, console: Console, most: int | None = None) -> None:
    """One line for each hardware design: what an image costs densely, and the range of what sparsity changes.

    Args:
        most: as of ``print_designs``.
    """
    rows = [row for row in _rows(designs) if row["energy_per_image_J"] is not None]
    groups = [group for group in _group(rows).values() if ("dense", 0.0) in group and len(group) > 1]
    if not groups:
        return
    shown = [name for name in _OPTIONAL if len({row[name] for row in rows}) > 1]
    console.print()
    table = _table("an image on dense hardware, and what sparsity changes in %")
    for name in ("device", "corner", "array", "ADC", *shown):
        table.add_column(name, no_wrap=True, justify="right" if name == "ADC" else "left")
    for name in _CHANGING:
        table.add_column(name, justify="right", no_wrap=True)
        table.add_column("%", justify="right", no_wrap=True)
    listed = _listed(groups, most)
    for group in listed:
        dense = group["dense", 0.0]
        level = group.get(("binsparx", 0.0)) or list(group.values())[-1]
        table.add_row(
            *(dense["device"], dense["corner"], _array(dense), str(dense["adc_bits"])),
            *(str(dense[name]) for name in shown),
            *(text for name in _CHANGING for text in (_cost(dense, name), _range(level, f"{name}_change"))),
        )
    console.print(table)
    _tell_unlisted(len(groups) - len(listed), rows[0]["sweep"], console)
    console.print()
    note = "%: change with what is disputed (converters, supply, on-time, flip path, leakage, multipliers) at its ends"
    console.print(note, highlight=False, soft_wrap=True)


def print_front(pareto: pa.Table, console: Console) -> None:
    """The front, from the cheapest design to the most accurate."""
    rows = pareto.to_pylist()
    if not rows:
        return
    several = [name for name in _OPTIONAL if name in rows[0] and len({row[name] for row in rows}) > 1]
    leading = [name for name in several if name == "model"]  # a front is one network's
    shown = [name for name in several if name not in leading]
    objectives = rows[0]["objectives"].split(",")
    console.print()
    table = _table(f"the front of {' and '.join(objectives)}, corner by corner")
    for name in [*leading, "corner", "device", "array", "ADC", *shown, "sparsity"]:
        table.add_column(name, no_wrap=True)
    costs = [name for name in objectives if name != "accuracy"]
    for name in ("acc. %", *costs, "support %", "key"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        level = level_name(row["sparsity"], row["prune"], mark="p")
        table.add_row(
            *(row[name] for name in leading),
            *(row["corner"], row["device"], _array(row), str(row["adc_bits"])),
            *(*(str(row[name]) for name in shown), level),
            f"{100 * row['accuracy']:.1f}",
            *(_cost(row, name) for name in costs),
            f"{_support(row)}{'k' if row['knee'] else ' '}",
            row["design_key"][:8],
        )
    console.print(table)
    console.print()
    for note in (
        "support: resamples of the images with it on the front, no probability that it truly is",
        "k: the knee of the front",
    ):
        console.print(note, highlight=False, soft_wrap=True)
    volumes = {(row["model"], row["corner"]): row["hypervolume"] for row in rows}
    names = {place: place[1] if not leading else f"{place[0]}, {place[1]}" for place in volumes}
    text = "; ".join(f"{names[place]} {volume:.3f}" for place, volume in volumes.items())
    console.print(f"hypervolume: {text}", highlight=False, soft_wrap=True)
    console.print()


def _rows(designs: pa.Table) -> list[_Row]:
    """What the tables show of each design; of a table of an earlier version the columns that it lacks are empty."""
    shown = {*_LINE_COLUMNS, *_SHOWN}
    lacking = dict.fromkeys(name for name in _LINE_COLUMNS if name not in designs.column_names)
    rows = designs.select([name for name in designs.column_names if name in shown]).to_pylist()
    return [lacking | row for row in rows]


def _listed(groups: list[_Levels], most: int | None) -> list[_Levels]:
    """At most so many hardware designs in their order, those with a level on the front before others."""
    if most is None or len(groups) <= most:
        return groups
    fronts = [any(row["on_front"] for row in group.values()) for group in groups]
    places = sorted(range(len(groups)), key=lambda place: not fronts[place])[:most]
    return [groups[place] for place in sorted(places)]


def _tell_unlisted(number: int, sweep: str, console: Console) -> None:
    if number:
        more = "1 hardware design more" if number == 1 else f"{number:,} hardware designs more"
        console.print(f"and {more}: binsparx results {sweep} lists all", highlight=False, soft_wrap=True)


def _cost(row: _Row, name: str) -> str:
    objective = OBJECTIVES[name]
    return objective.show(row[objective.column], gap="")


def _range(row: _Row, change: str) -> str:
    """Ends of a change; nothing where a race stopped one of the two, so that they cannot be compared."""
    if row[f"{change}_low"] is None:
        return ""
    return "..".join(f"{round(100 * row[f'{change}_{end}']):+d}" for end in ("low", "high"))


def _table(title: str) -> Table:
    """A table that fits a narrow terminal."""
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0, show_edge=False)


def _group(rows: list[_Row]) -> dict[tuple[Any, ...], _Levels]:
    """Rows of one hardware design and set of passes together; the solver counts as hardware, so that solvers can be
    compared."""
    groups: dict[tuple[Any, ...], _Levels] = {}
    for row in rows:
        hardware = tuple(row[name] for name in _LINE_COLUMNS)
        groups.setdefault(hardware, {})[row["sparsity"], row["prune"]] = row
    return groups


def _array(row: _Row) -> str:
    return array_name(row["rows"], row["cols"], row["active_rows"])


def _accuracy(row: _Row | None) -> str:
    if row is None:
        return ""
    mark = "*" if row["on_front"] else "?" if row.get("front_candidate") else " "  # earlier tables have no candidates
    return f"{100 * row['accuracy']:.1f}{'~' if _is_beyond(row) else ''}{mark}"


def _support(row: _Row) -> str:
    """Nothing in a table of an earlier version."""
    return "" if row.get("front_support") is None else f"{100 * row['front_support']:.0f}"


def _is_beyond(row: _Row) -> bool:
    """Its evidence is beyond the limits of the sweep file."""
    return not row.get("evidence_within_limits", True)


def _gain(group: _Levels) -> str:
    dense = group.get(("dense", 0.0))
    if dense is None:
        return ""
    # What a race stopped saw other images, and is not compared.
    others = [
        row["accuracy"] for level, row in group.items() if level[0] != "dense" and row["images"] == dense["images"]
    ]
    if not others:
        return ""
    return f"{100 * (max(others) - dense['accuracy']):+.1f}"
