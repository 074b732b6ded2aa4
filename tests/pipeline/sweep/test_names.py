"""What people read where a table has columns."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.results.names import hardware_name, world_names, world_words
from pipeline.sweep.names import world_name


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        ({}, ""),
        ({"age_s": 315_360_000.0}, " after 10 years"),
        ({"age_s": 31_557_600.0}, " after 8,766 hours"),  # a quarter of a day more than a year is not the year
        ({"age_s": 86_400.0, "temperature_K": 358.0}, " after 1 day at 358 K"),
        ({"age_s": 0.5}, " after 0.5 s"),
        ({"age_s": 1_234_567.0}, " after 1234567 s"),
        ({"age_s": 1_234_568.0}, " after 1234568 s"),
        ({"temperature_K": 300.0001}, " at 300.0001 K"),
        ({"reads": 1e6}, " after 1,000,000 reads"),
    ],
)
def test_conditions_are_told_in_words(conditions, told):
    assert world_name({"corner": "nominal", "effects": "reram-5", **conditions}) == f"nominal corner with reram-5{told}"


def test_what_tells_worlds_apart_has_no_units():
    designs = pd.DataFrame(
        {
            "corner": "nominal", "effects": ["none", "reram-5", "reram-5"], "age_s": [1.0, 1.0, 3600.0], "reads": 0.0,
            "temperature_K": [300.0, 300.0, 358.0],
        }
    )  # fmt: skip
    assert world_words(designs) == "corner, effects, age and temperature"
    assert world_names(designs).tolist() == [
        "nominal corner", "nominal corner with reram-5", "nominal corner with reram-5 after 1 hour at 358 K",
    ]  # fmt: skip


def test_hardware_of_a_world_is_told_in_words():
    row = {"device": "cell", "corner": "nominal", "effects": "reram-5", "age_s": 3600.0, "adc_bits": 5}
    assert hardware_name(row, ["effects", "age_s", "adc_bits"]) == "cell nominal with reram-5 after 1 hour, adc bits 5"
    assert hardware_name(row | {"effects": "none"}, ["effects", "age_s"]) == "cell nominal"
