"""Data sets of made-up images that lie in memory."""

from __future__ import annotations

import numpy as np

from simcore.datasets import Dataset
from simcore.datasets.sample_format import SampleFormat


class InMemory(Dataset):
    """The same images, uint8 (N, H, W, C), and labels as splits ``train`` and ``test``."""

    def __init__(self, name: str, classes: tuple[str, ...], images: np.ndarray, labels: np.ndarray) -> None:
        for field, value in {
            "name": name,
            "digest": "d" * 64,
            "classes": classes,
            "sample": SampleFormat.image(images.shape[1:]),
            "splits": {"train": len(images), "test": len(images)},
            "content": (images, labels),
        }.items():
            object.__setattr__(self, field, value)

    def read(self, split: str, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        images, labels = self.content  # type: ignore[attr-defined]
        return images[start : start + count], labels[start : start + count]


class Stripes(InMemory):
    """60 images in three classes, which small networks learn in seconds: bright at the top, the bottom, all over."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        labels = np.arange(60, dtype=np.int64) % 3
        images = random.integers(0, 90, (60, 8, 8, 2), dtype=np.uint8)
        images[labels != 1, :4] += 150
        images[labels != 0, 4:] += 150
        super().__init__("stripes", ("top", "bottom", "all"), images, labels)
