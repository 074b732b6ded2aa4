"""Means over chips and images, every chip with every image: how far they may be from the truth.

With s_c^2 the variance of the means of the chips and s_i^2 that of the means of the images, the variance of the mean is
s_c^2 / C + s_i^2 / n: what is common to one chip and one image alone is counted twice, so that on average it is never
too small (P. McCullagh, Bernoulli 6, 2000; A. B. Owen, Ann. Appl. Stat. 1, 2007, whose resampling has the same mean).
Each part gets Student's quantile of its own freedom and their squares are added, as in R. G. Newcombe's rule: one
freedom for both (Satterthwaite's) holds the mean of two chips that differ widely 86 % of the time where it says 95 %.

Where the mean is to be that of finitely many chips and images, the part of either shrinks by the share of them that was
seen (W. G. Cochran, Sampling Techniques, 1977, section 2.6), down to nothing where all were.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float
from scipy import stats

Part = tuple[np.ndarray, int]
"""A part of the variance of a mean, and its freedom."""


def part(means: Float[np.ndarray, "... sample"], seen: float = 0.0) -> Part:
    """What a sample of means adds to the variance of their mean.

    Args:
        means: of chips or of images, at least two unless all were seen.
        seen: share of all chips, or images, that the sample is; 0 where there is no end of them.
    """
    size = means.shape[-1]
    if size < 2:
        return np.where(seen < 1, np.inf, np.zeros(means.shape[:-1])), 1
    return means.var(axis=-1, ddof=1) * (1 - seen) / size, size - 1


def reach(parts: Iterable[Part], error: float) -> np.ndarray:
    """How far above the truth the mean lies with at most this probability.

    Args:
        parts: of its variance.
        error: of one side.
    """
    return np.asarray(np.sqrt(sum(variance * stats.t.isf(error, freedom) ** 2 for variance, freedom in parts)))
