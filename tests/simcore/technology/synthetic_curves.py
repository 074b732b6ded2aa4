"""Measured curves whose truth is known: a cell that switches, swept and written as an instrument does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Curve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class TrueCell:
    """Currents (A) of both states at |V|, and the voltages at which it switches."""

    on: Curve
    off: Curve
    set_voltage: float = 0.9
    reset_voltage: float = 0.7


def ohmic_and_sinh(g_on: float = 80e-6, g_off: float = 4e-6, v_nl: float = 0.25) -> TrueCell:
    return TrueCell(lambda v: g_on * v, lambda v: g_off * v_nl * np.sinh(v / v_nl))


def saturating(g_on: float = 40e-6, g_off: float = 1e-6, v_nl: float = 0.3) -> TrueCell:
    return TrueCell(lambda v: g_on * v_nl * np.tanh(v / v_nl), lambda v: g_off * v)


@dataclass(frozen=True)
class Instrument:
    """How a sweep is taken: volts, amperes, and noise as a share of the current and as a floor."""

    step: float = 0.01
    positive: float = 1.2
    negative: float = 1.0
    compliance: float = 60e-6
    noise: float = 0.02
    floor: float = 5e-9
    cycle_factors: Sequence[tuple[float, float]] = ((1.0, 1.0),)  # of ON and OFF, a cycle each
    seed: int = 1


def bipolar_sweep(cell: TrueCell, instrument: Instrument) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(cycle, voltage, current): from 0 up to SET, back, down to RESET, back; the current is limited at V > 0 alone.

    RESET is gradual: from ``reset_voltage`` to 0.2 V more the current goes from that of ON to that of OFF.
    """
    random = np.random.default_rng(instrument.seed)
    cycles, volts, amps = [], [], []
    for cycle, (of_on, of_off) in enumerate(instrument.cycle_factors, 1):
        up = np.arange(0, instrument.positive + 1e-9, instrument.step)
        down = np.arange(0, instrument.negative + 1e-9, instrument.step)
        for sign, way, rising in ((1, up, True), (1, up[::-1], False), (-1, down, True), (-1, down[::-1], False)):
            on, off = of_on * cell.on(way), of_off * cell.off(way)
            if sign > 0:
                size = np.where(way < cell.set_voltage, off, on) if rising else on
            else:
                share = np.clip((way - cell.reset_voltage) / 0.2, 0, 1) if rising else np.ones_like(way)
                size = on ** (1 - share) * off**share
            size = size * (1 + instrument.noise * random.standard_normal(len(way)))
            if sign > 0:
                size = np.minimum(size, instrument.compliance)
            cycles.append(np.full(len(way), cycle))
            volts.append(sign * way)
            amps.append(sign * size + instrument.floor * random.standard_normal(len(way)))
    return np.concatenate(cycles), np.concatenate(volts), np.concatenate(amps)


def read_sweep(curve: Curve, voltage: np.ndarray, instrument: Instrument) -> np.ndarray:
    """Currents of a way up that switches nothing."""
    random = np.random.default_rng(instrument.seed)
    size = curve(voltage) * (1 + instrument.noise * random.standard_normal(len(voltage)))
    return size + instrument.floor * random.standard_normal(len(voltage))


def table(heads: Sequence[str], columns: Sequence[np.ndarray], delimiter: str = ",", decimal: str = ".") -> str:
    """The text of a file."""
    rows = zip(*columns, strict=True)
    lines = [delimiter.join(f"{value:.5e}".replace(".", decimal) for value in row) for row in rows]
    return "\n".join([*heads, *lines]) + "\n"
