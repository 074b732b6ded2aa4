"""One design point: everything physical that decides a result, and nothing else."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from simcore.crossbar.circuit import Circuit
from simcore.design_axes import ACTIVATION_LEVELS, WEIGHT_LEVELS, DesignAxes, EvidenceLimits, lossless_bits
from simcore.effects import AnyEffect, conditions_without_effect, in_order
from simcore.effects.base import Conditions
from simcore.encodings import ENCODINGS, Encoding
from simcore.passes import PASSES, PassName, passes_of


class Design(DesignAxes):
    """A fully resolved design: circuit, array, sparsification and converter.

    ``calibration_images`` are taken from ``calibration_split`` (None: ``calibration``, else ``train``), from image
    ``calibration_first`` on (see ``calibration_images.choose_calibration_images``).
    ``effects`` are what makes chips differ from the nominal one, and most of them from each other (see
    ``simcore.effects``); without any all chips are the nominal one.
    ``layers`` names the binary layers that are mapped (None: all of them), a set: it is kept sorted, for the order in
    which names are written decides nothing. ``device`` is where exact solves run (see ``crossbar.solve``; None:
    ``prepare`` asks the environment); it is no part of the content, for keys carry it in their solver version.
    """

    circuit: Circuit
    calibration_images: int = Field(default=32, ge=1)
    calibration_split: str | None = None
    calibration_first: int = Field(default=0, ge=0)
    effects: tuple[AnyEffect, ...] = ()
    evidence: EvidenceLimits = EvidenceLimits()
    layers: tuple[str, ...] | None = None
    device: str | None = Field(default=None, exclude=True)

    @field_validator("layers")
    @classmethod
    def _as_set(cls, layers: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if layers is None else tuple(sorted(set(layers)))

    @field_validator("effects")
    @classmethod
    def _as_they_act(cls, effects: tuple[AnyEffect, ...]) -> tuple[AnyEffect, ...]:
        return in_order(effects)

    @model_validator(mode="after")
    def _consistent(self) -> Design:
        if self.active_rows is not None and self.active_rows > self.rows:
            raise ValueError(f"active_rows ({self.active_rows}) is larger than rows ({self.rows})")
        self._check_encoding(ENCODINGS[self.encoding])
        if self.prune > 0 and ENCODINGS[self.encoding].reads_a_position > 1:
            raise ValueError(
                f"prune must be 0 in encoding '{self.encoding}', which applies every input and its complement: no cell "
                "has a mean input to stand for it"
            )
        for one in passes_of(self.mitigations):
            self._require(PASSES[one.name])
        for effect in self.effects:
            effect.check(self.circuit, self.conditions)
        return self

    def _check_encoding(self, encoding: Encoding) -> None:
        """Rows of one input are read together, and columns of one conversion lie on one tile."""
        each = encoding.rows_an_input, encoding.rows_an_input, encoding.columns_a_conversion
        rows, columns = "rows that an input goes to", "columns that a converter reads at once"
        whole = ("rows", self.rows, rows), ("active_rows", self.rows_read_together, rows), ("cols", self.cols, columns)
        for count, (name, found, meaning) in zip(each, whole, strict=True):
            if found % count:
                raise ValueError(
                    f"{name} ({found}) is no multiple of {count}, the {meaning} in encoding '{self.encoding}'"
                )

    def _require(self, known: PassName) -> None:
        """What a pass needs of the rest of the design."""
        if known.sets_converters and self.adc.reference == "nominal":
            raise ValueError(f"pass '{known.name}' sets converters, which adc.reference 'nominal' never re-ranges")
        if known.needs_bends and not any(PASSES[one.name].bends_thresholds for one in passes_of(self.mitigations)):
            bending = " or ".join(f"'{one.name}'" for one in PASSES.values() if one.bends_thresholds)
            raise ValueError(f"pass '{known.name}' needs thresholds that {bending} bends")
        if known.sets_range and self.adc.range != "full_scale":
            raise ValueError(f"pass '{known.name}' and adc.range '{self.adc.range}' both say what codes cover")
        if known.activation_flips and self.sparsity not in ACTIVATION_LEVELS:
            raise ValueError(f"pass '{known.name}' needs activation flips, which sparsity '{self.sparsity}' has not")
        if known.weight_flips and self.sparsity not in WEIGHT_LEVELS:
            raise ValueError(f"pass '{known.name}' needs weight flips, which sparsity '{self.sparsity}' has not")
        if known.flips and self.sparsity == "dense":
            raise ValueError(f"pass '{known.name}' needs flips, which sparsity 'dense' has not")
        if known.independent_columns and not self.circuit.wiring.columns_are_independent:
            raise ValueError(
                f"pass '{known.name}' needs columns that do not see each other; those of a circuit that is "
                f"{self.circuit.topology} do"
            )
        if known.widens and not getattr(self.circuit, known.widens):
            raise ValueError(f"pass '{known.name}' lowers {known.widens}, which is 0 here")
        if self.calibration_images < known.least_images:
            raise ValueError(
                f"pass '{known.name}' needs {known.least_images} calibration images or more, "
                f"calibration_images is {self.calibration_images}"
            )

    @property
    def conditions(self) -> Conditions:
        """What device effects depend on."""
        return Conditions(self.age_s, self.reads, self.temperature_K)

    @property
    def chips_differ(self) -> bool:
        """Whether anything is drawn for every chip: else one chip stands for all."""
        return any(effect.drawn_per_chip for effect in self.effects)

    @property
    def operating_circuit(self) -> Circuit:
        """The circuit with terminals as wide as passes say, as its effects leave it under its conditions, the same on
        every chip."""
        wider = {
            PASSES[one.name].widens: getattr(self.circuit, PASSES[one.name].widens) / one.number
            for one in passes_of(self.mitigations)
            if PASSES[one.name].widens and one.number
        }
        circuit = self.circuit.model_copy(update=wider) if wider else self.circuit
        for one in self.effects:
            circuit = one.altered_circuit(circuit, self.conditions)
        return circuit

    @property
    def rows_read_together(self) -> int:
        """Rows of one read: the sub-vector that a dynamic flip covers."""
        return self.active_rows or self.rows

    @property
    def lossless_bits(self) -> int:
        """Bits of a converter that give every sum that it may be given its own code."""
        return lossless_bits(ENCODINGS[self.encoding].span_of_sums(self.rows_read_together))

    def content(self) -> dict[str, Any]:
        """JSON-able content that decides the result; fields at their default are left out, so that a field added later
        with a default changes no key. ``active_rows`` equal to ``rows`` counts as left out, and so do how a converter
        is re-ranged that never is, and conditions without an effect that depends on them."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        if self.adc.reference == "nominal":
            content["adc"].pop("fit", None)
        if self.active_rows == self.rows:
            content.pop("active_rows", None)
        for name in conditions_without_effect(self.effects):
            content.pop(name, None)
        return content
