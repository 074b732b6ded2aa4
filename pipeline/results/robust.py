"""Designs by the corner that is worst for them: a corner is what the world turns out to be, not a choice."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pipeline.front.pareto import non_dominated
from pipeline.results.finished import above_floor, hardware_only, seen_all
from pipeline.sweep.axes import LEVEL
from pipeline.sweep.objectives import known_costs
from pipeline.tables.schema import AXIS_COLUMNS

_WITHIN = ("model", "dataset", "model_digest", "dataset_digest", "dataset_split")
"""What is not to be set beside each other."""
# What goes with a corner: a topology never does, but two corners may need converters of other sizes.
_OF_THE_CORNER = ("design_key", "sweep", "corner")


def worst_corners(designs: pd.DataFrame) -> pd.DataFrame:
    """Each choice of an architect once, by what it is in the corner that is worst for it.

    A choice is everything but the corner. Only those that were computed in every corner of their network and data set
    are there: what was not tried in the worst corner cannot be said to hold in it.

    Args:
        designs: rows of ``designs``; what a race stopped and references are left out.

    Returns:
        The row of the corner with the least accuracy, in which every cost is the largest over the corners,
        ``accuracy_loss`` too, and ``above_floor`` holds where it does in all; ``corners`` says how many there are.
    """
    designs = hardware_only(seen_all(designs)).reset_index(drop=True)
    within = [name for name in _WITHIN if name in designs]
    choice = [name for name in designs.columns if name in AXIS_COLUMNS and name not in _OF_THE_CORNER]
    choice += [name for name in designs.attrs.get("parameters", ()) if name in designs]  # of overrides taken apart
    choice = list(dict.fromkeys([*within, *choice]))
    if designs.empty:
        return designs.assign(corners=0)
    groups = designs.groupby(choice, sort=False, dropna=False)
    there = groups["corner"].transform("nunique")
    asked = designs.groupby(within, sort=False, dropna=False)["corner"].transform("nunique")
    whole = designs[there == asked]
    if whole.empty:
        return whole.assign(corners=0)
    groups = whole.groupby(choice, sort=False, dropna=False)
    costs = [cost.column for cost in known_costs(whole)]
    spreads = [name for cost in costs for name in spread_columns(cost)]
    largest = [name for name in (*costs, *spreads, "accuracy_loss") if name in whole]
    worst = whole.loc[groups["accuracy"].idxmin()].copy()
    for name in largest:
        worst[name] = groups[name].transform("max")[worst.index]
    worst["above_floor"] = (
        above_floor(whole).groupby([whole[name] for name in choice], dropna=False).transform("all")[worst.index]
    )
    worst["corners"] = groups["corner"].transform("nunique")[worst.index]
    worst.attrs = designs.attrs
    return worst


def spread_columns(cost: str) -> tuple[str, str]:
    """The columns with the ends of a cost's spread, ``energy_per_image_low_J`` and ``_high_J``."""
    stem, _, unit = cost.rpartition("_")
    return f"{stem}_low_{unit}", f"{stem}_high_{unit}"


def robust_front(worst: pd.DataFrame, cost: str | Sequence[str]) -> pd.DataFrame:
    """Of each network the choices that no other beats in their worst corners, the cheapest first.

    Args:
        worst: of ``worst_corners``.
        cost: one column to be kept small, or several.
    """
    costs = [cost] if isinstance(cost, str) else list(cost)
    within = [name for name in _WITHIN if name in worst]
    members = []
    for _, group in worst[above_floor(worst)].groupby(within, sort=False, dropna=False):
        kept = group[non_dominated(group[["accuracy", *costs]], ["max", *(["min"] * len(costs))])]  # type: ignore[list-item]
        members.append(kept.sort_values([costs[0], "design_key"]))
    return pd.concat(members) if members else worst[:0]


def only_flips(designs: pd.DataFrame) -> pd.Series:
    """Which designs have a level that differs from dense storage in its flips alone, if at all."""
    beyond = [axis for axis in LEVEL[1:] if axis.column in designs]
    kept = pd.Series(True, index=designs.index)
    for axis in beyond:
        values = designs[axis.column]  # an earlier version did not write an axis that was added since
        kept &= values.isna() | values.isin(["", axis.default])
    return kept
