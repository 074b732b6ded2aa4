"""A user's own measurement: what cells of either state conduct, as mean and spread or as samples."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import numpy as np
from jaxtyping import Float64
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from simcore.crossbar.circuit import Circuit
from simcore.effects.base import Conditions, Effect, PhysicalCells, TileDraws
from simcore.effects.device import MICRO, require_off_current
from simcore.effects.programming_spread import ProgrammingSpread
from simcore.errors import InputError
from simcore.technology.number_file import NumberFile, read_number_rows

MOST_SAMPLES = 10_000
"""They are part of what names a result."""
_SAMPLES = NumberFile("samples_csv", "effect file", "samples", "of conductance in uS, one a line")


class MeasuredState(BaseModel):
    """Cells of one state, access transistors included: either a mean and a standard deviation, or samples.

    Attributes:
        mean_uS: microsiemens, with ``sigma_uS``. As ``g_on`` and ``g_off`` are: where the current is not in proportion
            to the voltage, what it starts with, not the chord of a read.
        sigma_uS: standard deviation from cell to cell of a normal distribution, held at 0 or more.
        samples_uS: one number a measured cell; each is drawn equally often.
        samples_csv: file of such numbers beside the YAML file, one a line.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mean_uS: float | None = Field(default=None, gt=0)
    sigma_uS: float | None = Field(default=None, ge=0)
    samples_uS: tuple[float, ...] | None = Field(default=None, min_length=1, max_length=MOST_SAMPLES)
    samples_csv: str | None = None

    @field_validator("samples_uS")
    @classmethod
    def _conductances(cls, samples: tuple[float, ...] | None) -> tuple[float, ...] | None:
        for sample in samples or ():
            if sample < 0:
                raise ValueError(f"a conductance of {sample:g} uS is below 0")
        return samples and tuple(sorted(samples))

    @model_validator(mode="after")
    def _one_form(self) -> MeasuredState:
        given = [name for name in ("mean_uS", "samples_uS", "samples_csv") if getattr(self, name) is not None]
        if len(given) != 1 or (self.mean_uS is None) != (self.sigma_uS is None):
            raise ValueError("give either mean_uS and sigma_uS, or samples_uS, or samples_csv")
        return self

    def read(self, folder: Path, where: str) -> MeasuredState:
        """With the samples of ``samples_csv`` in its place."""
        if self.samples_csv is None:
            return self
        rows = read_number_rows(folder, self.samples_csv, _SAMPLES, where)
        samples = [number for row in rows for number in row]
        if not samples or not np.isfinite(samples).all() or min(samples) < 0 or len(samples) > MOST_SAMPLES:
            raise InputError(
                f"samples_csv '{self.samples_csv}' must hold 1 to {MOST_SAMPLES} conductances of 0 uS or more", where
            )
        return MeasuredState(samples_uS=tuple(samples))

    @property
    def spreads(self) -> bool:
        """Whether cells differ."""
        return bool(self.sigma_uS) or len(self.samples_uS or ()) > 1

    def drawn(self, uniform: Float64[np.ndarray, " cells"], normal: Float64[np.ndarray, " cells"]) -> np.ndarray:
        """Siemens of cells.

        Args:
            uniform: in [0, 1).
            normal: standard normal.
        """
        if self.samples_uS is not None:
            samples = np.array(self.samples_uS)
            found: np.ndarray = samples[(uniform * len(samples)).astype(np.int64)]
            return found * MICRO
        mean, sigma = self.mean_uS or 0.0, self.sigma_uS or 0.0
        return np.maximum(mean + sigma * normal, 0.0) * MICRO


class MeasuredTable(Effect):
    """Conductances of a state take the place of the nominal ones. The unit of a partial sum stays the current of a
    nominal ON cell.

    Attributes:
        on: ON cells; None leaves them as they are.
        off: OFF cells.
    """

    kind: Literal["measured_table"]
    on: MeasuredState | None = None
    off: MeasuredState | None = None

    @model_validator(mode="after")
    def _something(self) -> MeasuredTable:
        if self.on is None and self.off is None:
            raise ValueError("measured_table needs on or off, what was measured of a state")
        return self

    def resolved(self, folder: Path, where: str) -> Self:
        states = {"on": self.on, "off": self.off}
        return self.model_copy(
            update={name: state.read(folder, f"{where}.{name}") for name, state in states.items() if state is not None}
        )

    def holds(self, other: Effect) -> bool:
        """The spread of cells that were written, of a state whose cells were measured to differ."""
        spread = {"on": self.on is not None and self.on.spreads, "off": self.off is not None and self.off.spreads}
        if isinstance(other, ProgrammingSpread):
            return any(spread[state] and getattr(other, state) is not None for state in spread)
        return other.kind == "aged_spread" and any(spread.values())

    def check(self, circuit: Circuit, conditions: Conditions) -> None:
        if self.off is not None:
            require_off_current(self.kind, circuit)
        for state in (self.on, self.off):
            if state is not None and state.samples_csv is not None:
                raise ValueError(f"{self.kind}: samples_csv is read by effect_blocks.load_block, and was not")

    def altered_cells(self, cells: PhysicalCells, draws: TileDraws, conditions: Conditions) -> PhysicalCells:
        uniform, normal = draws.uniform(f"{self.kind} sample"), draws.normal(f"{self.kind} normal")
        conductances = cells.conductances.copy()
        for state, measured in ((1, self.on), (0, self.off)):
            if measured is not None:
                where = cells.states == state
                conductances[where] = measured.drawn(uniform[where], normal[where])
        return cells.with_conductances(conductances)
