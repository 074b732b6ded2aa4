"""Whether a design is surely no more than a little less accurate than another one, judged on the same images."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

_HEDGE = 1e-4
"""Of the chance that is given away to know how often two designs differ at all."""
_SHARES, _FINER, _TIMES = 32, 7, 2
"""Shares that are tried at first, and then between the neighbours of the best one, so many times: of what designs do on
up to 750 images the chance is found to one part in a thousand."""
_NEVER = 1e-12
MOST_IMAGES = 10**6
"""That are worth naming: no data set of today's has more to test with."""
_COUNTED = 10_000
"""Images up to which a number of them is judged exactly; of more the normal distribution says as much."""


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
    counts = _plausible(margin, most, images)
    reached = float(_score(np.array(wins), np.array(differing), images, margin)) - _NEVER
    fewest = _least_wins(counts, images, margin, reached)
    largest = 0.0
    shares = margin + (most - margin) * np.linspace(0, 1, _SHARES) ** 2  # the chance bends most beside the margin
    for _ in range(1 + _TIMES):
        seen = stats.binom.pmf(counts, images, shares[:, None])
        won = stats.binom.sf(fewest - 1, counts, (1 - margin / shares[:, None]) / 2)
        chances = (seen * won).sum(axis=1)
        place = int(chances.argmax())
        largest = max(largest, float(chances[place]))
        shares = np.linspace(shares[max(place - 1, 0)], shares[min(place + 1, len(shares) - 1)], _FINER)
    return min(1.0, largest + _HEDGE)


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


def images_to_tell(wins: int, losses: int, images: int, margin: float, error: float) -> float:
    """About how many images would show that a loss is less than ``margin``, if designs went on to differ as they did.

    Args:
        wins, losses, images: as seen, of ``chance_of_so_little_loss``.
        margin: a loss that it should be less than.
        error: of the claim.

    Returns:
        Infinity where the loss is no less than the margin, or so near to it that more than ``MOST_IMAGES`` are needed.

    Example:
        Who never differs in 20 images may differ in the next ones:

        >>> 290 < images_to_tell(0, 0, 20, 0.01, 0.05) < 320
        True
    """
    if losses - wins >= margin * images:
        return math.inf

    differing, loss = (wins + losses) / images, (losses - wins) / images

    def told(more: int) -> bool:
        if more > _COUNTED:
            scatter = math.sqrt(max(differing, margin) - margin**2)
            return math.sqrt(more) * (margin - loss) >= stats.norm.isf(error) * scatter
        won, lost = (round(count * more / images) for count in (wins, losses))
        return chance_of_so_little_loss(won, lost, more, margin) <= error

    few, many = 1, images
    while not told(many):
        few, many = many, 2 * many
        if many > MOST_IMAGES:
            return math.inf
    while many - few > 0.01 * many:
        middle = (few + many) // 2
        few, many = (few, middle) if told(middle) else (middle, many)
    return float(many)


def _plausible(least: float, most: float, images: int) -> np.ndarray:
    """Counts of differing images that some share between two makes likely at all."""
    low = stats.binom.ppf(_NEVER, images, least)
    high = stats.binom.isf(_NEVER, images, most)
    return np.arange(int(low), int(high) + 1)
