"""A line for each hardware design: dense against the other levels, and what an image costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
from rich.console import Console

from pipeline.commands import command
from pipeline.report.terminal.cells import (
    SHOWN,
    Naming,
    Row,
    accuracy_of,
    array_of,
    axes_of_hardware,
    cost_of,
    frame_of,
    heading,
    print_fixed,
    text_of,
    what_marks_say,
)
from pipeline.report.text_table import Column, print_table
from pipeline.results.comparison import chips_of
from pipeline.results.finished import above_floor, hardware_only, is_beyond
from pipeline.results.stopped import stop_words
from pipeline.sweep.axes import DENSE, LEVEL_COLUMNS
from pipeline.sweep.names import level_name
from pipeline.sweep.objectives import OBJECTIVES
from simcore.design_axes import REFERENCE_SOLVERS

_CHANGING = ("energy", "latency", "area")
"""Objectives that ``designs`` has with the ends of what sparsity changes."""
MOST_LINES = 200
"""Hardware designs that the end of a run lists: more would push the front out of sight."""
_NAMED_OF_REFERENCES = ("model", "adc_bits", "adc_reference")
"""Axes that a line of references names in any case."""
_Level = tuple[Any, ...]
_Levels = dict[_Level, Row]


def print_designs(
    designs: pa.Table, console: Console, most: int | None = None, wide: bool = False, results: str | None = None
) -> None:
    """One line for each hardware design: ideal accuracy, the accuracy of each sparsity level, the best gain.

    Args:
        designs: the table ``designs``.
        console: where to.
        most: lines; of more hardware designs those with a level on the front come first. None: all.
        wide: every axis has a column of its own, however narrow the terminal is.
        results: where they are, for the command that lists all; None: in the usual folder.
    """
    finished = frame_of(designs)
    if finished.empty:
        console.print("no design is finished yet")
        return
    hardware = hardware_only(finished)
    if not hardware.empty:
        print_fixed(hardware, console)
        _print_hardware(hardware, console, most, wide, results)
    references = finished[finished.solver_setting.isin(REFERENCE_SOLVERS)]
    _print_references(references, console)


def _print_hardware(designs: pd.DataFrame, console: Console, most: int | None, wide: bool, results: str | None) -> None:
    rows = designs.to_dict("records")
    levels = list(dict.fromkeys(_level(row) for row in rows))
    naming = Naming(designs, axes_of_hardware(designs))
    columns = [*naming.columns, Column("ideal", number=True)]
    columns += [Column(_short(level).replace("activation", "activ."), number=True) for level in levels]
    columns.append(Column("gain", number=True))
    groups = list(_group(rows).values())
    listed = _listed(groups, most)
    lines = []
    for group in listed:
        first = next(iter(group.values()))
        accuracies = [accuracy_of(group.get(level)) for level in levels]
        lines.append([*naming.texts(first), f"{100 * first['ideal_accuracy']:.1f}", *accuracies, _gain(group)])
    sweep = rows[0]["sweep"]
    title = f"{sweep}: accuracy in %, {designs.images.max()} images of {rows[0]['dataset']}"
    print_table(title, columns, lines, console, len(naming.columns), wide)
    _tell_unlisted(len(groups) - len(listed), sweep, results, console)
    console.print()
    ends = designs[["accuracy_low", "accuracy_high"]]
    farthest = 100 * ends.sub(designs.accuracy, axis=0).abs().max().max()
    notes = [
        "gain: best level over dense, in points, by the images that show which is best",
        f"95 % interval of each accuracy: at most ±{farthest:.1f} points",
        what_marks_say(designs),
    ]
    if any(is_beyond(row) for row in rows):
        notes.append("~: exact reads show the fast solver beyond the sweep's limits")
    if (below := int((~above_floor(designs)).sum())) > 0:
        notes.append(f"{below} of {len(designs)} designs are below the floor of the front (`pareto`; default: chance)")
    if words := stop_words(designs):
        notes.append(f"the race stopped designs early: {words}; all but the beaten ones of a front saw the same")
    for note in notes:
        console.print(note, highlight=False, soft_wrap=True, markup=False)


def _print_references(references: pd.DataFrame, console: Console) -> None:
    """One line for each kind of reference and array: they are no hardware, and beside the table to compare with."""
    groups: dict[str, list[str]] = {}
    for kind, rows in references.groupby("solver_setting", sort=False):
        others = [name for name in axes_of_hardware(rows) if name not in _NAMED_OF_REFERENCES]
        for row in rows.to_dict("records"):
            named = [f"reference, {kind}, {row['model']}, {array_of(row)}"]
            if kind == "ideal_circuit":
                named.append(f"{row['adc_bits']} bit {row['adc_reference']}")
            named += (f"{heading(name)} {text_of(row[name])}" for name in others)
            level = level_name(row, short=True)
            groups.setdefault(", ".join(named), []).append(f"{level} {accuracy_of(row).strip()}")
    for name, accuracies in groups.items():
        text = f"{name}: {', '.join(dict.fromkeys(accuracies))} %"
        console.print(text, highlight=False, soft_wrap=True, markup=False)


def print_costs(
    designs: pa.Table, console: Console, most: int | None = None, wide: bool = False, results: str | None = None
) -> None:
    """One line for each hardware design: what an image costs densely, and the range of what sparsity changes.

    Args:
        designs: the table ``designs``.
        console: where to.
        most: as of ``print_designs``.
        wide: as of ``print_designs``.
        results: as of ``print_designs``.
    """
    frame = frame_of(designs)
    frame = frame[frame.energy_per_image_J.notna()]
    rows = frame.to_dict("records")
    groups = [group for group in _group(rows).values() if DENSE in group and len(group) > 1]
    if not groups:
        return
    console.print()
    naming = Naming(frame, axes_of_hardware(frame))
    columns = list(naming.columns)
    for name in _CHANGING:
        columns += [Column(name, number=True), Column("%", number=True)]
    listed = _listed(groups, most)
    lines = []
    for group in listed:
        dense = group[DENSE]
        others = [row for level, row in group.items() if level != DENSE]
        shown = group.get(("binsparx", *DENSE[1:]), others[-1])
        costs = [text for name in _CHANGING for text in (cost_of(dense, name), _range(shown, f"{name}_change"))]
        lines.append([*naming.texts(dense), *costs])
    title = "an image on dense hardware, and what sparsity changes in %"
    print_table(title, columns, lines, console, len(naming.columns), wide)
    _tell_unlisted(len(groups) - len(listed), rows[0]["sweep"], results, console)
    console.print()
    note = "%: change with what is disputed (converters, supply, on-time, flip path, leakage, multipliers) at its ends"
    console.print(note, highlight=False, soft_wrap=True)


def _listed(groups: list[_Levels], most: int | None) -> list[_Levels]:
    """At most so many hardware designs in their order, those with a level on the front before others."""
    if most is None or len(groups) <= most:
        return groups
    fronts = [any(row["on_front"] for row in group.values()) for group in groups]
    places = sorted(range(len(groups)), key=lambda place: not fronts[place])[:most]
    return [groups[place] for place in sorted(places)]


def _tell_unlisted(number: int, sweep: str, results: str | None, console: Console) -> None:
    if number:
        more = "1 hardware design more" if number == 1 else f"{number:,} hardware designs more"
        all_of_them = command("results", sweep, results=results)
        console.print(f"and {more}: {all_of_them} lists all", highlight=False, soft_wrap=True)


def _range(row: Row, change: str) -> str:
    """Ends of a change; nothing where a race stopped one of the two, so that they cannot be compared."""
    ends = [row[f"{change}_{end}"] for end in ("low", "high")]
    return "" if any(pd.isna(end) for end in ends) else "..".join(f"{round(100 * end):+d}" for end in ends)


def _level(row: Row) -> _Level:
    """Its values by axis; a table of an earlier version has none of an axis that was added since."""
    pairs = ((row.get(name), default) for name, default in zip(LEVEL_COLUMNS, DENSE, strict=True))
    return tuple(default if value is None or value != value or value == "" else value for value, default in pairs)


def _short(level: _Level) -> str:
    return level_name(dict(zip(LEVEL_COLUMNS, level, strict=True)), short=True)


def _group(rows: Sequence[Row]) -> dict[tuple[Any, ...], _Levels]:
    """Rows of one hardware design together; the solver counts as hardware, so that solvers can be compared."""
    parameters = [name for name in (rows[0] if rows else ()) if name not in (*SHOWN, *LEVEL_COLUMNS)]
    costs = {objective.column for objective in OBJECTIVES.values()}
    names = [name for name in parameters if name not in costs]
    groups: dict[tuple[Any, ...], _Levels] = {}
    for row in rows:
        # What an earlier version did not write is NaN, which equals nothing.
        hardware = tuple(None if row[name] != row[name] else row[name] for name in names)
        groups.setdefault(hardware, {})[_level(row)] = row
    return groups


def _extent(row: Row) -> tuple[int, int]:
    """Images and chips: what a race stopped saw others, and is not compared."""
    return row["images"], chips_of(row)


def _gain(group: _Levels) -> str:
    dense = group.get(DENSE)
    if dense is None:
        return ""
    others = [row["accuracy"] for level, row in group.items() if level != DENSE and _extent(row) == _extent(dense)]
    if not others:
        return ""
    return f"{100 * (max(others) - dense['accuracy']):+.1f}"
