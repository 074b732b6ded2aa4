"""Blame: every variant is a design of its own, computed once, and the shares are differences of their accuracies."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.execution import tasks
from pipeline.explain import blame
from pipeline.explain.blame import Blame, Subject, explain
from pipeline.explain.blame_picture import draw_blame, draw_passes
from pipeline.explain.subject import subject_of_sweep
from pipeline.storage.store import Store
from pipeline.storage.trusted import SetAside
from pipeline.sweep.evaluator import SimcoreEvaluator
from pipeline.sweep.plan import make_plan
from pipeline.sweep.spec import load_sweep
from simcore.errors import BinsparxError, InputError
from simcore.network.checkpoint import load_checkpoint, save_checkpoint
from tests.simcore.small_networks import small_checkpoint, small_dataset

CELL = """
name: cell
topology: gate_driven
corners: {nominal: {r_col: 30, r_sink: 2000, r_driver: 0, v_read: 0.3, r_on: 20000, g_off: 0}}
"""
SWEEP = """
name: tiny
models: ./small.safetensors
devices: ./cell.yaml
arrays: 16x8
sparsity: dense
adc: {bits: 3, reference: calibrated}
layers: [wide, dense]
evidence: {beyond: mark}
dataset: {name: ./dataset, images: 20, calibration_images: 4}
"""
IMAGES = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests here: what one has computed the next finds in the store."""
    folder = tmp_path_factory.mktemp("explain")
    save_checkpoint(folder / "small.safetensors", small_checkpoint().network, {"name": "small"})
    small_dataset(folder, test=IMAGES)
    (folder / "cell.yaml").write_text(CELL)
    (folder / "tiny.yaml").write_text(SWEEP)
    return folder


