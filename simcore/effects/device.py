"""Effects on the device of a cell, which may be in series with an access transistor that they leave alone."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from jaxtyping import Float64
from pydantic import Field

from simcore.crossbar.circuit import Circuit
from simcore.effects.base import Conditions, Effect, PhysicalCells, TileDraws

MICRO = 1e-6
_LEAST_SHARE = 1e-6  # of a cell's resistance that is the device's, where another effect has left it hardly any


class DeviceNumbers(Effect):
    """An effect whose numbers are those of devices in microsiemens, as they are published.

    A cell conducts G = g / (1 + r g) through the device's g and the resistance r in series. Spread of the device is
    spread of the cell times G / g: 1500 ohm take an eighth of it at 88 uS.

    Attributes:
        series_ohm: resistance of the access transistor, which bitcell files have as ``r_access``; 0: the numbers are
            those of whole cells.
    """

    series_ohm: float = Field(default=0.0, ge=0)

    def check(self, circuit: Circuit, conditions: Conditions) -> None:
        if circuit.g_on * self.series_ohm >= 1:
            raise ValueError(
                f"{self.kind}: series_ohm is {self.series_ohm:g} ohm, more than a whole ON cell has "
                f"({1 / circuit.g_on:.4g} ohm)"
            )

    def device_of_on(self, circuit: Circuit) -> float:
        """Microsiemens of the device in a nominal ON cell."""
        return circuit.g_on / (1 - self.series_ohm * circuit.g_on) / MICRO

    def device_of_off(self, circuit: Circuit) -> float:
        """Microsiemens of the device in a nominal OFF cell."""
        return circuit.g_off / (1 - self.series_ohm * circuit.g_off) / MICRO


class DeviceEffect(DeviceNumbers):
    """An effect that alters devices."""

    def altered_cells(self, cells: PhysicalCells, draws: TileDraws, conditions: Conditions) -> PhysicalCells:
        share = np.maximum(1 - self.series_ohm * cells.conductances, _LEAST_SHARE)
        device = cells.conductances / share / MICRO
        altered = np.maximum(self.altered_devices(device, cells, draws, conditions), 0.0) * MICRO
        return cells.with_conductances(altered / (1 + self.series_ohm * altered))

    @abstractmethod
    def altered_devices(
        self,
        device: Float64[np.ndarray, "rows columns"],
        cells: PhysicalCells,
        draws: TileDraws,
        conditions: Conditions,
    ) -> Float64[np.ndarray, "rows columns"]:
        """Conductances of the devices on one chip; below 0 they are 0.

        Args:
            device: as the effects before have left them, in microsiemens.
            cells: what they are in.
            draws: where every random number comes from.
            conditions: what time and use have done.
        """


def require_off_current(kind: str, circuit: Circuit) -> None:
    """Refuse OFF cells that conduct nothing where a change of theirs is an absolute number: no factor makes it.

    Raises:
        ValueError: g_off is 0.
    """
    if circuit.g_off == 0:
        raise ValueError(f"{kind}: changes OFF cells by an absolute conductance and needs g_off above 0")
