"""Image by image: what one design made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.records import DESIGNS_FOLDER, DamagedRecord, decode_shard, parse_shard_path
from pipeline.shards import cover
from pipeline.store import Store


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
        folder = f"{DESIGNS_FOLDER}/{design_key[:2]}/{design_key}"
        found = [(path, parsed[1]) for path, _ in store.list(folder) if (parsed := parse_shard_path(path)) is not None]
        places = {place: path for path, place in found}
        last = max((first + count for first, count in places), default=0)
        columns: list[tuple[np.ndarray, ...]] = []
        position = 0
        for first, count in cover(last, max(last, 1), places).stored:
            if first != position:
                break
            try:
                shard = decode_shard(store.read(places[first, count]) or b"", design_key, first, count)
            except DamagedRecord:
                break
            columns.append((shard.labels, shard.predictions, shard.ideal_predictions))
            position += count
        if not columns:
            empty = np.zeros(0, dtype=np.int16)
            return cls(empty, empty, empty)
        return cls(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))
