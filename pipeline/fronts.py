"""Marks the fronts among the rows of ``designs`` and makes those of ``pareto``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.pareto import OBJECTIVES, find_front, front_probability
from pipeline.spec import ParetoSpec
from pipeline.tables import SCHEMAS

_Row = dict[str, Any]


def mark_fronts(designs: list[_Row], correct: Mapping[str, np.ndarray], spec: ParetoSpec) -> list[_Row]:
    """One front for each network, data set and corner: a corner is what the world turns out to be, not a choice.

    Args:
        designs: rows of ``designs``; their columns about the front are set here.
        correct: by design key, one bit an image (``numpy.packbits``).

    Returns:
        the rows of ``pareto``, front by front, the cheapest first.
    """
    groups: dict[tuple[str, str, str], list[_Row]] = {}
    for row in designs:
        groups.setdefault((row["model_digest"], row["dataset_digest"], row["corner"]), []).append(row)
    return [member for group in groups.values() for member in _mark(group, correct, spec)]


def _mark(group: list[_Row], correct: Mapping[str, np.ndarray], spec: ParetoSpec) -> list[_Row]:
    columns = [OBJECTIVES[name][0] for name in spec.objectives]
    directions = [OBJECTIVES[name][1] for name in spec.objectives]
    values = np.array(
        [[np.nan if row.get(name) is None else row[name] for name in columns] for row in group], dtype=np.float64
    )
    front = find_front(values, directions)
    accuracy = spec.objectives.index("accuracy") if "accuracy" in spec.objectives else None
    images = group[0]["images"]
    right = np.stack([np.unpackbits(correct[row["design_key"]], count=images).astype(bool) for row in group])
    probabilities = front_probability(right, values, directions, accuracy, spec.resamples, spec.seed)
    for index, row in enumerate(group):
        row["on_front"] = bool(front.members[index])
        row["pareto_rank"] = int(front.ranks[index])
        row["front_probability"] = float(probabilities[index])
        row["knee"] = index == front.knee
    members = [row for row in group if row["on_front"]]
    first = next((name for name in columns if name != "accuracy"), "accuracy")
    members.sort(key=lambda row: (row[first], row["design_key"]))
    whole = {"objectives": ",".join(spec.objectives), "hypervolume": front.hypervolume}
    names = SCHEMAS["pareto"].names
    return [
        {name: row[name] for name in names if name in row} | whole | {"front_position": position}
        for position, row in enumerate(members)
    ]
