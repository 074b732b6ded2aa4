"""1/f noise of filaments: the longer ago they were programmed, the slower the fluctuations that add to it."""

from __future__ import annotations

from math import log, log10, sqrt
from typing import ClassVar, Literal

from pydantic import Field

from simcore.crossbar.circuit import Circuit
from simcore.effects.base import Conditions, ReadNoise
from simcore.effects.device import DeviceNumbers


class FlickerNoise(DeviceNumbers):
    """sigma = per_decade_uS log10(g / uS) sqrt(ln((t + read_time_s) / (2 read_time_s))), t seconds after programming.

    Below 1 uS the logarithm would make it negative; there it is 0. It is drawn anew in every read: slow fluctuations,
    which last from read to read, then average out more than they would.

    Attributes:
        per_decade_uS: microsiemens a decade of conductance above 1 uS.
        read_time_s: of one read.
    """

    kind: Literal["flicker_noise"]
    depends_on: ClassVar[tuple[str, ...]] = ("age_s",)
    drawn_per_chip: ClassVar[bool] = False
    per_decade_uS: float = Field(ge=0, le=1e6)
    read_time_s: float = Field(gt=0, le=0.1)

    def read_noise(self, circuit: Circuit, conditions: Conditions) -> ReadNoise:
        on = self._share(self.device_of_on(circuit), circuit.g_on, conditions)
        off = self._share(self.device_of_off(circuit), circuit.g_off, conditions)
        return ReadNoise(on, off * circuit.off_current() / circuit.on_current())

    def _share(self, device_uS: float, cell_S: float, conditions: Conditions) -> float:
        """Standard deviation of a cell's current as a share of its own."""
        if device_uS <= 1:
            return 0.0
        time = log((conditions.age_s + self.read_time_s) / (2 * self.read_time_s))
        of_device = self.per_decade_uS * log10(device_uS) * sqrt(time) / device_uS
        return of_device * (1 - self.series_ohm * cell_S)
