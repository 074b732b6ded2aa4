"""I-V curves of the cells: current and small-signal conductance, as numba kernels on SIMD vectors.

sinh and tanh come from expm1 by its Taylor series on a reduced argument and repeated doubling,
expm1(2y) = expm1(y) (2 + expm1(y)): accurate near zero, and plain arithmetic that vectorises. sinh is computed of |V|
and given its sign afterwards: of a negative argument expm1 comes near -1 and 1 / (1 + expm1), which is all that is left
of sinh there, loses its digits.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numba
import numpy as np
from scipy.interpolate import PchipInterpolator

from simcore.kernels.simd import any_greater, full, lanes_of, load, maximum, minimum, store, where_greater

CurveForm = Literal["linear", "saturating", "sinh", "tanh", "table"]
CURVE_FORMS: tuple[str, ...] = get_args(CurveForm)
LINEAR, SATURATING, SINH, TANH, TABLE = range(5)

_TAYLOR = tuple(1.0 / float(np.prod(np.arange(1, n + 1))) for n in range(1, 10))  # 1/1!, 1/2!, ... 1/9!
ARGUMENT_LIMIT = 80.0  # expm1 stays finite in float32 and float64; a cell never sees more than v_read / v_nl


class CellCurves(NamedTuple):
    """A circuit's two I-V curves, as solver kernels take them; index 0 is ON, 1 is OFF.

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

    def astype(self, dtype: np.dtype) -> CellCurves:
        """The same curves in the number type of a solve."""
        on, off = (table.astype(dtype) for table in self.tables)
        return self._replace(g=self.g.astype(dtype), v_nl=self.v_nl.astype(dtype), tables=(on, off))

    def current(self, voltage: np.ndarray, state: int) -> np.ndarray:
        """Current in amperes at ``voltage`` (N,) volts of a cell in ``state`` (1 ON, 0 OFF)."""
        return self.evaluate(voltage, state)[0]

    def evaluate(self, voltage: np.ndarray, state: int) -> tuple[np.ndarray, np.ndarray]:
        """(current in amperes, small-signal conductance in siemens), each (N,), of a cell in ``state``."""
        lanes = lanes_of(np.float64)
        padded = np.zeros((-(-len(voltage) // lanes), lanes))
        padded.reshape(-1)[: len(voltage)] = voltage
        current, conductance = np.empty_like(padded), np.empty_like(padded)
        _evaluate_array(self, state, padded, current, conductance)
        return current.reshape(-1)[: len(voltage)], conductance.reshape(-1)[: len(voltage)]


def pchip_curve(voltages: np.ndarray, currents: np.ndarray) -> np.ndarray:
    """Monotone cubic through measured points: (K, 5) rows (V_k, a, b, c, d), the last piece going on as a line.

    Source: Fritsch and Butland (1984), as scipy's PchipInterpolator.
    """
    spline = PchipInterpolator(voltages, currents)
    end_slope = max(float(spline.derivative()(voltages[-1])), 1e-3 * currents[-1] / voltages[-1])
    pieces = np.column_stack([voltages[:-1], spline.c.T])
    return np.vstack([pieces, [voltages[-1], 0.0, 0.0, end_slope, currents[-1]]])


@numba.njit(inline="never", error_model="numpy")
def _table_lanes(table, volts, amps, slopes):  # type: ignore[no-untyped-def]
    """Piecewise cubic at each lane of (L,) volts; amps and slopes (L,) out."""
    for lane in range(len(volts)):
        size = abs(volts[lane])
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
        amps[lane] = current if volts[lane] >= 0 else -current
        slopes[lane] = (3 * a * t + 2 * b) * t + c


@numba.njit(error_model="numpy", forceinline=True)
def cell_current(curves, state, factor, volts, scratch):  # type: ignore[no-untyped-def]
    """Current and small-signal conductance of one cell.

    Args:
        curves: CellCurves in the number type of ``volts``.
        state: 1 ON, 0 OFF.
        factor: what multiplies the curve of the state; None for a nominal cell.
        volts: a vector.
        scratch: (3, 1, lanes), holds a table's lanes.

    Returns:
        Amperes and siemens, a vector each.
    """
    index = 0 if state else 1
    form, v_nl, doublings = curves.forms[index], curves.v_nl[index], curves.doublings
    g = curves.g[index]
    if factor is not None:
        g = g * factor
    if form == LINEAR:
        return g * volts, full(volts, g)
    if form == SATURATING:
        factor = 1.0 / (1.0 + abs(volts) * (1.0 / v_nl))
        chord = g * factor
        return chord * volts, chord * factor
    if form == TABLE:
        store(scratch, (0, 0), volts)
        _table_lanes(curves.tables[0] if state else curves.tables[1], scratch[0, 0], scratch[1, 0], scratch[2, 0])
        return g * load(scratch, (1, 0)), g * load(scratch, (2, 0))
    scale = (2.0 if form == TANH else 1.0) / v_nl
    x = minimum(maximum(volts * scale, full(volts, -ARGUMENT_LIMIT)), full(volts, ARGUMENT_LIMIT))
    if form == SINH:
        x = abs(x)
    x = x * 0.5**doublings
    e = x * _TAYLOR[8] + _TAYLOR[7]
    e = e * x + _TAYLOR[6]
    e = e * x + _TAYLOR[5]
    e = e * x + _TAYLOR[4]
    e = e * x + _TAYLOR[3]
    e = e * x + _TAYLOR[2]
    e = e * x + _TAYLOR[1]
    e = (e * x + 1.0) * x
    for _ in range(doublings):
        e = e * (e + 2.0)
    if form == TANH:
        t = e / (e + 2.0)
        return (g * v_nl) * t, g * (1.0 - t * t)
    inverse = 1.0 / (e + 1.0)
    sign = where_greater(full(volts, 0.0), volts, full(volts, -1.0), full(volts, 1.0))
    return (0.5 * g * v_nl) * (e + e * inverse) * sign, (0.5 * g) * ((e + 1.0) + inverse)


@numba.njit(error_model="numpy", forceinline=True)
def chord_where_careful(amps, slope, volts, careful):  # type: ignore[no-untyped-def]
    """The chord I / V in place of the tangent on lanes with ``careful`` = 1, where it is the steeper of the two.

    On the flat part of a saturating curve a tangent step overshoots. The chord bounds the co-content from above by a
    quadratic, so that its step always goes downhill.
    """
    if not any_greater(careful, full(careful, 0.0)):
        return slope
    size = maximum(abs(volts), full(volts, 1e-12))
    return slope + careful * maximum(abs(amps) / size - slope, full(slope, 0.0))


@numba.njit(cache=True, error_model="numpy")
def _evaluate_array(curves, state, volts, amps, slopes):  # type: ignore[no-untyped-def]
    """One cell at (K, lanes) volts; amps and slopes (K, lanes) out."""
    scratch = np.empty((3, 1, volts.shape[1]), volts.dtype)
    for row in range(volts.shape[0]):
        current, slope = cell_current(curves, state, None, load(volts, (row,)), scratch)
        store(amps, (row,), current)
        store(slopes, (row,), slope)
