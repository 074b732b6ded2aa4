"""What tells the rows of a table apart, and what its cells show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
from rich.console import Console

from pipeline.report.text_table import Column
from pipeline.results.finished import is_beyond
from pipeline.results.fixed import cost_choices, fixed_axes, said, varying_axes
from pipeline.results.names import split_overrides, world_words
from pipeline.sweep.axes import LEVEL_COLUMNS
from pipeline.sweep.names import array_name, level_name
from pipeline.sweep.objectives import OBJECTIVES
from pipeline.tables.schema import HARDWARE_COLUMNS

# Beside the axes and the costs, what the tables show of a design: a row has many more columns.
SHOWN = (
    "design_key sweep images stopped accuracy accuracy_low accuracy_high ideal_accuracy accuracy_loss rms_error_lsb "
    "on_front front_candidate above_floor energy_change_low energy_change_high latency_change_low latency_change_high "
    "area_change_low area_change_high chips accuracy_chip_std accuracy_chip_p5 yield yield_low yield_high yield_loss "
    "evidence_within_limits converter cost_assumptions cost_boundary model_digest "
    "dataset_digest"
).split()
HARDWARE = ("device", "corner")  # that every line names, beside the array
KEY_DIGITS = 8  # of the keys on a front: the table is to fit a narrow terminal
Row = Mapping[str, Any]


def frame_of(table: pa.Table) -> pd.DataFrame:
    """What is shown of the designs, each circuit parameter that any of them replaces in a column of its own."""
    costs = [objective.column for objective in OBJECTIVES.values()]
    shown = dict.fromkeys([*HARDWARE_COLUMNS, *LEVEL_COLUMNS, *SHOWN, *costs])
    frame = table.select([name for name in table.column_names if name in shown]).to_pandas()
    return with_parameters(frame)


def with_parameters(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, each circuit parameter that any of them replaces in a column of its own: ``attrs`` says which."""
    split = split_overrides(rows)
    split.attrs["parameters"] = [name for name in split.columns if name not in rows.columns]
    return split


class Naming:
    """What tells the rows of a table apart: a column an axis, and one for the array."""

    def __init__(
        self, designs: pd.DataFrame, axes: Sequence[str], level: bool = False, usual: Sequence[str] = HARDWARE
    ) -> None:
        """Finds the columns.

        Args:
            designs: rows to be told apart.
            axes: columns of axes beside the usual ones.
            level: name the sparsity level too.
            usual: columns that come first in any case.
        """
        first = [name for name in (*usual, *axes) if name in ("model", *HARDWARE)]
        self._first = list(dict.fromkeys(first))
        self._rest = [name for name in axes if name not in self._first]
        self._level = level
        parameters = designs.attrs.get("parameters", ())  # whose names are as sweep files write them
        self.columns = [
            *(Column(name) for name in self._first),
            Column("array"),
            *(Column(name if name in parameters else heading(name), named=True) for name in self._rest),
            *([Column("sparsity")] if level else []),
        ]

    def texts(self, row: Row) -> list[str]:
        """The cells of a row."""
        level = [level_name(row, short=True)] if self._level else []
        return [
            *(str(row[name]) for name in self._first),
            array_of(row),
            *(text_of(row[name]) for name in self._rest),
            *level,
        ]


def axes_of_hardware(designs: pd.DataFrame) -> list[str]:
    """Axes of the hardware that vary, and circuit parameters that any design replaces by several values."""
    axes = [name for name in varying_axes(designs) if name not in (*LEVEL_COLUMNS, *HARDWARE)]
    parameters = [name for name in designs.columns if name in designs.attrs.get("parameters", ())]
    return [*axes, *(name for name in parameters if designs[name].nunique() > 1)]


def heading(name: str) -> str:
    return {"adc_bits": "ADC"}.get(name, name.replace("_", " "))


def text_of(value: Any) -> str:
    if value is None or value != value:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def array_of(row: Row) -> str:
    return array_name(row["rows"], row["cols"], row["active_rows"])


def accuracy_of(row: Row | None) -> str:
    return "" if row is None else f"{100 * row['accuracy']:.1f}{marks(row)}"


def what_marks_say(designs: pd.DataFrame) -> str:
    """Of the signs that ``marks`` puts behind an accuracy those of the front."""
    sure = "95 %, on these chips" if designs["chips"].notna().any() else "95 %"
    return f"*: on the front of its model, {world_words(designs)}; ?: cannot be told from it ({sure})"


def marks(row: Row) -> str:
    mark = "*" if row["on_front"] else "?" if row.get("front_candidate") else " "  # none in earlier tables
    return f"{'~' if is_beyond(row) else ''}{mark}"


def cost_of(row: Row, name: str) -> str:
    objective = OBJECTIVES[name]
    # Where all chips are alike, 95 % of them reach what one reaches.
    value = row["accuracy" if name == "chip_accuracy" and pd.isna(row["chips"]) else objective.column]
    return "" if pd.isna(value) else objective.show(value, gap="")


def print_fixed(designs: pd.DataFrame, console: Console) -> None:
    """What is the same for all, above the tables: no column says it."""
    for heading, values in (("all designs", fixed_axes(designs)), ("costs", cost_choices(designs))):
        if values:
            console.print(f"{heading}: {said(values)}", highlight=False, soft_wrap=True, markup=False)
    console.print()
