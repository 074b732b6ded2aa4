"""How many chips at large are good enough, told from those that were measured.

A chip is good where it loses at most so much accuracy against ideal arithmetic on the images of the sweep. A race that
stops once the yield is known well enough looks at it after every round, on some of the images, and stops where it
happens to look well known: an interval for one look at all images would hold the truth less often than it says. So

- all looks share the error (Bonferroni): whatever makes the race stop at one of them, the chance that any of its
  intervals misses the truth is at most 5 %;
- while images are left, a chip counts as good or bad only if that surely is what all images will make of it, by exact
  bounds on the images that it loses and wins against ideal arithmetic. The chips that are not surely bad bound the
  yield from above, those that surely are good from below.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int
from scipy import stats

from pipeline.front.intervals import exact_interval

ERROR = 0.05
_OF_JUDGING = 0.2
"""Part of the error that goes into what chips surely are, while images are left. A judgement."""
_ROUNDING = 1e-9  # far below one image of any split


@dataclass(frozen=True)
class YieldRule:
    """What a good chip is, and what the interval of the yield holds against.

    Attributes:
        loss: accuracy that a good chip may lose against ideal arithmetic.
        images: of the sweep, on which chips are judged; None: on those that were seen.
        looks: at most so many times an interval is found, of which any may be the last.
    """

    loss: float
    images: int | None = None
    looks: int = 1

    def good(
        self, correct: Bool[np.ndarray, "chips images"], ideal: Bool[np.ndarray, " images"]
    ) -> Bool[np.ndarray, " chips"]:
        """Which chips are good on the images that were seen.

        Args:
            correct: classified rightly.
            ideal: classified rightly in ideal arithmetic.
        """
        return np.asarray(ideal.mean() - correct.mean(axis=1) <= self.loss + _ROUNDING)

    def interval(
        self, correct: Bool[np.ndarray, "chips images"], ideal: Bool[np.ndarray, " images"]
    ) -> tuple[float, float]:
        """95 % interval of the yield over all chips that there could be: Clopper's and Pearson's.

        Args:
            correct: classified rightly.
            ideal: classified rightly in ideal arithmetic.
        """
        chips, seen = correct.shape
        error = ERROR / self.looks
        if self.images is None or seen == self.images:
            return exact_interval(int(self.good(correct, ideal).sum()), chips, error)
        judging = _OF_JUDGING * error
        good, bad = self._surely(correct, ideal, self.images, judging / chips)
        low, _ = exact_interval(good, chips, error - judging)
        _, high = exact_interval(chips - bad, chips, error - judging)
        return low, high

    def _surely(
        self, correct: Bool[np.ndarray, "chips images"], ideal: Bool[np.ndarray, " images"], images: int, error: float
    ) -> tuple[int, int]:
        """How many chips surely are good, and bad, on all images; each is called wrongly with at most this chance."""
        seen = correct.shape[1]
        lost, won = (ideal & ~correct).sum(axis=1), (~ideal & correct).sum(axis=1)
        most = math.floor((self.loss + _ROUNDING) * images)
        bounds = most_of_all(seen, images, error / 2)
        (least_lost, most_lost), (least_won, most_won) = (
            (images - bounds[seen - count], bounds[count]) for count in (lost, won)
        )
        return int((most_lost - least_won <= most).sum()), int((least_lost - most_won > most).sum())


@functools.lru_cache(maxsize=64)
def most_of_all(seen: int, images: int, error: float) -> Int[np.ndarray, " counts"]:
    """Upper bounds on how many of all images are of a kind, where 0, 1, ... of those that were seen are.

    Args:
        seen: images.
        images: all of them.
        error: probability that there are more.
    """
    counts = np.arange(seen + 1)
    low, high = counts, counts + images - seen
    while (low < high).any():
        middle = (low + high + 1) // 2
        possible = stats.hypergeom.cdf(counts, images, middle, seen) > error
        low, high = np.where(possible, middle, low), np.where(possible, high, middle - 1)
    return np.asarray(low)
