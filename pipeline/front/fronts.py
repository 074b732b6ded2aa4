"""The fronts of a sweep, found from a few columns of its designs and a bit an image, or an image of every chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from pipeline.front.candidates import front_candidates
from pipeline.front.chips import in_turn
from pipeline.front.intervals import score_interval
from pipeline.front.pareto import find_front
from pipeline.front.support import front_support
from pipeline.sweep.axes import WORLD_COLUMNS
from pipeline.sweep.field_types import AxisValue
from pipeline.sweep.objectives import OBJECTIVES, ObjectiveName
from pipeline.sweep.spec import ParetoSpec
from simcore.design_axes import REFERENCE_SOLVERS

GROUP_COLUMNS = ("model_digest", "dataset_digest", *WORLD_COLUMNS)
_ROUNDING = 1e-9  # far below one image of any split: 0.93 - 0.91 is a little more than 0.02
MARKS = ("on_front", "above_floor", "front_candidate", "pareto_rank", "front_support", "knee")
"""Columns of ``designs`` that are known once all designs are."""
_OF_THE_FLOOR = ("accuracy", "images", "ideal_accuracy", "chance_accuracy")
MOST_RESAMPLED = 2000
"""Designs of a group, best ranks first, whose support is looked for: beyond, it is 0."""


@dataclass(frozen=True)
class Fronts:
    """How the rows of ``designs`` stand to each other.

    Attributes:
        marks: (designs,) values of each of ``MARKS``; masked where they are unknown.
        order: rows on a front, front after front, the cheapest first.
        positions: (len(order),) place of each within its own front.
    """

    marks: dict[str, np.ndarray]
    order: list[int]
    positions: list[int]


def input_columns(spec: ParetoSpec) -> list[str]:
    """The columns of ``designs`` that the fronts are found from."""
    objectives = dict.fromkeys(OBJECTIVES[name].column for name in spec.objectives)
    of_all = ("chips", "stopped", "design_key", "solver_setting")
    return list(dict.fromkeys([*GROUP_COLUMNS, *objectives, *_OF_THE_FLOOR, *of_all]))


def bits_of(correct: Bool[np.ndarray, "chips images"], spec: ParetoSpec) -> np.ndarray:
    """What ``find_fronts`` is to know of a design: a bit an image, chip after chip (``numpy.packbits``).

    Only where the front is one of the accuracy that 95 % of the chips reach it takes all of them; else one stands for
    all, as which each image is judged by the next in turn.

    Args:
        correct: classified rightly.
        spec: of the front.
    """
    chips = correct if "chip_accuracy" in spec.objectives else in_turn(correct)[None]
    return np.packbits(chips, axis=1).ravel()


def find_fronts(designs: pa.Table, correct: Sequence[np.ndarray], spec: ParetoSpec) -> Fronts:
    """One front for each network, data set and world (``axes.WORLD``).

    What a race stopped as beaten is on no front, and nor is what has fewer images or chips than another of its group, a
    reference, which is no hardware, or what is below the floor.

    Args:
        designs: a table with ``input_columns(spec)``.
        correct: for each row, what ``bits_of`` makes of it.
    """
    codes: dict[tuple[AxisValue, ...], int] = {}
    names = zip(*(designs[name].to_pylist() for name in GROUP_COLUMNS), strict=True)
    group = np.array([codes.setdefault(name, len(codes)) for name in names], dtype=np.int64)
    count = designs.num_rows
    marks = {
        "on_front": np.zeros(count, bool),
        "above_floor": reaches_floor(designs, spec),
        "front_candidate": np.ma.masked_array(np.zeros(count, bool), _unknown_candidates(designs, spec)),
        "pareto_rank": np.zeros(count, np.int64),
        "front_support": np.zeros(count),
        "knee": np.zeros(count, bool),
    }
    fronts = Fronts(marks, [], [])
    group[np.isin(designs["solver_setting"].to_pylist(), REFERENCE_SOLVERS)] = -1
    group[np.isin(designs["stopped"].to_pylist(), ["beaten"])] = -1  # also where those that beat it never finished
    for code in range(len(codes)):
        if len(members := np.flatnonzero(group == code)):
            _mark(fronts, members, designs, correct, spec)
    return fronts


def reaches_floor(designs: pa.Table, spec: ParetoSpec) -> np.ndarray:
    """(designs,) which are as accurate as the front asks.

    A design that another one beats in accuracy is below the floor where that one is: what the floor leaves of a front
    is the front of what the floor leaves. So the interval that sets an accuracy apart from guessing is that of the
    images alone: one that chips have a part in may begin lower for the more accurate of two designs.

    Args:
        designs: a table with ``input_columns(spec)``.
        spec: the floor.
    """
    accuracy, images, ideal, chance = (designs[name].to_pandas().to_numpy(np.float64) for name in _OF_THE_FLOOR)
    if spec.max_loss is None and spec.min_accuracy is None:
        low = [score_interval(*one)[0] for one in zip(accuracy.tolist(), images.tolist(), strict=True)]
        return np.asarray(np.array(low) > chance)
    reached = np.ones(len(accuracy), bool)
    if spec.max_loss is not None:
        reached &= ideal - accuracy <= spec.max_loss + _ROUNDING
    if spec.min_accuracy is not None:
        reached &= accuracy >= spec.min_accuracy - _ROUNDING
    return reached


def _mark(fronts: Fronts, rows: np.ndarray, designs: pa.Table, correct: Sequence[np.ndarray], spec: ParetoSpec) -> None:
    """Marks one group, of the designs that saw as many images of as many chips, and lists its front."""
    images, seen = designs["images"].to_numpy()[rows], evaluations(designs)[rows]
    images = int(images[seen.argmax()])
    rows = rows[(seen == seen.max()) & fronts.marks["above_floor"][rows]]
    if not rows.size:
        return
    directions = [OBJECTIVES[name].direction for name in spec.objectives]
    values = np.column_stack([_values(designs, name)[rows] for name in spec.objectives])
    front = find_front(values, directions)
    marks = fronts.marks
    marks["pareto_rank"][rows] = front.ranks
    marks["on_front"][rows] = front.members
    if front.knee is not None:
        marks["knee"][rows[front.knee]] = True

    ranked = np.argsort(np.where(front.ranks > 0, front.ranks, len(rows) + 1), kind="stable")
    best = np.sort(ranked[:MOST_RESAMPLED])
    right = np.stack([correct[row].reshape(-1, max(1, -(-images // 8))) for row in rows[best]])
    support = front_support(right, images, values[best], spec.objectives, spec.resamples, spec.seed)
    marks["front_support"][rows[best]] = support

    known = np.flatnonzero(front.ranks > 0)
    candidates = front.members[known]
    is_cost = np.array([direction == "min" for direction in directions])
    unknown = np.ma.getmaskarray(marks["front_candidate"])[rows].any()
    if not unknown:
        if not is_cost.all():  # of one chip, or of the accuracy alone
            costs = values[known][:, is_cost]
            candidates = front_candidates([correct[row] for row in rows[known]], images, costs, candidates)
        marks["front_candidate"][rows[known]] = candidates

    first = int(is_cost.argmax())  # the first cost; accuracy, the largest first, where there is none
    members = np.flatnonzero(front.members)
    keys = designs["design_key"].take(pa.array(rows[members])).to_pylist()
    places = values[members, first] * (1 if is_cost[first] else -1)
    ordered = sorted(zip(places.tolist(), keys, rows[members].tolist(), strict=True))
    fronts.order.extend(row for _, _, row in ordered)
    fronts.positions.extend(range(len(ordered)))


def _unknown_candidates(designs: pa.Table, spec: ParetoSpec) -> np.ndarray:
    """(designs,) whose front is one of the accuracy that 95 % of chips reach, where these differ: of the weakest chips
    that were not seen nothing is known, and so not what the true front is."""
    of_chips = np.asarray(designs["chips"].is_valid())
    return of_chips if "chip_accuracy" in spec.objectives else np.zeros(len(of_chips), bool)


def evaluations(designs: pa.Table) -> np.ndarray:
    """(designs,) images of all chips together: in a race more images never come with fewer chips."""
    chips = designs["chips"].to_pandas().fillna(1).to_numpy(np.int64)
    return np.asarray(designs["images"].to_numpy() * chips)


def _values(designs: pa.Table, objective: ObjectiveName) -> np.ndarray:
    """(designs,) of an objective; a missing value is null in the table and NaN here. Where all chips are alike, 95 % of
    them reach what one reaches."""
    found = designs[OBJECTIVES[objective].column].to_pandas().to_numpy(np.float64)
    if objective != "chip_accuracy":
        return np.asarray(found)
    return np.where(designs["chips"].to_pandas().isna(), designs["accuracy"].to_numpy(), found)