@pytest.fixture
def sweep(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder / "tiny.yaml"


def test_images_that_calibrate_explain_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    on_train = SWEEP.replace("images: 20, calibration", "split: train, images: 8, calibration")
    (folder / "train.yaml").write_text(on_train)
    (key,) = (point.key for point in make_plan(load_sweep(folder / "train.yaml")).points)
    arguments = ["explain", key[:8], "--sweep", "train.yaml", "--images", "9"]
    monkeypatch.setattr(sys, "argv", ["binsparx", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "--images: images 8 to 11 of split 'train'" in capsys.readouterr().err


def test_shares_are_differences_between_variants_and_nothing_is_computed_twice(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (point,) = make_plan(load_sweep(sweep)).points
    subject = Subject(point.key, point.design, point.model.checkpoint, point.model.digest, point.dataset, point.split)
    store = Store("results")
    seen: list[str] = []
    found = explain(subject, IMAGES, store, SimcoreEvaluator(), lambda name, done, total: seen.append(name))
    assert seen[0] == "the design" and seen[-1] == "done" and "only sink" in seen and "without wide" in seen
    assert {share.name for share in found.layers} == {"wide", "dense"}
    names = [share.name for share in found.causes]
    assert set(names) == {"column wire", "sink", "converter"}
    # The stored variants say the same: 2 for each cause and layer, the design itself, and it without re-ranging.
    folders = {path.split("/")[2] for path, _ in store.list("designs")}
    # with two layers, all but one is the other alone
    assert len(folders) == 1 + 2 * 3 + 2 + 1 and point.key in folders
    for share in (*found.causes, *found.layers):
        for change, low, high in (share.regained, share.lost):
            assert low <= change <= high
        assert found.accuracy[0] + share.regained[0] <= 1 and found.ideal_accuracy - share.lost[0] >= 0

    def never(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(blame, "prepare_design", never)
    assert explain(subject, IMAGES, store, SimcoreEvaluator()) == found
    files = draw_blame(found, "tiny")
    assert files["causes.png"][:4] == b"\x89PNG" and b"<svg" in files["causes.svg"]


def test_torn_files_of_variants_are_set_aside_and_computed_again(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (point,) = make_plan(load_sweep(sweep)).points
    subject = subject_of_sweep(str(sweep), point.key)
    store = Store("results")
    found = explain(subject, IMAGES, store, SimcoreEvaluator())
    folders = sorted(path for path in Path("results/designs").glob("*/*") if path.name != point.key)
    torn = [next(folders[0].glob("*.parquet")), folders[1] / "design.json"]
    sound = [path.read_bytes() for path in torn]
    for path, content in zip(torn, sound, strict=True):
        path.write_bytes(content[:-7])
    with pytest.warns(SetAside) as told:
        assert explain(subject, IMAGES, store, SimcoreEvaluator()) == found
    assert len(told) == 2
    for path in torn:
        assert any(str(warning.message).startswith(f"set aside {path.relative_to('results')}: ") for warning in told)

    monkeypatch.setattr(tasks, "encode_shard", lambda record: b"torn")
    torn[0].write_bytes(b"torn")
    with pytest.warns(SetAside), pytest.raises(BinsparxError, match="is damaged or gone: try again"):
        explain(subject, IMAGES, store, SimcoreEvaluator())
    monkeypatch.undo()
    assert explain(subject, IMAGES, Store(str(sweep.parent / "results")), SimcoreEvaluator()) == found


def test_mitigations_have_their_share_and_their_cost(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    changes = {"./cell.yaml": "8T-SRAM", "sparsity: dense": "mitigations: binsparx+bent_references"}
    text = SWEEP
    for old, new in changes.items():
        text = text.replace(old, new)
    (folder / "mitigated.yaml").write_text(text.replace("name: tiny", "name: mitigated"))
    (point,) = make_plan(load_sweep(folder / "mitigated.yaml")).points
    subject = subject_of_sweep("mitigated.yaml", point.key)
    found = explain(subject, IMAGES, Store("results"), SimcoreEvaluator())
    names = ["weight_flip", "activation_flip", "re_ranging", "bent_references"]
    assert [share.name for share in found.passes] == names
    by_name = {share.name: share for share in found.passes}
    assert by_name["re_ranging"].resting == ["bent_references"]
    for share in found.passes:
        assert share.alone[1] <= share.alone[0] <= share.alone[2]
        assert set(share.cost) == {"energy_per_image_J", "latency_per_image_s", "area_m2"}
    # flips need logic of their own, and lower the current of the arrays
    assert by_name["activation_flip"].cost["area_m2"] > 0
    assert b"<svg" in draw_passes(found, "tiny")["passes.svg"]


def test_the_command_explains_and_draws(
    sweep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (point,) = make_plan(load_sweep(sweep)).points

    def command(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["binsparx", "explain", *arguments])
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    asked = (point.key[:8], "--sweep", "tiny.yaml", "--images", "20")
    assert command(*asked, "--pictures", "blame") == 0
    printed = capsys.readouterr().out
    for expected in ("regained without it", "lost by it alone", "sink", "wide", "20 images", "-read.png"):
        assert expected in printed
    names = {path.name.removeprefix(f"{point.key[:12]}-") for path in (sweep.parent / "blame").iterdir()}
    assert names == {f"{name}.{kind}" for name in ("causes", "passes", "tiles", "read") for kind in ("png", "svg")}
    assert command(*asked, "--json") == 0
    assert json.loads(capsys.readouterr().out)["images"] == 20
    assert command("ffff", "--sweep", "tiny.yaml") == 2
    capsys.readouterr()
    assert command(*asked, "--chips", "2") == 2
    assert "--chips: the design has no device effects" in capsys.readouterr().err
    assert command(*asked[:3], "--images", "21") == 2
    assert "has 20 images" in capsys.readouterr().err


def test_where_nothing_is_to_blame_the_picture_is_empty() -> None:
    assert set(draw_blame(Blame(10, 1, (0.9, 0.6, 1.0), 0.9, [], [], []), "nothing")) == {"causes.png", "causes.svg"}


def test_a_design_of_results_needs_a_network_that_ships(sweep: Path) -> None:
    from pipeline.explain.subject import subject_of_results
    from pipeline.results.finished import Results
    from pipeline.storage.compute_time import ComputeTimes
    from pipeline.storage.work import find_work
    from pipeline.tables.aggregate import aggregate

    plan = make_plan(load_sweep(sweep))
    store = Store("results")
    subject = subject_of_sweep(str(sweep), plan.points[0].key)
    explain(subject, IMAGES, store, SimcoreEvaluator())
    aggregate(plan, find_work(plan, store, ComputeTimes.load(store)), store).tables.publish("tiny", store)
    with pytest.raises(InputError, match="--sweep"):
        subject_of_results(Results("results"), subject.key[:9])


REFERENCE = SWEEP.replace("sparsity: dense", "mitigations: wide_sink:2+bent_references")


def test_references_without_a_loss_have_nothing_to_explain_or_deploy(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    (folder / "ideal.yaml").write_text(REFERENCE + "solver: ideal\n")
    (folder / "there.safetensors").touch()
    (key,) = (point.key[:8] for point in make_plan(load_sweep(folder / "ideal.yaml")).points)
    for command, message in (
        (["explain", key], "is a reference ('ideal') that loses nothing"),
        (["deploy", key, "-o", "chip.safetensors"], "recalibrates no outputs, so that there is nothing to fold"),
        (["deploy", key, "-o", "chip.txt"], "--output: 'chip.txt' does not end in .safetensors"),
        (["deploy", key, "-o", "there.safetensors"], "--output: 'there.safetensors' is there already; --force"),
    ):
        monkeypatch.setattr(sys, "argv", ["binsparx", *command, "--sweep", "ideal.yaml"])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr().err
        assert ended.value.code == 2 and message in told and told.count("\n") == 1


def test_a_deployed_network_has_no_accuracy_of_the_network_that_it_was_made_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    measured = {"dataset": "d" * 64, "split": "test", "correct": 9, "images": 10}
    known = {"name": "measured", "seed": 3, "accuracy": 0.9, "accuracies": [measured]}
    save_checkpoint("measured.safetensors", small_checkpoint().network, known)
    text = SWEEP.replace("small.safetensors", "measured.safetensors").replace("images: 4}", "images: 8}")
    Path("deployed.yaml").write_text(text.replace("sparsity: dense", "mitigations: recalibrated_outputs"))
    (key,) = (point.key for point in make_plan(load_sweep("deployed.yaml")).points)
    arguments = ["deploy", key[:8], "-o", "deployed.safetensors", "--sweep", "deployed.yaml"]
    monkeypatch.setattr(sys, "argv", ["binsparx", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    told = load_checkpoint("deployed.safetensors").metadata
    assert told == {"name": "deployed", "seed": 3, "deployed_from": "measured", "design_key": key}


def test_a_reference_is_blamed_on_its_converter_and_its_variants_are_references_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "circuit.yaml").write_text(REFERENCE + "solver: ideal_circuit\n")
    (point,) = make_plan(load_sweep(folder / "circuit.yaml")).points
    subject = Subject(point.key, point.design, point.model.checkpoint, point.model.digest, point.dataset, point.split)
    found = explain(subject, IMAGES, Store("references"), SimcoreEvaluator())
    assert [share.name for share in found.causes] == ["converter"]
    assert [share.name for share in found.passes] == ["re_ranging", "bent_references"]
