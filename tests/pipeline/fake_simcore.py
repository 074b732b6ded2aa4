"""Stand-ins for what the pipeline looks up in simcore, so that its own behaviour is tested without the physics."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.sweep import simulation
from pipeline.sweep.simulation import Model
from simcore.cost import DigitalLayer
from simcore.errors import unknown_name

DIGITAL_LAYERS = (DigitalLayer("conv", 9, 16, 100, 8), DigitalLayer("dense", 320, 10, 1, 8))
"""Of every stand-in network, beside its two mapped layers."""


@dataclass(frozen=True)
class Dataset:
    """200 small random images, always the same."""

    name: str = "fake-images"
    digest: str = "d" * 64
    classes: tuple[str, ...] = tuple("abcdefghij")
    image_shape: tuple[int, int, int] = (4, 4, 1)
    splits: dict[str, int] = field(default_factory=lambda: {"test": 200, "train": 100})

    def read(self, split: str, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng(5)
        images = generator.integers(0, 256, (self.splits[split], *self.image_shape), dtype=np.uint8)
        labels = generator.integers(0, 10, self.splits[split], dtype=np.int64)
        return images[start : start + count], labels[start : start + count]


def _open_dataset(reference: str, where: str) -> Dataset:
    if reference != "fake-images":
        raise unknown_name("data set", reference, ["fake-images"], where)
    return Dataset()


def _load_model(reference: str, where: str) -> Model:
    if reference not in ("fake-cnn", "other-cnn"):
        raise unknown_name("model", reference, ["fake-cnn", "other-cnn"], where)
    return Model(reference, hashlib.sha256(reference.encode()).hexdigest(), {"weights": np.arange(1000)})


def install(set_attribute: Any = setattr) -> None:
    """Puts the stand-ins in place; ``set_attribute`` may be pytest's monkeypatch."""
    replacements = {
        "DEFAULT_EVALUATOR": "tests.pipeline.fake_inference",
        "open_dataset": _open_dataset,
        "load_model": _load_model,
        "digital_layers": lambda model, mapped: DIGITAL_LAYERS,
    }
    for name, value in replacements.items():
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
