"""Checkpoints: bit-exact round trips, and files that are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

from simcore.datasets import SAMPLE_NAMES, open_dataset
from simcore.errors import InputError
from simcore.network import checkpoint
from simcore.network.accuracy import measure_accuracy
from simcore.network.checkpoint import find_model, load_checkpoint, model_names, network_digest, save_checkpoint
from tests.simcore.network.networks import random_images, random_network, tiny_graph

Tensors = dict[str, np.ndarray]
Header = dict[str, str]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, random_network(tiny_graph()), {"name": "tiny", "epochs": 3})
    return path


def _altered(path: Path, change: Callable[[Tensors, Header], None]) -> Path:
    with safe_open(path, framework="numpy") as file:
        header = dict(file.metadata())
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(tensors, header)
    save_file(tensors, path, metadata=header)
    return path


def test_round_trip_is_exact_to_the_bit(tmp_path: Path) -> None:
    network = random_network(tiny_graph())
    path = tmp_path / "folder" / "tiny.safetensors"
    digest = save_checkpoint(path, network, {"name": "tiny", "accuracy": 0.5})
    loaded = load_checkpoint(path)
    assert (loaded.name, loaded.digest, loaded.metadata["accuracy"]) == ("tiny", digest, 0.5)
    assert not loaded.network.training
    for before, after in zip(network.binary_layers(), loaded.network.binary_layers(), strict=True):
        assert before.name == after.name
        np.testing.assert_array_equal(before.weight, after.weight)
    images = random_images(network.graph, 7)
    with torch.inference_mode():
        assert torch.equal(loaded.network(images), network(images))
    assert save_checkpoint(tmp_path / "again.safetensors", loaded.network, {}) == digest
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["again.safetensors", "folder", "tiny.safetensors"]


def test_binary_weights_take_one_bit(saved: Path) -> None:
    with safe_open(saved, framework="numpy") as file:
        assert file.get_tensor("first.weight").dtype == np.uint8
        assert file.get_tensor("first.weight").size == 4 * 4 * 9 // 8
        assert file.get_tensor("logits.weight").dtype == np.float32


def test_the_digest_depends_on_content_alone(tmp_path: Path) -> None:
    network = random_network(tiny_graph())
    digest = network_digest(network)
    assert save_checkpoint(tmp_path / "a.safetensors", network, {"name": "a"}) == digest
    network.named_tensors()["first.weight"].mul_(3)  # the signs stay
    assert network_digest(network.to(memory_format=torch.channels_last)) == digest
    network.named_tensors()["first.weight"].neg_()
    assert network_digest(network) != digest


def test_a_truncated_file_is_refused(saved: Path) -> None:
    content = saved.read_bytes()
    for length in (0, 5, len(content) // 2, len(content) - 1):
        saved.write_bytes(content[:length])
        with pytest.raises(InputError, match="tiny.safetensors"):
            load_checkpoint(saved)


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(b"PK\x03\x04 a zip, or anything")
    with pytest.raises(InputError, match="not a complete safetensors file"):
        load_checkpoint(foreign)
    save_file({"weight": np.zeros(3, np.float32)}, foreign)
    with pytest.raises(InputError, match="not a network saved by binsparx"):
        load_checkpoint(foreign)
    with pytest.raises(InputError, match="no such file"):
        load_checkpoint(tmp_path / "absent.safetensors")
    with pytest.raises(InputError):
        load_checkpoint(tmp_path)


def test_one_flipped_weight_is_noticed(saved: Path) -> None:
    def flip(tensors: Tensors, header: Header) -> None:
        tensors["first.weight"] = tensors["first.weight"].copy()
        tensors["first.weight"][0] ^= 1

    with pytest.raises(InputError, match="digest"):
        load_checkpoint(_altered(saved, flip))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, h: h.update(version="9"), "version 9"),
        (lambda t, h: h.pop("graph"), "has no field 'graph'"),
        (lambda t, h: h.update(graph="{"), "JSON"),
        (lambda t, h: h.update(metadata="[]"), "metadata"),
        (lambda t, h: t.pop("first.weight"), "'first.weight' is in the graph, but not in the file"),
        (lambda t, h: t.update(more=np.zeros(1, np.float32)), "'more' is in the file, but not in the graph"),
        (lambda t, h: t.update({"bn0.bias": np.zeros(5, np.float32)}), "'bn0.bias' is F32"),
        (lambda t, h: t.update({"first.weight": np.ones((4, 4, 3, 3), np.float32)}), "'first.weight' is F32"),
    ],
)
def test_a_file_that_does_not_fit_its_graph_is_refused(
    saved: Path, change: Callable[[Tensors, Header], None], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load_checkpoint(_altered(saved, change))


@pytest.mark.parametrize(
    ("tensor", "value", "message"),
    [
        ("bn0.bias", float("nan"), "'bn0.bias' holds a value that is not a finite number"),
        ("logits.weight", float("inf"), "'logits.weight' holds a value that is not a finite number"),
        ("bn1.running_var", -1.0, "'bn1.running_var' holds a negative variance"),
    ],
)
def test_numbers_that_no_network_computes_with_are_neither_saved_nor_loaded(
    saved: Path, tensor: str, value: float, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()
    network = random_network(tiny_graph())
    network.named_tensors()[tensor].view(-1)[0] = value
    with pytest.raises(InputError, match=message):
        save_checkpoint(saved, network, {})
    assert saved.read_bytes() == before
    with monkeypatch.context() as patch:  # a file written by somebody else, its digest in order
        patch.setattr(checkpoint, "_require_usable", lambda network, where: None)
        save_checkpoint(saved, network, {})
    with pytest.raises(InputError, match=message):
        load_checkpoint(saved)


def test_a_graph_that_asks_for_absurd_memory_is_refused_before_it_gets_any(saved: Path) -> None:
    def widen(tensors: Tensors, header: Header) -> None:
        graph = json.loads(header["graph"])
        dense = next(node for node in graph["nodes"] if node["name"] == "dense")
        dense["attrs"]["out_features"] = 60_000
        for node in graph["nodes"]:
            if node["name"] == "bn3":
                node["attrs"]["channels"] = 60_000
            if node["name"] == "logits":
                node["attrs"]["in_features"] = 60_000
        header["graph"] = json.dumps(graph)

    with pytest.raises(InputError, match="the graph needs"):
        load_checkpoint(_altered(saved, widen))


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ({"kernel": 3, "padding": 1}, "it has 38654705664 weights, more than"),
        ({"kernel": 1, "padding": 65_535, "stride": 65_535}, "padded to 65536x131071x131071 it takes more than"),
    ],
)
def test_a_graph_that_asks_for_too_much_memory_is_refused(saved: Path, window: dict[str, int], message: str) -> None:
    wide = {"in_channels": 65_536, "out_channels": 65_536, **window}
    nodes = [
        {"name": "wide", "op": "conv2d", "inputs": ["input"], "attrs": wide},
        {"name": "flat", "op": "flatten", "inputs": ["wide"], "attrs": {}},
    ]
    graph = json.dumps({"nodes": nodes, "input_shape": [65_536, 1, 1], "classes": 65_536})
    with pytest.raises(InputError, match=f"tiny.safetensors node 'wide': {message}"):
        load_checkpoint(_altered(saved, lambda tensors, header: header.update(graph=graph)))


def test_a_failed_save_leaves_what_was_there(saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(ValueError):
        save_checkpoint(saved, random_network(tiny_graph(), seed=2), {"accuracy": float("nan")})
    assert saved.read_bytes() == before
    with pytest.raises(InputError, match="cannot write"):
        save_checkpoint(saved / "below.safetensors", random_network(tiny_graph()), {})


def test_find_model(saved: Path) -> None:
    assert find_model(saved) == saved
    assert find_model("fashion-cnn").is_file()
    with pytest.raises(InputError, match="did you mean 'fashion-cnn'"):
        find_model("fashion-cn", where="sweep.yaml:3 models[0]")
    with pytest.raises(InputError, match="no such network file"):
        find_model("folder/absent.safetensors")


@pytest.mark.parametrize("name", model_names())
def test_a_network_that_ships_has_the_accuracy_it_says(name: str) -> None:
    checkpoint = load_checkpoint(find_model(name))
    samples = {open_dataset(sample).digest: sample for sample in SAMPLE_NAMES}
    known = [result for result in checkpoint.metadata["accuracies"] if result["dataset"] in samples]
    assert checkpoint.name == name
    # CNV-W1A1 learnt from CIFAR-10's own pixels, and meets those of JPEG here.
    assert checkpoint.metadata["accuracy"] > {"fashion-cnn": 0.85, "cnv-w1a1": 0.74}.get(name, 0.82)
    if not known:
        pytest.skip(f"no sample of the dataset of {name} ships")
    for result in known:
        measured = measure_accuracy(checkpoint.network, open_dataset(samples[result["dataset"]]), result["split"])
        assert measured.images == result["images"]
        # The first and last layer are in floating point: another processor may decide a very close call otherwise.
        assert abs(measured.correct - result["correct"]) <= 3
