"""The picture of the front: drawn for any table of designs, the same bytes for the same table."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image
from rich.console import Console

from pipeline.intervals import wilson_interval
from pipeline.picture import draw_front
from pipeline.report import print_designs
from pipeline.tables import DESIGNS_SCHEMA


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    empty = {
        field.name: "" if pa.types.is_string(field.type) else False if pa.types.is_boolean(field.type) else 0
        for field in DESIGNS_SCHEMA
    }
    return pa.Table.from_pylist([{**empty, **row} for row in rows], schema=DESIGNS_SCHEMA)


def rows_of(models: int = 1) -> list[dict[str, Any]]:
    rows = []
    for model in range(models):
        for corner in ("nominal", "pessimistic"):
            for device, base in (("8T-SRAM", 1e-3), ("1T-1ReRAM", 3e-3)):
                for level, correct, share in (("dense", 150, 1.0), ("binsparx", 260, 0.6)):
                    low, high = wilson_interval(correct, 300)
                    rows.append(
                        {
                            **{"sweep": "s", "model": f"net{model}", "dataset": "images", "images": 300, "adc_bits": 6},
                            **{"device": device, "corner": corner, "rows": 64, "cols": 64, "active_rows": 64},
                            **{
                                "sparsity": level,
                                "accuracy": correct / 300,
                                "accuracy_low": low,
                                "accuracy_high": high,
                            },
                            **{
                                "ideal_accuracy": 0.9,
                                "energy_per_image_J": base * share,
                                "on_front": level == "binsparx",
                            },
                        }
                    )
    return rows


@pytest.mark.parametrize("rows", [rows_of(), rows_of(2), rows_of()[:1]])
def test_picture_is_drawn_and_repeatable(rows: list[dict[str, Any]]) -> None:
    first, second = draw_front(table_of(rows)), draw_front(table_of(rows))
    assert first == second
    assert Image.open(io.BytesIO(first["front.png"])).width > 500
    assert first["front.svg"].startswith(b"<?xml")


def test_the_table_shows_dense_against_the_other_levels_and_the_gain_on_80_columns() -> None:
    console = Console(file=io.StringIO(), width=80)
    print_designs(table_of(rows_of()), console)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    line = next(line for line in lines if "8T-SRAM" in line and "nominal" in line)
    for expected in ("64x64", "90.0", "50.0", "86.7*", "+36.7"):
        assert expected in line


def test_an_empty_table_says_so() -> None:
    console = Console(file=io.StringIO())
    print_designs(table_of([]), console)
    assert "no design is finished yet" in console.file.getvalue()  # type: ignore[attr-defined]
