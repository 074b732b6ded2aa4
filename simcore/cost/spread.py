"""The spread of a cost over what is disputed: every total at every corner of the settings.

Each part depends on a few of the axes: it is computed at their corners alone, and broadcast over the others. A sweep
may have 100,000 designs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simcore.cost.activity import LayerActivity
from simcore.cost.design_cost import (
    array_energy,
    conversion_energy,
    converter_area,
    latency,
    layer_leakage,
    layer_reads,
    settling,
)
from simcore.cost.digital import DigitalLayer, digital_cost
from simcore.cost.hardware import Tile
from simcore.cost.settings import AREA_AXES, ENERGY_AXES, LATENCY_AXES, CostSettings
from simcore.cost.totals import DesignCost

Values = NDArray[np.float64]


@dataclass(frozen=True)
class CostSpread:
    """Totals of one layer or design, the central one first, then every corner of ``ENERGY_AXES``, ``LATENCY_AXES`` and
    ``AREA_AXES``, as ``CostSettings.corners`` has them; the same order for all."""

    energy_J: Values
    latency_s: Values
    area_m2: Values


def design_spreads(
    tile: Tile,
    layers: Sequence[LayerActivity],
    cost: DesignCost,
    settings: CostSettings,
    digital: Iterable[DigitalLayer] = (),
) -> tuple[CostSpread, list[CostSpread]]:
    """The spread of a design, and of every layer with its own tiles.

    Energy, latency and area are monotone in every number, and so is a ratio of two designs: the extremes lie at
    corners.

    Args:
        cost: ``design_cost`` of the same layers with these settings.
    """
    digital = tuple(digital)
    settled = settling(tile, settings)
    converters = np.array([converter_area(tile.adc_bits, corner) for corner in settings.corners(AREA_AXES)])
    conversion = _over(("conversion_energy",), settings, lambda corner: conversion_energy(tile.adc_bits, corner))
    times, areas, own = [], [], []
    for layer, part in zip(layers, cost.layers, strict=True):
        reads = layer_reads(tile, layer, settings)
        times.append(np.array([latency(tile, layer, reads, corner) for corner in settings.corners(LATENCY_AXES)]))
        count = part.tiles * math.ceil(tile.cols / settings.columns_per_converter)
        areas.append(
            math.fsum(area for name, area in part.area_m2.items() if name != "converters") + count * converters
        )
        array = _over(
            ("array_supply", "on_time", "conversion_time"),
            settings,
            lambda corner, layer=layer: array_energy(tile, layer, corner, settled),  # type: ignore[misc]
        )
        rest = math.fsum(joules for name, joules in part.energy_J.items() if name not in ("array", "adc"))
        own.append(array + layer.column_reads * conversion + rest)
    # The time that is digital is not disputed.
    image = sum(times, np.full(2 ** len(LATENCY_AXES), cost.digital.latency_s))
    powered = image.reshape(_shape(LATENCY_AXES))
    energies = [
        joules + powered * _over(("leakage",), settings, lambda corner, layer=layer: layer_leakage(tile, layer, corner))  # type: ignore[misc]
        for layer, joules in zip(layers, own, strict=True)
    ]
    engine = _over(("digital_mac",), settings, lambda corner: _working(digital, corner))
    leaking = _over(("leakage", "digital_mac"), settings, lambda corner: digital_cost(digital, corner).leakage_W)
    engine_area = np.array([digital_cost(digital, corner).area_m2 for corner in settings.corners(AREA_AXES)])
    whole = CostSpread(
        _with_central(cost.total_energy_J, _flat(sum(energies, engine + powered * leaking))),
        _with_central(cost.latency_s, image),
        _with_central(cost.total_area_m2, sum(areas, engine_area)),
    )
    parts = [
        CostSpread(
            _with_central(part.total_energy_J, _flat(energy)),
            _with_central(part.latency_s, seconds),
            _with_central(part.total_area_m2, area),
        )
        for part, energy, seconds, area in zip(cost.layers, energies, times, areas, strict=True)
    ]
    return whole, parts


def _working(digital: Sequence[DigitalLayer], settings: CostSettings) -> float:
    found = digital_cost(digital, settings)
    return found.mac_J + found.memory_J


def _over(axes: tuple[str, ...], settings: CostSettings, value: Callable[[CostSettings], float]) -> Values:
    """``value`` at every corner of these axes, with a dimension for each axis of energy."""
    return np.array([value(corner) for corner in settings.corners(axes)]).reshape(_shape(axes))


def _shape(axes: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(2 if axis in axes else 1 for axis in ENERGY_AXES)


def _flat(values: Values) -> Values:
    return np.broadcast_to(values, (2,) * len(ENERGY_AXES)).ravel()


def _with_central(central: float, corners: Values) -> Values:
    return np.concatenate([[central], corners])
