"""Spread of the converters: each column's has a gain and an offset of its own, frozen when the chip is made."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from simcore.effects.base import ConverterErrors, Effect, TileDraws


class ConverterSpread(Effect):
    """What a column's converter rounds to a code becomes gain x it + offset, before bent references bend it.

    Attributes:
        gain_sigma_fraction: standard deviation of the gain from column to column, as a share of it.
        offset_sigma_codes: standard deviation of the offset from column to column, in codes of the converter.
    """

    kind: Literal["converter_spread"]
    gain_sigma_fraction: float = Field(default=0.0, ge=0, le=1)
    offset_sigma_codes: float = Field(default=0.0, ge=0, le=65536)

    def converter_errors(self, draws: TileDraws) -> ConverterErrors:
        gain = 1.0 + self.gain_sigma_fraction * draws.column_normal(f"{self.kind} gain")
        offset = self.offset_sigma_codes * draws.column_normal(f"{self.kind} offset")
        return ConverterErrors(np.maximum(gain, 0.0), offset)
