"""A data set that small networks learn in seconds."""

from __future__ import annotations

import numpy as np

from simcore.datasets import Dataset
from simcore.datasets.sample_format import SampleFormat


class Stripes(Dataset):
    """60 made-up images in three classes: bright at the top, at the bottom, or all over."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        labels = np.arange(60, dtype=np.int64) % 3
        images = random.integers(0, 90, (60, 8, 8, 2), dtype=np.uint8)
        images[labels != 1, :4] += 150
        images[labels != 0, 4:] += 150
        for name, value in {
            "name": "stripes",
            "digest": "d" * 64,
            "classes": ("top", "bottom", "all"),
            "sample": SampleFormat.image((8, 8, 2)),
            "splits": {"train": 60, "test": 60},
            "content": (images, labels),
        }.items():
            object.__setattr__(self, name, value)

    def read(self, split: str, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        images, labels = self.content  # type: ignore[attr-defined]
        return images[start : start + count], labels[start : start + count]
