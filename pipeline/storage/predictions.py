"""Image by image: what one design made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from pipeline.storage.shard_files import ShardFiles, find_shard_files, read_shards
from pipeline.storage.shards import longest_chain
from pipeline.storage.store import Store


@dataclass(frozen=True)
class Predictions:
    """Classes of images 0..n of a split on one chip, int16 (n,) each."""

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
    def read(cls, store: Store, design_key: str, split_images: int, chip: int = 0) -> Predictions:
        """All images from 0 on without a gap; nothing (n = 0) where their shards are not stored or damaged.

        Args:
            store: the results.
            design_key: whole.
            split_images: images of the whole split, see ``storage.shards.cover_chips``.
            chip: index from 0; a design whose chips do not differ has the first alone.
        """
        return cls._read(store, design_key, find_shard_files(store, design_key), split_images, chip)

    @classmethod
    def _read(cls, store: Store, design_key: str, files: ShardFiles, split_images: int, chip: int) -> Predictions:
        start = chip * split_images
        usable = {(first - start, count) for first, count in files.ranges() if first // split_images == chip}
        while True:
            chain = longest_chain(usable)
            shards = read_shards(store, design_key, files, [(start + first, count) for first, count in chain]).records
            if len(shards) == len(chain):
                break
            # Another chain may do without the damaged ones.
            usable -= set(chain) - {(shard.first - start, shard.count) for shard in shards}
        columns = [(shard.labels, shard.predictions, shard.ideal_predictions) for shard in shards]
        if not columns:
            empty = np.zeros(0, dtype=np.int16)
            return cls(empty, empty, empty)
        return cls(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))


def read_chips(
    store: Store, design_key: str, split_images: int, chips: int, images: int
) -> Bool[np.ndarray, "chips images"]:
    """Which of the first images each chip classifies rightly; no row where a chip lacks any of them.

    Args:
        store: the results.
        design_key: whole.
        split_images: images of the whole split.
        chips: the first so many.
        images: of each.
    """
    files = find_shard_files(store, design_key)
    found = [Predictions._read(store, design_key, files, split_images, chip) for chip in range(chips)]
    whole = all(len(one) >= images for one in found)
    return np.stack([one.correct[:images] for one in found]) if whole else np.zeros((0, images), dtype=bool)
