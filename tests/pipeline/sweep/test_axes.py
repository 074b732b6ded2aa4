"""The registry of axes: no field of a design is left out, and all that goes through it has every axis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.sweep.axes import AXES, CONVERTER, MATCHED, SCALARS, SIZE
from pipeline.sweep.plan import make_plan
from pipeline.sweep.spec import load_sweep
from simcore.design_axes import Adc, DesignAxes
from tests.pipeline.fake_simcore import write_sweep


def test_every_field_that_a_design_declares_is_an_axis() -> None:
    # There is one noise source: nothing to choose in a sweep.
    assert {axis.field for axis in CONVERTER} == {f"adc.{name}" for name in Adc.model_fields if name != "noise"}
    names = {axis.field.partition(".")[0] for axis in SCALARS} | {axis.column for axis in SIZE}
    assert names == set(DesignAxes.model_fields)


@pytest.mark.usefixtures("fakes")
def test_every_axis_names_a_point_and_can_be_matched(tmp_path: Path) -> None:
    (point, *_) = make_plan(load_sweep(write_sweep(tmp_path))).points
    columns = [axis.column for axis in AXES]
    assert sorted(point.columns) == sorted(columns) == sorted(axis.column for axis in MATCHED)
    assert len(set(columns)) == len(columns)
    assert {axis.column: axis.kind for axis in AXES} == {name: type(value) for name, value in point.columns.items()}


def test_reading_a_sweep_file_and_the_tables_loads_no_solver() -> None:
    heavy = "('torch', 'numba', 'scipy', 'ray', 'mlflow')"
    code = f"import sys, pipeline.sweep.plan, pipeline.tables.schema; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
