"""``binsparx data``: the options reach the import, and what is shown is true."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline.cli.data import data_app, parse_limits, parse_size
from simcore.datasets import open_dataset
from simcore.errors import InputError
from tests.simcore.datasets.source_files import random_images, write_idx_pair

IMAGES, LABELS = random_images(30, (4, 4, 1), classes=3)


@pytest.fixture
def source(tmp_path):
    write_idx_pair(tmp_path / "source", "t10k", IMAGES, LABELS)
    write_idx_pair(tmp_path / "source", "train", IMAGES, LABELS)
    return tmp_path / "source"


def run(*arguments):
    return CliRunner().invoke(data_app, [str(argument) for argument in arguments])


def test_import_passes_every_option_on(tmp_path, source):
    options = ["--from", "idx", "--name", "mine", "--splits", "test,train", "--limit", "test=20", "--limit", "train=6"]
    options += ["--balanced-seed", "3", "--shard-images", "8", "--classes", "a,b,c"]
    result = run("import", source, tmp_path / "out", *options)
    assert result.exit_code == 0, result.output
    dataset = open_dataset(tmp_path / "out")
    assert dataset.name == "mine" and dataset.classes == ("a", "b", "c")
    assert dataset.splits == {"test": 20, "train": 6} and len(dataset.manifest.splits["test"].shards) == 3
    assert dataset.digest in result.output and "split test: 20 of 20 images" in result.output


def test_a_split_that_begins_with_one_class_is_told_of_and_can_be_shuffled(tmp_path):
    images, _ = random_images(80, (4, 4, 1))
    write_idx_pair(tmp_path / "source", "train", images, np.repeat([0, 1], 40))
    write_idx_pair(tmp_path / "source", "t10k", images, np.zeros(80, int))  # one class is all it has
    sorted_by_class = run("import", tmp_path / "source", tmp_path / "out")
    (warning,) = [line for line in sorted_by_class.stderr.splitlines() if line.startswith("warning")]
    assert "split 'train'" in warning and "--shuffle-seed" in warning
    shuffled = run("import", tmp_path / "source", tmp_path / "out", "--force", "--shuffle-seed", "0")
    assert shuffled.exit_code == 0 and "warning" not in shuffled.stderr
    assert set(open_dataset(tmp_path / "out").labels("train")[:32].tolist()) == {0, 1}


def test_import_refuses_an_existing_target_unless_forced(tmp_path, source):
    assert run("import", source, tmp_path / "out").exit_code == 0
    refused = run("import", source, tmp_path / "out")
    assert isinstance(refused.exception, InputError) and "--force" in str(refused.exception)
    assert run("import", source, tmp_path / "out", "--force", "--limit", "test=5").exit_code == 0
    assert open_dataset(tmp_path / "out").splits["test"] == 5


def test_show_prints_json(tmp_path, source):
    run("import", source, tmp_path / "out", "--name", "mine")
    shown = json.loads(run("show", tmp_path / "out", "--json", "--verify").stdout)
    assert shown["name"] == "mine" and shown["verified"] is True
    assert shown["splits"]["test"] == {"images": 30, "shards": 1, "selection": "all 30"}
    assert shown["digest"] == open_dataset(tmp_path / "out").digest


def test_show_a_sample():
    result = run("show", "fashion-mnist", "--verify")
    assert result.exit_code == 0 and "2500 images" in result.output and "verified" in result.output


def test_show_verify_notices_damage(tmp_path, source):
    run("import", source, tmp_path / "out")
    path = tmp_path / "out" / "train-00000.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    result = run("show", tmp_path / "out", "--verify")
    assert isinstance(result.exception, InputError) and "train-00000.parquet is truncated" in str(result.exception)


def test_names_with_markup_are_printed_as_they_are(tmp_path, source):
    result = run("import", source, tmp_path / "out", "--classes", "[red]a[/red],[/b],c")
    assert result.exit_code == 0 and "[red]a[/red], [/b], c" in result.output


@pytest.mark.parametrize("value", ["test", "test=", "=3", "test=x", "test=-1", "test=1.5"])
def test_a_limit_that_is_not_split_and_number_is_refused(value):
    with pytest.raises(InputError, match="--limit: .* SPLIT=N"):
        parse_limits([value])


def test_a_split_limited_twice_is_refused():
    with pytest.raises(InputError, match="two limits"):
        parse_limits(["test=1", "test=2"])


def test_sizes():
    assert parse_size(None) is None and parse_size("32") == (32, 32) and parse_size("32x48") == (32, 48)
    for value in ("", "x", "32x", "a", "1x2x3", "-3", "32 x 32"):
        with pytest.raises(InputError, match="--size"):
            parse_size(value)
