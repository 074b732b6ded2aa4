"""A line for each design whose chips differ."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
from rich.console import Console

from pipeline.commands import command
from pipeline.report.terminal.cells import Naming, Row, axes_of_hardware, frame_of
from pipeline.report.text_table import Column, print_table

CHIP_COLUMNS = (
    Column("chips", number=True),
    Column("chip sd", number=True),
    Column("5th pct.", number=True),
    Column("yield %", number=True),
    Column("yield 95 %", number=True),
)


def print_chips(
    designs: pa.Table, console: Console, most: int | None = None, wide: bool = False, results: str | None = None
) -> None:
    """One line for each design whose chips differ: mean, spread from chip to chip, 5th percentile, yield.

    Args:
        designs: the table ``designs``.
        console: where to.
        most: lines; of more designs those on the front come first. None: all.
        wide: as of ``print_designs``.
        results: as of ``print_designs``.
    """
    frame = frame_of(designs)
    frame = frame[frame.chips.notna()] if "chips" in frame else frame[:0]
    if frame.empty:
        return
    console.print()
    listed = frame
    if most is not None and len(frame) > most:
        listed = frame.loc[frame.sort_values("on_front", ascending=False, kind="stable").index[:most].sort_values()]
    naming = Naming(frame, axes_of_hardware(frame), level=True)
    columns = [*naming.columns, *(Column(name, number=True) for name in ("ideal", "mean"))]
    lines = [
        [
            *naming.texts(row), f"{100 * row['ideal_accuracy']:.1f}", f"{100 * row['accuracy']:.1f}",
            *chip_texts(row),
        ]
        for row in listed.to_dict("records")
    ]  # fmt: skip
    title = f"chips: accuracy in %, {frame.images.max()} images on each"
    print_table(title, [*columns, *CHIP_COLUMNS], lines, console, len(naming.columns), wide)
    if (more := len(frame) - len(listed)) > 0:
        all_of_them = command("results", frame.sweep.iloc[0], results=results)
        text = f"and {more:,} designs more: {all_of_them} lists all"
        console.print(text, highlight=False, soft_wrap=True)
    console.print()
    explain_chips(frame, console)


def chip_texts(row: Row) -> list[str]:
    """What ``CHIP_COLUMNS`` show of a design; nothing where its chips do not differ."""
    if pd.isna(row["chips"]):
        return [""] * len(CHIP_COLUMNS)
    spread = "" if pd.isna(row["accuracy_chip_std"]) else f"{100 * row['accuracy_chip_std']:.2f}"
    ends = f"{100 * row['yield_low']:.0f}..{100 * row['yield_high']:.0f}"
    return [f"{row['chips']:.0f}", spread, f"{100 * row['accuracy_chip_p5']:.1f}", f"{100 * row['yield']:.0f}", ends]


def explain_chips(designs: pd.DataFrame, console: Console) -> None:
    """What yield and 5th percentile mean in these tables."""
    losses = " or ".join(f"{100 * loss:g}" for loss in sorted(designs.yield_loss.dropna().unique()))
    for note in (
        f"yield: chips that lose at most {losses} points against ideal arithmetic (pareto.yield_loss), with its 95 % "
        "interval for chips at large",
        "5th pct.: 95 % of these chips are at least so accurate; chip sd: standard deviation from chip to chip, all on "
        "the same images",
    ):
        console.print(note, highlight=False, soft_wrap=True, markup=False)
