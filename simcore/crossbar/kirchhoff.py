"""Kirchhoff check of a solution, independent of the method that found it."""

from __future__ import annotations

import numba
import numpy as np

from simcore.crossbar.iv import LANES, evaluate_lanes


@numba.njit(cache=True, error_model="numpy")
def block_residual(  # type: ignore[no-untyped-def]
    weights, x, gate_driven, gated, far, forms, g, per_v_nl, table_on, table_off, doublings, v_read, r_driver, r_row,
    r_source, r_col, r_sink, u, v, residual,
):  # fmt: skip
    """Worst |voltage - voltage produced by the cell currents through the wires| / v_read of each lane.

    Args:
        weights: (R, C) uint8. x: (R, LANES).
        u, v: drops above the cells and bit-line voltages below them, (R, C, LANES), or (C, R, LANES) if gate_driven.
        residual: (LANES,) float64 out.
    """
    rows, cols = weights.shape
    amps = np.empty((rows, cols, LANES), u.dtype)
    volts = np.empty(LANES, u.dtype)
    slope = np.empty(LANES, u.dtype)
    for i in range(rows):
        for j in range(cols):
            state = 0 if weights[i, j] else 1
            for lane in range(LANES):
                if gate_driven:
                    volts[lane] = v_read - u[j, i, lane] - v[j, i, lane]
                else:
                    volts[lane] = x[i, lane] * v_read - u[i, j, lane] - v[i, j, lane]
            evaluate_lanes(forms[state], g[state], per_v_nl[state], table_on if state == 0 else table_off, doublings,
                           volts, amps[i, j], slope)  # fmt: skip
            if gated or gate_driven:
                for lane in range(LANES):
                    amps[i, j, lane] *= x[i, lane]
    residual[:] = 0.0
    for lane in range(LANES):
        worst = 0.0
        for j in range(cols):
            total = 0.0
            for i in range(rows):
                total += amps[i, j, lane]
            expected = total * (r_col + r_sink)
            flow = total
            for i in range(rows - 1, -1, -1):
                found = v[j, i, lane] if gate_driven else v[i, j, lane]
                worst = max(worst, abs(found - expected))
                flow -= amps[i, j, lane]
                expected += flow * r_col
            if gate_driven:
                expected = total * (r_driver + r_source)
                flow = total
                for k in range(rows):
                    i = k if far else rows - 1 - k
                    worst = max(worst, abs(u[j, i, lane] - expected))
                    flow -= amps[i, j, lane]
                    expected += flow * r_source
        if not gate_driven:
            for i in range(rows):
                flow = 0.0
                for j in range(cols):
                    flow += amps[i, j, lane]
                expected = flow * (r_driver + r_row)
                for j in range(cols):
                    worst = max(worst, abs(u[i, j, lane] - expected))
                    flow -= amps[i, j, lane]
                    expected += flow * r_row
        residual[lane] = worst / v_read
