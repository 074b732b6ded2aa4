"""Which designs a page can show one by one: a browser draws thousands, a sweep may have a hundred thousand."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd

from pipeline.report.front_panels import ACCURACY, OF_CHIPS, accuracies
from pipeline.results.finished import on_front
from pipeline.sweep.axes import WORLD_COLUMNS
from pipeline.sweep.objectives import known_costs
from pipeline.tables.schema import HARDWARE_COLUMNS

MOST_SHOWN = 2000
"""Designs up to which a page shows all."""


def hardware_numbers(designs: pd.DataFrame) -> pd.Series:
    """The same number for all levels of one hardware design, from 0 in order of appearance."""
    names = [name for name in HARDWARE_COLUMNS if name in designs]
    return designs.groupby(names, sort=False, dropna=False).ngroup()


def select_designs(designs: pd.DataFrame, wanted: Collection[str] = (), of_chips: bool = False) -> pd.DataFrame:
    """All designs; of more than ``MOST_SHOWN`` the hardware on any front and a sample of the other, in their order.

    Hardware comes with all its sparsity levels, for one means little without the others. A front is that of accuracy
    and one cost, or of the sweep's own objectives; of designs that lie at the same place on it one is enough. The
    sample goes by the keys, which are digests: it is as good as drawn and always the same.

    Args:
        designs: rows of ``designs``.
        wanted: keys of designs that come in any case.
        of_chips: fronts of the accuracy of 95 % of chips are drawn too.
    """
    if len(designs) <= MOST_SHOWN:
        return designs
    hardware = hardware_numbers(designs)
    keys = {*wanted, *_fronts(designs, of_chips)}
    chosen = hardware.isin(hardware[designs.design_key.isin(keys)])
    others = designs[~chosen].groupby(hardware[~chosen]).design_key.agg(["min", "size"]).sort_values("min")
    sample = others.index[np.cumsum(others["size"]) <= MOST_SHOWN - int(chosen.sum())]
    return designs[chosen | hardware.isin(sample)]


def _fronts(designs: pd.DataFrame, of_chips: bool) -> Iterator[str]:
    """The keys on the fronts, of designs at the same place the first."""
    costs = [cost.column for cost in known_costs(designs)]
    designs = designs.assign(**{OF_CHIPS.column: accuracies(designs, OF_CHIPS)})
    drawn = [ACCURACY.column, *([OF_CHIPS.column] if of_chips else [])]
    for _, group in designs.sort_values("design_key").groupby(["model", *WORLD_COLUMNS], sort=False, dropna=False):
        fronts = [(group.on_front.to_numpy(bool), [ACCURACY.column, *costs])]
        fronts += [(on_front(group, [cost], accuracy), [accuracy, cost]) for accuracy in drawn for cost in costs]
        for members, place in fronts:
            yield from group[members].drop_duplicates(place).design_key
