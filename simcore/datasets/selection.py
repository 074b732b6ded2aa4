"""Which samples of a split an import takes, in which order, and what a split is divided into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from simcore.datasets.importers.base import Batch, SplitSource
from simcore.datasets.shards import Labels
from simcore.errors import InputError


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


def divided(name: str, source: SplitSource, shares: Mapping[str, float], seed: int) -> dict[str, SplitSource]:
    """A split divided at random into several, each with about the same share of every class.

    Args:
        name: of the split, for the new splits' origin.
        source: the split.
        shares: of the new splits by their names; ``train`` gets what is left.
        seed: of numpy's default generator.

    Raises:
        InputError: a split would be empty.
    """
    labels = source.labels()
    new = {}
    for split, indices in zip((*shares, "train"), _divided_indices(labels, list(shares.values()), seed), strict=True):
        if not len(indices):
            raise InputError(f"no sample of {len(labels)} is left for split '{split}'", "--split-fraction")
        share = shares.get(split, 1 - sum(shares.values()))
        new[split] = replace(
            source,
            images=len(indices),
            labels=partial(_labels_at, labels, indices),
            batches=partial(batches_at, source, indices),
            origin=f"{100 * share:g} % of '{name}' by class, seed {seed}: ",
        )
    return new


def _divided_indices(labels: Labels, shares: list[float], seed: int) -> list[NDArray[np.int64]]:
    """Positions of each share in ascending order, and those that are left.

    The samples of a class, in random order, take places at even distances on a line from 0 to 1, and the line is cut:
    so do all classes share alike, and what is rounded in one is made up for in the next.
    """
    generator = np.random.default_rng(seed)
    order = np.concatenate([generator.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)])
    counts = np.unique(labels, return_counts=True)[1]
    within = np.concatenate([(np.arange(count) + generator.random()) / count for count in counts])
    ranked = order[np.argsort(within, kind="stable")]
    cuts = np.rint(np.cumsum(shares) * len(labels)).astype(np.int64)
    return [np.sort(part) for part in np.split(ranked, cuts)]


def _labels_at(labels: Labels, indices: NDArray[np.int64]) -> Labels:
    return labels[indices]


def batches_at(source: SplitSource, indices: NDArray[np.int64]) -> Iterator[Batch]:
    """The samples at ``indices``, ascending."""
    start = 0
    for samples, labels in source.batches():
        low, high = np.searchsorted(indices, [start, start + len(labels)])
        if low < high:
            chosen = indices[low:high] - start
            yield samples[chosen], labels[chosen]
        start += len(labels)
