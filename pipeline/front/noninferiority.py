"""Whether a design is surely no more than a little less accurate than another one, judged on the same images."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

_HEDGE = 1e-4
"""Of the chance that is given away to know how often two designs differ at all."""
_SHARES = 12
_NEVER = 1e-12


def chance_of_so_little_loss(wins: int, losses: int, images: int, margin: float) -> float:
    """Largest chance of outcomes that speak as much for a loss below ``margin``, or more, if it were ``margin``.

    Outcomes are ordered by the score statistic of paired proportions (T. Tango, Stat. Med. 17, 1998), and their chances
    are summed exactly. The chance is the largest over all shares of images on which the two designs may differ; only
    shares that are so large that so few differing images would be seen with a probability of ``_HEDGE`` are left out,
    and that probability is added (R. L. Berger and D. D. Boos, J. Am. Stat. Assoc. 89, 1994).

    Args:
        wins: images that the design alone classified rightly.
        losses: images that the other one alone did.
        images: that both saw.
        margin: a loss of accuracy, more than 0 and less than 1.

    Returns:
        The p-value of the claim that the loss is less than ``margin``.

    Example:
        The same answers on 1000 images:

        >>> chance_of_so_little_loss(0, 0, 1000, 0.01) < 0.001
        True
    """
    if images == 0:
        return 1.0
    differing = wins + losses
    most = 1.0 if differing == images else float(stats.beta.isf(_HEDGE, differing + 1, images - differing))
    if most <= margin:
        return _HEDGE
    shares = np.linspace(margin, most, _SHARES)[:, None]
    counts = _plausible(shares, images)
    seen = stats.binom.pmf(counts, images, shares)
    reached = float(_score(np.array(wins), np.array(differing), images, margin)) - _NEVER
    won = stats.binom.sf(_least_wins(counts, images, margin, reached) - 1, counts, (1 - margin / shares) / 2)
    return float(min(1.0, (seen * won).sum(axis=1).max() + _HEDGE))


def _score(wins: np.ndarray, differing: np.ndarray, images: int, margin: float) -> np.ndarray:
    """How far the loss lies below ``margin``, in standard errors of what is likeliest if it is ``margin``."""
    losses = differing - wins
    linear = differing * (1 + margin) + 2 * losses * margin + 2 * (images - differing) * margin
    root = np.sqrt(np.maximum(linear**2 - 8 * images * losses * margin * (1 + margin), 0.0))
    lost = (linear + root) / (4 * images)  # share of images that the other design alone classifies rightly
    score: np.ndarray = (wins - losses + images * margin) / np.sqrt(images * (2 * lost - margin - margin**2))
    return score


def _least_wins(counts: np.ndarray, images: int, margin: float, reached: float) -> np.ndarray:
    """Of so many differing images the fewest wins whose score is at least ``reached``; one more than all if none is."""
    low, high = np.zeros_like(counts), counts + 1
    while (low < high).any():
        middle = (low + high) // 2
        enough = (middle > counts) | (_score(np.minimum(middle, counts), counts, images, margin) >= reached)
        low, high = np.where(enough | (low >= high), low, middle + 1), np.where(enough, middle, high)
    return high


def images_to_tell(loss: float, differing: float, margin: float, error: float) -> float:
    """About how many images would show that a loss is less than ``margin``, if it is what it seems to be.

    Args:
        loss: of accuracy, as seen.
        differing: share of the images on which the two designs differ.
        margin: a loss that it should be less than.
        error: of the claim.

    Returns:
        Infinity where the loss is no less than the margin.
    """
    if loss >= margin:
        return math.inf
    spread = max(differing - loss**2, _NEVER)
    return float((stats.norm.isf(error) / (margin - loss)) ** 2 * spread)


def _plausible(shares: np.ndarray, images: int) -> np.ndarray:
    """Counts of differing images that some share makes likely at all."""
    low = stats.binom.ppf(_NEVER, images, shares.min())
    high = stats.binom.isf(_NEVER, images, shares.max())
    return np.arange(int(low), int(high) + 1)
