"""What a design may be: its axes with their choices, ranges and defaults, each declared here once.

The sweep file, the tables and the command line read their choices and ranges from these models. They are plain
pydantic, apart from ``Design`` itself, whose circuit brings the solver's kernels along: most commands need none.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from simcore.encodings import ENCODINGS
from simcore.passes import NONE, canonical

if TYPE_CHECKING:
    EncodingName = str
else:
    EncodingName = Literal[tuple(ENCODINGS)]
Sparsity = Literal["dense", "weight", "activation", "binsparx"]
WEIGHT_LEVELS = ("weight", "binsparx")
ACTIVATION_LEVELS = ("activation", "binsparx")
"""Levels that flip what their names say."""
RowOrder = Literal["channel", "spatial", "grouped"]
AdcReference = Literal["nominal", "calibrated", "calibrated_column", "calibrated_layer"]
AdcFit = Literal["unbiased", "least_squares"]
AdcRange = Literal["full_scale", "fixed", "percentile", "least_error"]
NoiseSource = Literal["gaussian"]
CalibratedOn = Literal["design", "chip"]
MOST_ADC_BITS = 16
MOST_SIDE = 4096
"""Rows and columns of an array."""
SolverChoice = Literal["auto", "exact", "fast", "ideal", "ideal_circuit"]
REFERENCE_SOLVERS = ("ideal", "ideal_circuit")
"""Choices of ``solver`` that solve no circuit: nothing drives a current, so nothing is known of energy or time."""


def lossless_bits(span: int) -> int:
    """Bits that give each of the sums 0..span a code of its own: ceil(log2(span + 1)), at least 1.

    Args:
        span: how far apart the least and the largest sum are; of columns the rows read together.

    Example:
        >>> lossless_bits(63), lossless_bits(64)
        (6, 7)
    """
    return max(1, math.ceil(math.log2(span + 1)))


class Adc(BaseModel):
    """Converter: PS_hat = zero + step code, code = clip(round(gain (u I + v - zero) / step + offset + noise), 0, top).

    ``reference`` gives the line u I + v from current to partial sum. ``nominal``: one unit, the lone ON cell's current
    at v_read. ``calibrated``: unit and zero re-ranged on calibration inputs for every row group of a layer;
    ``calibrated_column``: for every column of it; ``calibrated_layer``: for all row groups of the layer together.
    ``fit`` says how: ``unbiased``, so that reads of every sum are right on average, or ``least_squares``, the least
    error over all reads. Differences of two currents turn about no difference, which has a code of its own:
    gain (u I + v) - zero in place of gain (u I + v - zero). ``range`` is what the codes cover: ``full_scale``, every
    sum that the stored bits allow; ``fixed``, a code a sum from zero on, for differences from -2^(bits - 1) on;
    ``percentile``, all but a thousandth of the calibration reads at either end; ``least_error``, the ends with the
    least squared error on calibration reads. Offset and noise (standard deviation) are in codes; ``noise`` names one of
    ``simcore.noise``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bits: int = Field(ge=1, le=MOST_ADC_BITS)
    reference: AdcReference = "nominal"
    fit: AdcFit = "unbiased"
    range: AdcRange = "full_scale"
    gain: float = Field(default=1.0, gt=0, le=1e6, allow_inf_nan=False)
    offset_lsb: float = Field(default=0.0, ge=-1e6, le=1e6, allow_inf_nan=False)
    noise_lsb: float = Field(default=0.0, ge=0, le=1e6, allow_inf_nan=False)
    noise: NoiseSource = "gaussian"


class EvidenceLimits(BaseModel):
    """Largest error of the fast solver on held-out reads of the run, after the converter, and what happens beyond it.

    ``max_rms_lsb`` and ``max_worst_lsb`` bound the difference of converted partial sums, ``max_bias_lsb`` its mean over
    the highest sums, in every layer. ``fail``: the design fails with the figures as its reason. ``exact``: every read
    of the design is solved exactly. ``mark``: the design goes on and its row is marked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    max_rms_lsb: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    max_worst_lsb: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    max_bias_lsb: float = Field(default=0.05, ge=0, allow_inf_nan=False)
    beyond: Literal["fail", "exact", "mark"] = "fail"


class DesignAxes(BaseModel):
    """The axes of a design that are plain values: array, mitigation, converter, solver.

    ``active_rows`` (None: all rows) are read together; a tile of ``rows`` is read in several steps where it is smaller.
    ``encoding`` names one of ``simcore.encodings``.
    ``mitigations`` is a set of ``simcore.passes``, which act beside those that the other fields name. ``age_s``
    (seconds since programming), ``reads`` (of each cell since then) and ``temperature_K`` are what device effects
    depend on. ``calibrated_on`` says what is measured to set converters and outputs: the nominal ``design``, once, or
    every ``chip``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: int = Field(ge=1, le=MOST_SIDE)
    cols: int = Field(ge=1, le=MOST_SIDE)
    active_rows: int | None = Field(default=None, ge=1)
    encoding: EncodingName = "zero_one"
    row_order: RowOrder = "channel"
    sparsity: Sparsity = "dense"
    prune: float = Field(default=0.0, ge=0, lt=1, allow_inf_nan=False)
    mitigations: Annotated[str, BeforeValidator(canonical)] = NONE
    adc: Adc
    age_s: float = Field(default=1.0, ge=1, allow_inf_nan=False)
    reads: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    temperature_K: float = Field(default=300.0, ge=200, le=500, allow_inf_nan=False)
    calibrated_on: CalibratedOn = "design"
    solver: SolverChoice = "auto"
    seed: int = Field(default=0, ge=0, lt=2**63)  # as the tables hold it

    @property
    def flips_weights(self) -> bool:
        """Columns are stored complemented where that stores fewer 1s, and where the encoding has such columns."""
        return self.sparsity in WEIGHT_LEVELS and ENCODINGS[self.encoding].flips_columns

    @property
    def flips_activations(self) -> bool:
        """Sub-vectors are applied complemented where that applies fewer 1s, and where the encoding has such ones."""
        return self.sparsity in ACTIVATION_LEVELS and ENCODINGS[self.encoding].flips_inputs

    @property
    def flips(self) -> bool:
        """The sparsity level flips anything."""
        return self.flips_weights or self.flips_activations
