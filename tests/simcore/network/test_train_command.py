"""``binsparx train`` from its command line, on the sample that ships."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from pipeline.cli.train import _shipped_sample, train
from simcore.datasets import open_dataset
from simcore.datasets.sample_format import SampleFormat
from simcore.errors import InputError
from simcore.network.accuracy import measure_accuracy
from simcore.network.checkpoint import find_model, load_checkpoint

app = typer.Typer()
app.command()(train)


def _run(folder: Path, *arguments: str, network: str = "fashion-cnn", data: str = "fashion-mnist") -> Result:
    output, state = folder / "net.safetensors", folder / "state"
    fixed = [network, "--data", data, "--output", str(output), "--state", str(state), "--threads", "1"]
    return CliRunner().invoke(app, [*fixed, *arguments])


def test_train_writes_a_network_with_its_provenance_and_goes_on(tmp_path: Path) -> None:
    first = _run(tmp_path, "--epochs", "1", "--seed", "3")
    assert first.exit_code == 0, first.output
    path = tmp_path / "net.safetensors"
    checkpoint, sample = load_checkpoint(path), open_dataset("fashion-mnist")
    metadata = checkpoint.metadata
    assert (metadata["name"], metadata["network"]) == ("net", "fashion-cnn")
    assert (metadata["seed"], metadata["epochs"]) == (3, 1)
    assert metadata["dataset"]["digest"] == sample.digest
    assert metadata["recipe"]["batch_size"] == 100
    assert (metadata["start"], metadata["teacher"]) == ("random", None)
    assert metadata["arithmetic"]["precision"] in ("bfloat16", "float32")
    assert (metadata["arithmetic"]["device"], metadata["arithmetic"]["threads"]) == ("cpu", 1)
    (result,) = metadata["accuracies"]
    assert result["images"] == sample.splits["test"]
    assert metadata["accuracy"] == measure_accuracy(checkpoint.network, sample, "test").fraction
    assert checkpoint.digest[:12] in first.stdout
    assert load_checkpoint(tmp_path / "state" / "latest.safetensors").digest == checkpoint.digest

    path.unlink()
    assert _run(tmp_path, "--epochs", "1", "--seed", "3").exit_code == 0
    assert load_checkpoint(path).digest == checkpoint.digest


def test_a_network_that_began_with_a_training_tells_of_it(tmp_path: Path) -> None:
    assert _run(tmp_path / "first", "--epochs", "1", "--seed", "3").exit_code == 0
    state = tmp_path / "first" / "state" / "state.safetensors"
    assert _run(tmp_path, "--epochs", "1", "--init", str(state)).exit_code == 0
    first, second = (load_checkpoint(folder / "net.safetensors").metadata for folder in (tmp_path / "first", tmp_path))
    assert second["start"] == {
        "file": "state.safetensors",
        "sha256": hashlib.sha256(state.read_bytes()).hexdigest(),
        "training": {"epochs": 1, "recipe": first["recipe"], "seed": 3, "start": "", "teacher": ""},
    }

    assert _run(tmp_path / "third", "--epochs", "1", "--init", str(tmp_path / "net.safetensors")).exit_code == 0
    assert set(load_checkpoint(tmp_path / "third" / "net.safetensors").metadata["start"]) == {"file", "sha256"}


def test_a_taught_network_names_its_teacher(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("teacher_share: 0.5")
    arguments = ("--epochs", "1", "--teacher", "fashion-cnn", "--recipe", str(recipe))
    assert _run(tmp_path, *arguments).exit_code == 0
    metadata, teacher = (
        load_checkpoint(tmp_path / "net.safetensors").metadata,
        load_checkpoint(find_model("fashion-cnn")),
    )
    assert metadata["teacher"] == {
        "name": "fashion-cnn",
        "digest": teacher.digest,
        "accuracy": teacher.metadata["accuracy"],
    }
    assert metadata["recipe"]["teacher_share"] == 0.5
    untaught = _run(tmp_path, "--epochs", "1", "--recipe", str(recipe))
    assert "another teacher" in str(untaught.exception)


def test_the_sample_that_ships_is_measured_only_where_it_is_one_of_the_dataset() -> None:
    sample = open_dataset("fashion-mnist")
    whole = replace(sample, digest="d" * 64)
    assert _shipped_sample(whole) == [(sample, None)]
    for namesake in (replace(whole, sample=SampleFormat.image((32, 32, 3))), replace(whole, classes=("cat", "dog"))):
        assert _shipped_sample(namesake) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--init", "absent.safetensors"], "no such file"),
        (["--recipe", "absent.yaml"], "absent.yaml"),
        (["--teacher", "fashion-cn"], "did you mean 'fashion-cnn'?"),
        (["--device", "tpu"], "unknown device 'tpu'"),
        (["--output", "net.pt"], "safetensors"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(tmp_path: Path, arguments: list[str], message: str) -> None:
    result = _run(tmp_path, *arguments)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_a_network_or_dataset_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    for result in (
        _run(tmp_path, network="fashion"),
        _run(tmp_path, data="fashion-mnits"),
        _run(tmp_path, network="vgg-small"),
    ):
        assert isinstance(result.exception, InputError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["epochs: many", "batchsize: 10", "- 1", "epochs: [", "learning_rate: 2"])
def test_a_recipe_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(text)
    result = _run(tmp_path / "out", "--recipe", str(recipe))
    assert isinstance(result.exception, InputError)
    assert "recipe.yaml" in str(result.exception)
    assert not (tmp_path / "out").exists()
