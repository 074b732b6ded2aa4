"""Cells that keep one state whatever is written, or conduct not at all."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from simcore.effects.base import Conditions, Effect, PhysicalCells, TileDraws


class StuckCells(Effect):
    """Independent cells, stored bits as they may be.

    Attributes:
        on_fraction: share of the cells that stay ON.
        off_fraction: share that stays OFF.
        open_fraction: share that conducts no current.
    """

    kind: Literal["stuck_cells"]
    on_fraction: float = Field(default=0.0, ge=0, le=1)
    off_fraction: float = Field(default=0.0, ge=0, le=1)
    open_fraction: float = Field(default=0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _shares(self) -> StuckCells:
        if self.on_fraction + self.off_fraction + self.open_fraction > 1:
            raise ValueError("on_fraction, off_fraction and open_fraction are shares of all cells, together at most 1")
        return self

    def altered_cells(self, cells: PhysicalCells, draws: TileDraws, conditions: Conditions) -> PhysicalCells:
        drawn = draws.uniform(self.kind)
        on, off = self.on_fraction, self.on_fraction + self.off_fraction
        cells = cells.with_states(drawn < on, 1)
        cells = cells.with_states((drawn >= on) & (drawn < off), 0)
        return cells.scaled(1.0 - ((drawn >= off) & (drawn < off + self.open_fraction)))
