"""What designs are judged by: every objective of a front, and how files, tables and drawings name and show it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.ticker import EngFormatter

Direction = Literal["max", "min"]
ObjectiveName = Literal["accuracy", "energy", "latency", "area", "current"]


@dataclass(frozen=True)
class Objective:
    """One objective.

    Attributes:
        name: what a sweep file calls it.
        column: of the table ``designs``.
        direction: ``max`` where more is better.
        label: what people call it.
        unit: what ``scale`` times the column is in.
        scale: from the column to the unit.
        prefixed: whether the unit takes SI prefixes.
    """

    name: ObjectiveName
    column: str
    direction: Direction
    label: str
    unit: str
    scale: float = 1.0
    prefixed: bool = True

    @property
    def axis_label(self) -> str:
        """What stands beside an axis: ticks of a prefixed unit carry it, others do not."""
        return self.label if self.prefixed else f"{self.label} ({self.unit})"

    def show(self, value: float, gap: str = " ") -> str:
        """A value of the column in three digits, ``2.31e-06`` J as ``2.31 µJ``; ``gap`` stands before the unit."""
        scaled = float(f"{value * self.scale:.3g}")
        return _si(self.unit, gap)(scaled) if self.prefixed else f"{scaled:g}{gap}{self.unit}"


OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective("accuracy", "accuracy", "max", "accuracy", "%", 100, prefixed=False),
        Objective("energy", "energy_per_image_J", "min", "energy per image", "J"),
        Objective("latency", "latency_per_image_s", "min", "latency per image", "s"),
        Objective("area", "area_m2", "min", "area", "mm²", 1e6, prefixed=False),
        Objective("current", "mean_column_current_A", "min", "mean column current", "A"),
    )
}
COSTS = tuple(objective for objective in OBJECTIVES.values() if objective.direction == "min")
"""What is set against accuracy, the one that matters most first."""


def known_costs(table: pd.DataFrame, suffix: str = "") -> list[Objective]:
    """The costs that a table knows of at least one design: a bitcell without a size has none but its current.

    Args:
        table: with columns called as the costs' are.
        suffix: of these columns' names.
    """
    names = [(cost, cost.column + suffix) for cost in COSTS]
    return [cost for cost, name in names if name in table and table[name].notna().any()]


@functools.cache
def _si(unit: str, gap: str) -> EngFormatter:
    # A sweep file is read by every command, and few of them show a quantity: matplotlib takes a moment to load.
    from matplotlib.ticker import EngFormatter

    return EngFormatter(unit=unit, sep=gap)
