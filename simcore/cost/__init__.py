"""Energy, latency and area of a design, from the solved currents of its run. See docs/cost.md."""

from simcore.cost.activity import LayerActivity
from simcore.cost.design_cost import Cost, CostSpread, design_cost, layer_cost, spreads, total_cost
from simcore.cost.hardware import Tile
from simcore.cost.settings import CostOptions, CostSettings, resolve

__all__ = [
    "Cost", "CostOptions", "CostSettings", "CostSpread", "LayerActivity", "Tile", "design_cost", "layer_cost",
    "resolve", "spreads", "total_cost",
]  # fmt: skip
