"""``binsparx devices``, ``effects``, ``models``, ``datasets``: what there is, as a table and as JSON."""

from __future__ import annotations

import json
import sys

import pytest

from pipeline.cli import main
from simcore.datasets import SAMPLE_NAMES, open_dataset
from simcore.effects.effect_blocks import load_block, preset_names
from simcore.network.checkpoint import model_names, save_checkpoint
from simcore.technology import circuit_parameters, corner_names, device_names
from tests.simcore.small_networks import small_checkpoint
from tests.simcore.technology.test_devices import own_file


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["binsparx", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
            raise SystemExit(0)
        output = capsys.readouterr()
        return int(end.value.code or 0), output.out, output.err

    return command


def test_devices(run, tmp_path):
    own = own_file(tmp_path)
    code, text, _ = run("devices", own, "--json")
    found = {row["device"]: row for row in json.loads(text)}
    assert code == 0 and list(found) == [*device_names(), own]
    for device, row in found.items():
        assert [corner["corner"] for corner in row["corners"]] == corner_names(device)
        for corner in row["corners"]:
            assert corner["on_current_A"] == circuit_parameters(device, corner["corner"]).on_current()
    assert not found[own]["has_costs"]
    code, text, _ = run("devices")
    assert code == 0
    lines = [line for line in text.splitlines() if line.startswith("8T-SRAM ")]
    assert [line.split()[2] for line in lines] == ["optimistic", "nominal", "pessimistic"]
    assert "0.264 V 8.63 µA" in " ".join(lines[1].split())


def test_effects(run, tmp_path):
    own = tmp_path / "cells.yaml"
    own.write_text("about: mine\nsource: my bench\neffect: {kind: measured_table, on: {mean_uS: 80, sigma_uS: 4}}\n")
    code, text, _ = run("effects", str(own), "--json")
    found = {row["effect"]: row for row in json.loads(text)}
    assert code == 0 and list(found) == [*preset_names(), str(own)]
    assert found[str(own)]["numbers"] == {"on": {"mean_uS": 80.0, "sigma_uS": 4.0}}
    assert found["wan-2022"]["depends_on"] == ["age_s"]
    assert all(row["source"] and row["kind"] == load_block(name).effect.kind for name, row in found.items())
    code, text, _ = run("effects")
    assert code == 0 and "aihwkit" in text


def test_models(run):
    code, text, _ = run("models", "--json")
    found = {row["model"]: row for row in json.loads(text)}
    assert code == 0 and list(found) == model_names()
    assert found["fashion-cnn"]["input_shape"] == [1, 28, 28]
    assert len(found["resnet18-cifar"]["binary_layers"]) == 16
    _, text, _ = run("models")
    assert "3x32x32" in text and "10,985,472" in text and "% of 10000 images" in text


def test_records_of_a_network_that_say_nothing_are_left_out(run, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    sound = {"dataset": "ab" * 32, "split": "test", "correct": 9, "images": 10}
    broken = [0.9, {}, sound | {"images": 0, "correct": 0}, sound | {"dataset": None}, sound | {"correct": "9"}]
    save_checkpoint(tmp_path / "mine.safetensors", small_checkpoint().network, {"accuracies": [*broken, sound]})
    code, text, _ = run("models", "mine.safetensors")
    assert code == 0 and "90.0 % of 10 images" in text
    _, text, _ = run("models", "mine.safetensors", "--json")
    assert json.loads(text)[-1]["accuracies"] == [sound]


def test_datasets(run, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/mine").symlink_to(open_dataset("fashion-mnist").folder)
    code, text, _ = run("datasets", "--json")
    found = {row["dataset"]: row for row in json.loads(text)}
    assert code == 0 and list(found) == [*SAMPLE_NAMES, "data/mine"]
    assert found["data/mine"]["splits"] == {"test": 2500, "train": 500}
    _, text, _ = run("datasets")
    assert "test 2500, train 500" in text


@pytest.mark.parametrize(
    ("kind", "known"),
    [("device", "8T-SRAM"), ("effect", "sram-vt-5"), ("model", "vgg-small"), ("dataset", "fashion-mnist")],
)
def test_what_is_not_there_gives_one_line(run, kind, known):
    code, text, errors = run(f"{kind}s", "nope")
    assert (code, text) == (2, "")
    assert len(errors.splitlines()) == 1 and known in errors


def test_a_folder_that_nobody_named_costs_no_listing(run, tmp_path):
    (tmp_path / "data/old").mkdir(parents=True)
    (tmp_path / "data/old/dataset.json").write_text("{")
    code, text, errors = run("datasets", "--json")
    assert code == 0 and {row["dataset"] for row in json.loads(text)} == set(SAMPLE_NAMES)
    assert errors.startswith("warning: left out: ") and "data/old" in errors
    code, _, errors = run("datasets", "data/old")
    assert code == 2 and "data/old" in errors and "warning" not in errors


@pytest.mark.parametrize("kind", ["devices", "effects", "models", "datasets"])
def test_tables_fit_a_narrow_terminal(run, monkeypatch, kind):
    monkeypatch.setenv("COLUMNS", "80")
    _, text, _ = run(kind)
    known = {
        "devices": device_names(), "effects": preset_names(), "models": model_names(), "datasets": SAMPLE_NAMES,
    }  # fmt: skip
    names = known[kind]
    for name in names:
        assert any(line.split()[:1] == [name] for line in text.splitlines()), "a name is broken into two lines"
    assert max(len(line) for line in text.splitlines()) <= 80
