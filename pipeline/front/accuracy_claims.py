"""Claims that one design is at least as accurate as another on all chips and images of a sweep, made from those that
were seen. All designs see the same images on the same chips."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from pipeline.front.chips import weakest
from pipeline.front.crossed import part, reach
from pipeline.sweep.extent import Extent


class Margins(NamedTuple):
    """How accurate designs are, as far as it matters for their means.

    Attributes:
        of_chips: accuracy of every chip over the images.
        of_images: share of the chips that classify an image rightly.
    """

    of_chips: Float[np.ndarray, "designs chips"]
    of_images: Float[np.ndarray, "designs images"]

    @classmethod
    def of(cls, correct: Bool[np.ndarray, "designs chips images"]) -> Margins:
        """From what was classified rightly."""
        return cls(correct.mean(axis=2), correct.mean(axis=1))


def surely_as_accurate(margins: Margins, best: int, whole: Extent, error: float) -> Bool[np.ndarray, " designs"]:
    """Whether one design surely is no less accurate than each of the others, on all chips and images of the sweep.

    Where chips do not differ the test is exact (``chance_of_error``) and asks nothing of the designs. Where they do,
    both chips and images are samples of those of the sweep, and crossed (``pipeline.front.crossed``).

    Args:
        margins: of all designs.
        best: index of the one.
        whole: chips and images of the sweep.
        error: probability that such a claim is made of a pair for which it is false.
    """
    of_chips, of_images = (own[best] - own for own in margins)
    chips, images = of_chips.shape[1], of_images.shape[1]
    if whole.chips == 1:
        wins, losses = (of_images > 0).sum(axis=1), (of_images < 0).sum(axis=1)
        return np.asarray(chance_of_error(wins, losses, whole.images - images) <= error)
    parts = part(of_chips, chips / whole.chips), part(of_images, images / whole.images)
    return np.asarray(of_chips.mean(axis=1) > reach(parts, error))


def surely_reaches_more(
    best: Bool[np.ndarray, "chips images"], other: Bool[np.ndarray, "chips images"], images_left: int, error: float
) -> bool:
    """Whether the accuracy that 95 % of the chips reach surely is no lower in one design than in another.

    It is that of the k-th weakest of all chips, and the claim says: all chips of the one but its k - 1 weakest are at
    least as accurate as the k weakest of the other, each pair of chips tested exactly on its images
    (``chance_of_error``). Were the claim false, k chips of the one would be less accurate than all but k - 1 of the
    other, and whatever chips seem weakest, one such pair would have been called the other way: the error is shared by
    as many pairs (Bonferroni). Nothing is asked of the chips, but all must be there.

    Args:
        best: classified rightly, on all chips of the sweep.
        other: likewise.
        images_left: images of the sweep that were not seen.
        error: probability that the claim is made and false.
    """
    chips = len(best)
    place = weakest(chips)  # of the k-th weakest, from 0
    strong = best[best.mean(axis=1).argsort(kind="stable")[place:]].astype(np.float32)
    weak = other[other.mean(axis=1).argsort(kind="stable")[: place + 1]].astype(np.float32)
    wins = (strong @ (1 - weak).T).astype(np.int64).ravel()  # whole numbers far below 2^24: exact
    losses = ((1 - strong) @ weak.T).astype(np.int64).ravel()
    each = error / ((place + 1) * (chips - place))
    return bool((chance_of_error(wins, losses, images_left) <= each).all())


def chance_of_error(wins: np.ndarray, losses: np.ndarray, images_left: int) -> np.ndarray:
    """Largest chance of so few losses if the better design were less accurate on all images.

    Args:
        wins, losses: images that only the better, only the other design classified rightly.
        images_left: images not seen yet, any of which may tell the two apart.
    """
    seen = wins + losses
    worst = np.zeros(len(seen))
    # Chance has most to say where most images are still to tell, and nearly half of them are wins (an odd number).
    for telling in (seen + images_left, np.maximum(seen, seen + images_left - 1)):
        most_wins = np.maximum(telling - 1, 0) // 2  # fewer than half: less accurate
        worst = np.maximum(worst, stats.hypergeom.cdf(losses, telling, telling - most_wins, seen))
    nothing_tells = seen + images_left == 0
    return np.where(nothing_tells, 0.0, np.where(losses >= wins, 1.0, worst))
