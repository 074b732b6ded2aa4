"""What designs cost that stand in no plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.storage.layer_totals import Totals
from pipeline.sweep import simulation
from pipeline.sweep.simulation import Model
from pipeline.tables.hardware_cost import totals_by_column
from simcore.cost import CostSettings, Tile, activities, design_cost
from simcore.design import Design
from simcore.technology.devices import CellGeometry


@dataclass(frozen=True)
class CostOfDesigns:
    """Energy, latency and area of designs of one network on one bitcell.

    Attributes:
        model: the network, whose digital layers are counted too.
        cell: size of the bitcell.
        settings: how costs are counted.
    """

    model: Model
    cell: CellGeometry
    settings: CostSettings

    @classmethod
    def of(cls, model: Model, device: str, settings: CostSettings) -> CostOfDesigns | None:
        """None where the bitcell file says nothing about the cell's size."""
        cell = simulation.cell_geometry(device)
        return None if cell is None else cls(model, cell, settings)

    def totals(self, design: Design, layers: Sequence[Totals], images: int) -> dict[str, float]:
        """By the columns of ``designs``; empty where operands are written and the bitcell file does not say what that
        takes.

        Args:
            design: what was computed.
            layers: what its layers did, in units.
            images: in so many images.
        """
        mapped = tuple(layer["layer"] for layer in layers)
        did = activities(self.model.checkpoint.network.graph, layers, images)
        if self.cell.write is None and any(layer.written for layer in did):
            return {}
        digital = simulation.digital_layers(self.model, mapped)
        passes = simulation.mitigations_of(design)
        return totals_by_column(design_cost(Tile.of(design, self.cell), did, self.settings, digital, passes))
