"""I-V curves of the cells on torch tensors; the formulas of ``iv`` with whole tensors in place of SIMD vectors.

Only operations that IEEE 754 rounds in one way (and comparisons) are used, for torch's own expm1 rounds differently at
the end of a tensor than in its middle: a cell's current must not depend on the cells beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from simcore.crossbar.iv import LINEAR, SATURATING, TABLE, TANH, CellCurves

UnitCurve = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
_TAYLOR = tuple(1.0 / math.factorial(n) for n in range(1, 10))
_ARGUMENT_LIMIT = 80.0  # expm1 stays finite in float32 and float64; a cell never sees more than v_read / v_nl


class TorchCells:
    """A circuit's two I-V curves on a device, in one number type."""

    def __init__(self, curves: CellCurves, dtype: torch.dtype, device: torch.device) -> None:
        self._g_on, self._g_off = (torch.tensor(float(g), dtype=dtype, device=device) for g in curves.g)
        self._on = _unit_curve(curves, 0, dtype, device)
        # States that differ in nothing but their conductance share one evaluation.
        same = (
            curves.forms[0] == curves.forms[1]
            and curves.v_nl[0] == curves.v_nl[1]
            and np.array_equal(curves.tables[0], curves.tables[1])
        )
        self._off = None if same else _unit_curve(curves, 1, dtype, device)

    def evaluate(
        self, volts: torch.Tensor, is_on: torch.Tensor, factors: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(current in amperes, small-signal conductance in siemens) at ``volts``, given which cells are ON, and what
        multiplies their currents where they are not nominal."""
        amps, slope = self._on(volts)
        if self._off is not None:
            off_amps, off_slope = self._off(volts)
            amps = torch.where(is_on, amps, off_amps)
            slope = torch.where(is_on, slope, off_slope)
        g = torch.where(is_on, self._g_on, self._g_off)
        if factors is not None:
            g = g * factors
        return amps * g, slope * g


def chord_where(careful: torch.Tensor, amps: torch.Tensor, slope: torch.Tensor, volts: torch.Tensor) -> torch.Tensor:
    """The chord I / V where ``careful`` (of lanes, the last axis) and steeper than the tangent, else the tangent."""
    chord = amps.abs() / volts.abs().clamp_(min=1e-12)
    return torch.where(careful, torch.maximum(slope, chord), slope)


def _unit_curve(curves: CellCurves, state: int, dtype: torch.dtype, device: torch.device) -> UnitCurve:
    """Curve ``state`` (0 ON, 1 OFF) for a conductance of 1."""
    form, v_nl = int(curves.forms[state]), float(curves.v_nl[state])
    if form == LINEAR:
        return lambda volts: (volts, torch.ones_like(volts))
    if form == SATURATING:
        return lambda volts: _saturating(volts, v_nl)
    if form == TABLE:
        table = torch.tensor(curves.tables[state], dtype=dtype, device=device).T.contiguous()
        return lambda volts: _table(volts, table)
    if form == TANH:
        return lambda volts: _tanh(volts, v_nl, curves.doublings)
    return lambda volts: _sinh(volts, v_nl, curves.doublings)


def _saturating(volts: torch.Tensor, v_nl: float) -> tuple[torch.Tensor, torch.Tensor]:
    factor = 1.0 / (1.0 + volts.abs() * (1.0 / v_nl))
    return factor * volts, factor * factor


def _tanh(volts: torch.Tensor, v_nl: float, doublings: int) -> tuple[torch.Tensor, torch.Tensor]:
    e = _expm1(volts * (2.0 / v_nl), doublings)
    t = e / (e + 2.0)
    return t * v_nl, 1.0 - t * t


def _sinh(volts: torch.Tensor, v_nl: float, doublings: int) -> tuple[torch.Tensor, torch.Tensor]:
    e = _expm1(volts.abs() * (1.0 / v_nl), doublings)  # of |V|: of a negative argument 1 + expm1 loses its digits
    inverse = 1.0 / (e + 1.0)
    amps = (e + e * inverse) * (0.5 * v_nl)
    return torch.where(volts < 0, -amps, amps), (e + 1.0 + inverse) * 0.5


def _expm1(x: torch.Tensor, doublings: int) -> torch.Tensor:
    """exp(x) - 1 of a tensor that is overwritten: Taylor series on x / 2^doublings, then repeated doubling."""
    x = x.clamp_(-_ARGUMENT_LIMIT, _ARGUMENT_LIMIT).mul_(0.5**doublings)
    e = x * _TAYLOR[-1]
    for coefficient in _TAYLOR[-2::-1]:
        e.add_(coefficient).mul_(x)
    for _ in range(doublings):
        e.mul_(e + 2.0)
    return e


def _table(volts: torch.Tensor, table: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Piecewise cubic; ``table`` (5, K): V_k, a, b, c, d."""
    size = volts.abs()
    piece = (torch.bucketize(size, table[0], right=True) - 1).clamp_(min=0)
    t = size - table[0][piece]
    a, b, c, d = (coefficient[piece] for coefficient in table[1:])
    amps = ((a * t + b) * t + c) * t + d
    return torch.where(volts >= 0, amps, -amps), (a * t * 3.0 + b * 2.0) * t + c
