"""The spread of a cost over what is disputed: every total at every corner of the settings.

What no corner changes is computed once, for there are dozens of corners and a sweep may have 100,000 designs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from simcore.cost.activity import LayerActivity
from simcore.cost.design_cost import (
    Cost,
    array_energy,
    conversion_energy,
    converter_area,
    latency,
    layer_reads,
    settling,
)
from simcore.cost.hardware import Tile
from simcore.cost.settings import CostSettings


@dataclass(frozen=True)
class CostSpread:
    """Totals of one layer or design at every corner, the central one first; the same corners in the same order for
    all."""

    energy_J: tuple[float, ...]
    latency_s: tuple[float, ...]
    area_m2: tuple[float, ...]


def total_spread(parts: Sequence[CostSpread]) -> CostSpread:
    """The spreads of the layers of a network (at least one), summed corner by corner."""
    energy, latency, area = (
        tuple(math.fsum(values) for values in zip(*totals, strict=True))
        for totals in (
            [part.energy_J for part in parts],
            [part.latency_s for part in parts],
            [part.area_m2 for part in parts],
        )
    )
    return CostSpread(energy, latency, area)


def layer_spreads(
    tile: Tile, layers: Sequence[LayerActivity], costs: Sequence[Cost], settings: CostSettings
) -> list[CostSpread]:
    """The spread of every layer with its own tiles: its totals at the corners of what is disputed.

    Energy, latency and area are monotone in every number, and so is a ratio of two designs: the extremes lie at
    corners.

    Args:
        costs: ``layer_cost`` of each layer with these settings.
    """
    settled = settling(tile, settings)
    conversions = [conversion_energy(tile.adc_bits, corner) for corner in settings.energy_corners]
    converters = [converter_area(tile.adc_bits, corner) for corner in settings.area_corners]
    found = []
    for layer, cost in zip(layers, costs, strict=True):
        reads = layer_reads(tile, layer, settings)
        energy = math.fsum(joules for name, joules in cost.energy_J.items() if name not in ("array", "adc"))
        areas = [area for name, area in cost.area_m2.items() if name != "converters"]
        count = cost.tiles * math.ceil(tile.cols / settings.columns_per_converter)
        found.append(
            CostSpread(
                tuple(
                    energy + (array_energy(tile, layer, corner, settled) + layer.column_reads * conversion)
                    for corner, conversion in zip(settings.energy_corners, conversions, strict=True)
                ),
                tuple(latency(tile, layer, reads, corner) for corner in settings.latency_corners),
                tuple(math.fsum((count * converter, *areas)) for converter in converters),
            )
        )
    return found
