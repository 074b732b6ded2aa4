"""Cost columns of designs and layers, from stored rows: changing how costs are counted recomputes nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pipeline.columns import Row
from pipeline.storage.layer_totals import Totals
from pipeline.sweep import simulation
from pipeline.sweep.axes import DENSE
from pipeline.sweep.plan import Plan
from pipeline.sweep.points import DesignPoint

if TYPE_CHECKING:
    from simcore.cost import Cost, CostSpread, DesignCost, DigitalLayer, DigitalSpread, LayerActivity, Tile
    from simcore.cost.added import Costed
    from simcore.technology.devices import CellGeometry

_METRICS = {"energy": ("energy_per_image", "J"), "latency": ("latency_per_image", "s"), "area": ("area", "m2")}


class _Parts(NamedTuple):
    """What a design is priced by: its tile, what its mapped layers did, its digital layers, its passes."""

    tile: Tile
    did: list[LayerActivity]
    digital: tuple[DigitalLayer, ...]
    passes: Sequence[Costed]


class HardwareCosts:
    """Turns what the layers of a design did into columns, and compares designs with the dense one of their hardware."""

    def __init__(self, plan: Plan) -> None:
        from simcore import cost

        self._cost = cost
        self._settings = plan.cost_settings
        self._cells: dict[str, CellGeometry | None] = {}
        self._digital_spreads: dict[tuple[DigitalLayer, ...], DigitalSpread] = {}
        self._digital_layers: dict[tuple[str, tuple[str, ...]], tuple[DigitalLayer, ...]] = {}
        # of the designs last added: spreads by design key and layer, "" for the whole network
        self._spreads: dict[tuple[str, str], CostSpread] = {}

    def columns(self, point: DesignPoint, layers: Sequence[Totals], images: int) -> tuple[Row, list[Row]]:
        """The cost columns of a design and of its layers, without the changes against dense.

        All are None where the bitcell file says nothing about the cell's size, or about writing where operands are
        written, and of references, whose circuit is not solved.
        """
        parts = self._parts(point, layers, images)
        if parts is None:
            return self._how(point), [self._how(point) for _ in layers]
        cost, (tile, did, digital, passes) = self._cost_of(parts), parts
        engine = self._digital_spread(digital)
        whole, spreads = self._cost.design_spreads(tile, did, cost, self._settings, engine, passes)
        for name, spread in zip(("", *(layer["layer"] for layer in layers)), (whole, *spreads), strict=True):
            self._spreads[point.key, name] = spread
        rows = [self._row(point, part, spread) for part, spread in zip(cost.layers, spreads, strict=True)]
        return self._row(point, cost.mapped, whole) | _whole(cost), rows

    def totals(self, point: DesignPoint, layers: Sequence[Totals], images: int) -> dict[str, float]:
        """Energy, latency and area of a design by their columns; empty where ``columns`` has none."""
        parts = self._parts(point, layers, images)
        return {} if parts is None else totals_by_column(self._cost_of(parts))

    def _cost_of(self, parts: _Parts) -> DesignCost:
        return self._cost.design_cost(parts.tile, parts.did, self._settings, parts.digital, parts.passes)

    def _parts(self, point: DesignPoint, layers: Sequence[Totals], images: int) -> _Parts | None:
        """None where ``columns`` has no costs."""
        did = self._cost.activities(point.model.checkpoint.network.graph, layers, images)
        cell = self._cell(point, did)
        if cell is None:
            return None
        tile = self._cost.Tile.of(point.design, cell)
        return _Parts(tile, did, self._digital(point, layers), simulation.mitigations_of(point.design))

    def _digital(self, point: DesignPoint, layers: Sequence[Totals]) -> tuple[DigitalLayer, ...]:
        """The layers of the point's network beside those that were mapped."""
        mapped = tuple(layer["layer"] for layer in layers)
        if (point.model.digest, mapped) not in self._digital_layers:
            self._digital_layers[point.model.digest, mapped] = simulation.digital_layers(point.model, mapped)
        return self._digital_layers[point.model.digest, mapped]

    def _digital_spread(self, digital: tuple[DigitalLayer, ...]) -> DigitalSpread:
        if digital not in self._digital_spreads:
            self._digital_spreads[digital] = self._cost.digital_spread(digital, self._settings)
        return self._digital_spreads[digital]

    def add_changes(self, designs: Sequence[Row], layers: Sequence[Row], points: Sequence[DesignPoint]) -> None:
        """Puts the changes against the dense design into the rows of ``points``, all levels of one hardware, and
        forgets them. What a race stopped after other images than the dense design is not compared with it."""
        dense = next((point.key for point in points if point.level == DENSE), "")
        images = {row["design_key"]: (row["images"], row["chips"]) for row in designs}
        for row in (*designs, *layers):
            key = str(row["design_key"])
            alike = images[key] == images.get(dense)
            row |= self._changes(key, dense if alike else "", str(row.get("layer", "")))
        self._spreads.clear()

    def _changes(self, key: str, dense_key: str, layer: str) -> Row:
        own, dense = self._spreads.get((key, layer)), self._spreads.get((dense_key, layer))
        row: Row = {}
        for metric, (_, unit) in _METRICS.items():
            values: list[float | None] = [None, None, None]
            if own is not None and dense is not None:
                mine, theirs = (getattr(spread, f"{metric}_{unit}") for spread in (own, dense))
                changes = [a / b - 1.0 if b else 0.0 for a, b in zip(mine.tolist(), theirs.tolist(), strict=True)]
                values = [changes[0], min(changes), max(changes)]
            row |= dict(zip((f"{metric}_change{end}" for end in ("", "_low", "_high")), values, strict=True))
        return row

    def _cell(self, point: DesignPoint, activities: Sequence[LayerActivity]) -> CellGeometry | None:
        """None where its file says too little for costs."""
        if point.configuration.is_reference:
            return None
        reference = point.cell.reference
        if reference not in self._cells:
            self._cells[reference] = simulation.cell_geometry(reference)
        cell = self._cells[reference]
        if cell is not None and cell.write is None and any(layer.written for layer in activities):
            return None
        return cell

    def _row(self, point: DesignPoint, cost: Cost, spread: CostSpread) -> Row:
        row: Row = {"tiles": cost.tiles, **self._how(point), **totals_by_column(cost)}
        for metric, (name, unit) in _METRICS.items():
            ends = getattr(spread, f"{metric}_{unit}")
            row |= {f"{name}_low_{unit}": float(ends.min()), f"{name}_high_{unit}": float(ends.max())}
        row |= {f"energy_{name}_J": value for name, value in cost.energy_J.items()}
        row |= {f"area_{name}_m2": value for name, value in cost.area_m2.items()}
        worn = cost.images_until_worn
        row |= {"latency_write_s": cost.write_s, "images_until_worn": worn if math.isfinite(worn) else None}
        return row | {
            "energy_leakage_J": cost.leakage_J,
            "charge_per_image_C": cost.charge_C,
            "tops_per_watt": cost.tops_per_watt,
            "tops_per_mm2": cost.tops_per_mm2,
        }

    def _how(self, point: DesignPoint) -> Row:
        return {
            "converter": "none"
            if point.configuration.is_reference
            else self._settings.converter_kind(int(point.configuration.setting("adc_bits"))),
            "cost_boundary": self._settings.boundary,
            "cost_assumptions": self._settings.assumptions(point.configuration.circuit.wiring.columns_are_independent),
        }


def totals_by_column(cost: Cost | DesignCost) -> dict[str, float]:
    """Energy, latency and area by their columns."""
    return {
        "energy_per_image_J": cost.total_energy_J,
        "latency_per_image_s": cost.latency_s,
        "area_m2": cost.total_area_m2,
    }


def _whole(cost: DesignCost) -> Row:
    """The columns of a design that its layers do not have, and totals that hold the digital layers too."""
    digital = cost.digital
    return {
        **totals_by_column(cost),
        "energy_digital_mac_J": digital.mac_J,
        "energy_digital_memory_J": digital.memory_J,
        "energy_digital_leakage_J": digital.leakage_J,
        "latency_digital_s": digital.latency_s,
        "area_digital_m2": digital.area_m2,
        "digital_macs": digital.macs,
        "throughput_per_s": 1.0 / cost.interval_s if cost.interval_s else None,
        "energy_delay_Js": cost.energy_delay_Js,
    }
