"""The tables of a sweep on a terminal: dense against the other levels hardware by hardware, every design, the front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
from rich.console import Console

from pipeline.report.text_table import Column, print_table
from pipeline.results.comparison import chips_of
from pipeline.results.finished import above_floor, hardware_only
from pipeline.results.fixed import cost_choices, fixed_axes, said, varying_axes
from pipeline.results.names import split_overrides, world_words
from pipeline.results.robust import robust_front, worst_worlds
from pipeline.results.stopped import stop_words
from pipeline.sweep.axes import DENSE, LEVEL_COLUMNS, WORLD_COLUMNS
from pipeline.sweep.keys import short_key
from pipeline.sweep.names import array_name, level_name
from pipeline.sweep.objectives import OBJECTIVES, known_costs
from pipeline.tables.schema import HARDWARE_COLUMNS
from simcore.design_axes import REFERENCE_SOLVERS

# Beside the axes and the costs, what the tables show of a design: a row has many more columns.
_SHOWN = (
    "design_key sweep images stopped accuracy accuracy_low accuracy_high ideal_accuracy accuracy_loss rms_error_lsb "
    "on_front front_candidate above_floor energy_change_low energy_change_high latency_change_low latency_change_high "
    "area_change_low area_change_high chips accuracy_chip_std accuracy_chip_p5 yield yield_low yield_high yield_loss "
    "evidence_within_limits converter cost_assumptions cost_boundary model_digest "
    "dataset_digest"
).split()
_CHANGING = ("energy", "latency", "area")
"""Objectives that ``designs`` has with the ends of what sparsity changes."""
_HARDWARE = ("device", "corner")  # that every line names, beside the array
_KEY_DIGITS = 8  # of the keys on a front: the table is to fit a narrow terminal
MOST_LINES = 200
"""Hardware designs that the end of a run lists: more would push the front out of sight."""
_Row = Mapping[str, Any]
_Level = tuple[Any, ...]
_Levels = dict[_Level, _Row]


def print_designs(designs: pa.Table, console: Console, most: int | None = None, wide: bool = False) -> None:
    """One line for each hardware design: ideal accuracy, the accuracy of each sparsity level, the best gain.

    Args:
        designs: the table ``designs``.
        console: where to.
        most: lines; of more hardware designs those with a level on the front come first. None: all.
        wide: every axis has a column of its own, however narrow the terminal is.
    """
    finished = _frame(designs)
    if finished.empty:
        console.print("no design is finished yet")
        return
    hardware = hardware_only(finished)
    if not hardware.empty:
        _print_fixed(hardware, console)
        _print_hardware(hardware, console, most, wide)
    references = finished[finished.solver_setting.isin(REFERENCE_SOLVERS)]
    _print_references(references.to_dict("records"), console)


def _print_fixed(designs: pd.DataFrame, console: Console) -> None:
    """What is the same for all, above the tables: no column says it."""
    for heading, values in (("all designs", fixed_axes(designs)), ("costs", cost_choices(designs))):
        if values:
            console.print(f"{heading}: {said(values)}", highlight=False, soft_wrap=True, markup=False)
    console.print()


def _print_hardware(designs: pd.DataFrame, console: Console, most: int | None, wide: bool) -> None:
    rows = designs.to_dict("records")
    levels = list(dict.fromkeys(_level(row) for row in rows))
    naming = _Naming(designs, _axes_of_hardware(designs))
    columns = [*naming.columns, Column("ideal", number=True)]
    columns += [Column(_short(level).replace("activation", "activ."), number=True) for level in levels]
    columns.append(Column("gain", number=True))
    groups = list(_group(rows).values())
    listed = _listed(groups, most)
    lines = []
    for group in listed:
        first = next(iter(group.values()))
        accuracies = [_accuracy(group.get(level)) for level in levels]
        lines.append([*naming.texts(first), f"{100 * first['ideal_accuracy']:.1f}", *accuracies, _gain(group)])
    sweep = rows[0]["sweep"]
    title = f"{sweep}: accuracy in %, {designs.images.max()} images of {rows[0]['dataset']}"
    print_table(title, columns, lines, console, len(naming.columns), wide)
    _tell_unlisted(len(groups) - len(listed), sweep, console)
    console.print()
    widest = 50 * (designs.accuracy_high - designs.accuracy_low).max()
    notes = [
        "gain: best level over dense, in points, by the images that show which is best",
        f"95 % interval of each accuracy: at most ±{widest:.1f} points",
        f"*: on the front of its model, {world_words(designs)}; ?: cannot be told from it (95 %)",
    ]
    if any(_is_beyond(row) for row in rows):
        notes.append("~: exact reads show the fast solver beyond the sweep's limits")
    if (below := int((~above_floor(designs)).sum())) > 0:
        notes.append(f"{below} of {len(designs)} designs are below the floor of the front (`pareto`; default: chance)")
    if words := stop_words(designs):
        notes.append(f"the race stopped designs early: {words}; all but the beaten ones of a front saw the same")
    for note in notes:
        console.print(note, highlight=False, soft_wrap=True, markup=False)


def _print_references(rows: Sequence[_Row], console: Console) -> None:
    """One line for each kind of reference and array: they are no hardware, and beside the table to compare with."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        read = f"{row['model']}, {_array(row)}"
        if row["solver_setting"] == "ideal_circuit":
            read += f", {row['adc_bits']} bit {row['adc_reference']}"
        level = level_name(row, short=True)
        groups.setdefault(f"reference, {row['solver_setting']}, {read}", []).append(f"{level} {_accuracy(row).strip()}")
    for name, accuracies in groups.items():
        text = f"{name}: {', '.join(dict.fromkeys(accuracies))} %"
        console.print(text, highlight=False, soft_wrap=True, markup=False)


