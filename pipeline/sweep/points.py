"""One design point of a sweep: its physics, its key, and the names people know it by.

A sweep may have a million points. What points share is therefore held once (``Study``, ``Hardware``), and the full
design is built where it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.sweep import simulation
from pipeline.sweep.keys import key_content
from pipeline.sweep.protocols import Dataset
from pipeline.sweep.simulation import Model

if TYPE_CHECKING:
    from simcore.crossbar import Circuit
    from simcore.design import Design


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
    """What all points of a sweep share: the images, the version of the simulation, and fields of every design."""

    dataset: Dataset
    split: str
    solver_version: str
    design_fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hardware:
    """All of a design but its sparsity: points that share it are levels of one design. ``active`` None: all rows."""

    study: Study = field(repr=False)
    model: Model
    cell: Bitcell
    circuit: Circuit = field(repr=False)
    rows: int
    cols: int
    active: int | None
    row_order: str
    adc_bits: int
    adc_reference: str
    adc_fit: str
    adc_range: str
    adc_offset: float
    adc_gain: float
    adc_noise: float
    seed: int
    solver: str

    @property
    def active_rows(self) -> int:
        """Rows read together."""
        return self.active or self.rows

    @property
    def is_reference(self) -> bool:
        """Whether these are no hardware but what hardware is measured by."""
        return self.solver in simulation.REFERENCE_SOLVERS

    @property
    def columns(self) -> dict[str, Any]:
        """The axes under the names of their table columns."""
        return {
            "model": self.model.name,
            "device": self.cell.device,
            "corner": self.cell.corner,
            "overrides": self.cell.overrides_text,
            "rows": self.rows,
            "cols": self.cols,
            "active_rows": self.active_rows,
            "row_order": self.row_order,
            "adc_bits": self.adc_bits,
            "adc_reference": self.adc_reference,
            "adc_fit": self.adc_fit,
            "adc_range": self.adc_range,
            "adc_offset": self.adc_offset,
            "adc_gain": self.adc_gain,
            "adc_noise": self.adc_noise,
            "seed": self.seed,
            "solver_setting": self.solver,
        }

    def design(self, sparsity: str, prune: float) -> Design:
        """The design of one sparsity level.

        Raises:
            ValueError: the fields do not fit together.
        """
        return simulation.make_design(
            **self.study.design_fields,
            circuit=self.circuit,
            rows=self.rows,
            cols=self.cols,
            active_rows=None if self.active == self.rows else self.active,
            row_order=self.row_order,
            sparsity=sparsity,
            prune=prune,
            adc=simulation.make_adc(
                bits=self.adc_bits,
                reference=self.adc_reference,
                fit=self.adc_fit,
                range=self.adc_range,
                offset_lsb=self.adc_offset,
                gain=self.adc_gain,
                noise_lsb=self.adc_noise,
            ),
            solver=self.solver,
            seed=self.seed,
        )


@dataclass(frozen=True, slots=True)
class DesignPoint:
    """One point of a sweep: the physics (hashed into ``key``) and the names people know it by."""

    key: str
    hardware: Hardware
    sparsity: str
    prune: float

    @property
    def design(self) -> Design:
        """The physics, built anew at every call."""
        return self.hardware.design(self.sparsity, self.prune)

    @property
    def model(self) -> Model:
        return self.hardware.model

    @property
    def cell(self) -> Bitcell:
        return self.hardware.cell

    @property
    def dataset(self) -> Dataset:
        return self.hardware.study.dataset

    @property
    def split(self) -> str:
        return self.hardware.study.split

    @property
    def solver_version(self) -> str:
        return self.hardware.study.solver_version

    @property
    def content(self) -> dict[str, Any]:
        """What the key was made from."""
        design = self.design.content()
        return key_content(design, self.model.digest, self.dataset.digest, self.split, self.solver_version)

    @property
    def active_rows(self) -> int:
        """Rows read together."""
        return self.hardware.active_rows

    @property
    def columns(self) -> dict[str, Any]:
        """The axes under the names of their table columns: what ``exclude`` and ``points`` match."""
        return {**self.hardware.columns, "sparsity": self.sparsity, "prune": self.prune}

    def describe(self) -> str:
        """One line for people."""
        c = self.columns
        active = "" if c["active_rows"] == c["rows"] else f"/{c['active_rows']}"
        prune = f" prune {c['prune']:g}" if c["prune"] else ""
        overrides = f" {c['overrides']}" if c["overrides"] else ""
        size = f"{c['rows']}x{c['cols']}{active}"
        order = "" if c["row_order"] == "channel" else f" {c['row_order']}"
        return (
            f"{c['model']} {c['device']} {c['corner']}{overrides} {size}{order} {c['adc_bits']} bit "
            f"{c['sparsity']}{prune}"
        )
