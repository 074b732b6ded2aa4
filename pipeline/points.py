"""One design point of a sweep: its physics, its key, and the names people know it by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipeline.keys import key_content
from pipeline.simulation import Model


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class DesignPoint:
    """One point of a sweep: the physics (``design``, hashed into ``key``) and the names people know it by."""

    key: str
    model: Model
    dataset: Any = field(repr=False)
    split: str
    cell: Bitcell
    design: Any
    solver_version: str

    @property
    def content(self) -> dict[str, Any]:
        """What the key was made from."""
        design = self.design.content()
        return key_content(design, self.model.digest, self.dataset.digest, self.split, self.solver_version)

    @property
    def active_rows(self) -> int:
        """Rows read together."""
        return int(self.design.active_rows or self.design.rows)

    @property
    def columns(self) -> dict[str, Any]:
        """The axes under their column names: what ``exclude`` and ``points`` match."""
        design = self.design
        return {
            "model": self.model.name,
            "device": self.cell.device,
            "corner": self.cell.corner,
            "rows": design.rows,
            "cols": design.cols,
            "active_rows": self.active_rows,
            "row_order": design.row_order,
            "adc_bits": design.adc.bits,
            "adc_reference": design.adc.reference,
            "seed": design.seed,
            "sparsity": design.sparsity,
            "prune": design.prune,
        }

    @property
    def hardware(self) -> tuple[Any, ...]:
        """All but the sparsity: points that share it are levels of one design."""
        adc = self.design.adc
        return (
            *(value for name, value in self.columns.items() if name not in ("sparsity", "prune")),
            *(self.cell.overrides_text, adc.offset_lsb, adc.gain, adc.noise_lsb, self.design.solver),
        )

    def describe(self) -> str:
        """One line for people."""
        c = self.columns
        active = "" if c["active_rows"] == c["rows"] else f"/{c['active_rows']}"
        prune = f" prune {c['prune']:g}" if c["prune"] else ""
        size = f"{c['rows']}x{c['cols']}{active}"
        order = "" if c["row_order"] == "channel" else f" {c['row_order']}"
        return f"{c['model']} {c['device']} {c['corner']} {size}{order} {c['adc_bits']} bit {c['sparsity']}{prune}"
