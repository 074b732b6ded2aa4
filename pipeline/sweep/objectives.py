"""What designs are judged by: every objective of a front, and how files, tables and drawings name and show it."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.ticker import EngFormatter

Direction = Literal["max", "min"]
ObjectiveName = Literal["accuracy", "chip_accuracy", "energy", "latency", "area", "current"]


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

    def read(self, text: str) -> float | None:
        """The value of the column that ``2.31 µJ`` means, with a unit as ``show`` writes it; None where it is none."""
        match = re.fullmatch(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)", text.strip())
        if match is None:
            return None
        units = {self.unit: 1.0, self.unit.replace("²", "2"): 1.0}
        if self.prefixed:
            units = {prefix + self.unit: factor for prefix, factor in _PREFIXES.items()}
        return float(match[1]) * units[match[2]] / self.scale if match[2] in units else None


_PREFIXES = {"": 1.0, "m": 1e-3, "µ": 1e-6, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18}

OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective("accuracy", "accuracy", "max", "accuracy", "%", 100, prefixed=False),
        Objective("chip_accuracy", "accuracy_chip_p5", "max", "accuracy of 95 % of chips", "%", 100, prefixed=False),
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


def shared_unit(unit: str, largest: float) -> tuple[float, str]:
    """One unit for all values of a quantity: what to multiply them by, and its name.

    Args:
        unit: that the values are in.
        largest: of the values, which gets 1 to 999; of a share the unit is always %, of an area mm².
    """
    if unit == "fraction":
        return 100.0, "%"
    if unit == "m^2":
        return 1e6, "mm²"
    if unit not in ("J", "s", "A", "C") or largest <= 0:
        return 1.0, unit
    prefix, factor = next(((p, f) for p, f in _PREFIXES.items() if p != "u" and largest >= f), ("a", 1e-18))
    return 1 / factor, prefix + unit


@functools.cache
def _si(unit: str, gap: str) -> EngFormatter:
    # A sweep file is read by every command, and few of them show a quantity: matplotlib takes a moment to load.
    from matplotlib.ticker import EngFormatter

    return EngFormatter(unit=unit, sep=gap)
