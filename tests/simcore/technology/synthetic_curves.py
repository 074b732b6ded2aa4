"""Measured curves whose truth is known: a cell that switches, swept as an instrument sweeps it, written as it writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TrueCell:
    """Currents of both states at |V|, and the voltages at which it switches."""

    on: Callable[[np.ndarray], np.ndarray]
    off: Callable[[np.ndarray], np.ndarray]
    set_voltage: float = 0.9
    reset_voltage: float = 0.7


def ohmic_and_sinh(g_on: float = 80e-6, g_off: float = 4e-6, v_nl: float = 0.25) -> TrueCell:
    return TrueCell(lambda v: g_on * v, lambda v: g_off * v_nl * np.sinh(v / v_nl))


def saturating(g_on: float = 40e-6, g_off: float = 1e-6, v_nl: float = 0.3) -> TrueCell:
    return TrueCell(lambda v: g_on * v_nl * np.tanh(v / v_nl), lambda v: g_off * v)


@dataclass(frozen=True)
class Instrument:
    """How a sweep is taken."""

    step: float = 0.01
    positive: float = 1.2
    negative: float = 1.0
    compliance: float = 60e-6
    relative_noise: float = 0.02
    floor: float = 5e-9
    spread: float = 0.0  # of ln(current) from cycle to cycle
    cycles: int = 1
    seed: int = 1


def bipolar_sweep(cell: TrueCell, instrument: Instrument) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(cycle, voltage, current): 0, up to SET, back, down to RESET, back; the limit of current holds at V > 0 alone.

    RESET is gradual: from ``reset_voltage`` to 0.2 V more the current goes from that of ON to that of OFF.
    """
    random = np.random.default_rng(instrument.seed)
    cycles, volts, amps = [], [], []
    for cycle in range(1, instrument.cycles + 1):
        factors = np.exp(instrument.spread * random.standard_normal(2))
        up = np.arange(0, instrument.positive + 1e-9, instrument.step)
        down = np.arange(0, instrument.negative + 1e-9, instrument.step)
        for sign, way in ((1, up), (1, up[::-1]), (-1, down), (-1, down[::-1])):
            rising = way[-1] > way[0]
            on, off = factors[0] * cell.on(way), factors[1] * cell.off(way)
            if sign > 0:
                size = np.where(way < cell.set_voltage, off, on) if rising else on
                size = np.minimum(size, instrument.compliance)
            else:
                share = np.clip((way - cell.reset_voltage) / 0.2, 0, 1) if rising else np.ones_like(way)
                size = on ** (1 - share) * np.maximum(off, 1e-15) ** share
            noise = instrument.relative_noise * size * random.standard_normal(len(way))
            noise += instrument.floor * random.standard_normal(len(way))
            if sign > 0:
                noise = np.where(size >= instrument.compliance, 1e-3 * noise, noise)
            cycles.append(np.full(len(way), cycle))
            volts.append(sign * way)
            amps.append(sign * size + noise)
    return np.concatenate(cycles), np.concatenate(volts), np.concatenate(amps)


def read_sweep(curve: Callable[[np.ndarray], np.ndarray], largest: float, points: int, instrument: Instrument) -> tuple:
    """(voltage, current) of a way up that switches nothing."""
    random = np.random.default_rng(instrument.seed)
    voltage = np.linspace(0, largest, points)
    size = curve(voltage)
    noise = instrument.relative_noise * size * random.standard_normal(points)
    return voltage, size + noise + instrument.floor * random.standard_normal(points)


def table(heads: list[str], columns: list[np.ndarray], delimiter: str = ",", decimal: str = ".", form: str = "%.5e") -> str:
    """The text of a file."""
    lines = list(heads)
    for row in zip(*columns, strict=True):
        lines.append(delimiter.join((form % value).replace(".", decimal) for value in row))
    return "\n".join(lines) + "\n"
