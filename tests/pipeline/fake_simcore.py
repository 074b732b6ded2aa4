"""Stand-ins for what the pipeline looks up in simcore, so that its own behaviour is tested without the physics."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.sweep import protocols, simulation
from pipeline.sweep.simulation import Model
from simcore.errors import unknown_name
from simcore.network.graph import NetworkGraph, Node
from tests.pipeline.fake_inference import MAPPED_LAYERS, FakeEvaluator


def _node(op: str, name: str, before: str, **attrs: object) -> Node:
    return Node(name=name, op=op, inputs=(before,), attrs=attrs)


def _convolution(op: str, name: str, before: str, *sizes: int) -> Node:
    names = ("in_channels", "out_channels", "kernel", "stride", "padding")
    return _node(op, name, before, **dict(zip(names, sizes, strict=True)))


GRAPH = NetworkGraph(
    nodes=(
        _convolution("conv2d", "conv", "input", 1, 16, 3, 1, 4),
        _convolution("binary_conv2d", MAPPED_LAYERS[0], "conv", 16, 20, 3, 3, 1),
        _convolution("binary_conv2d", MAPPED_LAYERS[1], MAPPED_LAYERS[0], 20, 20, 3, 1, 1),
        _node("flatten", "flat", MAPPED_LAYERS[1]),
        _node("linear", "dense", "flat", in_features=320, out_features=10),
    ),
    input_shape=(1, 4, 4),
    classes=10,
)
"""Of every stand-in network: two layers for arrays between two digital ones."""


@dataclass(frozen=True)
class Network:
    """A network without weights."""

    graph: NetworkGraph = GRAPH

    def binary_layers(self) -> list[Node]:
        return [node for node in self.graph.nodes if node.op.startswith("binary_")]


@dataclass(frozen=True)
class Checkpoint:
    """A network that was never trained."""

    name: str
    network: Network = Network()

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()

    def binary_layers(self, where: str) -> list[Node]:
        return self.network.binary_layers()


@dataclass(frozen=True)
class Dataset:
    """200 small random images, always the same."""

    name: str = "fake-images"
    digest: str = "d" * 64
    classes: tuple[str, ...] = tuple("abcdefghij")
    input_shape: tuple[int, ...] = (1, 4, 4)
    splits: dict[str, int] = field(default_factory=lambda: {"test": 200, "train": 100})

    def read(self, split: str, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng(5)
        images = generator.integers(0, 256, (self.splits[split], 4, 4, 1), dtype=np.uint8)
        labels = generator.integers(0, 10, self.splits[split], dtype=np.int64)
        return images[start : start + count], labels[start : start + count]

    def verify(self) -> None:
        """Nothing is on a disk that could be damaged."""


def _open_dataset(reference: str, where: str) -> protocols.Dataset:
    if reference != "fake-images":
        raise unknown_name("data set", reference, ["fake-images"], where)
    return Dataset()


def _load_model(reference: str, where: str) -> Model:
    if reference not in ("fake-cnn", "other-cnn"):
        raise unknown_name("model", reference, ["fake-cnn", "other-cnn"], where)
    checkpoint = Checkpoint(reference)
    return Model(reference, checkpoint.digest, checkpoint)


def _default_evaluator() -> protocols.Evaluator:
    return FakeEvaluator()


def install(set_attribute: Callable[[object, str, object], None] = setattr) -> None:
    """Puts the stand-ins in place of what the command line looks up; ``set_attribute`` may be pytest's monkeypatch."""
    for name, value in (
        ("default_evaluator", _default_evaluator),
        ("open_dataset", _open_dataset),
        ("load_model", _load_model),
    ):
        set_attribute(simulation, name, value)


def sweep_text(**changes: str) -> str:
    """A small sweep of 4 designs x 100 images; a change replaces a whole top-level line."""
    lines = {
        "name": "small",
        "models": "fake-cnn",
        "devices": "8T-SRAM",
        "arrays": "[32x32, 64x64]",
        "sparsity": "[dense, binsparx]",
        "dataset": "{name: fake-images, images: 100, calibration_images: 10}",
        "shard_images": "25",
        **changes,
    }
    return "".join(f"{name}: {value}\n" for name, value in lines.items())


def write_sweep(folder: Path, **changes: str) -> str:
    """Writes ``sweep_text`` and returns its path."""
    path = folder / "small.yaml"
    path.write_text(sweep_text(**changes))
    return str(path)
