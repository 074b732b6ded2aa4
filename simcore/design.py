"""One design point: everything physical that decides a result, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from simcore.crossbar.circuit import Circuit
from simcore.mapping.encodings import ENCODINGS
from simcore.noise import NOISES

Sparsity = Literal["dense", "weight", "activation", "binsparx"]
RowOrder = Literal["channel", "spatial", "grouped"]
AdcReference = Literal["nominal", "calibrated", "calibrated_column", "calibrated_layer"]
AdcFit = Literal["unbiased", "least_squares"]
AdcRange = Literal["full_scale", "fixed", "percentile", "least_error"]
SolverChoice = Literal["auto", "exact", "fast", "ideal", "ideal_circuit"]


def _require(what: str, name: str, known: Iterable[str]) -> str:
    if name not in known:
        raise ValueError(f"there is no {what} '{name}' (known: {', '.join(known)})")
    return name


class Adc(BaseModel):
    """Converter: PS_hat = zero + step code, code = clip(round(gain (u I - zero) / step + offset + noise), 0, top).

    ``reference`` gives the line u I from current to partial sum. ``nominal``: one unit, the lone ON cell's current at
    v_read. ``calibrated``: unit and zero re-ranged on calibration inputs for every row group of a layer;
    ``calibrated_column``: for every column of it; ``calibrated_layer``: for all row groups of the layer together.
    ``fit`` says how: ``unbiased``, so that reads of every sum are right on average, or ``least_squares``, the least
    error over all reads. ``range`` is what the codes cover: ``full_scale``, every sum that the stored bits allow;
    ``fixed``, a code a sum from zero on; ``percentile``, all but a thousandth of the calibration reads at either end;
    ``least_error``, the ends with the least squared error on calibration reads. Offset and noise (standard
    deviation) are in codes; ``noise`` names one of ``simcore.noise``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bits: int = Field(ge=1, le=16)
    reference: AdcReference = "nominal"
    fit: AdcFit = "unbiased"
    range: AdcRange = "full_scale"
    gain: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    offset_lsb: float = Field(default=0.0, allow_inf_nan=False)
    noise_lsb: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    noise: str = Field(default="gaussian", json_schema_extra={"enum": list(NOISES)})

    @field_validator("noise")
    @classmethod
    def _known(cls, noise: str) -> str:
        return _require("noise source", noise, NOISES)


class EvidenceLimits(BaseModel):
    """Largest error of the fast solver on held-out reads of the run, after the converter, and what happens beyond it.

    ``max_rms_lsb`` and ``max_worst_lsb`` bound the difference of converted partial sums, ``max_bias_lsb`` its mean over
    the highest sums, in every layer. ``fail``: the design fails with the figures as its reason. ``exact``: every read
    of the design is solved exactly. ``mark``: the design goes on and its row is marked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_rms_lsb: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    max_worst_lsb: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    max_bias_lsb: float = Field(default=0.05, ge=0, allow_inf_nan=False)
    beyond: Literal["fail", "exact", "mark"] = "fail"


class Design(BaseModel):
    """A fully resolved design: circuit, array, sparsification and converter.

    ``active_rows`` (None: all rows) are read together; a tile of ``rows`` is read in several steps where it is smaller.
    ``calibration_images`` are taken from ``calibration_split`` (None: ``calibration``, else ``train``), from image
    ``calibration_first`` on (see ``calibration_images.choose_calibration_images``).
    ``encoding`` names one of ``simcore.mapping.encodings``.
    ``layers`` names the binary layers that are mapped (None: all of them), a set: it is kept sorted, for the order in
    which names are written decides nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    circuit: Circuit
    rows: int = Field(ge=1, le=4096)
    cols: int = Field(ge=1, le=4096)
    active_rows: int | None = Field(default=None, ge=1)
    encoding: str = Field(default="zero_one", json_schema_extra={"enum": list(ENCODINGS)})
    row_order: RowOrder = "channel"
    sparsity: Sparsity = "dense"
    prune: float = Field(default=0.0, ge=0, lt=1, allow_inf_nan=False)
    adc: Adc
    solver: SolverChoice = "auto"
    seed: int = Field(default=0, ge=0)
    calibration_images: int = Field(default=32, ge=1)
    calibration_split: str | None = None
    calibration_first: int = Field(default=0, ge=0)
    evidence: EvidenceLimits = EvidenceLimits()
    layers: tuple[str, ...] | None = None

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        return _require("encoding", encoding, ENCODINGS)

    @field_validator("layers")
    @classmethod
    def _as_set(cls, layers: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if layers is None else tuple(sorted(set(layers)))

    @model_validator(mode="after")
    def _consistent(self) -> Design:
        if self.active_rows is not None and self.active_rows > self.rows:
            raise ValueError(f"active_rows ({self.active_rows}) is larger than rows ({self.rows})")
        return self

    @property
    def rows_read_together(self) -> int:
        """Rows of one read: the sub-vector that a dynamic flip covers."""
        return self.active_rows or self.rows

    @property
    def flips_weights(self) -> bool:
        """Columns are stored complemented where that stores fewer 1s."""
        return self.sparsity in ("weight", "binsparx")

    @property
    def flips_activations(self) -> bool:
        """Sub-vectors are applied complemented where that applies fewer 1s."""
        return self.sparsity in ("activation", "binsparx")

    def content(self) -> dict[str, Any]:
        """JSON-able content that decides the result; fields at their default are left out, so that a field added later
        with a default changes no key. ``active_rows`` equal to ``rows`` counts as left out, and so does how a converter
        is re-ranged that never is."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        if self.adc.reference == "nominal":
            content["adc"].pop("fit", None)
        if self.active_rows == self.rows:
            content.pop("active_rows", None)
        return content
