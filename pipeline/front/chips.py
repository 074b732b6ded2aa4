"""What chips of one design, all judged on the same images, say of the design."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Num
from scipy import optimize, stats

from pipeline.columns import Row
from pipeline.front.crossed import Part, part, reach
from pipeline.front.intervals import Z_95, PairedCounts, exact_interval, score_interval, wilson_interval
from pipeline.front.significance import chance_of_wins
from pipeline.front.yields import YieldRule

_ERROR = 0.05
_LEAST_CHANCE, _MOST_CHANCE = 1e-15, 1 - 1e-9
_ROUNDING = 1e-9  # far below one image of any split
_WEAKEST = 0.05  # of the chips, that may be less accurate than the accuracy at 95 % of the chips
NO_CHIPS: Row = dict.fromkeys(
    ("chips", "accuracy_chip_std", "accuracy_chip_p5", "yield", "yield_low", "yield_high", "yield_loss")
)  # fmt: skip
"""Columns of a design whose chips do not differ."""


def accuracy_interval(correct: Bool[np.ndarray, "chips images"]) -> tuple[float, float]:
    """95 % interval of the accuracy over all chips and images that these may stand for.

    Of one chip it is Wilson's, for images alone. Of several, chips and images are both drawn and crossed, and it is
    Wilson's of as many independent trials as reach equally far as ``_Crossed`` does.

    Args:
        correct: classified rightly.
    """
    chips, images = correct.shape
    right = int(correct.sum())
    if chips == 1 or images == 1 or right in (0, correct.size):
        return wilson_interval(right // chips if right == 0 else -(-right // chips), images)
    share = right / correct.size
    far = _crossed(correct).reach(_ERROR)
    if far == 0:
        return wilson_interval(round(share * images), images)
    return _reaching(share, far, Z_95, correct.size)


def interval_of_the_picked(correct: Bool[np.ndarray, "chips images"], among: int) -> tuple[float, float]:
    """95 % interval of the accuracy of a design that was picked by it: those of all that it was picked from hold at
    once (Bonferroni), over all chips and images that these may stand for.

    It is that of ``accuracy_interval`` at the error that is left to one of them, and nowhere narrower than the exact
    one of the images alone.

    Args:
        correct: classified rightly.
        among: designs that it was picked from, itself too.
    """
    chips, images = correct.shape
    error = _ERROR / among
    share = int(correct.sum()) / correct.size
    low, high = exact_interval(round(share * images), images, error)
    if chips == 1 or images == 1 or share in (0, 1) or (far := _crossed(correct).reach(error)) == 0:
        return low, high
    of_chips = _reaching(share, far, float(stats.norm.isf(error / 2)), correct.size)
    return min(low, of_chips[0]), max(high, of_chips[1])


def _reaching(share: float, far: float, z: float, most: int) -> tuple[float, float]:
    """Wilson's interval of as many independent trials, ``most`` at most, as reach so far to either side."""
    return score_interval(share, min(share * (1 - share) * (z / far) ** 2, float(most)), z)


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

    Interval and chances are those of ``_Crossed``, of the differences. Of a single chip each they are those of the same
    images seen twice (Newcombe, McNemar).

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
    found = _crossed(differences)
    far = found.reach(_ERROR)
    up, down = found.chance(), found._replace(mean=-found.mean).chance()
    return Change(value, max(-1.0, value - far), min(1.0, value + far), up, down)


def in_turn(correct: Bool[np.ndarray, "chips images"]) -> Bool[np.ndarray, " images"]:
    """One an image, as the next chip in turn classifies it, the same chip in every design.

    Given the chips, its mean is on average that of all of them, and resamples of the images draw among the chips too.

    Args:
        correct: classified rightly.
    """
    images = np.arange(correct.shape[1])
    return correct[images % max(1, len(correct)), images]


class _Crossed(NamedTuple):
    """A mean over chips and images, every chip with every image, and the parts of its variance."""

    mean: float
    parts: tuple[Part, ...]

    def reach(self, error: float) -> float:
        """How far an interval reaches that misses the truth with this probability, both sides together."""
        return float(reach(self.parts, error / 2))

    def chance(self) -> float:
        """Chance of a mean so high or higher, were it 0 or less; 1/2 of one that is below 0 itself."""
        if self.mean <= 0 or self.reach(_MOST_CHANCE) >= self.mean:
            return 0.5
        if self.reach(_LEAST_CHANCE) <= self.mean:
            return _LEAST_CHANCE / 2
        found = optimize.brentq(lambda error: self.reach(error) - self.mean, _LEAST_CHANCE, _MOST_CHANCE)
        return float(found) / 2


def _crossed(values: Num[np.ndarray, "chips images"]) -> _Crossed:
    return _Crossed(float(values.mean()), (part(values.mean(axis=1)), part(values.mean(axis=0))))


def weakest(chips: int) -> int:
    """Place of the chip, from the weakest (0) on, whose accuracy 95 % of the chips reach.

    Args:
        chips: how many there are.
    """
    return math.floor(_WEAKEST * chips + _ROUNDING)


def chip_columns(correct: Bool[np.ndarray, "chips images"], ideal: Bool[np.ndarray, " images"], rule: YieldRule) -> Row:
    """How accurate chips are beside one another, on these images.

    Args:
        correct: classified rightly.
        ideal: classified rightly in ideal arithmetic.
        rule: which chips count in the yield.
    """
    accuracies = correct.mean(axis=1)
    low, high = rule.interval(correct, ideal)
    return {
        "chips": len(accuracies),
        "accuracy_chip_std": float(accuracies.std(ddof=1)) if len(accuracies) > 1 else None,
        "accuracy_chip_p5": float(np.sort(accuracies)[weakest(len(accuracies))]),
        "yield": int(rule.good(correct, ideal).sum()) / len(accuracies),
        "yield_low": low,
        "yield_high": high,
        "yield_loss": rule.loss,
    }
