"""The fronts: of every world, and of what holds in all of them."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
from rich.console import Console

from pipeline.report.terminal.cells import (
    KEY_DIGITS,
    Naming,
    Row,
    axes_of_hardware,
    cost_of,
    frame_of,
    heading,
    text_of,
    with_parameters,
)
from pipeline.report.text_table import Column, print_table
from pipeline.results.finished import hardware_only
from pipeline.results.names import world_words
from pipeline.results.robust import robust_front, worst_worlds
from pipeline.sweep.axes import WORLD_COLUMNS
from pipeline.sweep.objectives import OBJECTIVES, known_costs


def print_front(pareto: pa.Table, console: Console, wide: bool = False) -> None:
    """The front, from the cheapest design to the most accurate.

    Args:
        pareto: the table of that name.
        console: where to.
        wide: as of ``print_designs``.
    """
    frame = with_parameters(pareto.to_pandas())
    if frame.empty:
        return
    objectives = frame.objectives.iloc[0].split(",")
    console.print()
    leading = ["model"] if frame.model.nunique() > 1 else []  # a front is one network's
    worlds = [name for name in WORLD_COLUMNS if name == "corner" or frame[name].nunique() > 1]
    rest = [name for name in axes_of_hardware(frame) if name not in (*leading, *worlds)]
    axes = [*leading, *worlds, "device", *rest]
    naming = Naming(frame, axes, level=True, usual=())
    costs = [name for name in objectives if name != "accuracy"]
    headings = ["95 % of chips" if name == "chip_accuracy" else name for name in costs]
    columns = [*naming.columns, *(Column(name, number=True) for name in ("acc. %", *headings, "support %"))]
    columns.append(Column("key"))
    lines = [
        [
            *naming.texts(row), f"{100 * row['accuracy']:.1f}", *(cost_of(row, name) for name in costs),
            f"{_support(row)}{' knee' if row['knee'] else '     '}", row["design_key"][:KEY_DIGITS],
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
    frame = hardware_only(frame_of(designs))
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
    axes = [name for name in axes_of_hardware(worst) if name not in (*WORLD_COLUMNS, *leading)]
    naming = Naming(front, [*leading, "device", *axes], level=True, usual=())
    name = costs[0].label.removesuffix(" per image")
    columns = [*naming.columns, *(Column(text, number=True) for text in ("acc. %", "ideal", name))]
    columns += [*(Column(f"worst {heading(world)}") for world in worlds), Column("key there")]
    lines = [
        [
            *naming.texts(row), f"{100 * row['accuracy']:.1f}", f"{100 * row['ideal_accuracy']:.1f}",
            costs[0].show(row[costs[0].column], gap=""), *(text_of(row[world]) for world in worlds),
            row["design_key"][:KEY_DIGITS],
        ]
        for row in front.to_dict("records")
    ]  # fmt: skip
    raced = ", of what the race left in all of them" * bool((frame.stopped == "beaten").any())
    title = f"the front of what holds in every {world_words(frame)}: least accuracy, largest {name}{raced}"
    print_table(title, columns, lines, console, len(naming.columns), wide)
    console.print()


def _support(row: Row) -> str:
    """Nothing in a table of an earlier version."""
    support = row.get("front_support")
    return "" if support is None or pd.isna(support) else f"{100 * support:.0f}"
