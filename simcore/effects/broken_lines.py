"""Lines of an array that are open from some place on or shorted to ground: their cells deliver nothing."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from simcore.effects.base import Conditions, Effect, PhysicalCells, TileDraws


class BrokenLines(Effect):
    """Independent lines of every tile.

    An open word line does not reach the cells from a random column on, an open bit line does not bring to the sink what
    the cells before a random row deliver. A line that is shorted to ground is as one that is open at its beginning,
    but for the current that it draws. A line that is shorted to the supply or to its neighbour cannot be said by what
    cells conduct, and is not modelled.

    Attributes:
        open_word_line_fraction: share of the word lines that are open somewhere.
        open_bit_line_fraction: share of the bit lines that are open somewhere.
        grounded_word_line_fraction: share of the word lines that are shorted to ground.
        grounded_bit_line_fraction: share of the bit lines that are shorted to ground.
    """

    kind: Literal["broken_lines"]
    open_word_line_fraction: float = Field(default=0.0, ge=0, le=1)
    open_bit_line_fraction: float = Field(default=0.0, ge=0, le=1)
    grounded_word_line_fraction: float = Field(default=0.0, ge=0, le=1)
    grounded_bit_line_fraction: float = Field(default=0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _shares(self) -> BrokenLines:
        for line in ("word_line", "bit_line"):
            found = [getattr(self, f"{fault}_{line}_fraction") for fault in ("open", "grounded")]
            if sum(found) > 1:
                raise ValueError(f"open_{line}_fraction and grounded_{line}_fraction are shares, together at most 1")
        return self

    def altered_cells(self, cells: PhysicalCells, draws: TileDraws, conditions: Conditions) -> PhysicalCells:
        rows, columns = cells.states.shape
        at_row, at_column = np.arange(rows)[:, None], np.arange(columns)[None] % draws.width
        fate = draws.row_uniform(f"{self.kind} word line")
        opened = fate < self.open_word_line_fraction
        grounded = ~opened & (fate < self.open_word_line_fraction + self.grounded_word_line_fraction)
        first_column = np.floor(draws.row_uniform(f"{self.kind} word line at") * draws.width)
        word_line = grounded | (opened & (at_column >= first_column))
        of_column = draws.column_uniform(f"{self.kind} bit line")
        opened = of_column < self.open_bit_line_fraction
        grounded = ~opened & (of_column < self.open_bit_line_fraction + self.grounded_bit_line_fraction)
        last_row = np.floor(draws.column_uniform(f"{self.kind} bit line at") * draws.rows)
        bit_line = grounded | (opened & (at_row <= last_row))
        return cells.scaled(1.0 - (word_line | bit_line))
