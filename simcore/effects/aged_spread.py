"""Spread of programmed cells that was measured again at some ages, each with a curve over the conductance."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float64
from pydantic import BaseModel, ConfigDict, Field, field_validator

from simcore.crossbar.circuit import Circuit
from simcore.effects.base import Conditions, Effect, PhysicalCells, TileDraws
from simcore.effects.device import DeviceEffect, require_off_current
from simcore.errors import ConditionError


class SpreadAtAge(BaseModel):
    """What was measured at one age.

    Attributes:
        age_s: seconds since programming.
        coefficients_uS: of a polynomial in the conductance as a share of the largest, from the constant on; its value
            is the standard deviation in microsiemens.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    age_s: float = Field(ge=1)
    coefficients_uS: tuple[float, ...] = Field(min_length=1)

    @field_validator("coefficients_uS")
    @classmethod
    def _some_spread(cls, coefficients: tuple[float, ...]) -> tuple[float, ...]:
        if any(coefficients) and np.polynomial.polynomial.polyval(np.linspace(0, 1, 101), coefficients).max() <= 0:
            raise ValueError("the polynomial is a spread of 0 or less at every conductance")
        return coefficients


class AgedSpread(DeviceEffect):
    """g + N(0, sigma) with all that happened until an age in sigma. A cell's place in the distribution is the same at
    every age. Ages between those that were measured are refused: nothing says how a cell gets from one to the next.

    Attributes:
        largest_uS: conductance that the polynomials call 1. An ON cell is taken to be it, whatever it conducts, and
            sigma grows and shrinks with it.
        at: what was measured.
    """

    kind: Literal["aged_spread"]
    depends_on: ClassVar[tuple[str, ...]] = ("age_s",)
    largest_uS: float = Field(gt=0)
    at: tuple[SpreadAtAge, ...] = Field(min_length=1)

    def holds(self, other: Effect) -> bool:
        return other.kind in ("programming_spread", "relaxation")

    @field_validator("at")
    @classmethod
    def _one_an_age(cls, at: tuple[SpreadAtAge, ...]) -> tuple[SpreadAtAge, ...]:
        ages = [found.age_s for found in at]
        for age in ages:
            if ages.count(age) > 1:
                raise ValueError(f"age_s {age:g} is there twice")
        return at

    def check(self, circuit: Circuit, conditions: Conditions) -> None:
        super().check(circuit, conditions)
        require_off_current(self.kind, circuit)
        ages = sorted(found.age_s for found in self.at)
        if conditions.age_s not in ages:
            known = ", ".join(f"{age:g}" for age in ages)
            raise ConditionError("age_s", f"{self.kind}: was measured at age_s {known}, not at {conditions.age_s:g}")

    def altered_devices(
        self,
        device: Float64[np.ndarray, "rows columns"],
        cells: PhysicalCells,
        draws: TileDraws,
        conditions: Conditions,
    ) -> Float64[np.ndarray, "rows columns"]:
        (found,) = (one for one in self.at if one.age_s == conditions.age_s)
        largest = self.device_of_on(cells.circuit)
        share = np.minimum(device / largest, 1.0)
        sigma = np.maximum(np.polynomial.polynomial.polyval(share, found.coefficients_uS), 0.0)
        spread: np.ndarray = device + sigma * (largest / self.largest_uS) * draws.normal(self.kind)
        return spread
