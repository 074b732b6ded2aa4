"""Names of designs: rows that are read together are never left out."""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd
import pytest
import typer

from pipeline.cli.completion import design_keys
from pipeline.results.finished import Results
from pipeline.results.names import design_name, distinguishing, hardware_name
from pipeline.sweep.names import array_name, level_name
from pipeline.tracking.mlflow import child_entry
from tests.pipeline.finished_sweep import finish_sweep

ARRAYS = "[{rows: 64, cols: 32, active_rows: [16, 64]}]"


def test_arrays_and_levels() -> None:
    assert [array_name(64, 32, active) for active in (16, 64)] == ["64x32/16", "64x32"]
    assert level_name({"sparsity": "binsparx", "prune": 0.0}) == "binsparx"
    assert level_name({"sparsity": "binsparx", "prune": 0.25}) == "binsparx prune 0.25"
    assert level_name({"sparsity": "binsparx", "prune": 0.25}, short=True) == "binsparx p0.25"


def test_a_design_is_named_by_what_tells_it_from_the_others() -> None:
    row = {"model": "net", "device": "8T-SRAM", "corner": "nominal", "rows": 64, "cols": 32, "active_rows": 16}
    designs = pd.DataFrame([row | {"adc_noise": noise, "overrides": text} for noise, text in ((0.0, ""), (0.5, "r=1"))])
    names = [design_name(designs.iloc[place], designs) for place in (0, 1)]
    assert names == [
        "8T-SRAM 64x32/16, adc noise 0 in the nominal corner",
        "8T-SRAM 64x32/16, r=1, adc noise 0.5 in the nominal corner",
    ]
    assert hardware_name(row, ["active_rows"]) == "8T-SRAM nominal 64x32/16, active rows 16"
    assert hardware_name({"device": "8T-SRAM", "rows": 64}) == "8T-SRAM, rows 64"


def test_bits_that_follow_from_array_and_encoding_name_nothing() -> None:
    row = {"model": "net", "device": "8T-SRAM", "corner": "nominal", "rows": 64, "cols": 32, "active_rows": 64}
    found = [("zero_one", 7), ("current_difference", 8)]
    designs = pd.DataFrame([row | {"encoding": name, "adc_bits": bits} for name, bits in found])
    assert distinguishing(designs) == ["encoding"]
    chosen = pd.concat([designs, designs.assign(adc_bits=5)], ignore_index=True)
    assert distinguishing(chosen) == ["encoding", "adc_bits"]
    assert distinguishing(chosen.drop(columns="encoding")) == ["adc_bits"]


@pytest.mark.usefixtures("fakes")
def test_completion_and_mlflow_tell_how_many_rows_are_read_together(tmp_path: Path) -> None:
    finish_sweep(tmp_path, arrays=ARRAYS, sparsity="dense")
    designs = Results(str(tmp_path / "results")).designs()
    context = typer.Context(click.Command("show"))
    context.params = {"results": str(tmp_path / "results")}
    offered = dict(design_keys(context, ""))
    for row in designs.to_dict("records"):
        name = f"8T-SRAM nominal {array_name(row['rows'], row['cols'], row['active_rows'])} dense"
        key = row["design_key"][:12]
        assert offered[key] == name
        assert child_entry(row, "small", "parent", {}, in_sample=False).name == f"{name} {key}"
    assert {name.split()[2] for name in offered.values()} == {"64x32", "64x32/16"}
