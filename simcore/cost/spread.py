"""The spread of a cost over what is disputed: every total at every corner of the settings.

Each part depends on a few of the axes: it is computed at their corners alone, and broadcast over the others. A sweep
may have 100,000 designs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from simcore.cost.activity import LayerActivity
from simcore.cost.added import Costed
from simcore.cost.design_cost import (
    all_added,
    array_energy,
    conversion_energy,
    converter_area,
    latency,
    layer_leaking,
    layer_reads,
    mirrors_area,
    resolution,
    settling,
)
from simcore.cost.digital import DigitalLayer, digital_cost
from simcore.cost.hardware import Tile
from simcore.cost.settings import AREA_AXES, ENERGY_AXES, LATENCY_AXES, CostSettings
from simcore.cost.totals import DesignCost

Values = Float[np.ndarray, "..."]
_ARRAY_AXES = ("array_supply", "on_time", "conversion_time")  # what columns draw, those of passes too
_DISPUTED = ("array", "adc", "mitigations")  # components of energy that an axis moves


@dataclass(frozen=True)
class CostSpread:
    """Totals of one layer or design, the central one first, then every corner as ``CostSettings.corners`` has them.

    Attributes:
        energy_J: 1 + 2^n values, n the number of ``ENERGY_AXES``.
        latency_s: 1 + 2^n values, n the number of ``LATENCY_AXES``.
        area_m2: 1 + 2^n values, n the number of ``AREA_AXES``.
    """

    energy_J: Float[np.ndarray, " energies"]
    latency_s: Float[np.ndarray, " latencies"]
    area_m2: Float[np.ndarray, " areas"]


@dataclass(frozen=True)
class DigitalSpread:
    """The digital layers of a network at the corners: the same for all of its designs.

    Attributes:
        working_J: multiplying and reading, with a dimension for each axis of energy.
        leakage_W: with a dimension for each axis of energy.
        area_m2: at every corner of ``AREA_AXES``.
    """

    working_J: Values
    leakage_W: Values
    area_m2: Float[np.ndarray, " areas"]


def digital_spread(layers: Iterable[DigitalLayer], settings: CostSettings) -> DigitalSpread:
    """The digital layers at every corner of what is disputed."""
    layers = tuple(layers)

    def working(corner: CostSettings) -> float:
        found = digital_cost(layers, corner)
        return found.mac_J + found.memory_J

    return DigitalSpread(
        _over(("digital_mac",), settings, working),
        _over(("leakage", "digital_mac"), settings, lambda corner: digital_cost(layers, corner).leakage_W),
        np.array([digital_cost(layers, corner).area_m2 for corner in settings.corners(AREA_AXES)]),
    )


def design_spreads(
    tile: Tile,
    layers: Sequence[LayerActivity],
    cost: DesignCost,
    settings: CostSettings,
    digital: DigitalSpread,
    passes: Sequence[Costed] = (),
) -> tuple[CostSpread, list[CostSpread]]:
    """The spread of a design, and of every layer with its own tiles.

    Energy, latency and area are monotone in every number, and so is a ratio of two designs: the extremes lie at
    corners.

    Args:
        tile: array, cell and converter of the design.
        layers: what each mapped layer did, in the order of the network.
        cost: ``design_cost`` of the same layers with these settings.
        settings: the central ones; what was given in them stays.
        digital: ``digital_spread`` of its digital layers.
        passes: those of ``cost``.
    """
    settled, bits = settling(tile, settings), resolution(tile, settings)
    converters = np.array([converter_area(bits, corner) for corner in settings.corners(AREA_AXES)])
    conversion = _over(("conversion_energy",), settings, lambda corner: conversion_energy(bits, corner))
    times, areas, working, leaking = [], [], [], []
    for layer, part in zip(layers, cost.layers, strict=True):
        own = tile.of_layer(layer)
        reads = layer_reads(own, layer, settings)
        times.append(np.array([latency(own, layer, reads, corner) for corner in settings.corners(LATENCY_AXES)]))
        count = part.tiles * tile.converters(settings)
        others = math.fsum(area for name, area in part.area_m2.items() if name != "converters")
        others += mirrors_area(own, layer, settings)
        areas.append(others + count * converters)
        array = _over(_ARRAY_AXES, settings, partial(_array_energy, own, layer, settled))
        added = _over(_ARRAY_AXES, settings, partial(_added_energy, own, layer, passes))
        rest = math.fsum(joules for name, joules in part.energy_J.items() if name not in _DISPUTED)
        working.append(array + tile.conversions(layer) * conversion + added + rest)
        leaks = layer_leaking(own, layer, part.area_m2, all_added(own, layer, settings, passes), settings)
        leaking.append(_over(("leakage",), settings, leaks.power_W))
    image = sum(times, np.full(2 ** len(LATENCY_AXES), cost.digital.latency_s))  # digital time is not disputed
    powered = image.reshape(_shape(LATENCY_AXES))
    energies = [joules + powered * watts for joules, watts in zip(working, leaking, strict=True)]
    whole = CostSpread(
        _with_central(cost.total_energy_J, _flat(sum(energies, digital.working_J + powered * digital.leakage_W))),
        _with_central(cost.latency_s, image),
        _with_central(cost.total_area_m2, sum(areas, digital.area_m2)),
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


def _array_energy(tile: Tile, layer: LayerActivity, settled: float, settings: CostSettings) -> float:
    return array_energy(tile, layer, settings, settled)


def _added_energy(tile: Tile, layer: LayerActivity, passes: Sequence[Costed], settings: CostSettings) -> float:
    return all_added(tile, layer, settings, passes).energy_J


def _over(axes: tuple[str, ...], settings: CostSettings, value: Callable[[CostSettings], float]) -> Values:
    """``value`` at every corner of these axes, with a dimension for each axis of energy."""
    return np.array([value(corner) for corner in settings.corners(axes)]).reshape(_shape(axes))


def _shape(axes: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(2 if axis in axes else 1 for axis in ENERGY_AXES)


def _flat(values: Values) -> Values:
    return np.broadcast_to(values, (2,) * len(ENERGY_AXES)).ravel()


def _with_central(central: float, corners: Values) -> Values:
    return np.concatenate([[central], corners])
