"""What holds for many designs at once, all judged on the same images: which differences are more than chance, and what
the largest of them is worth.

A 95 % interval is about one design by itself: of a hundred designs without any difference five look different, and the
largest of many differences is large by luck too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import stats

from pipeline.front.intervals import PairedCounts

ERROR = 0.05
"""Probability, at most, that anything at all is said wrongly of a family of designs."""


def chance_of_wins(wins: ArrayLike, losses: ArrayLike) -> Float[np.ndarray, "*pairs"]:
    """Chance of so many wins or more among the images that tell two designs apart, were the first no more accurate.

    The exact one-sided form of McNemar's test (Q. McNemar, Psychometrika 12, 1947).

    Args:
        wins: images that the first design of each pair alone classified rightly.
        losses: images that the second alone did, of the same shape.

    Returns:
        The p-value of each pair.
    """
    wins = np.asarray(wins)
    return np.asarray(stats.binom.sf(wins - 1, wins + np.asarray(losses), 0.5), dtype=np.float64)


def chance_of_more(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Chance of so many successes or more in the first of two independent samples, were its proportion no larger.

    R. A. Fisher's exact test, one-sided (Statistical Methods for Research Workers, 1934).

    Args:
        first: (successes, trials).
        second: (successes, trials).
    """
    trials, successes = first[1] + second[1], first[0] + second[0]
    return float(stats.hypergeom.sf(first[0] - 1, trials, successes, first[1]))


def holm(chances: ArrayLike) -> Float[np.ndarray, " tests"]:
    """p-values adjusted for each other, so that any number of them may be looked at.

    Those up to e are of false hypotheses, all of them, but for a probability of e at most, however the tests hang
    together (S. Holm, Scandinavian Journal of Statistics 6, 1979).

    Args:
        chances: the p-value of each test by itself.
    """
    values = np.asarray(chances, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)))
    return adjusted


class Split(NamedTuple):
    """The pair of designs with the largest change on one half of the images, and what the other half says of it."""

    pair: int
    counts: PairedCounts


def largest_by_halves(halves: Sequence[tuple[PairedCounts, PairedCounts]]) -> tuple[Split, Split]:
    """The largest change, picked on the first half and measured on the second, and the other way round.

    Images that picked have no say in the measurement, so that its mean is the change of the pair that was picked, and
    its interval is an ordinary one (D. R. Cox, Biometrika 62, 1975).

    Args:
        halves: of every pair, at least one, its counts on both halves.
    """
    picked = [max(range(len(halves)), key=lambda pair: halves[pair][half].change) for half in (0, 1)]
    return Split(picked[0], halves[picked[0]][1]), Split(picked[1], halves[picked[1]][0])
