"""A line for each design."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
from rich.console import Console

from pipeline.report.terminal.cells import Naming, axes_of_hardware, frame_of, marks, print_fixed, what_marks_say
from pipeline.report.terminal.chips import CHIP_COLUMNS, chip_texts, explain_chips
from pipeline.report.text_table import Column, print_table
from pipeline.sweep.axes import LEVEL_COLUMNS
from pipeline.sweep.keys import short_key
from pipeline.sweep.objectives import known_costs


def print_list(designs: pa.Table, console: Console, wide: bool = False) -> None:
    """One line for each design, in the order of the table: its axes, level, accuracy, costs and key.

    Args:
        designs: the table ``designs``.
        console: where to.
        wide: as of ``print_designs``.
    """
    frame = frame_of(designs)
    if frame.empty:
        console.print("no design is finished, or none was chosen")
        return
    print_fixed(frame, console)
    costs = known_costs(frame)
    levels = frame[[name for name in LEVEL_COLUMNS if name in frame]].drop_duplicates()
    naming = Naming(frame, axes_of_hardware(frame), level=len(levels) > 1)
    columns = [*naming.columns, Column("acc. %", number=True), Column("95 %", number=True), Column("", number=False)]
    has_chips = "chips" in frame and bool(frame.chips.notna().any())
    columns += CHIP_COLUMNS if has_chips else ()
    columns += [Column(cost.label.removesuffix(" per image"), number=True) for cost in costs]
    stopped = bool((frame.stopped.fillna("") != "").any())
    columns += [Column("error (LSB)", number=True), Column("images", number=True)]
    columns += [*([Column("race")] if stopped else []), Column("key")]
    lines = []
    for row in frame.to_dict("records"):
        interval = f"{100 * row['accuracy_low']:.1f}..{100 * row['accuracy_high']:.1f}"
        lines.append(
            [
                *naming.texts(row), f"{100 * row['accuracy']:.1f}", interval, marks(row),
                *(chip_texts(row) if has_chips else ()),
                *("" if pd.isna(row[cost.column]) else cost.show(row[cost.column], gap="") for cost in costs),
                f"{row['rms_error_lsb']:.2f}", str(row["images"]), *([row["stopped"] or ""] if stopped else []),
                short_key(row["design_key"]),
            ]
        )  # fmt: skip
    print_table(f"{len(lines)} design{'s' * (len(lines) != 1)}", columns, lines, console, len(naming.columns), wide)
    console.print()
    console.print(f"{what_marks_say(frame)}; ~: beyond the solver's limits", highlight=False, soft_wrap=True)
    if has_chips:
        explain_chips(frame, console)
