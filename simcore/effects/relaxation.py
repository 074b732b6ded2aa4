"""Relaxation: conductances of filaments creep and spread with the logarithm of the time since programming."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float64
from pydantic import Field

from simcore.crossbar.circuit import Circuit
from simcore.effects.base import Conditions, PhysicalCells, TileDraws
from simcore.effects.device import DeviceEffect, require_off_current
from simcore.errors import ConditionError


class Relaxation(DeviceEffect):
    """g + mean_per_ln_uS ln t + N(0, sigma_uS + sigma_per_ln_uS ln t), t in seconds, whatever g is.

    A cell's place in the distribution is the same at every age, so that a chip ages and is not drawn anew.

    Attributes:
        mean_per_ln_uS: shift of all cells, microsiemens a factor e of time.
        sigma_uS: standard deviation from cell to cell at 1 s.
        sigma_per_ln_uS: its growth, microsiemens a factor e of time.
        longest_s: age up to which the numbers are taken to hold; others are refused.
    """

    kind: Literal["relaxation"]
    depends_on: ClassVar[tuple[str, ...]] = ("age_s",)
    mean_per_ln_uS: float = Field(ge=-1e6, le=1e6)
    sigma_uS: float = Field(ge=0, le=1e6)
    sigma_per_ln_uS: float = Field(ge=0, le=1e6)
    longest_s: float = Field(ge=1)

    def check(self, circuit: Circuit, conditions: Conditions) -> None:
        super().check(circuit, conditions)
        require_off_current(self.kind, circuit)
        if conditions.age_s > self.longest_s:
            raise ConditionError(
                "age_s", f"{self.kind}: holds up to age_s {self.longest_s:g}, not at {conditions.age_s:g}"
            )

    def altered_devices(
        self,
        device: Float64[np.ndarray, "rows columns"],
        cells: PhysicalCells,
        draws: TileDraws,
        conditions: Conditions,
    ) -> Float64[np.ndarray, "rows columns"]:
        factors_e = np.log(conditions.age_s)
        sigma = self.sigma_uS + self.sigma_per_ln_uS * factors_e
        relaxed: np.ndarray = device + self.mean_per_ln_uS * factors_e + sigma * draws.normal(self.kind)
        return relaxed
