"""What leaks for as long as the supply is on: cells that need it, stored bits and logic."""

from __future__ import annotations

from dataclasses import dataclass

from simcore.cost.energy import Number
from simcore.cost.settings import CostSettings

SRAM_BIT_FINS = 3
"""Fins of a 6T cell that are off between supply and ground: one in each inverter, one access transistor."""


def off_power(fins: Number, off_current: Number, v_dd: Number) -> Number:
    """Fins that are off under the full supply: n I_off V_DD.

    Args:
        fins: number of fins between supply and ground.
        off_current: A a fin. Source: ASAP7's I_off.
        v_dd: V.
    """
    return fins * off_current * v_dd


def logic_power(area: Number, density: Number) -> Number:
    """Leakage of logic by the area of its cells.

    Args:
        area: m² of cells, before placement.
        density: W/m². Source: ASAP7, fins that are off in a cell of one gate pitch.
    """
    return area * density


@dataclass(frozen=True)
class Leaking:
    """What leaks for as long as the supply is on.

    Attributes:
        fins: fins of storage that are off between supply and ground.
        logic_m2: area of logic cells, before placement.
    """

    fins: float = 0.0
    logic_m2: float = 0.0

    def __add__(self, other: Leaking) -> Leaking:
        return Leaking(self.fins + other.fins, self.logic_m2 + other.logic_m2)

    def power_W(self, settings: CostSettings) -> float:
        """Watts with the currents, density and supply of ``settings``."""
        fins = off_power(self.fins, settings.fin_off_current, settings.v_dd)
        return float(fins + logic_power(self.logic_m2, settings.logic_leakage))
