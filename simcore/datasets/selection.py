"""Which images of a split an import takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simcore.datasets.importers.base import SplitSource
from simcore.datasets.shards import Labels


@dataclass(frozen=True)
class Selection:
    """Ascending positions in the split's file order, and the rule that chose them in words."""

    indices: NDArray[np.int64]
    description: str


def select_images(source: SplitSource, limit: int | None, balanced_seed: int | None) -> Selection:
    """All images, the first ``limit`` of them or, with a seed, a class-balanced random choice of ``limit``.

    A limit beyond the split's size takes everything.
    """
    if limit is None or limit >= source.images:
        return Selection(np.arange(source.images), f"all {source.images}")
    if balanced_seed is None:
        return Selection(np.arange(limit), f"first {limit} of {source.images}")
    indices = balanced_indices(source.labels(), limit, balanced_seed)
    return Selection(indices, f"{limit} of {source.images}, class-balanced, seed {balanced_seed}")


def balanced_indices(labels: Labels, count: int, seed: int) -> NDArray[np.int64]:
    """``count`` ascending positions, every class as often as any other as far as its images last.

    The images of each class are put into a random order of their own; then the classes take turns. With the same
    seed a smaller selection is contained in a larger one.

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
    return np.sort(in_turns[:count])
