"""When a race may leave a design behind: another one is surely at least as accurate, surely costs no more in any
objective, and less in one.

What is guaranteed is of the whole race: the probability that it stops any design at all that is on the front of the
complete sweep is at most ``ERROR``. A design of that front is stopped wrongly by another one only if a claim that is
false was made: that the other one is at least as accurate, or that it costs less. The error is shared among all pairs
of designs that the race could ever compare and all its decisions (Bonferroni), so that it does not matter how the
claims hang together (all designs see the same images), which pairs are looked at in the end, or what picked them:

- Accuracy, half of the error. Of two designs one at most is the less accurate: one claim a pair can be false. Where
  chips do not differ it is tested on the images on which the two differ; if the better one were less accurate on all
  images of the sweep, its wins among them would be hypergeometric. This is exact for images in random order, and asks
  nothing of the designs. Where chips differ, those seen are a sample of the chips of the sweep as the images are one of
  its images, and the two are crossed: ``pipeline.front.crossed``. It asks that differences scatter normally from chip
  to chip. The accuracy that 95 % of the chips reach is that of the weakest chips: nothing can be said of it before all
  chips are there, and what then is said is exact (``surely_reaches_more``).
- Costs, the other half, shared by both directions of a pair and the objectives. The logarithm of the ratio of the two
  costs, piece by piece of the images and chip by chip, is tested by Student's t with the pair's own spread and its own
  few degrees of freedom: spreads of several pairs are not pooled, for pairs that share a design share its noise. Images
  scatter as they do on the first chip, where what belongs to one chip alone is in it. It asks that these
  logarithms scatter normally, with spreads that may differ between pieces (R. Ibragimov and U. K. Mueller, J. Bus.
  Econ. Stat. 28, 2010). A cost that does not depend on the images, such as an area, is compared as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from pipeline.front.accuracy_claims import Margins, surely_as_accurate, surely_reaches_more
from pipeline.front.chips import weakest
from pipeline.front.crossed import part, reach
from pipeline.front.pareto import non_dominated
from pipeline.sweep.extent import Extent
from pipeline.sweep.objectives import Direction

ERROR = 0.01
"""Probability, at most, that a race stops any design of the front of the complete sweep."""


@dataclass(frozen=True)
class Contender:
    """What a design has shown so far.

    Attributes:
        key: of the design.
        correct: over the first images of the split, on each of the first chips.
        costs: of an image in each shard of the first chip, or run of shards that is a piece for all designs, NaN where
            unknown.
        chip_costs: of an image on each chip, over all these images.
    """

    key: str
    correct: Bool[np.ndarray, "chips images"]
    costs: Float[np.ndarray, "objectives pieces"]
    chip_costs: Float[np.ndarray, "objectives chips"]


def error_of_a_pair(group_sizes: Iterable[int], decisions: int) -> float:
    """The part of ``ERROR`` that one pair of designs may take in one decision.

    Args:
        group_sizes: designs of each group as the race begins: what is left later depends on chance.
        decisions: how many times designs may be stopped.
    """
    pairs = sum(math.comb(size, 2) for size in group_sizes)
    return ERROR / max(1, pairs * decisions)


def beaten_in_group(group: Sequence[Contender], whole: Extent, error: float, gains: Sequence[str]) -> set[str]:
    """The keys of the designs that surely are not on the front of their group. Designs with a cost that is unknown or
    nothing take no part: they are not compared and go on.

    Args:
        group: all seen on the same images of the same chips.
        whole: images and chips of the whole sweep.
        error: that a pair may take (``error_of_a_pair``).
        gains: what one that beats must have as much of: ``accuracy``, an objective or not, for a front has a floor of
            it, and ``chip_accuracy`` where it is one (of which all chips must be there).
    """
    group = [one for one in group if (one.costs > 0).all() and (one.chip_costs > 0).all()]
    if len(group) < 2 or not group[0].costs.size:
        return set()
    correct = np.array([contender.correct for contender in group])
    margins = Margins.of(correct)
    costs = _Costs.of(group, whole.chips)
    accuracies = {"accuracy": margins.of_chips.mean(axis=1), "chip_accuracy": _weakest(margins.of_chips)}
    estimates = np.column_stack([*(accuracies[name] for name in gains), costs.means])
    directions: list[Direction] = ["max" for _ in gains]
    directions += ["min" for _ in range(costs.means.shape[1])]
    each = error / 2 / max(1, len(gains))
    beaten: set[str] = set()
    for best in np.flatnonzero(non_dominated(estimates, directions)).tolist():
        behind = costs.surely_higher_than(best, error / 2)
        if "accuracy" in gains:
            behind &= surely_as_accurate(margins, best, whole, each)
        for index in np.flatnonzero(behind).tolist():
            images_left = whole.images - correct.shape[2]
            if "chip_accuracy" not in gains or surely_reaches_more(correct[best], correct[index], images_left, each):
                beaten.add(group[index].key)
    return beaten


def _weakest(of_chips: Float[np.ndarray, "designs chips"]) -> Float[np.ndarray, " designs"]:
    return np.asarray(np.sort(of_chips, axis=1)[:, weakest(of_chips.shape[1])])


class _Costs(NamedTuple):
    """Logarithms of what designs cost.

    Attributes:
        pieces: on the first chip, piece by piece of the images.
        chips: chip by chip, over all pieces.
        seen: share of all chips.
    """

    pieces: Float[np.ndarray, "designs objectives pieces"]
    chips: Float[np.ndarray, "designs objectives chips"]
    seen: float

    @classmethod
    def of(cls, group: Sequence[Contender], all_chips: int) -> _Costs:
        pieces, chips = np.array([one.costs for one in group]), np.array([one.chip_costs for one in group])
        return cls(np.log(pieces), np.log(chips), chips.shape[2] / all_chips)

    @property
    def means(self) -> Float[np.ndarray, "designs objectives"]:
        """Over the chips, where there are several; else over the pieces of the images."""
        return np.asarray((self.chips if self.chips.shape[2] > 1 else self.pieces).mean(axis=2))

    def surely_higher_than(self, best: int, error: float) -> Bool[np.ndarray, " designs"]:
        """Which designs surely cost no less than one of them in any objective, and more in some."""
        pieces, chips = self.pieces - self.pieces[best], self.chips - self.chips[best]
        parts = part(pieces), part(chips, self.seen)
        higher = (self.means - self.means[best]) > reach(parts, error / pieces.shape[1])
        equal = (pieces == 0).all(axis=2) & (chips == 0).all(axis=2)
        return np.asarray((higher | equal).all(axis=1) & higher.any(axis=1))
