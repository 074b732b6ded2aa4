"""Which designs cannot be told from the front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.front.significance import ERROR, chance_of_wins

_CHUNK = 4096  # designs whose images are held as numbers at a time


def front_candidates(
    correct: Sequence[NDArray[np.uint8]], images: int, costs: NDArray[np.float64], front: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The designs that no other one, which costs no more, surely beats in accuracy.

    With a probability of 95 % the true front, that of the accuracies on all images that could be drawn, is among them
    as a whole. A design of the true front is left out only if a rival that is no more accurate seems so; for each pair
    that is an exact test on the images that tell the two apart, and all ordered pairs share the error (Bonferroni), so
    that rivals may be chosen by what was seen: those on the front. Costs are taken as they are.

    Args:
        correct: of every design, one bit an image (``numpy.packbits``).
        costs: (designs, objectives other than accuracy), less is better.
        front: (designs,) who seems to be on it.

    Returns:
        (designs,) booleans; the front is among them.
    """
    count = len(costs)
    pairs = max(1, count * (count - 1))
    rivals = np.flatnonzero(front)
    candidates = np.ones(count, dtype=bool)
    if not rivals.size or images == 0:
        return candidates
    theirs = np.concatenate(list(_numbers(correct, rivals, images)))
    for places, own in zip(_chunks(np.arange(count)), _numbers(correct, np.arange(count), images), strict=True):
        both = own @ theirs.T  # sums of whole numbers below 2^24: exact in float32, in any order
        wins, losses = theirs.sum(axis=1) - both, own.sum(axis=1)[:, None] - both
        beaten = (costs[rivals] <= costs[places, None]).all(axis=2) & (wins > losses)
        beaten[beaten] = chance_of_wins(wins[beaten], losses[beaten]) <= ERROR / pairs
        candidates[places] = ~beaten.any(axis=1)
    return candidates


def _chunks(places: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(places), _CHUNK):
        yield places[start : start + _CHUNK]


def _numbers(
    correct: Sequence[NDArray[np.uint8]], places: NDArray[np.int64], images: int
) -> Iterator[NDArray[np.float32]]:
    """(designs, images) zeros and ones, chunk after chunk."""
    for chunk in _chunks(places):
        yield np.unpackbits(np.stack([correct[place] for place in chunk]), axis=1, count=images).astype(np.float32)
