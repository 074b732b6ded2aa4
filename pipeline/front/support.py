"""How well the front of a set of designs stands up to other images, and other chips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy.typing import ArrayLike

from pipeline.front.chips import weakest
from pipeline.front.pareto import non_dominated
from pipeline.sweep.objectives import OBJECTIVES, ObjectiveName

_TOGETHER = 64  # resamples whose accuracies are computed together
_MOST_SUMS = 2**24  # numbers of chips that are held at a time
_MOST_BITS = 2**25  # images of chips that are held as numbers at a time


def front_support(
    correct: UInt8[np.ndarray, "designs chips bytes"],
    images: int,
    values: ArrayLike,
    objectives: Sequence[ObjectiveName],
    resamples: int,
    seed: int,
) -> Float[np.ndarray, " designs"]:
    """The share of resamples, in which images and chips are drawn again with replacement, with each design on the
    front.

    All designs see the same images and the same chips in a resample, as they do in the sweep; images and chips are
    drawn by themselves, for every chip sees every image. What a design costs stays as it is. A single chip stands for
    all, and what 95 % of chips reach is then its accuracy.

    It is not the probability that the design truly is on the front: a resample adds the noise of a second draw to that
    of the first, and what is nearly as accurate as a cheaper design is told too little (``pipeline.front.candidates``
    has the designs that cannot be told from the front).

    Args:
        correct: of every design and chip one bit an image (``numpy.packbits``), classified rightly; the chips of one
            design are those of the others.
        images: how many there are.
        values: (designs, objectives), in any units; NaN is a missing value.
        objectives: what the columns of ``values`` are.
        resamples: how often images and chips are drawn again.
        seed: of the draws.

    Returns:
        A share of each design; 0 for a design with a missing objective.

    Source: B. Efron, Annals of Statistics 7 (1979); of two crossed samples A. B. Owen, Ann. Appl. Stat. 1 (2007).
    """
    found = np.array(values, dtype=np.float64)
    directions = [OBJECTIVES[name].direction for name in objectives]
    places = {name: objectives.index(name) for name in ("accuracy", "chip_accuracy") if name in objectives}
    if not places or images == 0:
        return non_dominated(found, directions).astype(np.float64)
    designs, chips = correct.shape[:2]
    missing = np.isnan(found)
    of_images, of_chips = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    counts = np.zeros(designs)
    together = max(1, min(_TOGETHER, _MOST_SUMS // max(1, designs * chips)))
    for start in range(0, resamples, together):
        drawn = of_images.multinomial(images, np.full(images, 1 / images), size=min(together, resamples - start))
        for right in np.moveaxis(_rightly(correct, images, drawn), 2, 0):
            times = of_chips.multinomial(chips, np.full(chips, 1 / chips)) if chips > 1 else np.ones(1, np.int64)
            for name, place in places.items():
                seen = right @ times if name == "accuracy" else _reached(right, times)
                found[:, place] = np.where(missing[:, place], np.nan, seen)
            counts += non_dominated(found, directions)
    return counts / resamples


def _rightly(
    correct: UInt8[np.ndarray, "designs chips bytes"], images: int, drawn: Int[np.ndarray, "resamples images"]
) -> Float[np.ndarray, "designs chips resamples"]:
    """Images that each chip classifies rightly in each resample: sums of whole numbers below 2^24, which are exact in
    float32, in any order."""
    designs, chips, _ = correct.shape
    weights = drawn.T.astype(np.float32)
    block = max(1, _MOST_BITS // (chips * images))
    parts = [
        np.unpackbits(correct[start : start + block], axis=2, count=images).reshape(-1, images).astype(np.float32)
        @ weights
        for start in range(0, designs, block)
    ]
    return np.concatenate(parts).reshape(designs, chips, -1)


def _reached(right: Float[np.ndarray, "designs chips"], times: Int[np.ndarray, " chips"]) -> np.ndarray:
    """(designs,) what 95 % of the chips reach, each of which is there so many times."""
    place = weakest(int(times.sum()))
    return np.asarray(np.partition(np.repeat(right, times, axis=1), place, axis=1)[:, place])
