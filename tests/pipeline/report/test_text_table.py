"""Tables of text: nothing is cut, however narrow the terminal and however many the axes."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from pipeline.report.terminal import print_costs, print_designs, print_front, print_list
from pipeline.report.text_table import Column, print_table
from pipeline.sweep.axes import CONFIGURATION
from pipeline.tables.schema import DESIGNS_SCHEMA, PARETO_SCHEMA
from tests.pipeline.report.test_picture import rows_of, table_of

COLUMNS = [Column("device"), Column("row order", named=True), Column("accuracy %", number=True)]
ROWS = [["8T-SRAM", "channel", "93.7*"], ["my [/red] cell", "spatial", "128.25~*"]]


def printed(show: Any, *tables: Any, width: int = 80, terminal: bool = True, **options: Any) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    show(*tables, console, **options)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_names_fold_and_numbers_stay_whole() -> None:
    text = printed(lambda console: print_table("title", COLUMNS, ROWS, console, names=2), width=30)
    assert text.splitlines()[0] == "title" and "128.25~*" in text and "my [/red] cell, row" in text
    assert max(map(len, text.splitlines())) <= 30
    for options in ({"terminal": False}, {"wide": True}):
        wide = options.pop("wide", False)
        text = printed(lambda console, w=wide: print_table("", COLUMNS, ROWS, console, 2, w), width=10, **options)
        assert "my [/red] cell spatial 128.25~*" in text


def test_a_cell_of_several_lines_keeps_them_and_short_names_are_not_widened() -> None:
    columns, rows = [Column("name"), Column("accuracy", number=True)], [["a b", "90.2 %\n91 %"]]
    for width, terminal in ((80, False), (12, True)):
        text = printed(lambda console: print_table("", columns, rows, console), width=width, terminal=terminal)
        assert text.splitlines()[2:] == ["a b    90.2 %", "         91 %"]


def many_axes() -> list[dict[str, Any]]:
    """Every scalar axis of the registry has two values, and so do three circuit parameters."""
    axes = [axis for axis in CONFIGURATION if axis.column != "solver_setting"]
    rows = []
    for side in range(2):
        values = {axis.column: f"value-{side}" if axis.kind is str else axis.kind(side + 1) for axis in axes}
        overrides = {"overrides": f"r_col=1.25;v_read=0.3{side}" if side else ""}
        costs = {"latency_per_image_s": 2.26e-5, "area_m2": 1.73e-7, "mean_column_current_A": 7.85e-5}
        changes = {f"{name}_change_{end}": 0.01 for name in ("energy", "latency", "area") for end in ("low", "high")}
        rows += [
            {**row, **values, **overrides, **costs, **changes, "solver_setting": "auto",
             "design_key": f"{place:032x}{side:032x}"}
            for place, row in enumerate(rows_of())
        ]  # fmt: skip
    return rows


@pytest.mark.parametrize(
    ("width", "terminal", "wide"), [(80, True, False), (40, True, False), (80, True, True), (80, False, False)]
)
def test_sweeps_of_very_many_axes_are_shown_whole(width: int, terminal: bool, wide: bool) -> None:
    rows = many_axes()
    for row in rows:
        row["energy_per_image_J"] = 1.28e-7
    designs = table_of(rows)
    for show in (print_designs, print_costs, print_list):
        text = printed(show, designs, width=width, terminal=terminal, wide=wide)
        assert "…" not in text
        heads = text.replace("\n", " ")
        for axis in CONFIGURATION:
            if axis.column not in ("solver_setting", "adc_bits"):
                assert all(word in heads for word in axis.column.split("_"))
        assert "v_read" in heads and "0.31" in text
        if show is print_designs:
            assert text.count("86.7*") == text.count("50.0") == 8
        else:
            assert text.count("128nJ") == {print_costs: 8, print_list: 16}[show]
        if show is print_list:
            assert all(row["design_key"][:12] in text for row in rows)
    pareto = [dict.fromkeys(PARETO_SCHEMA.names) | {k: v for k, v in row.items() if k in PARETO_SCHEMA.names}
              | {"objectives": "accuracy,energy", "front_support": 1.0, "knee": False} for row in rows]  # fmt: skip
    text = printed(print_front, pa.Table.from_pylist(pareto, PARETO_SCHEMA), width=width, terminal=terminal, wide=wide)
    assert "…" not in text and text.count("128nJ") == 16
    assert "v_read" in text.replace("\n", " ") and text.count("0.31") >= 8


@pytest.mark.parametrize(
    ("levels", "told"),
    [(("dense", "weight"), "-25"), (("weight", "dense"), "-25"), (("binsparx", "dense", "weight"), "-50")],
)
def test_what_sparsity_changes_is_told_of_a_level_that_sparsifies(levels: tuple[str, ...], told: str) -> None:
    changes = {"dense": 0.0, "weight": -0.25, "binsparx": -0.5}
    first = rows_of()[0] | {"energy_per_image_J": 1.28e-7, "latency_per_image_s": 2.26e-5, "area_m2": 1.73e-7}
    rows = [
        {**first, "sparsity": level, **{f"{name}_change_{end}": changes[level] for name in ("energy", "latency", "area")
         for end in ("low", "high")}} for level in levels
    ]  # fmt: skip
    text = printed(print_costs, table_of(rows), terminal=False)
    assert text.count(f"{told}..{told}") == 3


def test_what_is_fixed_stands_above_the_table_and_in_no_column() -> None:
    how = {
        "overrides": "r_col=2.8", "adc_reference": "calibrated", "row_order": "channel", "converter": "sar",
        "cost_assumptions": "columns_per_converter=8;columns_read=in_turn", "cost_boundary": "popcount=baseline",
    }  # fmt: skip
    rows = [{**row, **how} for row in rows_of()]
    rows[0] |= {"converter": "flash", "cost_assumptions": "columns_per_converter=8;columns_read=together"}
    text = printed(print_designs, table_of(rows), terminal=False)
    first, second, *rest = text.splitlines()
    for expected in (
        "model net0",
        "r_col 2.8",
        "adc bits 6",
        "adc reference calibrated",
        "row order channel",
        "array 64x64",
    ):
        assert expected in first
    assert "columns per converter 8" in second and "popcount baseline" in second
    assert "converter flash or sar" in second and "columns read together or in_turn" in second
    assert "adc noise" not in first and not any("calibrated" in line for line in rest)
    assert set(DESIGNS_SCHEMA.names) >= how.keys()
