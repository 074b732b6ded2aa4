"""Sets of passes as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simcore.mitigation.sets import mitigations_of
from simcore.passes import PASSES, canonical, passes_of
from tests.simcore.small_networks import make_design

NUMBERED = {name: f"{name}:{(one.above + one.below) / 2:g}" if one.number else name for name, one in PASSES.items()}


@given(names=st.lists(st.sampled_from(sorted(NUMBERED)), unique=True), order=st.randoms())
def test_a_set_is_the_same_in_whatever_order_it_is_written(names, order):
    shuffled = list(names)
    order.shuffle(shuffled)
    written = [NUMBERED[name] for name in shuffled]
    assert canonical(written) == canonical("+".join(written) or "none") == canonical(canonical(written))
    assert {one.name for one in passes_of(canonical(written))} == set(names)


@pytest.mark.parametrize(("text", "message"), [
    ("bent_refrences", "unknown pass 'bent_refrences'; did you mean 'bent_references'"),
    ("bent_references+bent_references", "pass 'bent_references' is there twice"),
    ("bent_references:3", "pass 'bent_references' takes no number, found '3'"),
    ("flip_above", "more than 0 and less than 1, such as 'flip_above:0.5'; found 'flip_above'"),
    ("flip_above:1", "less than 1"),
    ("flip_above:nan", "less than 1"),
    ([3], "expected a set of passes such as 'bent_references+popcount_term', found 3"),
    ("", "unknown pass ''"),
])  # fmt: skip
def test_what_is_no_set_of_passes_is_refused(text, message):
    with pytest.raises(ValueError) as caught:
        canonical(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(("fields", "message"), [
    ({"mitigations": "bent_references"}, "adc.reference 'nominal' never re-ranges"),
    ({"mitigations": "flip_above:0.4", "sparsity": "weight"}, "sparsity 'weight' has not"),
    ({"mitigations": "recalibrated_outputs", "calibration_images": 7}, "needs 8 calibration images or more"),
])  # fmt: skip
def test_a_set_that_the_rest_of_the_design_contradicts_is_refused(fields, message):
    with pytest.raises(ValidationError) as caught:
        make_design(**fields)
    assert message in str(caught.value)


def test_every_pass_of_the_catalogue_acts_in_its_order():
    design = make_design(
        sparsity="binsparx", prune=0.1, mitigations="+".join(NUMBERED.values()), calibration_images=8,
        adc={"bits": 6, "reference": "calibrated"},
    )  # fmt: skip
    acting = [one.name for one in mitigations_of(design) if one.name in PASSES]
    assert acting == list(PASSES)