def print_costs(designs: pa.Table, console: Console, most: int | None = None, wide: bool = False) -> None:
    """One line for each hardware design: what an image costs densely, and the range of what sparsity changes.

    Args:
        designs: the table ``designs``.
        console: where to.
        most: as of ``print_designs``.
        wide: as of ``print_designs``.
    """
    frame = _frame(designs)
    frame = frame[frame.energy_per_image_J.notna()]
    rows = frame.to_dict("records")
    groups = [group for group in _group(rows).values() if DENSE in group and len(group) > 1]
    if not groups:
        return
    console.print()
    naming = _Naming(frame, _axes_of_hardware(frame))
    columns = list(naming.columns)
    for name in _CHANGING:
        columns += [Column(name, number=True), Column("%", number=True)]
    listed = _listed(groups, most)
    lines = []
    for group in listed:
        dense = group[DENSE]
        level = group.get(("binsparx", *DENSE[1:])) or list(group.values())[-1]
        costs = [text for name in _CHANGING for text in (_cost(dense, name), _range(level, f"{name}_change"))]
        lines.append([*naming.texts(dense), *costs])
    title = "an image on dense hardware, and what sparsity changes in %"
    print_table(title, columns, lines, console, len(naming.columns), wide)
    _tell_unlisted(len(groups) - len(listed), rows[0]["sweep"], console)
    console.print()
    note = "%: change with what is disputed (converters, supply, on-time, flip path, leakage, multipliers) at its ends"
    console.print(note, highlight=False, soft_wrap=True)


def print_chips(designs: pa.Table, console: Console, most: int | None = None, wide: bool = False) -> None:
    """One line for each design whose chips differ: mean, spread from chip to chip, 5th percentile, yield.

    Args:
        designs: the table ``designs``.
        console: where to.
        most: lines; of more designs those on the front come first. None: all.
        wide: as of ``print_designs``.
    """
    frame = _frame(designs)
    frame = frame[frame.chips.notna()] if "chips" in frame else frame[:0]
    if frame.empty:
        return
    console.print()
    listed = frame
    if most is not None and len(frame) > most:
        listed = frame.loc[frame.sort_values("on_front", ascending=False, kind="stable").index[:most].sort_values()]
    naming = _Naming(frame, _axes_of_hardware(frame), level=True)
    columns = [*naming.columns, *(Column(name, number=True) for name in ("ideal", "mean"))]
    lines = [
        [
            *naming.texts(row), f"{100 * row['ideal_accuracy']:.1f}", f"{100 * row['accuracy']:.1f}",
            *_chip_texts(row),
        ]
        for row in listed.to_dict("records")
    ]  # fmt: skip
    title = f"chips: accuracy in %, {frame.images.max()} images on each"
    print_table(title, [*columns, *_CHIP_COLUMNS], lines, console, len(naming.columns), wide)
    if (more := len(frame) - len(listed)) > 0:
        text = f"and {more:,} designs more: binsparx results {frame.sweep.iloc[0]} lists all"
        console.print(text, highlight=False, soft_wrap=True)
    console.print()
    _explain_chips(frame, console)


