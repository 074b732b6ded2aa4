"""Intervals for measured fractions.

Each is about one fraction or one difference by itself; ``pipeline.front.significance`` says what holds for many at
once.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool
from scipy import stats

Z_95 = 1.959963984540054


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a proportion (E. B. Wilson, JASA 22, 1927).

    It holds the truth 95 % of the time on average over all proportions; for a single one between 2 and 98 %, from 100
    trials on, at least 92 % of the time.

    Args:
        successes: at most ``trials``.
        trials: sample size.

    Returns:
        (low, high), fractions; (0, 1) without trials.
    """
    if trials == 0:
        return 0.0, 1.0
    low, high = score_interval(successes / trials, trials)
    # At 0 and 1 the formula gives the end exactly but for rounding.
    return 0.0 if successes == 0 else low, 1.0 if successes == trials else high


def score_interval(share: float, trials: float, z: float = Z_95) -> tuple[float, float]:
    """As ``wilson_interval``, of a share of so many trials, which need not be whole.

    Args:
        share: of the trials.
        trials: more than 0.
        z: quantile of the normal distribution that the interval reaches to on either side.
    """
    scale = 1.0 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


def exact_interval(successes: int, trials: int, error: float) -> tuple[float, float]:
    """Interval of a proportion that misses the truth with a probability of at most ``error``, whatever the truth is.

    Source: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934).

    Args:
        successes: at most ``trials``.
        trials: sample size.
        error: both sides together, for example 0.05.

    Returns:
        (low, high), fractions; (0, 1) without trials.
    """
    if trials == 0:
        return 0.0, 1.0
    found = stats.binomtest(successes, trials).proportion_ci(1 - error, method="exact")
    return float(found.low), float(found.high)


def difference_interval(
    first: tuple[int, int], second: tuple[int, int], correlation: float = 0.0
) -> tuple[float, float]:
    """95 % interval of first - second for two proportions.

    Wilson's intervals joined by the square-and-add rule (R. G. Newcombe, Stat. Med. 17, 1998: pages 873-890 method 10
    for independent samples, pages 2635-2650 method 10 for the same items measured twice, which ``correlation`` says).

    Args:
        first: (successes, trials).
        second: (successes, trials).
        correlation: phi of the paired outcomes, 0 for independent samples (``paired_correlation``).

    Returns:
        (low, high), fractions; (-1, 1) where either has no trials.
    """
    if not first[1] or not second[1]:
        return -1.0, 1.0
    p, q = first[0] / first[1], second[0] / second[1]
    (p_low, p_high), (q_low, q_high) = wilson_interval(*first), wilson_interval(*second)
    below, above = (p - p_low, q_high - q), (p_high - p, q - q_low)
    # Rounding can take a sum of squares that is zero below it.
    reach = [math.sqrt(max(0.0, a * a - 2 * correlation * a * b + b * b)) for a, b in (below, above)]
    return max(-1.0, p - q - reach[0]), min(1.0, p - q + reach[1])


class PairedCounts(NamedTuple):
    """What two designs made of the same images: how many both, one alone, and neither classified rightly."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @classmethod
    def of(cls, first: Bool[np.ndarray, " images"], second: Bool[np.ndarray, " images"]) -> PairedCounts:
        """Counts of two designs that saw the same images in the same order.

        Args:
            first: images that the first design classified rightly.
            second: images that the second design classified rightly.
        """
        return cls(*(int((a & b).sum()) for a in (first, ~first) for b in (second, ~second)))

    @property
    def images(self) -> int:
        return sum(self)

    @property
    def change(self) -> float:
        """Accuracy of the first less that of the second; 0 without images."""
        return (self.only_first - self.only_second) / max(1, self.images)

    def interval(self) -> tuple[float, float]:
        """Newcombe's 95 % interval of ``change`` for the same items measured twice; (-1, 1) without images.

        It misses the truth 3 to 5 % of the time on average over what two designs may do, and at most 8 %, where one of
        them is hardly ever right alone (50 to 1000 images, simulated).
        """
        first, second = (self.both + self.only_first, self.images), (self.both + self.only_second, self.images)
        return difference_interval(first, second, paired_correlation(*self))


def paired_correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Phi of a two-by-two table of paired outcomes with Newcombe's continuity correction; 0 where a margin is empty."""
    images = both + only_first + only_second + neither
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if margins == 0:
        return 0.0
    product = both * neither - only_first * only_second
    corrected = max(product - images / 2, 0.0) if product > 0 else float(product)
    return corrected / math.sqrt(margins)
