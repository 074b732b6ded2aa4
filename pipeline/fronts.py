"""The fronts of a sweep, found from a few columns of its designs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.pareto import Direction, non_dominated

OBJECTIVES: dict[str, Direction] = {"accuracy": "max", "array_current_A": "min"}
# A corner is what the world turns out to be, not a choice.
GROUP_COLUMNS = ("model_digest", "dataset_digest", "corner")
FRONT_INPUT_COLUMNS = (*GROUP_COLUMNS, *OBJECTIVES, "images", "design_key")


@dataclass(frozen=True)
class Fronts:
    """Which rows are on a front, and the place of each of them in the table of the fronts.

    Attributes:
        on_front: (designs,) booleans. order: rows on a front, front after front, each from the cheapest on.
        positions: (len(order),) place of each within its own front.
    """

    on_front: np.ndarray
    order: list[int]
    positions: list[int]


def find_fronts(designs: pa.Table) -> Fronts:
    """One front for each network, data set and corner.

    A design that got fewer images than another of its group was left behind in a race: it is on no front.

    Args:
        designs: a table with ``FRONT_INPUT_COLUMNS``.
    """
    codes: dict[tuple[str, ...], int] = {}
    names = zip(*(designs[name].to_pylist() for name in GROUP_COLUMNS), strict=True)
    group = np.array([codes.setdefault(name, len(codes)) for name in names], dtype=np.int64)
    objectives = np.column_stack([designs[name].to_numpy() for name in OBJECTIVES])
    cheapness = designs[next(name for name, direction in OBJECTIVES.items() if direction == "min")].to_numpy()
    images = designs["images"].to_numpy()
    on_front = np.zeros(designs.num_rows, dtype=bool)
    order: list[int] = []
    positions: list[int] = []
    for code in range(len(codes)):
        rows = np.flatnonzero(group == code)
        rows = rows[images[rows] == images[rows].max()]
        members = rows[non_dominated(objectives[rows], tuple(OBJECTIVES.values()))]
        on_front[members] = True
        keys = dict(zip(members.tolist(), designs["design_key"].take(pa.array(members)).to_pylist(), strict=True))
        ordered = sorted(members.tolist(), key=lambda row: (cheapness[row], keys[row]))
        order += ordered
        positions += range(len(ordered))
    return Fronts(on_front, order, positions)
