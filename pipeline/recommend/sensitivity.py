"""How much more a recommended set asks of the converter and of calibration: accuracy as noise, offset and gain errors
grow and as calibration images become few, beside the same of dense storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.front.intervals import wilson_interval
from pipeline.recommend.candidates import design_of, require_measurable
from pipeline.recommend.recommendation import Recommendation
from pipeline.recommend.search import Evaluations, Seen
from pipeline.sweep.axis import AxisValue
from pipeline.sweep.points import DesignPoint
from simcore.errors import InputError

VALUES: dict[str, tuple[float, ...]] = {
    "adc_noise": (0.0, 0.25, 0.5, 1.0, 2.0),
    "adc_offset": (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0),
    "adc_gain": (0.9, 0.95, 0.98, 1.0, 1.02, 1.05, 1.1),
    "calibration_images": (8, 16, 32, 64, 128, 256, 512),
}
"""Of each column; judgements of how far a converter may be off."""
Accuracy = tuple[float, float, float]


@dataclass(frozen=True)
class Curve:
    """Accuracy against one column, with 95 % intervals.

    Attributes:
        column: what is changed, everything else as it is.
        values: of it.
        dense: accuracy of dense storage at each.
        chosen: accuracy of the recommended set at each.
    """

    column: str
    values: tuple[float, ...]
    dense: tuple[Accuracy, ...]
    chosen: tuple[Accuracy, ...]


def sensitivity(
    recommendations: Sequence[Recommendation], images: int, evaluations: Evaluations
) -> list[tuple[Curve, ...]]:
    """The curves of each recommendation. Values at which a design cannot be, or failed, are left out.

    Args:
        recommendations: with the sets.
        images: the first so many of the split.
        evaluations: computes and reads.
    """
    points = [_points(one, images) for one in recommendations]
    every = (point for places in points for pairs in places.values() for pair in pairs.values() for point in pair)
    seen = evaluations.of(every, images, "sensitivity")
    return [tuple(_curve(column, pairs, seen) for column, pairs in places.items()) for places in points]


_Pairs = dict[float, tuple[DesignPoint, DesignPoint]]


def _points(one: Recommendation, images: int) -> dict[str, _Pairs]:
    """Dense storage and the chosen set at each value of each column, where they calibrate on none of the images."""
    knobs = dict(one.chosen.candidate.knobs)
    found: dict[str, _Pairs] = {}
    for column, values in VALUES.items():
        own = one.hardware.columns[column]
        pairs = found.setdefault(column, {})
        for value in sorted({*values, float(own)}):
            # the type of the hardware's own value: keys tell 8 from 8.0
            changed: AxisValue = type(own)(value)
            try:
                pair = (
                    design_of(one.hardware, one.dense.candidate.mitigations, {column: changed}),
                    design_of(one.hardware, one.chosen.candidate.mitigations, {**knobs, column: changed}),
                )
                for point in pair:
                    require_measurable(point, images)
            except (ValueError, InputError):
                continue
            pairs[value] = pair
    return found


def _curve(column: str, pairs: _Pairs, seen: dict[str, Seen]) -> Curve:
    there = {value: pair for value, pair in pairs.items() if all(point.key in seen for point in pair)}
    accuracies = [[_accuracy(seen[pair[place].key]) for pair in there.values()] for place in (0, 1)]
    return Curve(column, tuple(there), tuple(accuracies[0]), tuple(accuracies[1]))


def _accuracy(found: Seen) -> Accuracy:
    correct, images = int(found.correct.sum()), len(found.correct)
    return (correct / images, *wilson_interval(correct, images))
