"""Read disturb: the voltage of every read wears at the filament of cells that conduct, until they conduct less."""

from __future__ import annotations

from math import exp
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from simcore.crossbar.circuit import Circuit
from simcore.effects.base import Conditions, Effect, PhysicalCells, TileDraws


class ReadDisturb(Effect):
    """ON cells keep (t_stress / t_onset)^-p of their conductance once reads have stressed them longer than t_onset.

    p = exponent exp(voltage_factor V / thermal_voltage_V) and t_onset = onset_s (onset_base (1 - cycle_factor
    cycles^cycle_power))^(1 / p), with V the read voltage of the circuit, all of which is taken to be across the cell,
    and t_stress = reads x read_time_s. No cell differs from another; OFF cells are not touched.

    Attributes:
        read_time_s: that the voltage is applied in one read.
        exponent: p at 0 V.
        voltage_factor: share of the voltage that counts.
        thermal_voltage_V: kT/q of the measurement; ``temperature_K`` does not move it.
        onset_s, onset_base: of t_onset.
        cycle_factor, cycle_power: how switching has worn the cell.
        cycles: SET and RESET of the cell before.
    """

    kind: Literal["read_disturb"]
    depends_on: ClassVar[tuple[str, ...]] = ("reads",)
    drawn_per_chip: ClassVar[bool] = False
    read_time_s: float = Field(gt=0, le=1)
    exponent: float = Field(gt=0, le=1)
    voltage_factor: float = Field(ge=0, le=1)
    thermal_voltage_V: float = Field(gt=0, le=1)
    onset_s: float = Field(gt=0)
    onset_base: float = Field(gt=0)
    cycle_factor: float = Field(default=0.0, ge=0)
    cycle_power: float = Field(default=1.0, ge=0, le=10)
    cycles: float = Field(default=0.0, ge=0, le=1e15)

    @model_validator(mode="after")
    def _left(self) -> ReadDisturb:
        if self.cycle_factor * self.cycles**self.cycle_power >= 1:
            raise ValueError(f"read_disturb: {self.cycles:g} cycles are more than the model describes")
        return self

    def check(self, circuit: Circuit, conditions: Conditions) -> None:
        super().check(circuit, conditions)
        try:
            self.kept(circuit, conditions.reads)
        except (OverflowError, ZeroDivisionError):
            raise ValueError(
                f"read_disturb: with exponent {self.exponent:g} and onset_base {self.onset_base:g} reads leave their "
                "mark at a time that is no number"
            ) from None

    def kept(self, circuit: Circuit, reads: float) -> float:
        """Share of its conductance that an ON cell keeps.

        Args:
            circuit: whose read voltage counts.
            reads: of the cell.
        """
        stress = reads * self.read_time_s
        onset, power = self.onset(circuit), self.power(circuit)
        return 1.0 if stress <= onset else float((stress / onset) ** -power)

    def onset(self, circuit: Circuit) -> float:
        """t_onset in seconds."""
        base = self.onset_base * (1 - self.cycle_factor * self.cycles**self.cycle_power)
        return float(self.onset_s * base ** (1 / self.power(circuit)))

    def power(self, circuit: Circuit) -> float:
        """p."""
        return self.exponent * exp(self.voltage_factor * circuit.v_read / self.thermal_voltage_V)

    def altered_cells(self, cells: PhysicalCells, draws: TileDraws, conditions: Conditions) -> PhysicalCells:
        lost = (1.0 - self.kept(cells.circuit, conditions.reads)) * cells.states
        return cells.scaled(1.0 - lost)
