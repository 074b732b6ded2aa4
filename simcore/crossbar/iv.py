"""I-V curves of the cells: current and small-signal conductance, as numba kernels over SIMD lanes.

sinh and tanh come from expm1 by its Taylor series on a reduced argument and repeated doubling,
expm1(2y) = expm1(y) (2 + expm1(y)): accurate near zero, and plain arithmetic that vectorises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numba
import numpy as np
from scipy.interpolate import PchipInterpolator

from simcore import kernel_cache  # noqa: F401  (before the first cached kernel)

CurveForm = Literal["linear", "saturating", "sinh", "tanh", "table"]
CURVE_FORMS: tuple[str, ...] = get_args(CurveForm)
LINEAR, SATURATING, SINH, TANH, TABLE = range(5)

# Inputs solved side by side in one block: one to four vector registers of every type, so that chains of dependent
# operations (the tridiagonal recursions) overlap.
LANES = 16

_TAYLOR = tuple(1.0 / float(np.prod(np.arange(1, n + 1))) for n in range(1, 11))  # 1/1!, 1/2!, ... 1/10!
_ARGUMENT_LIMIT = 80.0  # expm1 stays finite in float32 and float64; a cell never sees more than v_read / v_nl


@dataclass(frozen=True)
class CellCurves:
    """Kernel form of a circuit's two I-V curves; index 0 is ON, 1 is OFF.

    Attributes:
        forms: (2,) indices into CURVE_FORMS.
        g: (2,) conductances in siemens (table: factor on the tabulated current).
        v_nl: (2,) volts.
        tables: two (K, 5) arrays, rows (V_k, a, b, c, d): I = ((a t + b) t + c) t + d with t = V - V_k.
        doublings: argument doublings of the expm1 series.
    """

    forms: np.ndarray
    g: np.ndarray
    v_nl: np.ndarray
    tables: tuple[np.ndarray, np.ndarray]
    doublings: int

    def current(self, voltage: np.ndarray, state: int) -> np.ndarray:
        """Current in amperes at ``voltage`` (N,) volts of a cell in ``state`` (1 ON, 0 OFF)."""
        return self.evaluate(voltage, state)[0]

    def evaluate(self, voltage: np.ndarray, state: int) -> tuple[np.ndarray, np.ndarray]:
        """(current in amperes, small-signal conductance in siemens), each (N,), of a cell in ``state``."""
        index = 1 - state
        blocks = -(-len(voltage) // LANES)
        padded = np.zeros(blocks * LANES)
        padded[: len(voltage)] = voltage
        current, conductance = np.empty_like(padded), np.empty_like(padded)
        for block in range(blocks):
            lanes = slice(block * LANES, (block + 1) * LANES)
            evaluate_lanes(
                self.forms[index], self.g[index], 1.0 / self.v_nl[index], self.tables[index], self.doublings,
                padded[lanes], current[lanes], conductance[lanes],
            )  # fmt: skip
        return current[: len(voltage)], conductance[: len(voltage)]


def pchip_curve(voltages: np.ndarray, currents: np.ndarray) -> np.ndarray:
    """Monotone cubic through measured points: (K, 5) rows (V_k, a, b, c, d), the last piece going on as a line.

    Source: Fritsch and Butland (1984), as scipy's PchipInterpolator.
    """
    spline = PchipInterpolator(voltages, currents)
    end_slope = max(float(spline.derivative()(voltages[-1])), 1e-3 * currents[-1] / voltages[-1])
    pieces = np.column_stack([voltages[:-1], spline.c.T])
    return np.vstack([pieces, [voltages[-1], 0.0, 0.0, end_slope, currents[-1]]])


@numba.njit(inline="always")
def _table_value(table, voltage):  # type: ignore[no-untyped-def]
    size = abs(voltage)
    low, high = 0, table.shape[0]
    while high - low > 1:
        middle = (low + high) // 2
        if table[middle, 0] <= size:
            low = middle
        else:
            high = middle
    t = size - table[low, 0]
    a, b, c, d = table[low, 1], table[low, 2], table[low, 3], table[low, 4]
    current = ((a * t + b) * t + c) * t + d
    slope = (3 * a * t + 2 * b) * t + c
    return (current if voltage >= 0 else -current), slope


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def evaluate_lanes(form, g, per_v_nl, table, doublings, voltage, current, conductance):  # type: ignore[no-untyped-def]
    """Current and small-signal conductance of one cell for LANES voltages, written in place.

    ``per_v_nl`` is 1 / v_nl. All arrays (LANES,) of one float type; ``g`` and ``per_v_nl`` of the same type.
    """
    one = voltage.dtype.type(1)
    if form == LINEAR:
        for lane in range(LANES):
            current[lane] = g * voltage[lane]
            conductance[lane] = g
    elif form == SATURATING:
        for lane in range(LANES):
            factor = one / (one + abs(voltage[lane]) * per_v_nl)
            current[lane] = g * voltage[lane] * factor
            conductance[lane] = g * factor * factor
    elif form == TABLE:
        for lane in range(LANES):
            i, slope = _table_value(table, voltage[lane])
            current[lane] = g * i
            conductance[lane] = g * slope
    else:
        two = voltage.dtype.type(2)
        half = voltage.dtype.type(0.5)
        limit = voltage.dtype.type(_ARGUMENT_LIMIT)
        shrink = voltage.dtype.type(0.5**doublings)
        scale = per_v_nl * (two if form == TANH else one)
        c2, c3, c4 = voltage.dtype.type(_TAYLOR[1]), voltage.dtype.type(_TAYLOR[2]), voltage.dtype.type(_TAYLOR[3])
        c5, c6, c7 = voltage.dtype.type(_TAYLOR[4]), voltage.dtype.type(_TAYLOR[5]), voltage.dtype.type(_TAYLOR[6])
        c8, c9 = voltage.dtype.type(_TAYLOR[7]), voltage.dtype.type(_TAYLOR[8])
        # `current` holds expm1 while the argument is doubled back
        for lane in range(LANES):
            x = min(max(voltage[lane] * scale, -limit), limit) * shrink
            p = c9 * x + c8
            p = p * x + c7
            p = p * x + c6
            p = p * x + c5
            p = p * x + c4
            p = p * x + c3
            p = p * x + c2
            p = p * x + one
            current[lane] = p * x
        for _ in range(doublings):
            for lane in range(LANES):
                current[lane] = current[lane] * (two + current[lane])
        g_v_nl = g / per_v_nl
        if form == TANH:
            for lane in range(LANES):
                t = current[lane] / (current[lane] + two)
                current[lane] = g_v_nl * t
                conductance[lane] = g * (one - t * t)
        else:
            for lane in range(LANES):
                e = current[lane]
                inverse = one / (e + one)
                current[lane] = half * g_v_nl * (e + e * inverse)
                conductance[lane] = half * g * (e + one + inverse)