_CHIP_COLUMNS = (
    Column("chips", number=True),
    Column("chip sd", number=True),
    Column("5th pct.", number=True),
    Column("yield %", number=True),
    Column("yield 95 %", number=True),
)


def _chip_texts(row: _Row) -> list[str]:
    """What ``_CHIP_COLUMNS`` show of a design; nothing where its chips do not differ."""
    if pd.isna(row["chips"]):
        return [""] * len(_CHIP_COLUMNS)
    spread = "" if pd.isna(row["accuracy_chip_std"]) else f"{100 * row['accuracy_chip_std']:.2f}"
    ends = f"{100 * row['yield_low']:.0f}..{100 * row['yield_high']:.0f}"
    return [f"{row['chips']:.0f}", spread, f"{100 * row['accuracy_chip_p5']:.1f}", f"{100 * row['yield']:.0f}", ends]


def _explain_chips(designs: pd.DataFrame, console: Console) -> None:
    """What yield and 5th percentile mean in these tables."""
    losses = " or ".join(f"{100 * loss:g}" for loss in sorted(designs.yield_loss.dropna().unique()))
    for note in (
        f"yield: chips that lose at most {losses} points against ideal arithmetic (pareto.yield_loss), with its 95 % "
        "interval for chips at large",
        "5th pct.: 95 % of these chips are at least so accurate; chip sd: standard deviation from chip to chip, all on "
        "the same images",
    ):
        console.print(note, highlight=False, soft_wrap=True, markup=False)


def print_list(designs: pa.Table, console: Console, wide: bool = False) -> None:
    """One line for each design, in the order of the table: its axes, level, accuracy, costs and key.

    Args:
        designs: the table ``designs``.
        console: where to.
        wide: as of ``print_designs``.
    """
    frame = _frame(designs)
    if frame.empty:
        console.print("no design is finished, or none was chosen")
        return
    _print_fixed(frame, console)
    costs = known_costs(frame)
    levels = frame[[name for name in LEVEL_COLUMNS if name in frame]].drop_duplicates()
    naming = _Naming(frame, _axes_of_hardware(frame), level=len(levels) > 1)
    columns = [*naming.columns, Column("acc. %", number=True), Column("95 %", number=True), Column("", number=False)]
    has_chips = "chips" in frame and bool(frame.chips.notna().any())
    columns += _CHIP_COLUMNS if has_chips else ()
    columns += [Column(cost.label.removesuffix(" per image"), number=True) for cost in costs]
    stopped = bool((frame.stopped.fillna("") != "").any())
    columns += [Column("error (LSB)", number=True), Column("images", number=True)]
    columns += [*([Column("race")] if stopped else []), Column("key")]
    lines = []
    for row in frame.to_dict("records"):
        interval = f"{100 * row['accuracy_low']:.1f}..{100 * row['accuracy_high']:.1f}"
        lines.append(
            [
                *naming.texts(row), f"{100 * row['accuracy']:.1f}", interval, _marks(row),
                *(_chip_texts(row) if has_chips else ()),
                *("" if pd.isna(row[cost.column]) else cost.show(row[cost.column], gap="") for cost in costs),
                f"{row['rms_error_lsb']:.2f}", str(row["images"]), *([row["stopped"] or ""] if stopped else []),
                short_key(row["design_key"]),
            ]
        )  # fmt: skip
    print_table(f"{len(lines)} design{'s' * (len(lines) != 1)}", columns, lines, console, len(naming.columns), wide)
    console.print()
    front = f"*: on the front of its model, {world_words(frame)}; ?: cannot be told from it (95 %)"
    console.print(f"{front}; ~: beyond the solver's limits", highlight=False, soft_wrap=True)
    if has_chips:
        _explain_chips(frame, console)


