"""The teacher of full precision, on a thousandth of the work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import teacher
from simcore.errors import InputError
from simcore.network.accuracy import measure_accuracy
from simcore.network.checkpoint import load_checkpoint
from simcore.network.inputs import network_input
from tests.simcore.network.in_memory import InMemory


def _greys() -> InMemory:
    """80 images of noise, their class told by one of ten shades of grey."""
    random = np.random.default_rng(0)
    labels = np.arange(80, dtype=np.int64) % 10
    images = (random.integers(0, 20, (80, 32, 32, 3)) + 23 * labels[:, None, None, None]).astype(np.uint8)
    return InMemory("greys", tuple("0123456789"), images, labels)


def test_the_network_that_is_saved_is_the_one_that_was_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, modules = _greys(), []
    train = teacher.train
    monkeypatch.setattr(teacher, "EPOCHS", 2)
    monkeypatch.setattr(teacher, "BATCH", 20)
    monkeypatch.setattr(teacher, "open_dataset", lambda reference: dataset)
    monkeypatch.setattr(teacher, "train", lambda data: modules.append(train(data)) or modules[0])
    teacher.main("greys", tmp_path / "teacher.safetensors")
    saved = load_checkpoint(tmp_path / "teacher.safetensors")
    pixels, _ = dataset.read("test", 0, 20)
    with torch.no_grad():
        expected = modules[0](teacher.normalised(pixels))
        found = saved.network(network_input(pixels))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert saved.metadata["accuracy"] == measure_accuracy(saved.network, dataset, "test").fraction
    assert saved.network.binary_layers() == []


def test_a_place_that_cannot_be_written_is_said_before_the_training(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        teacher.main("greys", tmp_path)
