"""One design point of a sweep: its physics, its key, and the names people know it by.

A sweep may have a million points. What points share is therefore held once (``Study``, ``Configuration``), and the full
design is built where it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.sweep import simulation
from pipeline.sweep.axes import (
    CALIBRATION,
    CONFIGURATION,
    CONFIGURATION_COLUMNS,
    EFFECTS,
    ENCODING,
    LEVEL,
    LEVEL_COLUMNS,
    SOLVER,
)
from pipeline.sweep.axis import AxisValue, Combination
from pipeline.sweep.field_types import NO_EFFECTS
from pipeline.sweep.keys import key_content
from pipeline.sweep.names import array_name, level_name
from pipeline.sweep.protocols import Dataset, Evaluator
from pipeline.sweep.simulation import Model
from simcore.design_axes import REFERENCE_SOLVERS

if TYPE_CHECKING:
    from simcore.crossbar.circuit import Circuit
    from simcore.design import Design
    from simcore.design_axes import Adc

_FIELDS = tuple(axis.field for axis in (*CONFIGURATION, *LEVEL))
_PLACES = {column: place for place, column in enumerate(CONFIGURATION_COLUMNS)}


@dataclass(frozen=True, slots=True)
class Bitcell:
    """One device at one corner with one set of overrides."""

    device: str
    reference: str
    corner: str
    overrides: tuple[tuple[str, Any], ...]
    where: str

    @property
    def overrides_text(self) -> str:
        """``r_col=10;v_read=0.3``, empty without overrides."""
        return ";".join(f"{name}={value}" for name, value in self.overrides)


@dataclass(frozen=True, slots=True)
class Study:
    """What all points of a sweep share that calibrate on as many images and have the same device effects.

    Attributes:
        dataset: the images.
        split: that is measured.
        evaluator: computes them.
        design_fields: fields of every design.
        effects: what people call the device effects, ``none`` without any.
    """

    dataset: Dataset
    split: str
    evaluator: Evaluator
    design_fields: dict[str, Any]
    effects: str

    @property
    def chips_differ(self) -> bool:
        """Whether an effect is drawn for every chip: else one chip stands for all."""
        return any(effect.drawn_per_chip for effect in self.design_fields["effects"])

    def solver_version(self, mitigations: str, adc: Adc) -> str:
        """Version of the simulation of those points that have a set of passes and a converter."""
        return self.evaluator.solver_version(self.design_fields["effects"], mitigations, adc)


@dataclass(frozen=True, slots=True)
class Configuration:
    """All of a design but its sparsity: points that share it are levels of one.

    Attributes:
        active: rows that are read together; None: all.
        settings: values of the axes ``CONFIGURATION``, in their order.
    """

    study: Study = field(repr=False)
    model: Model
    cell: Bitcell
    circuit: Circuit = field(repr=False)
    rows: int
    cols: int
    active: int | None
    settings: Combination = ()

    @property
    def active_rows(self) -> int:
        """Rows read together."""
        return self.active or self.rows

    @property
    def is_reference(self) -> bool:
        """Whether this is no hardware but what hardware is measured by."""
        return self.setting(SOLVER.column) in REFERENCE_SOLVERS

    @property
    def columns(self) -> dict[str, AxisValue]:
        """The axes under the names of their table columns."""
        return {
            "model": self.model.name,
            "device": self.cell.device,
            "corner": self.cell.corner,
            "overrides": self.cell.overrides_text,
            "rows": self.rows,
            "cols": self.cols,
            "active_rows": self.active_rows,
            CALIBRATION.column: self.study.design_fields["calibration_images"],
            EFFECTS.column: self.study.effects,
            **dict(zip(CONFIGURATION_COLUMNS, self.settings, strict=True)),
        }

    def setting(self, column: str) -> AxisValue:
        """The value of one of the axes ``CONFIGURATION``."""
        return self.settings[_PLACES[column]]

    def design(self, level: Combination) -> Design:
        """The design of one sparsity level.

        Raises:
            ValueError: the fields do not fit together.
        """
        return self.design_with(dict(zip(_FIELDS, (*self.settings, *level), strict=True)))

    def design_with(self, settings: Mapping[str, AxisValue]) -> Design:
        """The design on this network, bitcell and array whose other axes are these, by the fields that they set.

        Raises:
            ValueError: the fields do not fit together.
        """
        return simulation.make_design(
            settings,
            **self.study.design_fields,
            circuit=self.circuit,
            rows=self.rows,
            cols=self.cols,
            active_rows=None if self.active == self.rows else self.active,
        )


@dataclass(frozen=True, slots=True)
class DesignPoint:
    """One point of a sweep: the physics (hashed into ``key``) and the names people know it by.

    Attributes:
        level: values of the axes ``LEVEL``, in their order.
    """

    key: str
    configuration: Configuration
    level: Combination

    @property
    def design(self) -> Design:
        """The physics, built anew at every call."""
        return self.configuration.design(self.level)

    @property
    def model(self) -> Model:
        return self.configuration.model

    @property
    def cell(self) -> Bitcell:
        return self.configuration.cell

    @property
    def dataset(self) -> Dataset:
        return self.configuration.study.dataset

    @property
    def split(self) -> str:
        return self.configuration.study.split

    @property
    def solver_version(self) -> str:
        design = self.design
        return self.configuration.study.solver_version(design.mitigations, design.adc)

    @property
    def sources(self) -> dict[str, str]:
        """Columns that say which network, images and simulation it is of."""
        return {
            "model_digest": self.model.digest,
            "dataset_digest": self.dataset.digest,
            "dataset_split": self.split,
            "solver_version": self.solver_version,
        }

    @property
    def content(self) -> dict[str, Any]:
        """What the key was made from."""
        design = self.design.content()
        return key_content(design, self.model.digest, self.dataset.digest, self.split, self.solver_version)

    @property
    def active_rows(self) -> int:
        """Rows read together."""
        return self.configuration.active_rows

    @property
    def chips_differ(self) -> bool:
        """Whether an effect is drawn for every chip: else one chip stands for all."""
        return self.configuration.study.chips_differ

    @property
    def split_images(self) -> int:
        """Images of the whole split that is measured."""
        return self.dataset.splits[self.split]

    @property
    def level_columns(self) -> dict[str, AxisValue]:
        """The axes of the sparsity level under the names of their table columns."""
        return dict(zip(LEVEL_COLUMNS, self.level, strict=True))

    @property
    def columns(self) -> dict[str, AxisValue]:
        """The axes under the names of their table columns: what ``exclude`` and ``points`` match."""
        return {**self.configuration.columns, **self.level_columns}

    def describe(self) -> str:
        """One line for people."""
        c: dict[str, Any] = self.columns
        overrides = f" {c['overrides']}" if c["overrides"] else ""
        array = array_name(c["rows"], c["cols"], c["active_rows"])
        encoding = "" if c["encoding"] == ENCODING.default else f" {c['encoding']}"
        order = "" if c["row_order"] == "channel" else f" {c['row_order']}"
        effects = f" {c['effects']}" if c["effects"] != NO_EFFECTS else ""
        cell = f"{c['device']} {c['corner']}{overrides}{effects}"
        return f"{c['model']} {cell} {array}{encoding}{order} {c['adc_bits']} bit {level_name(c)}"
