"""Planning: the product of the axes, each physical design once, names looked up with the place of the slip."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.execution.progress import TimeLeft
from pipeline.explain.subject import subject_of_sweep
from pipeline.storage.compute_time import COSTS_PATH, ROUGH, ComputeTime, ComputeTimes, time_class
from pipeline.storage.store import Store
from pipeline.storage.work import find_work
from pipeline.sweep import simulation
from pipeline.sweep.keys import digest_of
from pipeline.sweep.plan import Plan, make_plan
from pipeline.sweep.point_builder import PointBuilder
from pipeline.sweep.simulation import Model
from pipeline.sweep.spec import load_sweep
from simcore.effects.effect_blocks import PRESETS_FOLDER
from simcore.errors import InputError
from simcore.network.checkpoint import Checkpoint
from simcore.network.graph import NetworkGraph, Node
from simcore.network.modules import GraphNetwork
from tests.pipeline.fake_inference import FakeEvaluator
from tests.pipeline.fake_simcore import write_sweep

pytestmark = pytest.mark.usefixtures("fakes")


def plan_of(folder: Path, **changes: str) -> Plan:
    return make_plan(load_sweep(write_sweep(folder, **changes)))


def test_points_are_the_product_with_sparsity_levels_together(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, corners="[nominal, pessimistic]", sparsity="[dense, weight, binsparx]")
    seen = [(p.columns["corner"], p.columns["rows"], p.columns["sparsity"]) for p in plan.points]
    assert seen == [
        (corner, rows, level)
        for corner in ("nominal", "pessimistic")
        for rows in (32, 64)
        for level in ("dense", "weight", "binsparx")
    ]
    assert plan.axes["rows"] == [32, 64]


def test_lossless_bits_follow_the_rows_read_together(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, arrays="[{rows: 64, cols: 64, active_rows: [16, 64]}]", sparsity="dense")
    assert [(p.active_rows, p.columns["adc_bits"]) for p in plan.points] == [(16, 5), (64, 7)]


def test_lossless_bits_follow_the_sums_of_the_encoding(tmp_path: Path) -> None:
    """Differences reach as far below 0; a match means what the axis does; keys do not know what is beside."""
    base = {"arrays": "32x32", "sparsity": "dense", "adc": "{bits: [lossless, 6], reference: calibrated}"}
    plan = plan_of(tmp_path, **base, encoding="[zero_one, current_difference, xnor_current_difference]")
    bits = [(point.columns["encoding"], point.columns["adc_bits"]) for point in plan.points]
    assert bits == [
        ("zero_one", 6), ("current_difference", 7), ("current_difference", 6), ("xnor_current_difference", 6)
    ]  # fmt: skip
    (alone, _) = plan_of(tmp_path, **base, encoding="current_difference").points
    assert plan.points[1].key == alone.key
    left = plan_of(tmp_path, **base, encoding="[zero_one, current_difference]", exclude="[{adc_bits: lossless}]")
    assert [(point.columns["encoding"], point.columns["adc_bits"]) for point in left.points] == [
        ("current_difference", 6)
    ]


def test_overrides_with_lists_are_axes(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path, devices="{name: 8T-SRAM, overrides: {r_col: [5, 10], r_sink: 100}}", arrays="32x32", sparsity="dense"
    )
    assert [p.cell.overrides_text for p in plan.points] == ["r_col=5;r_sink=100", "r_col=10;r_sink=100"]
    assert [p.design.circuit.r_col for p in plan.points] == [5.0, 10.0]


@pytest.mark.parametrize(
    ("points", "made"),
    [
        ("[{adc_bits: 5}, {adc_bits: 4}]", 3 * 48),
        ("[{device: wide, overrides: {r_sink: [50, 60, 70]}, rows: [16, 48, 96], seed: 9}]", 48 + 2 * 3 * 3 * 2),
        ("[{corner: [pessimistic, optimistic], calibration_images: [5, 7], effects: sram-vt-5}]", 48 + 2 * 2 * 48),
        ("[{mitigations: [none, binsparx], active_rows: [8, 16]}]", 48 + 3 * 4 * 4 * (2 + 1)),
    ],
)
def test_the_number_of_points_is_known_before_any_is_made(tmp_path: Path, points: str, made: int) -> None:
    """Two arrays, a device as it is and one with two overrides, two levels and four seeds: 2 x 3 x 8 = 48 points."""
    sweep = load_sweep(
        write_sweep(
            tmp_path,
            devices="[8T-SRAM, {name: 8T-SRAM, label: wide, overrides: {r_col: [5, 10]}}]",
            seeds="[0, 1, 2, 3]",
            points=points,
        )
    )
    builder = PointBuilder(sweep, simulation.open_dataset("fake-images", ""), simulation.default_evaluator())
    assert len(list(builder.points())) == made
    # A set says for itself which level it is; that it is not multiplied by them is not looked up.
    assert builder.count() == made if "mitigations" not in points else builder.count() > made


def test_the_same_physical_design_is_one_point(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path, devices="[8T-SRAM, {name: 8T-SRAM, label: again}]", adc="{bits: [lossless, 6]}", arrays="32x32"
    )
    assert (len(plan.points), plan.duplicates) == (2, 6)


def test_active_rows_equal_to_rows_is_the_same_design(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, arrays="[32x32, {rows: 32, cols: 32, active_rows: 32}]")
    assert (len(plan.points), plan.duplicates) == (2, 2)


def test_a_converter_that_is_never_re_ranged_is_one_point_whatever_the_fit(tmp_path: Path) -> None:
    references, fits = "[nominal, calibrated, calibrated_layer]", "[least_squares, unbiased]"
    plan = plan_of(
        tmp_path, adc=f"{{reference: {references}, fit: {fits}}}", arrays="32x32", sparsity="dense",
        points="[{adc_reference: nominal, adc_fit: least_squares, sparsity: binsparx}]",
    )  # fmt: skip
    assert [(p.columns["adc_reference"], p.columns["adc_fit"], p.columns["sparsity"]) for p in plan.points] == [
        ("nominal", "unbiased", "dense"),
        ("nominal", "unbiased", "binsparx"),
        ("calibrated", "least_squares", "dense"),
        ("calibrated", "unbiased", "dense"),
        ("calibrated_layer", "least_squares", "dense"),
        ("calibrated_layer", "unbiased", "dense"),
    ]
    assert plan.points[0].key == plan_of(tmp_path, arrays="32x32", sparsity="dense").points[0].key


def test_ranges_are_an_axis_that_matches_know(tmp_path: Path) -> None:
    ranges = "[full_scale, fixed, percentile, least_error]"
    plan = plan_of(
        tmp_path, adc=f"{{bits: 3, range: {ranges}}}", arrays="32x32", exclude="[{adc_range: fixed, sparsity: dense}]"
    )
    found = [(p.columns["adc_range"], p.columns["sparsity"]) for p in plan.points]
    assert found == [
        ("full_scale", "dense"), ("full_scale", "binsparx"), ("fixed", "binsparx"), ("percentile", "dense"),
        ("percentile", "binsparx"), ("least_error", "dense"), ("least_error", "binsparx"),
    ]  # fmt: skip
    assert [p.design.adc.range for p in plan.points] == [name for name, _ in found]


def test_what_does_nothing_beside_or_without_something_else_is_told(tmp_path: Path) -> None:
    adc = "{bits: 3, reference: calibrated, range: [full_scale, percentile]}"
    plan = plan_of(tmp_path, adc=adc, mitigations="[none, popcount_term, bent_references]", sparsity="dense")
    (warning,) = plan.warnings
    assert "adc.range 'percentile' has no say beside 'popcount_term'" in warning
    passes = {"adc": "{reference: nominal}", "mitigations": "[none, fault_aware_rows]", "sparsity": "dense"}
    (warning,) = plan_of(tmp_path, **passes).warnings
    assert "'fault_aware_rows' does nothing in designs without effects" in warning
    assert not plan_of(tmp_path, **passes, effects="stuck-1e-3").warnings


def test_encodings_are_an_axis_and_flips_in_vain_are_told(tmp_path: Path) -> None:
    three, one = "[zero_one, differential, xnor_rows]", "[{encoding: differential}]"
    base = {"arrays": "32x32", "adc": "{reference: calibrated}"}
    plan = plan_of(tmp_path, **base, encoding=three, exclude=one)
    assert [(p.columns["encoding"], p.columns["sparsity"]) for p in plan.points] == [
        ("zero_one", "dense"), ("zero_one", "binsparx"), ("xnor_rows", "dense"), ("xnor_rows", "binsparx")
    ]  # fmt: skip
    assert plan.points[0].key == plan_of(tmp_path, **base).points[0].key
    assert " xnor_rows " in plan.points[2].describe() and "zero_one" not in plan.points[0].describe()
    (warning,) = plan.warnings
    assert warning.startswith("encoding 'xnor_rows' drives half of its rows") and "sparsity 'binsparx'" in warning
    assert not plan_of(tmp_path, **base, encoding="xnor_rows", sparsity="dense").warnings


def test_flips_and_passes_in_vain_are_told_by_encoding(tmp_path: Path) -> None:
    """They are without effect, so that a grid may cross them with every encoding."""
    plan = plan_of(
        tmp_path,
        arrays="32x32",
        adc="{reference: calibrated}",
        encoding="[differential, xnor_rows]",
        row_order="[channel, spatial, grouped]",
        sparsity="[dense, binsparx]",
        mitigations="[none, popcount_term]",
        points="[{encoding: [zero_one, xnor_rows], sparsity: binsparx, mitigations: flips_where_they_pay}]",
    )
    assert all(point.design for point in plan.points)
    flips, term, constant = plan.warnings
    assert "row_order 'grouped'" in flips and "pass 'flips_where_they_pay'" in flips and "spatial" not in flips
    assert "popcount_term" in term and "'differential'" in term
    assert "popcount_term" in constant and "'xnor_rows'" in constant and "charged all the same" in constant


def test_a_term_that_cancels_is_told_where_sub_vectors_alone_are_flipped(tmp_path: Path) -> None:
    """Both columns of an output are read with the same rows, flipped or not."""
    base = {"arrays": "32x32", "adc": "{reference: calibrated}", "encoding": "differential"}
    for level, told in (("activation", True), ("binsparx", False)):
        plan = plan_of(tmp_path, **base, sparsity=level, mitigations="popcount_term")
        assert any("popcount_term" in warning for warning in plan.warnings) == told


def test_what_cancels_in_a_difference_is_told(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        arrays="32x32",
        adc="{reference: calibrated}",
        encoding="current_difference",
        sparsity="[dense, weight, binsparx]",
        mitigations="[none, reference_column, popcount_term]",
    )
    (warning,) = plan.warnings
    assert "so that no column is flipped and what is taken from both cancels: pass 'reference_column', " in warning
    assert "sparsity 'weight', the weight flips of sparsity 'binsparx' without effect there" in warning
    assert "popcount_term" not in warning


@pytest.mark.parametrize(
    ("encoding", "fit", "passes", "told"),
    [
        ("current_difference", "unbiased", "bent_references", True),
        ("current_difference", "least_squares", "bent_references", False),
        ("current_difference", "unbiased", "bent_references+digital_table:4", False),
        ("xnor_current_difference", "unbiased", "bent_references", False),
        ("differential", "unbiased", "bent_references", False),
    ],
)
def test_thresholds_bent_by_differences_are_told(
    tmp_path: Path, encoding: str, fit: str, passes: str, told: bool
) -> None:
    plan = plan_of(
        tmp_path,
        arrays="32x32",
        adc=f"{{reference: calibrated, fit: {fit}}}",
        encoding=encoding,
        mitigations=f"[none, {passes}]",
    )
    assert any("'bent_references' may do harm in encoding" in warning for warning in plan.warnings) == told


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"arrays": "64x63", "encoding": "current_difference"},
            r"arrays\[0\].*cols \(63\) is no multiple of 2, the col",
        ),
        ({"arrays": "63x64"}, r"arrays\[0\].*rows \(63\) is no multiple of 2"),
        ({"arrays": "[{rows: 64, cols: 64, active_rows: [5, 64]}]"}, r"active_rows \(5\) is no multiple of 2"),
        ({"arrays": "64x64", "points": "[{rows: 63, sparsity: dense}]"}, r"rows \(63\) is no multiple of 2"),
    ],
)
def test_rows_that_pairs_do_not_fill_are_refused_where_the_file_has_them(tmp_path, changes, message) -> None:
    with pytest.raises(InputError, match=message):
        plan_of(tmp_path, **{"encoding": "[zero_one, xnor_rows]", "sparsity": "dense", **changes})


def test_exclude_drops_points_and_names_idle_entries(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, exclude="[{rows: 64, sparsity: dense}, {rows: 128}]", adc="{reference: nominal}")
    assert plan.excluded == 1
    assert [(p.columns["rows"], p.columns["sparsity"]) for p in plan.points] == [
        (32, "dense"),
        (32, "binsparx"),
        (64, "binsparx"),
    ]
    assert plan.warnings == ("small.yaml:8 exclude[1]: matches no point",)


@pytest.mark.parametrize("excluded", ["stuck-1e-3+sram-vt-5", "sram-vt-5+stuck-1e-3", "./own.yaml+stuck-1e-3"])
def test_sets_of_effects_are_excluded_in_any_order_and_as_files(tmp_path: Path, excluded: str) -> None:
    shutil.copy(PRESETS_FOLDER / "sram-vt-5.yaml", tmp_path / "own.yaml")
    effects = "[none, sram-vt-5+stuck-1e-3, stuck-1e-3+own.yaml]"
    plan = plan_of(tmp_path, arrays="32x32", sparsity="dense", effects=effects, exclude=f"[{{effects: {excluded}}}]")
    named = "own+stuck-1e-3" if "own" in excluded else "sram-vt-5+stuck-1e-3"
    left = {"+".join(sorted(str(point.columns["effects"]).split("+"))) for point in plan.points}
    assert left == {"none", "sram-vt-5+stuck-1e-3", "own+stuck-1e-3"} - {named}


def test_conditions_that_no_design_depends_on_are_told(tmp_path: Path) -> None:
    given = {"arrays": "32x32", "sparsity": "dense", "age_s": "[1, 86400]", "chips": "5", "calibrated_on": "chip"}
    for more, fields in (
        ({}, "age_s, calibrated_on, chips"),
        ({"effects": "sram-vt-5"}, "age_s"),
        ({"devices": "1T-1ReRAM", "effects": "cmo-hfox-relaxation"}, ""),
    ):
        told = [text for text in plan_of(tmp_path, **given, **more).warnings if "without a say in any design" in text]
        assert [text.partition(":")[0] for text in told] == ([fields] if fields else [])


@pytest.mark.parametrize("field", ["max_loss", "min_accuracy", "resamples"])
def test_a_number_beyond_all_floats_is_bad_input(tmp_path: Path, field: str) -> None:
    with pytest.raises(InputError, match=field):
        plan_of(tmp_path, pareto=f"{{{field}: 1{'0' * 400}}}")


def test_a_reference_that_nobody_chose_is_told(tmp_path: Path) -> None:
    (warning,) = plan_of(tmp_path).warnings
    assert "adc.reference is not given" in warning and "adc: {reference: calibrated}" in warning
    assert not plan_of(tmp_path, adc="{reference: nominal}").warnings
    assert not plan_of(tmp_path, mitigations="re_ranging", sparsity="dense").warnings


def test_extra_points_take_the_sweeps_values_for_what_they_do_not_name(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, arrays="32x32", points="[{rows: 128, corner: optimistic}]")
    seen = [(p.columns["rows"], p.columns["cols"], p.columns["corner"], p.columns["sparsity"]) for p in plan.points]
    assert seen[2:] == [(128, 128, "optimistic", "dense"), (128, 128, "optimistic", "binsparx")]


def test_an_extra_level_of_a_design_is_worked_beside_the_others(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, points="[{rows: 32, sparsity: weight}]")
    assert [(p.columns["rows"], p.columns["sparsity"]) for p in plan.points] == [
        (32, "dense"),
        (32, "binsparx"),
        (32, "weight"),
        (64, "dense"),
        (64, "binsparx"),
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"devices": "8T-SRM"}, "small.yaml:3 devices[0].name: unknown device '8T-SRM'; did you mean '8T-SRAM'?"),
        ({"corners": "nominl"}, "small.yaml:8 corners: unknown corner 'nominl'; did you mean 'nominal'?"),
        ({"devices": "{name: 8T-SRAM, corners: bad}"}, "small.yaml:3 devices[0].corners: unknown corner 'bad'"),
        ({"devices": "{name: 8T-SRAM, overrides: {r_col: -5}}"}, "small.yaml:3 devices[0].overrides"),
        ({"devices": "{name: 8T-SRAM, overrides: {r_colm: 5}}"}, "r_col"),
        ({"devices": "nowhere.yaml"}, "nowhere.yaml"),
        ({"models": "fake-cn"}, "small.yaml:2 models[0]: unknown model 'fake-cn'; did you mean 'fake-cnn'?"),
        (
            {"dataset": "fake-imgs"},
            "small.yaml:6 dataset.name: unknown data set 'fake-imgs'; did you mean 'fake-images'?",
        ),
        ({"dataset": "{name: fake-images, split: tst}"}, "small.yaml:6 dataset.split: unknown split 'tst'"),
        (
            {"dataset": "{name: fake-images, images: 999}"},
            "999 images were asked for, split 'test' of 'fake-images' has 200",
        ),
        ({"arrays": "{rows: 8, cols: 8, active_rows: 9}"}, "small.yaml:4 arrays[0]: active_rows 9 is more than"),
        ({"arrays": "5000x64"}, "small.yaml:4 arrays[0]: expected at most 4096 rows and columns, found 5000x64"),
        (
            {"arrays": "1000000x1000000"},
            "small.yaml:4 arrays[0]: expected at most 4096 rows and columns, found 1000000x1",
        ),
        (
            {"devices": "{name: 8T-SRAM, label: %s}" % ("x" * 61)},
            "small.yaml:3 devices[0].label: expected a device's name of",
        ),
        ({"devices": "{name: 8T-SRAM, label: a$b$}"}, "small.yaml:3 devices[0].label: expected a device's name of"),
        ({"seeds": str(list(range(3000))), "prune": str([i / 3000 for i in range(3000)])}, "small.yaml: the axes"),
        ({"exclude": "[{device: 8T-SRAN}]"}, "small.yaml:8 exclude[0].device: unknown device of this sweep '8T-SRAN'"),
        ({"exclude": "[{model: fake-cnn}]"}, "'exclude' takes away every point"),
        (
            {"points": "[{model: [fake-cnn, fake-cnnn]}]"},
            "small.yaml:8 points[0].model: unknown model of this sweep 'fake-cnnn'; did you mean 'fake-cnn'?",
        ),
        ({"exclude": "[{model: [fake-cnn, fake-cnnn]}]"}, "small.yaml:8 exclude[0].model: unknown model of this sweep"),
        (
            {"points": "[{rows: 64}, {corner: pesimistic}]"},
            "small.yaml:8 points[1].corner: unknown corner 'pesimistic'; did you mean 'pessimistic'?",
        ),
    ],
)
def test_names_and_values_that_do_not_fit(tmp_path: Path, changes: dict[str, str], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        plan_of(tmp_path, **changes)
    assert expected in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_keys_made_in_bulk_are_the_digests_of_their_content(tmp_path: Path) -> None:
    """The planner joins parts of the canonical JSON; the content itself must give the same key for every point."""
    plan = plan_of(
        tmp_path,
        models="[fake-cnn, other-cnn]",
        devices="[{name: 8T-SRAM, overrides: {r_col: [5, 10]}}, 1T-1ReRAM]",
        corners="[nominal, pessimistic]",
        arrays="[32x32, {rows: 64, cols: 48, active_rows: [16, 64]}]",
        row_order="[channel, spatial]",
        adc="{bits: [4, lossless], reference: [nominal, calibrated], fit: [unbiased, least_squares], "
        "range: [full_scale, fixed], offset_lsb: [0, 0.5], gain: 0.98, noise_lsb: [0, 1e-1]}",
        sparsity="[dense, binsparx]",
        prune="[0, 0.1]",
        seeds="[0, 3]",
        solver="[auto, exact]",
    )
    assert len(plan.points) == 2 * (4 + 2) * 3 * 2 * (2 * 3 * 2 * 4) * 2 * 2 * 2 * 2
    for point in plan.points[::97]:
        assert digest_of(point.content) == point.key


@pytest.mark.parametrize(
    ("match", "left"),
    [
        ("{overrides: {r_col: 5}}", 8),
        ("{overrides: {r_col: [5, 10]}, adc_noise: 0.5}", 8),
        ("{solver: exact}", 6),
        ("{adc_gain: 1, adc_noise: [0, 0.5], adc_offset: 0, solver: auto}", 6),
    ],
)
def test_exclude_knows_every_axis(tmp_path: Path, match: str, left: int) -> None:
    plan = plan_of(
        tmp_path,
        devices="{name: 8T-SRAM, overrides: {r_col: [5, 10, 20]}}",
        arrays="32x32",
        sparsity="dense",
        adc="{noise_lsb: [0, 0.5]}",
        solver="[auto, exact]",
        exclude=f"[{match}]",
    )
    assert len(plan.points) == left  # of 3 wires x 2 noises x 2 solvers


def test_extra_points_with_overrides_replace_the_devices_own(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        devices="{name: 8T-SRAM, overrides: {r_col: 5, r_sink: 100}}",
        arrays="32x32",
        sparsity="dense",
        points="[{overrides: {r_col: [7, 9]}, solver: exact, adc_noise: 0.25}]",
    )
    seen = [(p.cell.overrides_text, p.columns["solver_setting"], p.columns["adc_noise"]) for p in plan.points]
    assert seen == [
        ("r_col=5;r_sink=100", "auto", 0.0),
        ("r_col=7;r_sink=100", "exact", 0.25),
        ("r_col=9;r_sink=100", "exact", 0.25),
    ]


def test_a_network_without_a_binary_layer_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = (
        Node(name="flat", op="flatten", inputs=("input",)),
        Node(name="logits", op="linear", inputs=("flat",), attrs={"in_features": 16, "out_features": 10}),
    )
    network = GraphNetwork(NetworkGraph(nodes=nodes, input_shape=(1, 4, 4), classes=10))
    plain = Model("plain", "0" * 64, Checkpoint(network, "plain", "0" * 64, {}))
    monkeypatch.setattr(simulation, "load_model", lambda reference, where: plain)
    with pytest.raises(InputError) as caught:
        plan_of(tmp_path, models="plain")
    assert str(caught.value) == "small.yaml:2 models[0]: network 'plain' has no binary layer"


def test_select_by_the_start_of_a_key(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    assert plan.select(plan.points[1].key[:12], "--only") == (plan.points[1],)
    for nothing in ("xyz", ""):
        with pytest.raises(InputError, match="^--only: no design of sweep 'small' has a key that begins with"):
            plan.select(nothing, "--only")


def test_a_design_to_explain_is_named_by_its_key_not_by_an_option_of_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="^KEY: no design of sweep 'small' has a key that begins with 'xyz'"):
        subject_of_sweep(write_sweep(tmp_path), "xyz")


def test_labels_names_and_order_do_not_reach_the_key(tmp_path: Path) -> None:
    plain = {p.key for p in plan_of(tmp_path).points}
    renamed = plan_of(
        tmp_path,
        name="other",
        study="another",
        description="words",
        devices="{name: 8T-SRAM, label: mine}",
        arrays="[64x64, 32x32]",
        sparsity="[binsparx, dense]",
    )
    assert {p.key for p in renamed.points} == plain


def test_images_and_shard_size_do_not_reach_the_key(tmp_path: Path) -> None:
    plain = [p.key for p in plan_of(tmp_path).points]
    dataset = "{name: fake-images, images: 150, calibration_images: 10}"
    assert [p.key for p in plan_of(tmp_path, dataset=dataset, shard_images="7").points] == plain


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (
            "{name: fake-images, split: train, calibration_images: 10}",
            r"^small.yaml:\d+ dataset.split: images 90 to 99 of split 'train' of 'fake-images' calibrate .* first 90 "
            "can be measured, not 100; measure on split 'test' or give the data set a split 'calibration' to "
            "calibrate on$",
        ),
        ("{name: fake-images, split: train, images: 91, calibration_images: 10}", r"^small.yaml:\d+ dataset.images: "),
        (
            "{name: fake-images, images: 20, calibration_images: 101}",
            r"^small.yaml:\d+ dataset.calibration_images: 101 calibration images were asked for, split 'train' of "
            "'fake-images' has 100$",
        ),
    ],
)
def test_images_that_calibrate_are_not_measured(tmp_path: Path, dataset: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_of(tmp_path, dataset=dataset)


def test_what_calibrates_is_in_the_key_where_it_is_not_the_usual(tmp_path: Path) -> None:
    on_train = plan_of(tmp_path, dataset="{name: fake-images, split: train, images: 90, calibration_images: 10}")
    content = on_train.points[0].content["design"]
    assert (content["calibration_split"], content["calibration_first"]) == ("train", 90)
    on_test = plan_of(tmp_path).points[0].content["design"]
    assert "calibration_split" not in on_test and "calibration_first" not in on_test


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": "1"},
        {"prune": "0.1"},
        {"adc": "{bits: 3}"},
        {"row_order": "spatial"},
        {"solver": "exact"},
        {"models": "other-cnn"},
        {"corners": "pessimistic"},
        {"dataset": "{name: fake-images, images: 100, calibration_images: 11}"},
        {"dataset": "{name: fake-images, images: 90, calibration_images: 10, split: train}"},
        {"devices": "{name: 8T-SRAM, overrides: {r_col: 9}}"},
    ],
)
def test_what_decides_the_result_reaches_the_key(tmp_path: Path, changes: dict[str, str]) -> None:
    plain = {p.key for p in plan_of(tmp_path).points}
    assert plain.isdisjoint(p.key for p in plan_of(tmp_path, **changes).points)


def test_costs_measured_once_estimate_what_is_alike(tmp_path: Path) -> None:
    dense, binsparx, larger, _ = plan_of(tmp_path).points
    assert ComputeTimes({}).estimate(dense) == ROUGH
    store = Store(str(tmp_path / "results"))
    measured = [(time_class(dense), ComputeTime(seconds, 0.1 * seconds, True)) for seconds in (1.0, 2.0, 90.0)]
    ComputeTimes({}).with_measured(measured).save(store)
    costs = ComputeTimes.load(store)
    for point in (dense, binsparx, larger):
        assert costs.estimate(point).prepare_seconds == 2.0
        assert costs.estimate(point).measured
    store.put(COSTS_PATH, b"damaged")
    assert ComputeTimes.load(store).estimate(dense) == ROUGH


def test_sets_of_passes_have_times_of_their_own(tmp_path: Path) -> None:
    plain, passes = plan_of(tmp_path, arrays="32x32", sparsity="dense", mitigations="[none, near_sink]").points
    measured = [(time_class(plain), ComputeTime(1.0, 0.1, True)), (time_class(passes), ComputeTime(9.0, 0.1, True))]
    costs = ComputeTimes({}).with_measured(measured)
    assert [costs.estimate(point).prepare_seconds for point in (plain, passes)] == [1.0, 9.0]


def test_times_of_a_gpu_say_nothing_of_a_cpu(tmp_path: Path) -> None:
    sweep = load_sweep(write_sweep(tmp_path))
    here, there = (make_plan(sweep, FakeEvaluator(device)).points for device in ("numba", "cuda"))
    costs = ComputeTimes({}).with_measured([(time_class(there[0]), ComputeTime(1.0, 0.1, True))])
    assert costs.estimate(there[1]).measured
    assert [costs.estimate(point) for point in here] == [ROUGH] * len(here)


def test_time_left_follows_the_typical_task_not_the_first_slow_one(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    design_works = find_work(plan, Store(str(tmp_path / "results")), ComputeTimes({}))
    left = TimeLeft(design_works, slots=2)
    assert left.seconds is None
    expected = design_works[0].compute_time.prepare_seconds
    for seconds in (50.0, 50.0, 0.5, 0.5, 0.5):
        left.task_done(True, expected, seconds)
    for _ in range(3):
        left.task_done(False, 1.25, 2.5)
    # All preparations are accounted for; 400 images at 0.05 s, less 3.75 s, at twice the price, on two slots.
    assert left.seconds == pytest.approx((400 * 0.05 - 3.75) * 2 / 2)


@pytest.mark.parametrize("slots", [2, 50, 500])
def test_time_left_is_told_on_any_number_of_workers(tmp_path: Path, slots: int) -> None:
    changes = {"dataset": "{name: fake-images, images: 200, calibration_images: 10}", "shard_images": "1"}
    design_works = find_work(plan_of(tmp_path, **changes), Store(str(tmp_path / "results")), ComputeTimes({}))
    left = TimeLeft(design_works)
    left.slots_found(slots)
    for work in design_works:
        left.task_done(True, work.compute_time.prepare_seconds, 1.0)
    for _ in range(slots + 4):
        left.task_done(False, 1e-6, 2e-6)
    assert left.seconds == pytest.approx(800 * 0.05 * 2 / slots, rel=1e-3)


def test_time_left_is_told_after_all_preparations_of_few_designs(tmp_path: Path) -> None:
    """Times whose sum, less each of them, is not quite zero; and fewer preparations than workers."""
    design_works = find_work(plan_of(tmp_path), Store(str(tmp_path / "results")), ComputeTimes({}))
    times = [ComputeTime(seconds, 0.05, True) for seconds in (0.1, 0.2, 0.7, 0.3)]
    design_works = [replace(work, compute_time=time) for work, time in zip(design_works, times, strict=True)]
    left = TimeLeft(design_works, slots=5)
    for time in times:
        left.task_done(True, time.prepare_seconds, 1.0)
    for _ in range(8):
        left.task_done(False, 1.25, 1.25)
    assert left.seconds == pytest.approx((400 * 0.05 - 8 * 1.25) / 5)


def test_abandoned_shards_take_no_time(tmp_path: Path) -> None:
    design_works = find_work(plan_of(tmp_path), Store(str(tmp_path / "results")), ComputeTimes({}))
    left = TimeLeft(design_works)
    for _ in range(4):
        left.task_done(True, design_works[0].compute_time.prepare_seconds, 1.0)
        left.task_done(False, 1.25, 1.25)
    left.shards_abandoned(11, 400 * 0.05 - 4 * 1.25 - 3.0)
    assert left.seconds == pytest.approx(3.0)
