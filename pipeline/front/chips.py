"""What chips of one design, all judged on the same images, say of the design."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool
from scipy import stats

from pipeline.columns import Row
from pipeline.front.intervals import exact_interval, wilson_interval

_ROUNDING = 1e-9  # far below one image of any split
_WEAKEST = 0.05  # of the chips, that may be less accurate than the accuracy at 95 % of the chips
NO_CHIPS: Row = dict.fromkeys(
    ("chips", "accuracy_chip_std", "accuracy_chip_p5", "yield", "yield_low", "yield_high")
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
    of_chips, of_images = correct.mean(axis=1), correct.mean(axis=0)
    squares = np.array(
        [
            images * of_chips.var(ddof=1),
            chips * of_images.var(ddof=1),
            ((correct - of_chips[:, None] - of_images + share) ** 2).sum() / ((chips - 1) * (images - 1)),
        ]
    )
    freedom = np.array([chips - 1, images - 1, (chips - 1) * (images - 1)])
    # Estimated as a difference it may come out below what independent trials would have.
    total = max(float(squares[0] + squares[1] - squares[2]), share * (1 - share))
    quantile = stats.t.ppf(0.975, max(1.0, total**2 / float((squares**2 / freedom).sum())))
    trials = share * (1 - share) * correct.size / total
    scale = 1.0 + quantile**2 / trials
    centre = (share + quantile**2 / (2 * trials)) / scale
    half = quantile / scale * math.sqrt(share * (1 - share) / trials + quantile**2 / (4 * trials**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


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
    }
