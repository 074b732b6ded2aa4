"""Which images of a split an import takes, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simcore.datasets.importers.base import SplitSource
from simcore.datasets.shards import Labels


@dataclass(frozen=True)
class Selection:
    """Positions in the split's file order, in the order in which the dataset has them, and the rule in words."""

    indices: NDArray[np.int64]
    description: str


def select_images(
    source: SplitSource, limit: int | None, balanced_seed: int | None, shuffle_seed: int | None = None
) -> Selection:
    """All images, the first ``limit`` of them or, with a balanced seed, a class-balanced random choice of ``limit``.

    A limit beyond the split's size takes everything. With a shuffle seed the first images are those of a random order.
    """
    count = source.images if limit is None else min(limit, source.images)
    part = f"all {count}" if count == source.images else f"first {count} of {source.images}"
    if balanced_seed is not None and limit is not None:
        indices = balanced_indices(source.labels(), count, balanced_seed)
        return Selection(indices, f"{count} of {source.images}, class-balanced, seed {balanced_seed}")
    if shuffle_seed is not None:
        order = np.random.default_rng(shuffle_seed).permutation(source.images)
        return Selection(order[:count], f"{part}, shuffled, seed {shuffle_seed}")
    return Selection(np.arange(count), part)


def balanced_indices(labels: Labels, count: int, seed: int) -> NDArray[np.int64]:
    """``count`` positions, every class as often as any other as far as its images last.

    The images of each class are put into a random order of their own; then the classes take turns. With the same
    seed a smaller selection is the beginning of a larger one: the first images of a selection are balanced too.

    Args:
        labels: int64 (n,).
        count: number of positions, at most n.
        seed: of numpy's default generator.
    """
    generator = np.random.default_rng(seed)
    turn = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        turn[members] = generator.permutation(len(members))
    in_turns = np.lexsort((labels, turn))
    return in_turns[:count]
