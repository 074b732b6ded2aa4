"""Mismatch of the read ports of 8T cells: threshold voltages spread, so do the currents of cells that conduct."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from simcore.effects.base import Conditions, Effect, PhysicalCells, TileDraws


class ReadPortMismatch(Effect):
    """I_on (1 + N(0, sigma)), frozen when the chip is made; cells that leak spread alike.

    Attributes:
        sigma_fraction: standard deviation of a cell's current from cell to cell, as a share of the nominal current.
    """

    kind: Literal["read_port_mismatch"]
    sigma_fraction: float = Field(ge=0, le=1)

    def altered_cells(self, cells: PhysicalCells, draws: TileDraws, conditions: Conditions) -> PhysicalCells:
        return cells.scaled(1.0 + self.sigma_fraction * draws.normal(self.kind))
