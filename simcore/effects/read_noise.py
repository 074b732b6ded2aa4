"""Noise of the cells from read to read, as a share of the current of a cell that conducts."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from simcore.crossbar.circuit import Circuit
from simcore.effects.base import Conditions, Effect, ReadNoise


class CellReadNoise(Effect):
    """N(0, sigma) on every cell's current, anew in every read and independent of the read before.

    Attributes:
        on_fraction_per_read: standard deviation of an ON cell, as a share of an ON cell's nominal current.
        off_fraction_per_read: of an OFF cell, as a share of an ON cell's nominal current too.
    """

    kind: Literal["read_noise"]
    drawn_per_chip: ClassVar[bool] = False
    on_fraction_per_read: float = Field(ge=0, le=1)
    off_fraction_per_read: float = Field(ge=0, le=1)

    def read_noise(self, circuit: Circuit, conditions: Conditions) -> ReadNoise:
        return ReadNoise(self.on_fraction_per_read, self.off_fraction_per_read)
