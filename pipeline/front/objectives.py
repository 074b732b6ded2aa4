"""What a design costs: the columns that fronts, pictures and comparisons set against accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Objective:
    """One cost column and how people read it: ``scale`` times the column is in ``unit``; ``prefixed`` units take n, µ,
    m."""

    column: str
    title: str
    unit: str
    scale: float = 1.0
    prefixed: bool = True

    def show(self, value: float) -> str:
        """``2.31e-06`` J as ``2.31 µJ``."""
        scaled = value * self.scale
        if not self.prefixed or scaled == 0:
            return f"{scaled:.3g} {self.unit}"
        for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n")):
            if abs(scaled) >= 0.9995 * factor:
                return f"{scaled / factor:.3g} {prefix}{self.unit}"
        return f"{scaled / 1e-12:.3g} p{self.unit}"


COSTS = (
    Objective("energy_per_image_J", "energy per image", "J"),
    Objective("latency_per_image_s", "latency per image", "s"),
    Objective("area_m2", "area", "mm²", 1e6, prefixed=False),
    Objective("mean_column_current_A", "mean column current", "A"),
)


def known_costs(table: pd.DataFrame, suffix: str = "") -> list[Objective]:
    """The costs that a table knows of at least one design, the one that matters most first: a bitcell without a size
    has none but its current."""
    names = [(cost, cost.column + suffix) for cost in COSTS]
    return [cost for cost, name in names if name in table and table[name].notna().any()]
