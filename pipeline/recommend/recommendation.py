"""What is recommended for a piece of hardware, and everything that was found out on the way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.front.intervals import PairedCounts, wilson_interval
from pipeline.front.noninferiority import images_to_tell
from pipeline.recommend.candidates import Candidate
from pipeline.recommend.race import MISSED, Finish
from pipeline.sweep.axis import AxisValue
from pipeline.sweep.objectives import ObjectiveName
from pipeline.sweep.points import Configuration


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Attributes:
        target: loss of accuracy against ideal arithmetic that is allowed, a fraction.
        confidence: that the loss of a confirmed set is less, for each piece of hardware.
        by: what should be least.
        images: that are looked at, those that choose and those that confirm together.
        passes: every subset of them is tried;
        none: the usual ones.
        knobs: other values of the hardware by column.
    """

    target: float = 0.01
    confidence: float = 0.95
    by: ObjectiveName = "energy"
    images: int = 1000
    passes: tuple[str, ...] = ()
    knobs: dict[str, list[AxisValue]] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """A set with what the confirming images say of it.

    Attributes:
        counts: what it and ideal arithmetic make of them, the set first.
        costs: of an image by column of ``designs``; none where the size of the cell is unknown.
        confidence: that it loses less than the target, by itself; None where it was not tested.
        confirmed: it is as sure as was asked, and so is every finalist that was tested before it.
        within_limits: the fast solver is as good as the sweep demands.
    """

    candidate: Candidate
    counts: PairedCounts
    costs: dict[str, float]
    confidence: float | None
    confirmed: bool
    within_limits: bool

    @property
    def key(self) -> str:
        return self.candidate.point.key

    @property
    def accuracy(self) -> tuple[float, float, float]:
        """Share of the confirming images that it classifies rightly, with its 95 % interval."""
        correct = self.counts.both + self.counts.only_first
        return (correct / self.counts.images, *wilson_interval(correct, self.counts.images))

    @property
    def change(self) -> tuple[float, float, float]:
        """Its accuracy less that of ideal arithmetic, with its 95 % interval."""
        return (self.counts.change, *self.counts.interval())

    def cost_change(self, column: str, dense: Standing) -> float:
        """Against dense, as a fraction; NaN where one is unknown."""
        own, before = self.costs.get(column, math.nan), dense.costs.get(column, math.nan)
        return own / before - 1 if before else math.nan


@dataclass(frozen=True)
class Tried:
    """A set as the search saw it last.

    Attributes:
        images: so many first images.
        accuracy: on them.
        ideal_accuracy: on them.
        costs: of an image by column of ``designs``.
    """

    candidate: Candidate
    images: int
    accuracy: float
    ideal_accuracy: float
    costs: dict[str, float]


@dataclass(frozen=True)
class Recommendation:
    """The answer for one piece of hardware.

    Attributes:
        kind: ``confirmed``, ``likely`` or ``missed``, as ``race.Verdict`` has it.
        chosen: the set that is recommended, or where none is the one that comes closest.
        others: the other finalists.
        dense: the hardware without any mitigation, on the same images.
        ideal_accuracy: on the confirming images.
        tried: every set that was looked at.
        failed: sets that could not be computed.
        chips: that the images took turns on; 1 where all chips are alike.
    """

    hardware: Configuration
    options: Options
    kind: str
    chosen: Standing
    others: tuple[Standing, ...]
    dense: Standing
    ideal_accuracy: float
    tried: tuple[Tried, ...]
    failed: int
    chips: int

    @property
    def chips_differ(self) -> bool:
        """Others than those that were judged may lose more."""
        return self.dense.candidate.point.design.chips_differ

    @property
    def images(self) -> int:
        """That confirm."""
        return self.dense.counts.images

    @property
    def images_needed(self) -> float:
        """About how many confirming images would tell whether the chosen set reaches the target."""
        counts, error = self.chosen.counts, 1 - self.options.confidence
        return images_to_tell(counts.only_first, counts.only_second, counts.images, self.options.target, error)


def points_text(share: float) -> str:
    """A share of the images in points, ``1 point``."""
    value = f"{100 * share:g}"
    return f"{value} point" if value == "1" else f"{value} points"


def standing(finish: Finish[Candidate], costs: dict[str, float], within_limits: bool) -> Standing:
    """A finalist with all that is known of it."""
    return Standing(finish.runner.name, finish.counts, costs, finish.confidence, finish.confirmed, within_limits)


def reached(found: Sequence[Recommendation]) -> int:
    """Pieces of hardware for which a set was found."""
    return sum(one.kind != MISSED for one in found)