def print_front(pareto: pa.Table, console: Console, wide: bool = False) -> None:
    """The front, from the cheapest design to the most accurate.

    Args:
        pareto: the table of that name.
        console: where to.
        wide: as of ``print_designs``.
    """
    frame = split_overrides(pareto.to_pandas())
    if frame.empty:
        return
    objectives = frame.objectives.iloc[0].split(",")
    console.print()
    leading = ["model"] if frame.model.nunique() > 1 else []  # a front is one network's
    worlds = [name for name in WORLD_COLUMNS if name == "corner" or frame[name].nunique() > 1]
    rest = [name for name in _axes_of_hardware(frame) if name not in (*leading, *worlds)]
    axes = [*leading, *worlds, "device", *rest]
    naming = _Naming(frame, axes, level=True, usual=())
    costs = [name for name in objectives if name != "accuracy"]
    headings = ["95 % of chips" if name == "chip_accuracy" else name for name in costs]
    columns = [*naming.columns, *(Column(name, number=True) for name in ("acc. %", *headings, "support %"))]
    columns.append(Column("key"))
    lines = [
        [
            *naming.texts(row), f"{100 * row['accuracy']:.1f}", *(_cost(row, name) for name in costs),
            f"{_support(row)}{' knee' if row['knee'] else '     '}", row["design_key"][:_KEY_DIGITS],
        ]
        for row in frame.to_dict("records")
    ]  # fmt: skip
    words = world_words(frame)
    each = "corner by corner" if words == "corner" else f"for each {words}"
    of_chips = OBJECTIVES["chip_accuracy"]
    names = [of_chips.label if name == of_chips.name else name for name in objectives]
    title = f"the front of {' and '.join(names)}, {each}"
    print_table(title, columns, lines, console, len(naming.columns), wide)
    console.print()
    of_what = "images and chips" if of_chips.name in objectives else "the images"
    for note in (
        f"support: resamples of {of_what} with it on the front, no probability that it truly is",
        "knee: where the front bends most, farthest below the line through its ends",
    ):
        console.print(note, highlight=False, soft_wrap=True)


def print_robust_front(designs: pa.Table, console: Console, wide: bool = False) -> None:
    """The front of what holds in every world: the least accuracy and the largest cost over them.

    Nothing where a sweep has one world, or no design in every world.

    Args:
        designs: the table ``designs``.
        console: where to.
        wide: as of ``print_designs``.
    """
    frame = hardware_only(_frame(designs))
    costs = known_costs(frame)
    worlds = [name for name in WORLD_COLUMNS if frame[name].nunique() > 1]
    if not worlds or not costs:
        return
    worst = worst_worlds(frame)
    front = robust_front(worst, costs[0].column)
    if front.empty:
        return
    console.print()
    leading = ["model"] if frame.model.nunique() > 1 else []
    axes = [name for name in _axes_of_hardware(worst) if name not in (*WORLD_COLUMNS, *leading)]
    naming = _Naming(front, [*leading, "device", *axes], level=True, usual=())
    name = costs[0].label.removesuffix(" per image")
    columns = [*naming.columns, *(Column(text, number=True) for text in ("acc. %", "ideal", name))]
    columns += [*(Column(f"worst {_heading(world)}") for world in worlds), Column("key there")]
    lines = [
        [
            *naming.texts(row), f"{100 * row['accuracy']:.1f}", f"{100 * row['ideal_accuracy']:.1f}",
            costs[0].show(row[costs[0].column], gap=""), *(_text(row[world]) for world in worlds),
            row["design_key"][:_KEY_DIGITS],
        ]
        for row in front.to_dict("records")
    ]  # fmt: skip
    title = f"the front of what holds in every {world_words(frame)}: least accuracy, largest {name}"
    print_table(title, columns, lines, console, len(naming.columns), wide)
    console.print()


class _Naming:
    """What tells the rows of a table apart: a column an axis, and one for the array."""

    def __init__(
        self, designs: pd.DataFrame, axes: Sequence[str], level: bool = False, usual: Sequence[str] = _HARDWARE
    ) -> None:
        """Finds the columns.

        Args:
            designs: rows to be told apart.
            axes: columns of axes beside the usual ones.
            level: name the sparsity level too.
            usual: columns that come first in any case.
        """
        first = [name for name in (*usual, *axes) if name in ("model", *_HARDWARE)]
        self._first = list(dict.fromkeys(first))
        self._rest = [name for name in axes if name not in self._first]
        self._level = level
        parameters = designs.attrs.get("parameters", ())  # whose names are as sweep files write them
        self.columns = [
            *(Column(name) for name in self._first),
            Column("array"),
            *(Column(name if name in parameters else _heading(name), named=True) for name in self._rest),
            *([Column("sparsity")] if level else []),
        ]

    def texts(self, row: _Row) -> list[str]:
        """The cells of a row."""
        level = [level_name(row, short=True)] if self._level else []
        return [
            *(str(row[name]) for name in self._first),
            _array(row),
            *(_text(row[name]) for name in self._rest),
            *level,
        ]


