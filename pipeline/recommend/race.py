"""The search among sets of mitigations: many sets on few images, few sets on more, and the last few on images that had
no say in choosing them.

What chooses need not be exact, for it decides only what is looked at again. What is claimed rests on the last images
alone: that a finalist loses less than the target against ideal arithmetic. Finalists are tested in the order of their
accuracy on the images that chose, and none behind one that fails: with an order that is fixed beforehand all claims
together are wrong with a probability of at most that of one, however the sets hang together (W. Maurer, L. A. Hothorn
and W. Lehmacher, 1995).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Bool
from scipy import stats

from pipeline.front.intervals import PairedCounts
from pipeline.front.noninferiority import chance_of_so_little_loss

# Judgements, all of them: they decide how long a search takes and how often it finds the very cheapest set.
SEARCH_PART = 4  # one image in so many chooses, the others confirm
GROWTH = 4  # the second round has so many times the images of the first, and one set in so many
LEAST_IMAGES = 20
LEAST_SETS = 16
FINALISTS = 8  # more of them make no claim less sure: they take time
_HOPELESS = 0.1  # chance of the target below which a set is not looked at again for its low cost

CONFIRMED, LIKELY, MISSED = "confirmed", "likely", "missed"
"""Kinds of ``Verdict``."""

Name = TypeVar("Name")


@dataclass(frozen=True)
class Runner(Generic[Name]):
    """A set in the race.

    Attributes:
        name: tells it from the others.
        correct: images that it classifies rightly, in the order of the images.
        cost: of an image; NaN where unknown.
    """

    name: Name
    correct: Bool[np.ndarray, " images"]
    cost: float


@dataclass(frozen=True)
class Finish(Generic[Name]):
    """What the confirming images say of a finalist.

    Attributes:
        counts: what it and ideal arithmetic make of them, the set first.
        confidence: that it loses less than the target, by itself.
        confirmed: it is as sure as was asked, and so is every finalist that is tested before it.
    """

    runner: Runner[Name]
    counts: PairedCounts
    confidence: float
    confirmed: bool

    @property
    def loss(self) -> float:
        """Accuracy of ideal arithmetic less its own."""
        return -self.counts.change


@dataclass(frozen=True)
class Verdict(Generic[Name]):
    """How a race ended.

    Attributes:
        kind: ``confirmed``: the first set surely loses less than the target, and is the cheapest of those; ``likely``:
            it seems to, and of those that seem to it is the surest, but these images cannot say so with the confidence
            asked for; ``missed``: no set seems to.
        order: the finalists, the one that is recommended, or comes closest, first.
    """

    kind: str
    order: tuple[Finish[Name], ...]


def rounds(images: int) -> list[int]:
    """Images after each round of the search; those beyond the last one confirm.

    Args:
        images: of all.
    """
    last = max(1, min(images - 1, max(images // SEARCH_PART, min(images // 2, LEAST_IMAGES))))
    first = max(LEAST_IMAGES, last // GROWTH)
    return [first, last] if first < last else [last]


def going_on(
    runners: Sequence[Runner[Name]], ideal: Bool[np.ndarray, " images"], target: float, most: int
) -> list[Runner[Name]]:
    """Those that are looked at again: in turn the most accurate and the cheapest that may still reach the target.

    Args:
        runners: all with as many images as ``ideal``.
        ideal: images that ideal arithmetic classifies rightly.
        target: loss of accuracy that is allowed.
        most: sets to keep.
    """
    accurate = sorted(runners, key=lambda one: (-one.correct.sum(), _known(one.cost)))
    hopeful = [one for one in runners if _chance_to_reach(one.correct, ideal, target) >= _HOPELESS]
    cheap = sorted(hopeful, key=lambda one: (_known(one.cost), -one.correct.sum()))
    kept: dict[int, Runner[Name]] = {}
    for place in range(len(runners)):
        for order in (accurate, cheap):
            if place < len(order) and len(kept) < most:
                kept.setdefault(id(order[place]), order[place])
    return list(kept.values())


def finalists(runners: Sequence[Runner[Name]], ideal: Bool[np.ndarray, " images"], target: float) -> list[Runner[Name]]:
    """The last few, in the order in which they are tested.

    Args:
        runners: all with as many images as ``ideal``.
        ideal: images that ideal arithmetic classifies rightly.
        target: loss of accuracy that is allowed.
    """
    return sorted(going_on(runners, ideal, target, FINALISTS), key=lambda one: (-one.correct.sum(), _known(one.cost)))


def finish(
    tested: Sequence[Runner[Name]], ideal: Bool[np.ndarray, " images"], target: float, confidence: float
) -> Verdict[Name]:
    """The recommendation.

    Args:
        tested: finalists in their order, with the images that confirm, none of which had a say in that.
        ideal: images that ideal arithmetic classifies rightly.
        target: loss of accuracy that is allowed.
        confidence: to be had, for example 0.95.
    """
    counts = [PairedCounts.of(one.correct, ideal) for one in tested]
    chances = [chance_of_so_little_loss(c.only_first, c.only_second, c.images, target) for c in counts]
    found = [
        Finish(one, count, 1 - chance, bool(highest <= 1 - confidence))
        for one, count, chance, highest in zip(tested, counts, chances, np.maximum.accumulate(chances), strict=True)
    ]
    confirmed = [one for one in found if one.confirmed]
    likely = [one for one in found if one.loss <= target]
    by_cost = sorted(confirmed, key=lambda one: (_known(one.runner.cost), one.loss))
    by_loss = sorted(likely or found, key=lambda one: (-one.confidence, one.loss, _known(one.runner.cost)))
    first = (by_cost or by_loss)[0]
    rest = sorted((one for one in found if one is not first), key=lambda one: (one.loss > target, one.loss))
    return Verdict(CONFIRMED if confirmed else LIKELY if likely else MISSED, (first, *rest))


def _chance_to_reach(correct: np.ndarray, ideal: np.ndarray, target: float) -> float:
    """That the loss is at most ``target``, roughly."""
    counts = PairedCounts.of(correct, ideal)
    differing = counts.only_first + counts.only_second
    error = math.sqrt(differing + 1) / counts.images  # one more: none seen does not mean that there is none
    return float(stats.norm.cdf((target + counts.change) / error))


def _known(cost: float) -> float:
    return math.inf if math.isnan(cost) else cost
