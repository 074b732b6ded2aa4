"""Sets of passes as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simcore.mitigation.sets import mitigations_of
from simcore.passes import PASSES, canonical, passes_of
from tests.simcore.small_networks import make_design

NUMBERED = {name: f"{name}:{one.example:g}" if one.number else name for name, one in PASSES.items()}
CONTRADICTED = {other for one in PASSES.values() for other in one.contradicts}


@given(names=st.lists(st.sampled_from(sorted(NUMBERED.keys() - CONTRADICTED)), unique=True), order=st.randoms())
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
    ("flip_above", "more than 0 and less than 1, such as 'flip_above:0.4'; found 'flip_above'"),
    ("flip_above:1", "less than 1"),
    ("flip_above:nan", "less than 1"),
    ("sampled_popcount:1.5", "a whole number more than 1 and less than 65, such as 'sampled_popcount:4'"),
    ("digital_table:3+popcount_term", "'digital_table' and 'popcount_term' contradict each other: both decide"),
    ("nonuniform_codes+digital_table:0", "passes 'digital_table' and 'nonuniform_codes' contradict each other"),
    ([3], "expected a set of passes such as 'bent_references+popcount_term', found 3"),
    ("", "unknown pass ''"),
    ("none+near_sink", "'none' stands alone"),
])  # fmt: skip
def test_what_is_no_set_of_passes_is_refused(text, message):
    with pytest.raises(ValueError) as caught:
        canonical(text)
    assert message in str(caught.value)


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_set_keeps_its_numbers_whole(number):
    (kept,) = passes_of(canonical(f"flip_above:{number!r}"))
    assert kept.number == number


def test_short_numbers_stay_short():
    """Keys are made of them."""
    assert canonical("flip_above:0.40+wide_sink:2.0") == "wide_sink:2+flip_above:0.4"


@pytest.mark.parametrize(("fields", "message"), [
    ({"mitigations": "bent_references"}, "adc.reference 'nominal' never re-ranges"),
    ({"mitigations": "flip_above:0.4", "sparsity": "weight"}, "sparsity 'weight' has not"),
    ({"mitigations": "flips_where_they_pay"}, "'flips_where_they_pay' needs flips, which sparsity 'dense' has not"),
    ({"mitigations": "wide_driver:2"}, "pass 'wide_driver' lowers r_driver, which is 0 here"),
    ({"device": "1T-1ReRAM-BL", "mitigations": "reference_column"}, "needs columns that do not see each other"),
    ({"mitigations": "threshold_grid:2+popcount_term", "adc": {"bits": 6, "reference": "calibrated"}},
     "needs thresholds that 'bent_references' or 'nonuniform_codes' bends"),
    ({"mitigations": "recalibrated_outputs", "calibration_images": 7}, "needs 8 calibration images or more"),
])  # fmt: skip
def test_a_set_that_the_rest_of_the_design_contradicts_is_refused(fields, message):
    with pytest.raises(ValidationError) as caught:
        make_design(**fields)
    assert message in str(caught.value)


@pytest.mark.parametrize("left_out", [CONTRADICTED, {one.name for one in PASSES.values() if one.contradicts}])
def test_every_pass_of_the_catalogue_acts_in_its_order(left_out):
    names = [name for name in PASSES if name not in left_out]
    design = make_design(
        "1T-1ReRAM", sparsity="binsparx", prune=0.1, mitigations="+".join(NUMBERED[name] for name in names),
        calibration_images=8, adc={"bits": 6, "reference": "calibrated"},
    )  # fmt: skip
    assert [one.name for one in mitigations_of(design) if one.name in PASSES] == names
