"""Cost columns of designs and layers, from stored rows: changing how costs are counted recomputes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline import simulation
from pipeline.plan import Plan
from pipeline.points import DesignPoint

if TYPE_CHECKING:
    from simcore.cost import Cost, CostSpread

_METRICS = {"energy": ("energy_per_image", "J"), "latency": ("latency_per_image", "s"), "area": ("area", "m2")}
_Row = dict[str, Any]


class HardwareCosts:
    """Turns what the layers of a design did into columns, and compares designs with the dense one of their hardware."""

    def __init__(self, plan: Plan) -> None:
        from simcore import cost

        self._cost = cost
        self._settings = plan.cost_settings
        self._cells: dict[str, Any] = {}
        # of the designs last added: spreads by design key and layer, "" for the whole network
        self._spreads: dict[tuple[str, str], CostSpread] = {}

    def columns(self, point: DesignPoint, layers: Sequence[_Row], images: int) -> tuple[_Row, list[_Row]]:
        """The cost columns of a design and of its layers, without the changes against dense.

        All are None where the bitcell file says nothing about the cell's size, and of references, whose circuit is not
        solved.
        """
        cell = self._cell(point)
        if cell is None:
            return self._nothing(point), [self._nothing(point) for _ in layers]
        design = point.design
        tile = self._cost.Tile.of(design, cell)
        activities = [self._cost.LayerActivity.from_totals(layer, images) for layer in layers]
        costs = [self._cost.layer_cost(tile, activity, self._settings) for activity in activities]
        spreads = self._cost.layer_spreads(tile, activities, costs, self._settings)
        whole = self._cost.total_spread(spreads)
        for name, spread in zip(("", *(layer["layer"] for layer in layers)), (whole, *spreads), strict=True):
            self._spreads[point.key, name] = spread
        design_row = self._row(point, self._cost.total_cost(costs), whole)
        return design_row, [self._row(point, cost, spread) for cost, spread in zip(costs, spreads, strict=True)]

    def totals(self, point: DesignPoint, layers: Sequence[_Row], images: int) -> _Row:
        """Energy, latency and area of a design by their columns; empty where ``columns`` has none."""
        cell = self._cell(point)
        if cell is None:
            return {}
        tile = self._cost.Tile.of(point.design, cell)
        activities = [self._cost.LayerActivity.from_totals(layer, images) for layer in layers]
        return _totals(self._cost.design_cost(tile, activities, self._settings))

    def add_changes(self, designs: Sequence[_Row], layers: Sequence[_Row], points: Sequence[DesignPoint]) -> None:
        """Puts the changes against the dense design into the rows of ``points``, all levels of one hardware, and
        forgets them. What a race stopped after other images than the dense design is not compared with it."""
        dense = next((point.key for point in points if (point.sparsity, point.prune) == ("dense", 0.0)), "")
        images = {row["design_key"]: row["images"] for row in designs}
        for row in (*designs, *layers):
            alike = images[row["design_key"]] == images.get(dense)
            row |= self._changes(row["design_key"], dense if alike else "", row.get("layer", ""))
        self._spreads.clear()

    def _changes(self, key: str, dense_key: str, layer: str) -> _Row:
        own, dense = self._spreads.get((key, layer)), self._spreads.get((dense_key, layer))
        row: _Row = {}
        for metric, (_, unit) in _METRICS.items():
            values: list[float | None] = [None, None, None]
            if own is not None and dense is not None:
                ends = zip(getattr(own, f"{metric}_{unit}"), getattr(dense, f"{metric}_{unit}"), strict=True)
                changes = [mine / theirs - 1.0 if theirs else 0.0 for mine, theirs in ends]
                values = [changes[0], min(changes), max(changes)]
            row |= dict(zip((f"{metric}_change{end}" for end in ("", "_low", "_high")), values, strict=True))
        return row

    def _cell(self, point: DesignPoint) -> Any:
        if point.hardware.is_reference:
            return None
        reference = point.cell.reference
        if reference not in self._cells:
            self._cells[reference] = simulation.cell_geometry(reference)
        return self._cells[reference]

    def _row(self, point: DesignPoint, cost: Cost, spread: CostSpread) -> _Row:
        row: _Row = {"tiles": cost.tiles, **self._how(point)}
        row |= _totals(cost)
        for metric, (name, unit) in _METRICS.items():
            ends = getattr(spread, f"{metric}_{unit}")
            row |= {f"{name}_low_{unit}": min(ends), f"{name}_high_{unit}": max(ends)}
        row |= {f"energy_{name}_J": value for name, value in cost.energy_J.items()}
        row |= {f"area_{name}_m2": value for name, value in cost.area_m2.items()}
        return row | {"tops_per_watt": cost.tops_per_watt}

    def _nothing(self, point: DesignPoint) -> _Row:
        return self._how(point)

    def _how(self, point: DesignPoint) -> _Row:
        return {
            "converter": "none"
            if point.hardware.is_reference
            else self._settings.converter_kind(point.hardware.adc_bits),
            "cost_boundary": self._settings.boundary,
            "cost_assumptions": self._settings.assumptions,
        }


def _totals(cost: Cost) -> _Row:
    return {
        "energy_per_image_J": cost.total_energy_J,
        "latency_per_image_s": cost.latency_s,
        "area_m2": cost.total_area_m2,
    }
