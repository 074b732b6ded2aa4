"""Shards by the chip that they were measured on, see ``storage.shards.cover_chips`` for how they are numbered."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool

from pipeline.storage.records import ShardRecord


def shards_by_chip(records: Iterable[ShardRecord], split_images: int) -> dict[int, list[ShardRecord]]:
    """Shards of each chip in the order of its images, the chips in theirs.

    Args:
        records: shards of one design, in any order.
        split_images: of the whole split.
    """
    chips: dict[int, list[ShardRecord]] = {}
    for record in sorted(records, key=lambda record: record.first):
        chips.setdefault(record.first // split_images, []).append(record)
    return chips


def correct_by_chip(records: Iterable[ShardRecord], split_images: int) -> Bool[np.ndarray, "chips images"]:
    """Which images each chip classifies rightly.

    Args:
        records: shards of one design, in any order, of as many images on every chip.
        split_images: of the whole split.
    """
    chips = shards_by_chip(records, split_images).values()
    rows = [np.concatenate([shard.predictions == shard.labels for shard in shards]) for shards in chips]
    return np.stack(rows) if rows else np.zeros((0, 0), dtype=bool)


def ideal_correct(records: Iterable[ShardRecord], split_images: int) -> Bool[np.ndarray, " images"]:
    """Which images ideal arithmetic classifies rightly: the same on every chip.

    Args:
        records: shards of one design, in any order.
        split_images: of the whole split.
    """
    first = shards_by_chip(records, split_images)[0]
    return np.concatenate([shard.ideal_predictions == shard.labels for shard in first])
