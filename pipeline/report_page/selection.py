"""Which designs a page can show one by one: a browser draws thousands, a sweep may have a hundred thousand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.objectives import known_costs
from pipeline.results import on_front
from pipeline.tables import HARDWARE_COLUMNS

MOST_SHOWN = 2000
"""Designs up to which a page shows all."""


def hardware_numbers(designs: pd.DataFrame) -> pd.Series:
    """The same number for all levels of one hardware design, from 0 in order of appearance."""
    names = [name for name in HARDWARE_COLUMNS if name in designs]
    return designs.groupby(names, sort=False, dropna=False).ngroup()


def select_designs(designs: pd.DataFrame) -> pd.DataFrame:
    """All designs; of more than ``MOST_SHOWN`` the hardware on any front and a sample of the other, in their order.

    Hardware comes with all its sparsity levels, for one means little without the others. A front is that of accuracy
    and one cost, or of the sweep's own objectives. The sample goes by the keys, which are digests: it is as good as
    drawn and always the same.
    """
    if len(designs) <= MOST_SHOWN:
        return designs
    hardware = hardware_numbers(designs)
    best = designs.on_front.to_numpy(bool).copy()
    for rows in designs.reset_index(drop=True).groupby(["model", "corner"], sort=False).indices.values():
        for cost in known_costs(designs):
            best[rows] |= on_front(designs.iloc[rows], [cost.column])
    on_fronts = hardware.isin(hardware[best])
    others = designs[~on_fronts].groupby(hardware[~on_fronts]).design_key.agg(["min", "size"]).sort_values("min")
    left = MOST_SHOWN - int(on_fronts.sum())
    sample = others.index[np.cumsum(others["size"]) <= left]
    return designs[on_fronts | hardware.isin(sample)]
