"""What chips of one design, all judged on the same images, say of the design."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Num
from scipy import stats

from pipeline.columns import Row
from pipeline.front.intervals import PairedCounts, exact_interval, wilson_interval
from pipeline.front.significance import chance_of_wins

_ROUNDING = 1e-9  # far below one image of any split
_WEAKEST = 0.05  # of the chips, that may be less accurate than the accuracy at 95 % of the chips
NO_CHIPS: Row = dict.fromkeys(
    ("chips", "accuracy_chip_std", "accuracy_chip_p5", "yield", "yield_low", "yield_high", "yield_loss")
)  # fmt: skip
"""Columns of a design whose chips do not differ."""


def accuracy_interval(correct: Bool[np.ndarray, "chips images"]) -> tuple[float, float]:
    """95 % interval of the accuracy over all chips and images that these may stand for.

    Of one chip it is Wilson's, for images alone. Of several, chips and images are both drawn and crossed: the variance
    of the mean is (MS_chips + MS_images - MS_rest) / (chips images) of the two-way analysis of variance without
    replication, its degrees of freedom are Satterthwaite's, and the interval is Wilson's with as many independent
    trials as have that variance and Student's quantile.

    Source: F. E. Satterthwaite, Biometrics Bulletin 2 (1946); S. R. Searle, Variance Components (1992), 4.7.

    Args:
        correct: classified rightly.
    """
    chips, images = correct.shape
    right = int(correct.sum())
    if chips == 1 or images == 1 or right in (0, correct.size):
        return wilson_interval(right // chips if right == 0 else -(-right // chips), images)
    share = right / correct.size
    variance, freedom = _crossed(correct)
    quantile = stats.t.ppf(0.975, freedom)
    trials = share * (1 - share) / variance
    scale = 1.0 + quantile**2 / trials
    centre = (share + quantile**2 / (2 * trials)) / scale
    half = quantile / scale * math.sqrt(share * (1 - share) / trials + quantile**2 / (4 * trials**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


class Change(NamedTuple):
    """Accuracy of one design less that of another.

    Attributes:
        value: over all chips and images.
        low: lower end of its 95 % interval.
        high: upper end.
        chance_up: chance of so much or more, were the first no more accurate.
        chance_down: chance of so little or less, were it no less accurate.
    """

    value: float
    low: float
    high: float
    chance_up: float
    chance_down: float


def chip_change(first: Bool[np.ndarray, "chips images"], second: Bool[np.ndarray, "chips2 images"]) -> Change:
    """Accuracy of the first design less that of the second, chip by chip and image by image.

    The variance is that of ``accuracy_interval``, of the differences, and Student's distribution gives the interval and
    both chances. Of a single chip each they are those of the same images seen twice (Newcombe, McNemar).

    Args:
        first: classified rightly; chip c of one is compared with chip c of the other, a single one with all.
        second: likewise.
    """
    if len(first) == 1 == len(second):
        counts = PairedCounts.of(first[0], second[0])
        up, down = chance_of_wins([counts.only_first, counts.only_second], [counts.only_second, counts.only_first])
        return Change(counts.change, *counts.interval(), float(up), float(down))
    chips = max(len(first), len(second)) if 1 in (len(first), len(second)) else min(len(first), len(second))
    one, other = (np.broadcast_to(found[:chips], (chips, found.shape[1])) for found in (first, second))
    if (one == one[0]).all() and (other == other[0]).all():
        return chip_change(one[:1], other[:1])  # chips that do not differ at all say no more than one
    differences = one.astype(np.int64) - other
    if differences.min() == differences.max():  # no spread is seen: the images alone say how sure that is
        return chip_change(in_turn(one)[None], in_turn(other)[None])
    value = float(differences.mean())
    variance, freedom = _crossed(differences)
    distribution = stats.t(freedom, value, math.sqrt(variance))
    low, high = distribution.interval(0.95)
    chances = float(distribution.cdf(0.0)), float(distribution.sf(0.0))
    return Change(value, max(-1.0, float(low)), min(1.0, float(high)), *chances)


def in_turn(correct: Bool[np.ndarray, "chips images"]) -> Bool[np.ndarray, " images"]:
    """One an image, as the next chip in turn classifies it, the same chip in every design.

    Given the chips, its mean is on average that of all of them, and resamples of the images draw among the chips too.

    Args:
        correct: classified rightly.
    """
    images = np.arange(correct.shape[1])
    return correct[images % max(1, len(correct)), images]


def _crossed(values: Num[np.ndarray, "chips images"]) -> tuple[float, float]:
    """Variance of the mean where chips and images are both drawn and crossed, and its degrees of freedom."""
    chips, images = values.shape
    mean = values.mean()
    of_chips, of_images = values.mean(axis=1), values.mean(axis=0)
    squares = np.array(
        [
            images * of_chips.var(ddof=1),
            chips * of_images.var(ddof=1),
            ((values - of_chips[:, None] - of_images + mean) ** 2).sum() / ((chips - 1) * (images - 1)),
        ]
    )
    freedom = np.array([chips - 1, images - 1, (chips - 1) * (images - 1)])
    # Estimated as a difference it may come out below what independent trials would have.
    total = max(float(squares[0] + squares[1] - squares[2]), float(values.var()))
    return total / values.size, max(1.0, total**2 / float((squares**2 / freedom).sum()))


def chip_columns(correct: Bool[np.ndarray, "chips images"], ideal_accuracy: float, yield_loss: float) -> Row:
    """How accurate chips are beside one another, on these images.

    Args:
        correct: classified rightly.
        ideal_accuracy: of ideal arithmetic on the same images.
        yield_loss: how far below it a chip may be to count in the yield.
    """
    accuracies = correct.mean(axis=1)
    good = int((ideal_accuracy - accuracies <= yield_loss + _ROUNDING).sum())
    low, high = exact_interval(good, len(accuracies), 0.05)
    return {
        "chips": len(accuracies),
        "accuracy_chip_std": float(accuracies.std(ddof=1)) if len(accuracies) > 1 else None,
        "accuracy_chip_p5": float(np.quantile(accuracies, _WEAKEST, method="inverted_cdf")),
        "yield": good / len(accuracies),
        "yield_low": low,
        "yield_high": high,
        "yield_loss": yield_loss,
    }
