"""Temperature of the wires: their resistance grows with it; terminals and cells stay as they are."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from simcore.crossbar.circuit import Circuit
from simcore.effects.base import Conditions, Effect
from simcore.errors import ConditionError


class WireTemperature(Effect):
    """r (1 + per_K (T - nominal_K)) of rows, columns and source lines.

    Drivers and sinks are transistors, whose temperature coefficient no source gives, and so are cells of SRAM; of the
    states of ReRAM none was found for the cells that ship either.

    Attributes:
        per_K: share of the resistance at ``nominal_K``, a kelvin.
        nominal_K: temperature that the resistances of the bitcell file hold for.
    """

    kind: Literal["wire_temperature"]
    depends_on: ClassVar[tuple[str, ...]] = ("temperature_K",)
    drawn_per_chip: ClassVar[bool] = False
    per_K: float = Field(ge=-0.01, le=0.01)
    nominal_K: float = Field(ge=200, le=500)

    def check(self, circuit: Circuit, conditions: Conditions) -> None:
        if self._factor(conditions) <= 0:
            raise ConditionError(
                "temperature_K", f"{self.kind}: leaves no resistance at temperature_K {conditions.temperature_K:g}"
            )

    def altered_circuit(self, circuit: Circuit, conditions: Conditions) -> Circuit:
        factor = self._factor(conditions)
        wires = {name: getattr(circuit, name) * factor for name in ("r_row", "r_col", "r_source")}
        return circuit.model_copy(update=wires)

    def _factor(self, conditions: Conditions) -> float:
        return 1 + self.per_K * (conditions.temperature_K - self.nominal_K)
