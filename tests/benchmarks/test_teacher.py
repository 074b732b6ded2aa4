"""The teacher of full precision, on a thousandth of the work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import teacher
from simcore.datasets import Dataset
from simcore.datasets.sample_format import SampleFormat
from simcore.errors import InputError
from simcore.network.accuracy import measure_accuracy
from simcore.network.checkpoint import load_checkpoint


class Colours(Dataset):
    """80 images of noise, their class told by one of ten shades of grey."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        labels = np.arange(80, dtype=np.int64) % 10
        images = (random.integers(0, 20, (80, 32, 32, 3)) + 23 * labels[:, None, None, None]).astype(np.uint8)
        for name, value in {
            "name": "colours",
            "digest": "d" * 64,
            "classes": tuple("0123456789"),
            "sample": SampleFormat.image((32, 32, 3)),
            "splits": {"train": 80, "test": 80},
            "content": (images, labels),
        }.items():
            object.__setattr__(self, name, value)

    def read(self, split: str, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        images, labels = self.content  # type: ignore[attr-defined]
        return images[start : start + count], labels[start : start + count]


def test_the_network_that_is_saved_is_the_one_that_was_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, modules = Colours(), []
    train = teacher.train
    monkeypatch.setattr(teacher, "EPOCHS", 2)
    monkeypatch.setattr(teacher, "BATCH", 20)
    monkeypatch.setattr(teacher, "open_dataset", lambda reference: dataset)
    monkeypatch.setattr(teacher, "train", lambda data: modules.append(train(data)) or modules[0])
    teacher.main("colours", tmp_path / "teacher.safetensors")
    saved = load_checkpoint(tmp_path / "teacher.safetensors")
    pixels, _ = dataset.read("test", 0, 20)
    with torch.no_grad():
        expected = modules[0](teacher.normalised(pixels))
        found = saved.network(torch.from_numpy(pixels).permute(0, 3, 1, 2).float())
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert saved.metadata["accuracy"] == measure_accuracy(saved.network, dataset, "test").fraction
    assert saved.network.binary_layers() == []


def test_a_place_that_cannot_be_written_is_said_before_the_training(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        teacher.main("colours", tmp_path)
