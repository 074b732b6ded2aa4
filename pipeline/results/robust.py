"""Designs by the world that is worst for them: a corner, effects, an age are what turns out to be, not a choice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.front.pareto import non_dominated
from pipeline.results.finished import above_floor, seen_all
from pipeline.sweep.axes import CALIBRATED_ON, CORNER, EFFECTS, LEVEL, WORLD_COLUMNS
from pipeline.sweep.field_types import NO_EFFECTS
from pipeline.sweep.objectives import known_costs
from pipeline.tables.schema import AXIS_COLUMNS

_WITHIN = ("model", "dataset", "model_digest", "dataset_digest", "dataset_split")
"""What is not to be set beside each other."""
# What goes with a world: a topology never does, but two corners may need converters of other sizes.
_OF_THE_WORLD = ("design_key", "sweep", *WORLD_COLUMNS)


def worst_worlds(designs: pd.DataFrame) -> pd.DataFrame:
    """Each choice of an architect once, by what it is in the world that is worst for it.

    A choice is everything but the world (``axes.WORLD``): corner, device effects, age, reads, temperature. Only those
    that were computed in every corner of their network and data set, and in every world of their device, are there:
    what was not tried in the worst one cannot be said to hold in it. A design without device effects stands for
    every choice of what is measured to calibrate it.

    Args:
        designs: rows of ``designs``; what a race stopped and references are left out.

    Returns:
        The row of the world with the least accuracy, in which every cost is the largest over the worlds,
        ``accuracy_loss`` too, and ``above_floor`` holds where it does in all; ``worlds`` says how many there are.
    """
    designs = _for_every_calibration(seen_all(designs).reset_index(drop=True))
    within = [name for name in _WITHIN if name in designs]
    choice = [name for name in designs.columns if name in AXIS_COLUMNS and name not in _OF_THE_WORLD]
    choice += [name for name in designs.attrs.get("parameters", ()) if name in designs]  # of overrides taken apart
    choice = list(dict.fromkeys([*within, *choice]))
    if designs.empty:
        return designs.assign(worlds=0)
    places = [name for name in WORLD_COLUMNS if name in designs]
    numbered = designs.assign(_world=designs.groupby(places, sort=False, dropna=False).ngroup())
    everywhere = np.ones(len(designs), bool)
    for name, asked in ((CORNER.column, within), ("_world", [*within, "device"])):
        there, all_there = (numbered.groupby(keys, sort=False, dropna=False)[name] for keys in (choice, asked))
        everywhere &= (there.transform("nunique") == all_there.transform("nunique")).to_numpy()
    whole = designs[everywhere]
    if whole.empty:
        return whole.assign(worlds=0)
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
    worst["worlds"] = (
        numbered.loc[whole.index].groupby(choice, dropna=False)["_world"].transform("nunique")[worst.index]
    )
    worst.attrs = designs.attrs
    return worst


def _for_every_calibration(designs: pd.DataFrame) -> pd.DataFrame:
    """Nominal chips once for each value that ``calibrated_on`` has anywhere."""
    if not {EFFECTS.column, CALIBRATED_ON.column} <= set(designs):
        return designs
    nominal = designs[designs[EFFECTS.column] == NO_EFFECTS]
    others = [value for value in designs[CALIBRATED_ON.column].unique() if value != CALIBRATED_ON.default]
    same = [nominal.assign(**{CALIBRATED_ON.column: value}) for value in others]
    joined = pd.concat([designs, *same], ignore_index=True) if same and len(nominal) else designs
    joined.attrs = designs.attrs
    return joined


def spread_columns(cost: str) -> tuple[str, str]:
    """The columns with the ends of a cost's spread, ``energy_per_image_low_J`` and ``_high_J``."""
    stem, _, unit = cost.rpartition("_")
    return f"{stem}_low_{unit}", f"{stem}_high_{unit}"


def robust_front(worst: pd.DataFrame, cost: str | Sequence[str]) -> pd.DataFrame:
    """Of each network the choices that no other beats in their worst worlds, the cheapest first.

    Args:
        worst: of ``worst_worlds``.
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
