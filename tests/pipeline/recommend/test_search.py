"""A whole search with the stand-ins: what it computes, what it finds again, what the command says and refuses."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipeline.cli import main
from pipeline.cli import recommend as command_module
from pipeline.errors import PointsFailed
from pipeline.recommend.candidates import candidates_of, design_of, hardware_among
from pipeline.recommend.names import hardware_names
from pipeline.recommend.picture import draw_recommendations, draw_search, draw_sensitivity
from pipeline.recommend.race import Runner, finish
from pipeline.recommend.recommendation import Options, Recommendation
from pipeline.recommend.rows import rows_of
from pipeline.recommend.search import Evaluations, NothingFound, recommend
from pipeline.recommend.sensitivity import sensitivity
from pipeline.recommend.text import print_recommendations
from pipeline.report.page import sections
from pipeline.results.names import only_of_chips
from pipeline.storage.records import design_folder
from pipeline.storage.store import Store
from pipeline.storage.trusted import SetAside
from pipeline.sweep import protocols, simulation
from pipeline.sweep.mitigation_sets import sets_of
from pipeline.sweep.plan import Plan, make_plan
from pipeline.sweep.spec import load_sweep
from simcore.errors import BinsparxError, InputError
from simcore.passes import passes_of, without_revisions
from tests.pipeline.cli.test_command_line import command
from tests.pipeline.fake_inference import FakeEvaluator, Prepared, ShardResult
from tests.pipeline.fake_simcore import Dataset, write_sweep
from tests.pipeline.recommend.here import Here

pytestmark = pytest.mark.usefixtures("fakes")

SWEEP = {
    "arrays": "64x64",
    "adc": "{reference: calibrated}",
    "evidence": "{beyond: mark}",
    "dataset": "{name: fake-images, images: 200, calibration_images: 10}",
}


@dataclass(frozen=True)
class Mending(FakeEvaluator):
    """Designs are as right as their passes are many: what two of three passes mend loses nothing."""

    def prepare(self, checkpoint: protocols.Checkpoint, design: Any, dataset: protocols.Dataset) -> Prepared:
        prepared = super().prepare(checkpoint, design, dataset)
        mending = {"bent_references", "popcount_term"} & {one.name for one in passes_of(design.mitigations)}
        strength = {0: 0.3, 1: 0.8, 2: 1.0}[len(mending)]
        return replace(prepared, strength=strength)

    def evaluate(
        self, prepared: protocols.Prepared, images: np.ndarray, labels: np.ndarray, first_image: int
    ) -> ShardResult:
        found = super().evaluate(prepared, images, labels, first_image)
        lost = [_luck(first_image + i) >= prepared.strength for i in range(len(labels))]  # type: ignore[attr-defined]
        return replace(found, predictions=np.where(lost, (labels + 1) % 10, labels))


def _luck(image: int) -> float:
    return int(hashlib.sha256(str(image).encode()).hexdigest()[:8], 16) / 16**8


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setattr(simulation, "default_evaluator", Mending)
    return make_plan(load_sweep(write_sweep(tmp_path, **SWEEP)))


def found_by(plan: Plan, folder: Path, **options: Any) -> tuple[Recommendation, Here]:
    store = Store(str(folder / "results"))
    here = Here(plan, store)
    (found,) = recommend(hardware_among(plan.points), Options(images=200, **options), Evaluations(plan, store, here))
    return found, here


def test_the_set_that_mends_is_found_and_nothing_is_computed_twice(plan: Plan, tmp_path: Path) -> None:
    found, here = found_by(plan, tmp_path, target=0.05)
    assert found.kind == "confirmed"
    assert {"bent_references", "popcount_term"} <= {
        one.name for one in passes_of(found.chosen.candidate.mitigations.passes)
    }
    assert found.chosen.accuracy[0] == 1.0 and found.images == 150 and found.chosen.confidence >= 0.95
    # the cheapest of those that are sure
    sure = [one for one in (found.chosen, *found.others) if one.confidence >= 0.95]
    assert found.chosen.costs["energy_per_image_J"] == min(one.costs["energy_per_image_J"] for one in sure)
    assert found.dense.accuracy[0] < 0.5
    # few sets see all images
    assert here.images < 0.4 * 200 * len(found.tried)
    again, idle = found_by(plan, tmp_path, target=0.05)
    assert (again, idle.designs) == (found, [])


def test_torn_files_are_set_aside_and_their_designs_computed_again(plan: Plan, tmp_path: Path) -> None:
    asked = {"target": 0.05, "passes": ("bent_references", "popcount_term")}
    found, _ = found_by(plan, tmp_path, **asked)
    chosen, dense = (
        tmp_path / "results" / design_folder(one.candidate.point.key) for one in (found.chosen, found.dense)
    )
    for path in (sorted(chosen.glob("*.parquet"))[0], dense / "design.json"):
        path.write_bytes(path.read_bytes()[:-7])
    with pytest.warns(SetAside, match="^set aside designs/") as told:
        again, here = found_by(plan, tmp_path, **asked)
    assert len(told) == 2
    assert again == found and set(here.designs) == {found.chosen.candidate.point.key, found.dense.candidate.point.key}
    _, idle = found_by(plan, tmp_path, **asked)
    assert idle.designs == []


def test_where_nothing_mends_the_closest_is_told(plan: Plan, tmp_path: Path) -> None:
    found, _ = found_by(plan, tmp_path, target=0.01, passes=("binsparx", "popcount_term"))
    assert found.kind == "missed"
    assert "popcount_term" in found.chosen.candidate.name
    assert len(found.tried) == 4


@dataclass(frozen=True)
class OnlyOf(Mending):
    """Arrays of some sizes cannot be simulated; on those of 32 rows dense storage cannot."""

    without: tuple[int, ...] = (16,)

    def prepare(self, checkpoint: protocols.Checkpoint, design: Any, dataset: protocols.Dataset) -> Prepared:
        if design.rows in self.without or (design.rows == 32 and design.mitigations == "none"):
            raise InputError("no simulation of that")
        return super().prepare(checkpoint, design, dataset)


def test_hardware_that_fails_does_not_cost_the_others_their_recommendation(tmp_path: Path) -> None:
    options = Options(target=0.05, images=200, passes=("bent_references", "popcount_term"))
    path = write_sweep(tmp_path, **{**SWEEP, "arrays": "[64x64, 32x32, 16x16]"})

    def search(evaluator: OnlyOf, folder: str) -> list[Recommendation]:
        plan = make_plan(load_sweep(path), evaluator)
        store = Store(str(tmp_path / folder))
        return recommend(hardware_among(plan.points), options, Evaluations(plan, store, Here(plan, store)))

    with pytest.warns(NothingFound) as told:
        found = search(OnlyOf(), "some")
    assert [one.hardware.columns["rows"] for one in found] == [64]
    texts = [str(one.message) for one in told]
    assert texts == [
        "dense storage, which sets are compared with, failed on 8T-SRAM nominal 32x32",
        "no set of mitigations could be computed for 8T-SRAM nominal 16x16",
    ]
    with pytest.raises(BinsparxError, match="no set of mitigations could be computed for 8T-SRAM nominal 64x64"):
        search(OnlyOf(without=(16, 32, 64)), "none")
    with pytest.raises(PointsFailed, match="nothing can be said of 2 of the pieces of hardware"):
        command_module._check_that_all_could_be_tried([], 2)


def test_what_is_said_of_a_set_is_what_is_known_of_it(plan: Plan, tmp_path: Path) -> None:
    found, _ = found_by(plan, tmp_path, target=0.05, passes=("bent_references", "popcount_term"))
    missed, _ = found_by(plan, tmp_path, target=0.01, passes=("popcount_term",))

    def said(one: Recommendation) -> str:
        console = Console(file=io.StringIO(), width=200)
        print_recommendations([one], console)
        return console.file.getvalue()  # type: ignore[attr-defined]

    assert "the cheapest set of which that is so" in said(found) and "flatters" not in said(found)
    unpriced = replace(found, chosen=replace(found.chosen, costs={}))
    assert "of those the one that loses least, costs being unknown" in said(unpriced)
    assert missed.kind == "missed" and "which flatters it" in said(missed)
    assert "chips differ" not in said(found)


def test_chips_that_differ_are_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "default_evaluator", Mending)
    for chips, expected in ((1, "the one chip that was judged"), (3, "the 3 chips that were judged")):
        plan = make_plan(load_sweep(write_sweep(tmp_path, **SWEEP, effects="stuck-1e-3", chips=str(chips))))
        found, _ = found_by(plan, tmp_path, target=0.05, passes=("bent_references",))
        console = Console(file=io.StringIO(), width=200)
        print_recommendations([found], console)
        assert found.chips == chips
        assert f"holds for {expected}: chips differ" in console.file.getvalue()  # type: ignore[attr-defined]


def test_the_report_shows_recommendations_for_its_own_network_alone(plan: Plan, tmp_path: Path) -> None:
    found, _ = found_by(plan, tmp_path, target=0.05, passes=("bent_references", "popcount_term"))
    rows = pd.DataFrame(rows_of([found], "small"))
    of_chips = sections.recommendations(rows.assign(chips=3), rows)
    assert only_of_chips(3).capitalize() in of_chips and "left out" not in of_chips
    assert "chips" not in sections.recommendations(rows, rows)
    of_flips_alone = rows[rows.place == -1]  # no design of the sweep needs a pass that was revised
    assert sections.recommendations(rows, of_flips_alone) == sections.recommendations(rows, rows)
    before = rows.assign(solver_version=rows.solver_version.map(without_revisions))
    assert "1 of 1 recommendations are left out" in sections.recommendations(before, rows)
    trained_again = rows.assign(model_digest="another", mitigation_set="old")
    both = sections.recommendations(pd.concat([trained_again, rows], ignore_index=True), rows)
    assert "1 of 2 recommendations are left out" in both and "old" not in both
    for name in ("model_digest", "dataset_digest", "dataset_split", "solver_version"):  # of a version without them
        page = sections.recommendations(rows.assign(**{name: None}), rows)
        assert "1 of 1 recommendations are left out" in page and "<table" not in page


def test_hardware_is_told_apart(tmp_path: Path) -> None:
    plan = make_plan(load_sweep(write_sweep(tmp_path, **SWEEP | {"adc": "{bits: [5, 6], reference: calibrated}"})))
    names = hardware_names(hardware_among(plan.points))
    assert names == ["8T-SRAM nominal 64x64, adc bits 5", "8T-SRAM nominal 64x64, adc bits 6"]
    assert hardware_names(hardware_among(plan.points)[:1]) == ["8T-SRAM nominal 64x64"]


def test_sets_are_tried_on_hardware_once_each(plan: Plan) -> None:
    (hardware,) = hardware_among(plan.points)
    candidates = candidates_of(hardware)
    assert len(candidates) == 3 * 2**4 * 4 and candidates[0].name == "dense"
    known = {point.key for point in plan.points}
    assert known < {one.point.key for one in candidates}  # designs of the sweep are found again by their keys
    with_knobs = candidates_of(hardware, ("binsparx",), {"active_rows": [16], "adc_bits": [5]})
    knobs = {one.knobs: one.point.design.adc.bits for one in with_knobs}
    # of 17 sums five bits tell all apart: that knob changes nothing beside 16 rows
    assert knobs == {(): 7, (("adc_bits", 5),): 5, (("active_rows", 16),): 5} and len(with_knobs) == 6
    subtracted = candidates_of(hardware, ("binsparx",), {"encoding": ["current_difference"]})
    assert {one.point.design.adc.bits for one in subtracted if one.knobs} == {8}  # a code for each difference
    pairs = candidates_of(hardware, ("binsparx", "bent_references"), {"encoding": ["xnor_rows"]})
    named = [one.name for one in pairs if one.knobs]
    assert named == ["dense, encoding xnor_rows", "dense+bent_references, encoding xnor_rows"]  # nothing there to flip
    ordered = candidates_of(hardware, ("spatial", "grouped+binsparx"), {"encoding": ["xnor_rows"]})
    assert [one.name for one in ordered if one.knobs][1:] == ["spatial+dense, encoding xnor_rows"]
    fewer = design_of(hardware, sets_of("dense")[0], {"active_rows": 16})
    assert (fewer.design.active_rows, fewer.design.adc.bits) == (16, 5)  # still a code for every sum


def test_hardware_that_is_not_re_ranged_is_offered_re_ranging(tmp_path: Path) -> None:
    plan = make_plan(load_sweep(write_sweep(tmp_path, arrays="64x64")))
    (hardware,) = hardware_among(plan.points)
    references = {one.point.columns["adc_reference"] for one in candidates_of(hardware)}
    assert references == {"nominal", "calibrated"}
    assert all(
        one.point.columns["adc_reference"] == "calibrated"
        for one in candidates_of(hardware)
        if "bent" in one.point.design.mitigations
    )
    candidates = candidates_of(hardware, knobs={"adc_bits": [5]})
    assert len({one.name for one in candidates}) == len(candidates)
    for one in candidates:
        assert design_of(hardware, one.mitigations, dict(one.knobs)).key == one.point.key, one.name
        assert ("re_ranging" in one.name) == (one.point.columns["adc_reference"] == "calibrated")


def test_the_sensitivity_of_re_ranged_hardware_is_that_of_the_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "default_evaluator", Mending)
    plan = make_plan(load_sweep(write_sweep(tmp_path, **{**SWEEP, "adc": "{reference: nominal}"})))
    store = Store(str(tmp_path / "results"))
    evaluations = Evaluations(plan, store, Here(plan, store))
    options = Options(target=0.05, images=200, passes=("bent_references", "popcount_term"))
    found = recommend(hardware_among(plan.points), options, evaluations)
    assert "re_ranging" in found[0].chosen.candidate.name and "re_ranging" not in found[0].dense.candidate.name
    (curves,) = sensitivity(found, 40, evaluations)
    for curve in curves:
        place = curve.values.index(found[0].hardware.columns[curve.column])
        assert curve.chosen[place][0] == 1.0 and curve.dense[place][0] < 0.6, curve.column


def test_nothing_is_measured_on_images_that_calibrate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the only split that can calibrate is the one that is measured, its last images calibrate."""
    monkeypatch.chdir(tmp_path)
    alone = Dataset(splits={"train": 600})
    monkeypatch.setattr(simulation, "open_dataset", lambda *_: alone)
    monkeypatch.setattr(simulation, "default_evaluator", Mending)
    data = "{name: fake-images, split: train, images: 100, calibration_images: [10, 200]}"
    plan = make_plan(load_sweep(write_sweep(tmp_path, **{**SWEEP, "dataset": data})))
    monkeypatch.setattr(sys, "argv", ["binsparx", "recommend", "small.yaml", "--images", "590"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "error: --images: images 400 to 599 of split 'train'" in capsys.readouterr().err

    store = Store(str(tmp_path / "results"))
    evaluations = Evaluations(plan, store, Here(plan, store))
    options = Options(target=0.05, images=300, passes=("bent_references", "popcount_term"))
    (curves, _) = sensitivity(recommend(hardware_among(plan.points), options, evaluations), 300, evaluations)
    by_column = {curve.column: curve.values for curve in curves}
    assert by_column["calibration_images"] == (8, 10, 16, 32, 64, 128, 256)  # the last 512 begin with image 88


def test_what_would_fail_by_its_evidence_goes_on_marked(tmp_path: Path) -> None:
    plan = make_plan(load_sweep(write_sweep(tmp_path, arrays="64x64")))
    (hardware,) = hardware_among(plan.points)
    assert plan.points[0].design.evidence.beyond == "fail"
    assert {one.point.design.evidence.beyond for one in candidates_of(hardware)} == {"mark"}


def test_sensitivity_goes_through_the_own_value_and_calibration_through_what_there_is(
    plan: Plan, tmp_path: Path
) -> None:
    store = Store(str(tmp_path / "results"))
    evaluations = Evaluations(plan, store, Here(plan, store))
    options = Options(target=0.05, images=200, passes=("bent_references", "popcount_term"))
    found = recommend(hardware_among(plan.points), options, evaluations)
    (curves,) = sensitivity(found, 40, evaluations)
    by_column = {curve.column: curve for curve in curves}
    assert 0.0 in by_column["adc_noise"].values and 1.0 in by_column["adc_gain"].values
    assert by_column["calibration_images"].values == (8, 10, 16, 32, 64)  # of 100
    assert all(len(curve.dense) == len(curve.chosen) == len(curve.values) for curve in curves)
    drawn = draw_search(found[0], "x") | draw_recommendations(found, "x") | draw_sensitivity(curves, "x", "set")
    assert {name for name in drawn if name.endswith(".png")} == {
        "recommend.png",
        "recommendations.png",
        "sensitivity.png",
    }


def test_a_loss_of_just_the_target_reaches_it() -> None:
    ideal = np.ones(1500, bool)
    runner = Runner("set", np.arange(1500) >= 21, 1.0)
    assert finish([runner], ideal, command_module._target("1.4pt"), 0.95).kind == "likely"


def test_the_command(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command_module, "OnWorkers", lambda settings, *_: Here(plan, Store(settings.store_uri)))

    def command(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["binsparx", "recommend", *arguments])
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    few = ("--passes", "bent_references,popcount_term,binsparx")
    assert command("small.yaml", *few, "--target", "5pt", "--pictures", "drawn", "--sensitivity", "40") == 0
    printed = capsys.readouterr().out
    for expected in ("within 5 points of ideal", "judged on the last 150 of 200 images", "sensitivity of 8T-SRAM"):
        assert expected in printed
    table = pq.read_table(tmp_path / "results/sweeps/small/recommendations.parquet").to_pylist()
    assert [row["place"] for row in table][:2] == [-1, 0] and table[1]["verdict"] == "confirmed"
    assert (tmp_path / "drawn/small-recommendations.png").exists()
    section = re.sub("<[^>]+>", "", sections.recommendations(pd.DataFrame(table), pd.DataFrame(table)))
    assert table[1]["mitigation_set"] in section and "confirmed" in section and "8T-SRAM nominal 64x64" in section
    key = plan.points[0].key
    assert command(key[:9], *few, "--sweep", "small.yaml", "--target", "0.5pt", "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)["recommendations"]
    assert told["dense"]["design_key"] == key and told["sets_tried"] == 8
    for arguments, expected in (
        (("small.yaml", "--target", "1px"), "--target: expected points of accuracy such as 1pt or 0.5pt"),
        (("small.yaml", "--passes", "bent_referenses"), "--passes: unknown pass 'bent_referenses'; did you mean"),
        (("small.yaml", "--knob", "rows=3"), "--knob: unknown knob 'rows'"),
        (("small.yaml", "--knob", "encoding=xnor"), "--knob: unknown encoding 'xnor'; did you mean 'xnor_rows'?"),
        (("small.yaml", "--knob", "adc_bits=x"), "--knob: expected whole numbers such as adc_bits=16,32"),
        (("small.yaml", "--knob", "active_rows=16,1000"), "--knob: no hardware can have active_rows=1000: active_rows"),
        (
            ("small.yaml", "--knob", "adc_bits=50"),
            "--knob: no hardware can have adc_bits=50: bits: ",
        ),
        (("small.yaml", "--images", "201"), "--images: split 'test' has 200 images"),
        (("small.yaml", "--sweep", "small.yaml"), "--sweep: is for the key of a design"),
        (("small.yaml", "--passes", ","), "--passes: expected names of passes"),
        (("small.yaml", "--sensitivity", "201"), "--sensitivity: expected at most the 200 images"),
        (("ffff", "--sweep", "small.yaml"), "has a key that begins with 'ffff'"),
    ):
        assert command(*arguments) == 2
        error = capsys.readouterr().err
        assert expected in error and error.count("\n") == 1


@dataclass(frozen=True)
class MendingInPart(Mending):
    """Designs with bent references cannot be prepared."""

    error: type[Exception] = OSError

    def prepare(self, checkpoint: protocols.Checkpoint, design: Any, dataset: protocols.Dataset) -> Prepared:
        if "bent_references" in {one.name for one in passes_of(design.mitigations)}:
            raise self.error("it went wrong")
        return super().prepare(checkpoint, design, dataset)


@pytest.mark.parametrize(("error", "code"), [(OSError, 1), (RuntimeError, 0)])
def test_a_search_that_went_without_what_the_machine_failed_at_shows_what_it_found_and_ends_with_1(
    plan: Plan,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: type[Exception],
    code: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    failing = replace(plan, evaluator=MendingInPart(error=error))
    monkeypatch.setattr(command_module, "OnWorkers", lambda settings, *_: Here(failing, Store(settings.store_uri)))
    assert command(monkeypatch, "recommend", "small.yaml", "--passes", "binsparx,bent_references") == code
    said = capsys.readouterr()
    assert "sets could not be computed" in said.out and "failed: " in said.err and "it went wrong" in said.err
    assert ("that the machine failed at; the same command tries again" in said.err) == (code == 1)
    # Where nothing is left to recommend the reasons are told too.
    monkeypatch.setattr(MendingInPart, "prepare", refuse)
    assert command(monkeypatch, "recommend", "small.yaml", "--passes", "binsparx", "--results", "new") == 1
    assert "failed: " in capsys.readouterr().err


def refuse(*_: Any) -> Prepared:
    raise RuntimeError("nothing goes")
