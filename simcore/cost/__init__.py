"""Energy, latency and area of a design, from the solved currents of its run. See docs/cost.md."""

from simcore.cost.activity import LayerActivity
from simcore.cost.design_cost import Cost, design_cost, layer_cost, total_cost
from simcore.cost.hardware import Tile
from simcore.cost.settings import CostOptions, CostSettings, resolve
from simcore.cost.spread import CostSpread, layer_spreads, total_spread

__all__ = [
    "Cost", "CostOptions", "CostSettings", "CostSpread", "LayerActivity", "Tile", "design_cost", "layer_cost",
    "layer_spreads", "resolve", "total_cost", "total_spread",
]  # fmt: skip
