"""Image by image: what one design made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.storage.shard_files import find_shard_files, read_shards
from pipeline.storage.shards import longest_chain
from pipeline.storage.store import Store


@dataclass(frozen=True)
class Predictions:
    """Classes of images 0..n of a split, int16 (n,) each."""

    labels: np.ndarray
    predictions: np.ndarray
    ideal_predictions: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def correct(self) -> np.ndarray:
        """(n,) bool: classified rightly on the simulated hardware."""
        return self.predictions == self.labels

    @classmethod
    def read(cls, store: Store, design_key: str) -> Predictions:
        """All images from 0 on without a gap; nothing (n = 0) where their shards are not stored or damaged."""
        files = find_shard_files(store, design_key)
        usable = set(files.ranges())
        while True:
            chain = longest_chain(usable)
            shards = read_shards(store, design_key, files, chain).records
            if len(shards) == len(chain):
                break
            # Another chain may do without the damaged ones.
            usable -= set(chain) - {(shard.first, shard.count) for shard in shards}
        columns = [(shard.labels, shard.predictions, shard.ideal_predictions) for shard in shards]
        if not columns:
            empty = np.zeros(0, dtype=np.int16)
            return cls(empty, empty, empty)
        return cls(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))
