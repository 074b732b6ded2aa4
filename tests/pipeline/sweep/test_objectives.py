"""Objectives: one list, and quantities as people read them."""

from __future__ import annotations

from typing import get_args

import pyarrow as pa
import pytest

from pipeline.sweep.objectives import COSTS, OBJECTIVES, ObjectiveName
from pipeline.tables.schema import DESIGNS_SCHEMA


def test_a_sweep_file_may_name_every_objective_and_the_tables_hold_them() -> None:
    assert get_args(ObjectiveName) == tuple(OBJECTIVES)
    for name, objective in OBJECTIVES.items():
        assert objective.name == name
        assert DESIGNS_SCHEMA.field(objective.column).type == pa.float64()
    assert [objective.name for objective in OBJECTIVES.values() if objective not in COSTS] == [
        "accuracy",
        "chip_accuracy",
    ]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("energy", 2.3149e-6, "2.31 µJ"),
        ("energy", 0.0, "0 J"),
        ("latency", 9.9996e-4, "1 ms"),
        ("latency", 4e-13, "400 fs"),
        ("area", 1.2345e-6, "1.23 mm²"),
        ("area", 5.678e-3, "5680 mm²"),
        ("current", 1e-9, "1 nA"),
    ],
)
def test_quantities_have_three_digits(name: str, value: float, shown: str) -> None:
    objective = OBJECTIVES[name]
    assert objective.show(value) == shown
    assert objective.show(value, gap="") == shown.replace(" ", "")


def test_an_axis_names_the_unit_that_its_ticks_do_not() -> None:
    labels = [OBJECTIVES[name].axis_label for name in ("accuracy", "energy", "area")]
    assert labels == ["accuracy (%)", "energy per image", "area (mm²)"]
