"""Sets of mitigations in a sweep file: what they stand for, as if the fields had been used, and what is refused."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from pipeline.sweep.mitigation_sets import STANDING_FOR, set_of, sets_of
from pipeline.sweep.plan import Plan, make_plan
from pipeline.sweep.spec import load_sweep
from simcore.errors import InputError
from tests.pipeline.fake_simcore import sweep_text

pytestmark = pytest.mark.usefixtures("fakes")

CALIBRATED = {"adc": "{reference: calibrated}"}


def plan_of(folder: Path, without: str = "", **changes: str) -> Plan:
    path = folder / "small.yaml"
    lines = sweep_text(**changes).splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not without or not line.startswith(f"{without}:")))
    return make_plan(load_sweep(path))


def keys(plan: Plan) -> set[str]:
    return {point.key for point in plan.points}


@pytest.mark.parametrize(
    ("sets", "fields"),
    [
        ("[dense, binsparx]", {"sparsity": "[dense, binsparx]"}),
        ("weight_flip+activation_flip", {"sparsity": "binsparx"}),
        ("[weight_flip, activation_flip]", {"sparsity": "[weight, activation]"}),
        ("[[binsparx, 'pruning:0.1', grouped]]", {"sparsity": "binsparx", "prune": "0.1", "row_order": "grouped"}),
        ("spatial", {"sparsity": "dense", "row_order": "spatial"}),
        ("popcount_term+weight_flip", {"sparsity": "weight", "mitigations": "popcount_term"}),
        (
            "{subsets_of: [activation_flip, bent_references], always: recalibrated_outputs}",
            {
                "sparsity": "[dense, activation]",
                "mitigations": "[recalibrated_outputs, recalibrated_outputs+bent_references]",
            },
        ),
    ],
)
def test_a_set_that_names_fields_is_the_fields(tmp_path: Path, sets: str, fields: dict[str, str]) -> None:
    by_sets = plan_of(tmp_path, without="sparsity", mitigations=sets, **CALIBRATED)
    by_fields = plan_of(tmp_path, **{**CALIBRATED, **fields})
    assert keys(by_sets) == keys(by_fields)
    columns = [{point.key: point.columns for point in plan.points} for plan in (by_sets, by_fields)]
    assert columns[0] == columns[1]


def test_re_ranging_is_a_calibrated_reference(tmp_path: Path) -> None:
    named = plan_of(tmp_path, without="sparsity", mitigations="[dense, re_ranging+bent_references]")
    references = {point.columns["mitigations"]: point.columns["adc_reference"] for point in named.points}
    assert references == {"none": "nominal", "bent_references": "calibrated"}


def test_points_and_exclude_know_sets(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        sparsity="dense",
        points="[{rows: 32, mitigations: [binsparx+bent_references, weight_flip]}]",
        exclude="[{mitigations: weight_flip}]",
        **CALIBRATED,
    )
    assert [(p.columns["rows"], p.level) for p in plan.points] == [
        (32, ("dense", 0.0, "none")),
        (32, ("binsparx", 0.0, "bent_references")),
        (64, ("dense", 0.0, "none")),
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"mitigations": "[none, bent_referenses]"}, "small.yaml:8 mitigations[1]: unknown pass 'bent_referenses'"),
        ({"mitigations": "[wieght_flip]"}, "small.yaml:8 mitigations[0]: unknown pass 'wieght_flip'; did you"),
        ({"mitigations": "dense+binsparx"}, "small.yaml:8 mitigations: 'dense' and 'binsparx' contradict each other"),
        ({"mitigations": "grouped+spatial"}, "small.yaml:8 mitigations: 'grouped' and 'spatial' contradict each other"),
        ({"mitigations": "pruning"}, "small.yaml:8 mitigations: pass 'pruning' takes the part of ones"),
        ({"mitigations": "grouped:2"}, "small.yaml:8 mitigations: pass 'grouped' takes no number, found '2'"),
        ({"mitigations": "popcount_term+popcount_term"}, "small.yaml:8 mitigations: pass 'popcount_term' is there"),
        ({"mitigations": "{subset_of: [grouped]}"}, "small.yaml:8 mitigations: expected the fields 'subsets_of' and"),
        ({"mitigations": "{subsets_of: [flipp]}"}, "small.yaml:8 mitigations: unknown pass 'flipp'; did you mean"),
        ({"mitigations": "binsparx"}, "the set 'binsparx' names 'binsparx', the field 'sparsity' says dense, binsparx"),
        ({"mitigations": "bent_references"}, "small.yaml:8 mitigations: pass 'bent_references' sets converters"),
        ({"mitigations": "flip_above:0.4"}, "small.yaml:8 mitigations: pass 'flip_above' needs activation flips"),
        (
            {
                "mitigations": "[none, recalibrated_outputs]",
                "dataset": "{name: fake-images, calibration_images: [10, 4]}",
            },
            "small.yaml:8 mitigations[1]: pass 'recalibrated_outputs' needs 8 calibration images or more",
        ),
        (
            {"devices": "[1T-1ReRAM, 8T-SRAM]", "mitigations": "[none, wide_driver:2]"},
            "small.yaml:8 mitigations[1]: pass 'wide_driver' lowers r_driver, which is 0 here",
        ),
        (
            {"devices": "1T-1ReRAM", "effects": "wan-2022", "age_s": "[1, 3600]", "mitigations": "wide_sink:2"},
            "small.yaml:9 age_s[1]: effects 'wan-2022': aged_spread: was measured at age_s 1, 86400, ",
        ),
        (
            {"devices": "1T-1ReRAM", "effects": "[none, wan-2022]", "points": "[{rows: 8, age_s: 5}]"},
            "small.yaml:9 points[0].age_s: effects 'wan-2022': aged_spread: was measured at age_s 1,",
        ),
        (
            {"devices": "[1T-1ReRAM, {name: 1T-1ReRAM, label: tight, overrides: {g_off: 0}}]", "effects": "wan-2022"},
            "small.yaml:8 effects: 'wan-2022' on tight nominal: aged_spread: ",
        ),
        (
            {"points": "[{mitigations: bent_references}]"},
            "small.yaml:8 points[0]: pass 'bent_references' sets converters",
        ),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, changes: dict[str, str], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        plan_of(tmp_path, **changes)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 2


def test_a_sweep_names_sparsity_or_mitigations(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^small.yaml:1: the field 'sparsity' is missing$"):
        plan_of(tmp_path, without="sparsity")


def test_subsets_are_all_that_can_be() -> None:
    found = sets_of({"subsets_of": ["weight_flip", "activation_flip", "grouped", "popcount_term"]})
    assert len(found) == len(set(found)) == 16
    flips = {dict(one.fields).get("sparsity") for one in found}
    assert flips == {None, "weight", "activation", "binsparx"}
    # two orders of rows cannot be at once
    assert len(sets_of({"subsets_of": ["grouped", "spatial"]})) == 3


def test_a_design_has_one_set_that_means_it() -> None:
    orders, flips = ("channel", "spatial", "grouped"), ("dense", "weight", "activation", "binsparx")
    for order, sparsity, prune in itertools.product(orders, flips, (0.0, 0.25)):
        columns = {"row_order": order, "sparsity": sparsity, "prune": prune, "mitigations": "popcount_term"}
        (again,) = sets_of(str(set_of(columns)))
        assert again.matches(columns) and again == set_of(columns)
    assert {one.column for one in STANDING_FOR.values()} == {"row_order", "sparsity", "prune", "adc_reference"}


def test_calibration_images_are_an_axis(tmp_path: Path) -> None:
    several = plan_of(tmp_path, dataset="{name: fake-images, images: 100, calibration_images: [10, 20]}")
    assert several.axes["calibration_images"] == [10, 20]
    one = plan_of(tmp_path, dataset="{name: fake-images, images: 100, calibration_images: 20}")
    assert keys(one) < keys(several) and len(keys(several)) == 2 * len(keys(one))
    # and where the split that is measured is the only one they come from, the last of it
    dataset = "{name: fake-images, split: train, images: 50, calibration_images: [10, 50]}"
    last = plan_of(tmp_path, dataset=dataset)
    firsts = {point.design.calibration_images: point.design.calibration_first for point in last.points}
    assert firsts == {10: 90, 50: 50}
    added = plan_of(tmp_path, sparsity="dense", points="[{calibration_images: 40}]")
    assert [point.columns["calibration_images"] for point in added.points] == [10, 10, 40, 40]
