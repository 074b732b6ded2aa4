"""``binsparx model check`` and ``model show``: what is said of a network, as text and as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.cli import main
from pipeline.doctor.examination import recorded
from simcore.datasets import open_dataset
from simcore.network.checkpoint import save_checkpoint
from simcore.network.graph import NetworkGraph, Node
from simcore.network.modules import GraphNetwork
from tests.simcore.small_networks import small_checkpoint, small_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    small_dataset(folder)
    save_checkpoint(folder / "small.safetensors", small_checkpoint().network, {"name": "small", "accuracy": 0.97})
    return folder


@pytest.fixture
def run(monkeypatch, folder, capsys):
    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["binsparx", "model", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
            raise SystemExit(0)
        output = capsys.readouterr()
        return int(end.value.code or 0), output.out, output.err

    return command


def test_show_says_what_is_on_arrays_and_why_the_rest_is_not(run):
    code, text, _ = run("show", "small.safetensors", "--rows", "16", "--cols", "5", "--json")
    shown = json.loads(text)
    nodes = {node["name"]: node for node in shown["nodes"]}
    assert code == 0 and shown["array"] == {"rows": 16, "cols": 5, "device": "8T-SRAM", "corner": "nominal"}
    assert [name for name, node in nodes.items() if node["mapped"]] == ["wide", "narrow", "dense"]
    # 45 inputs on 16 rows, 7 outputs on 5 columns; 21 and 3; 90 and 11.
    assert [nodes[name]["tiles"] for name in ("wide", "narrow", "dense")] == [3 * 2, 2 * 1, 6 * 3]
    assert shown["tiles"] == 26 and nodes["wide"]["shape"] == [7, 5, 9] and nodes["wide"]["parameters"] == 7 * 45
    assert nodes["stem"]["reason"] == "weights and inputs in full precision" and nodes["stem"]["energy_J"] > 0
    assert nodes["bn1"]["energy_J"] is None
    layers = [node["energy_J"] for node in shown["nodes"] if node["energy_J"]]
    # Tiles leak until the image is done: in the total alone.
    assert sum(layers) * 0.99 < shown["energy_J"] < 2 * sum(layers)


def test_show_fits_a_narrow_terminal_and_names_what_a_node_takes(run, monkeypatch, folder):
    def node(name, op, *inputs, **attrs):
        return Node(name=name, op=op, inputs=inputs, attrs=attrs)

    size = {"in_features": 4, "out_features": 4}
    graph = NetworkGraph(
        nodes=(
            node("layers.0.fc", "binary_linear", "input", **size),
            node("layers.1.fc", "binary_linear", "layers.0.fc", **size),
            node("sum", "add", "layers.1.fc", "input"),
        ),
        input_shape=(4,),
        classes=4,
    )
    save_checkpoint(folder / "nested.safetensors", GraphNetwork(graph), {})
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(Console, "is_terminal", True)
    code, text, _ = run("show", "nested.safetensors")
    assert code == 0 and max(map(len, text.splitlines())) <= 80
    assert "layers.0.fc binary_linear" in text and "layers.1.fc, input" in text


def test_check_measures_and_maps_every_layer_alone(run):
    options = ["--dataset", "dataset", "--mapped-images", "8", "--rows", "16", "--cols", "16"]
    code, text, _ = run("check", "small.safetensors", *options, "--json")
    found = json.loads(text)
    assert code == 0 and found["images"] == 30 and found["findings"] == []
    assert found["expected"] == {"accuracy": 0.97, "source": "recorded"} and found["falls_short"] is True
    assert {layer["name"]: layer["padding"] for layer in found["layers"]} == {"wide": 0, "narrow": 0, "dense": None}
    assert all(0.2 < layer["weight_share"] < 0.8 for layer in found["layers"])
    assert [one["layer"] for one in found["mapped"]] == ["wide", "narrow", "dense"] and found["not_mapped"] == ""
    for one in found["mapped"]:
        change, low, high = one["lost"]
        assert low <= change <= high and one["energy_J"] > 0 and one["images"] == 8


def test_an_accuracy_of_other_data_is_not_expected_of_these(folder):
    checkpoint, dataset = small_checkpoint(), open_dataset(str(folder / "dataset"))
    on_these = {"dataset": dataset.digest, "split": "test", "correct": 9, "images": 10}
    for metadata, expected in (
        ({"accuracy": 0.97}, 0.97),
        ({"accuracy": 0.97, "dataset": {"digest": "of other data"}}, None),
        ({"accuracy": 0.97, "dataset": {"digest": dataset.digest}}, 0.97),
        ({"accuracy": 0.97, "accuracies": [on_these | {"split": "train"}]}, None),
        ({"accuracy": 0.97, "accuracies": [on_these]}, 0.9),
    ):
        found = recorded(replace(checkpoint, metadata=metadata), dataset, "test")
        assert (found and found.accuracy) == expected


def test_check_says_in_words_what_it_found(run):
    options = ["--dataset", "dataset", "--expected", "0.2", "--mapped-images", "0"]
    code, text, _ = run("check", "small.safetensors", *options)
    assert code == 0 and "expected: 20.0 % (as given)" in text and "no usual mistake looks likely" in text
    assert "0, rows off" in text and "no layer was put on arrays: not asked for" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "smal"), "unknown network 'smal'"),
        (("show", "missing.safetensors"), "no such network file"),
        (("show", "small.safetensors", "--device", "9T"), "--device: unknown"),
        (("show", "small.safetensors", "--corner", "nominl"), "did you mean 'nominal'"),
        (("check", "small.safetensors", "--dataset", "nope"), "--dataset: unknown dataset"),
        (("check", "small.safetensors", "--dataset", "fashion-mnist"), "network 'small' takes inputs of shape"),
        (("check", "small.safetensors", "--dataset", "dataset", "--split", "tset"), "did you mean 'test'"),
        (("check", "small.safetensors", "--dataset", "dataset", "--mapped-images", "99"), "split 'test' has 30 images"),
    ],
)  # fmt: skip
def test_bad_input_gives_one_line(run, arguments, message):
    code, text, errors = run(*arguments)
    assert (code, text) == (2, "") and len(errors.splitlines()) == 1 and message in errors
