"""Energy, latency and area of a design, from the solved currents of its run. See docs/cost.md."""

from simcore.cost.activity import LayerActivity
from simcore.cost.added import Added, Costed
from simcore.cost.design_cost import design_cost, layer_cost
from simcore.cost.digital import DigitalCost, DigitalLayer, digital_cost, digital_layers
from simcore.cost.hardware import Tile
from simcore.cost.settings import CostSettings, resolve
from simcore.cost.spread import CostSpread, DigitalSpread, design_spreads, digital_spread
from simcore.cost.totals import Cost, DesignCost
from simcore.cost.writing import activities, written_nodes

__all__ = [
    "Added", "Cost", "CostSettings", "Costed", "CostSpread", "DesignCost", "DigitalCost", "DigitalLayer",
    "DigitalSpread", "LayerActivity", "Tile", "activities", "design_cost", "design_spreads", "digital_cost",
    "digital_layers", "digital_spread", "layer_cost", "resolve", "written_nodes",
]  # fmt: skip
