"""Spread of programming: cells that were written alike conduct differently until they are written again."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float64
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from simcore.crossbar.circuit import Circuit
from simcore.effects.base import Conditions, PhysicalCells, TileDraws
from simcore.effects.device import DeviceEffect, require_off_current

_ROUNDING = 1e-9  # of conductances that come from resistances
_FROZEN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _in_order(measured: tuple[float, float] | None) -> tuple[float, float] | None:
    if measured is not None and measured[0] > measured[1]:
        raise ValueError(f"expected the least conductance before the most, found {measured[0]:g} and {measured[1]:g}")
    return measured


_Measured = Annotated[tuple[float, float] | None, AfterValidator(_in_order)]


class NormalSpread(BaseModel):
    """g + N(0, sigma) with sigma = sigma_fraction g + sigma_uS, not below 0.

    Attributes:
        sigma_fraction: share of the conductance; below 0 where spread falls with conductance.
        sigma_uS: microsiemens that are there at any conductance.
        measured_uS: the least and the most conductance that the form was measured at; others are refused.
    """

    model_config = _FROZEN

    distribution: Literal["normal"]
    sigma_fraction: float = Field(default=0.0, ge=-1, le=1)
    sigma_uS: float = Field(default=0.0, ge=0, le=1e6)
    measured_uS: _Measured = None

    @model_validator(mode="after")
    def _some_spread(self) -> NormalSpread:
        given = self.model_fields_set & {"sigma_fraction", "sigma_uS"}
        if not given or (self.sigma_fraction < 0 and self.sigma_uS == 0):
            raise ValueError("a normal spread needs a sigma_fraction, a sigma_uS, or both, that make it more than none")
        return self

    def of(
        self, device: Float64[np.ndarray, "rows columns"], normal: Float64[np.ndarray, "rows columns"]
    ) -> Float64[np.ndarray, "rows columns"]:
        """Devices that were to have some conductances.

        Args:
            device: in microsiemens.
            normal: standard normal.
        """
        sigma = np.maximum(self.sigma_fraction * device + self.sigma_uS, 0.0)
        spread: np.ndarray = device + sigma * normal
        return spread


class LogNormalSpread(BaseModel):
    """g exp(N(0, sigma_ln)): the median stays, the mean is exp(sigma_ln^2 / 2) of it.

    Attributes:
        sigma_ln: standard deviation of the natural logarithm of the conductance.
        measured_uS: as ``NormalSpread`` has it.
    """

    model_config = _FROZEN

    distribution: Literal["lognormal"]
    sigma_ln: float = Field(ge=0, le=5)
    measured_uS: _Measured = None

    def of(
        self, device: Float64[np.ndarray, "rows columns"], normal: Float64[np.ndarray, "rows columns"]
    ) -> Float64[np.ndarray, "rows columns"]:
        """As ``NormalSpread.of``."""
        spread: np.ndarray = device * np.exp(self.sigma_ln * normal)
        return spread


StateSpread = Annotated[NormalSpread | LogNormalSpread, Field(discriminator="distribution")]


class ProgrammingSpread(DeviceEffect):
    """Each state spreads in its own way, frozen when the cells are written.

    Attributes:
        on: of ON cells; None leaves them nominal.
        off: of OFF cells.
    """

    kind: Literal["programming_spread"]
    on: StateSpread | None = None
    off: StateSpread | None = None

    @model_validator(mode="after")
    def _something(self) -> ProgrammingSpread:
        if self.on is None and self.off is None:
            raise ValueError("programming_spread needs on or off, the spread of a state")
        return self

    def check(self, circuit: Circuit, conditions: Conditions) -> None:
        super().check(circuit, conditions)
        if isinstance(self.off, NormalSpread) and self.off.sigma_uS > 0:
            require_off_current(self.kind, circuit)
        states = (("ON", self.on, self.device_of_on(circuit)), ("OFF", self.off, self.device_of_off(circuit)))
        for name, spread, device in states:
            if spread is None or spread.measured_uS is None:
                continue
            low, high = spread.measured_uS
            if not low * (1 - _ROUNDING) <= device <= high * (1 + _ROUNDING):
                raise ValueError(
                    f"{self.kind}: was measured from {low:g} to {high:g} uS, an {name} cell has {device:.4g} uS"
                )

    def altered_devices(
        self,
        device: Float64[np.ndarray, "rows columns"],
        cells: PhysicalCells,
        draws: TileDraws,
        conditions: Conditions,
    ) -> Float64[np.ndarray, "rows columns"]:
        normal = draws.normal(self.kind)
        on = device if self.on is None else self.on.of(device, normal)
        off = device if self.off is None else self.off.of(device, normal)
        return np.where(cells.states == 1, on, off)