def _heading(name: str) -> str:
    return {"adc_bits": "ADC"}.get(name, name.replace("_", " "))


def _text(value: Any) -> str:
    if value is None or value != value:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _axes_of_hardware(designs: pd.DataFrame) -> list[str]:
    """Axes of the hardware that vary, and circuit parameters that any design replaces by several values."""
    axes = [name for name in varying_axes(designs) if name not in (*LEVEL_COLUMNS, *_HARDWARE)]
    parameters = [name for name in designs.columns if name in designs.attrs.get("parameters", ())]
    return [*axes, *(name for name in parameters if designs[name].nunique() > 1)]


def _frame(table: pa.Table) -> pd.DataFrame:
    """What is shown of the designs, each circuit parameter that any of them replaces in a column of its own."""
    costs = [objective.column for objective in OBJECTIVES.values()]
    shown = dict.fromkeys([*HARDWARE_COLUMNS, *LEVEL_COLUMNS, *_SHOWN, *costs])
    frame = table.select([name for name in table.column_names if name in shown]).to_pandas()
    split = split_overrides(frame)
    split.attrs["parameters"] = [name for name in split.columns if name not in frame.columns]
    return split


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
    # Where all chips are alike, 95 % of them reach what one reaches.
    value = row["accuracy" if name == "chip_accuracy" and pd.isna(row["chips"]) else objective.column]
    return "" if pd.isna(value) else objective.show(value, gap="")


def _range(row: _Row, change: str) -> str:
    """Ends of a change; nothing where a race stopped one of the two, so that they cannot be compared."""
    ends = [row[f"{change}_{end}"] for end in ("low", "high")]
    return "" if any(pd.isna(end) for end in ends) else "..".join(f"{round(100 * end):+d}" for end in ends)


def _level(row: _Row) -> _Level:
    """Its values by axis; a table of an earlier version has none of an axis that was added since."""
    pairs = ((row.get(name), default) for name, default in zip(LEVEL_COLUMNS, DENSE, strict=True))
    return tuple(default if value is None or value != value or value == "" else value for value, default in pairs)


def _short(level: _Level) -> str:
    return level_name(dict(zip(LEVEL_COLUMNS, level, strict=True)), short=True)


def _group(rows: Sequence[_Row]) -> dict[tuple[Any, ...], _Levels]:
    """Rows of one hardware design together; the solver counts as hardware, so that solvers can be compared."""
    parameters = [name for name in (rows[0] if rows else ()) if name not in (*_SHOWN, *LEVEL_COLUMNS)]
    costs = {objective.column for objective in OBJECTIVES.values()}
    names = [name for name in parameters if name not in costs]
    groups: dict[tuple[Any, ...], _Levels] = {}
    for row in rows:
        # What an earlier version did not write is NaN, which equals nothing.
        hardware = tuple(None if row[name] != row[name] else row[name] for name in names)
        groups.setdefault(hardware, {})[_level(row)] = row
    return groups


def _array(row: _Row) -> str:
    return array_name(row["rows"], row["cols"], row["active_rows"])


def _marks(row: _Row) -> str:
    mark = "*" if row["on_front"] else "?" if row.get("front_candidate") else " "  # none in earlier tables
    return f"{'~' if _is_beyond(row) else ''}{mark}"


def _accuracy(row: _Row | None) -> str:
    return "" if row is None else f"{100 * row['accuracy']:.1f}{_marks(row)}"


def _support(row: _Row) -> str:
    """Nothing in a table of an earlier version."""
    support = row.get("front_support")
    return "" if support is None or pd.isna(support) else f"{100 * support:.0f}"


def _is_beyond(row: _Row) -> bool:
    """Its evidence is beyond the limits of the sweep file."""
    return not row.get("evidence_within_limits", True)


def _extent(row: _Row) -> tuple[int, int]:
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
