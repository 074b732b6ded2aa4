"""Totals of a layer add up to the same whatever is added first."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.errors import BinsparxError
from simcore.readout.layer_totals import LayerTotals
from simcore.readout.totals import SQUARED_ERROR, STATISTICS, merge

OF_THE_DESIGN = {"layer": "conv1", "weight_flips": 7, "stored_columns": 64, "inputs": 45, "lsb_A": 1.25e-6}
COUNTED = [field.name for field in dataclasses.fields(LayerTotals) if field.name not in OF_THE_DESIGN]
quick = settings(max_examples=100, deadline=None, derandomize=True)
some = st.integers(0, 2**58)  # eight of them can be added up
totals = st.builds(LayerTotals, **{name: st.just(value) for name, value in OF_THE_DESIGN.items()},
                   **dict.fromkeys(COUNTED, some))  # fmt: skip


@quick
@given(first=totals, second=totals, third=totals)
def test_merging_is_associative_and_knows_no_order(first, second, third):
    assert first.merge(second).merge(third) == first.merge(second.merge(third))
    assert first.merge(second) == second.merge(first)


@quick
@given(parts=st.lists(totals, min_size=1, max_size=8))
def test_merging_one_by_one_is_adding_up_all_at_once(parts):
    """Whole numbers are added, of the largest error the largest is kept, and what the design decides stays."""
    found = dataclasses.asdict(functools.reduce(LayerTotals.merge, parts))
    expected = {name: sum(getattr(part, name) for part in parts) for name in COUNTED}
    assert found == OF_THE_DESIGN | expected | {"worst_error": max(part.worst_error for part in parts)}


@quick
@given(part=totals)
def test_nothing_read_adds_nothing(part):
    assert LayerTotals(**OF_THE_DESIGN).merge(part) == part


def test_errors_that_would_wrap_are_refused():
    """Two and a half million conversions an image that all stand at the last of 65,536 codes."""
    huge = np.zeros((3, len(STATISTICS)), np.int64)
    huge[:, SQUARED_ERROR] = 2**61
    assert merge(huge[:1])[SQUARED_ERROR] == 2**61
    with pytest.raises(BinsparxError, match="too large to be added up: .* the converter's bits, gain and offset"):
        merge(huge)
    one = LayerTotals(**OF_THE_DESIGN, squared_error=2**61)
    with pytest.raises(BinsparxError, match="too large to be added up"):
        one.merge(one)
