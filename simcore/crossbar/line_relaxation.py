"""Exact solver of input_sourced arrays: Newton by line relaxation, LANES inputs side by side.

Wires conduct far better than cells, so solving whole lines exactly in turn (every row given the bit lines, every bit
line given the rows) converges in a few sweeps. Unknowns are the *drops*: u(i, j) of the row node below its source, and
the bit-line voltage c(i, j) above ground, so that V_cell = x v_read - u - c and float32 keeps its digits.

Lines are eliminated in Norton form: a part of the line seen from a node injects J - G v; passing a wire of resistance r
gives G / (1 + r G), J / (1 + r G). No conductance of a wire appears, so r = 0 needs no special case and nothing
cancels. By the maximum principle all drops lie within [0, v_read] (for a driven row); clamping the iterates there
makes Newton safe on saturating cells, whose flat part would throw it out.
"""

from __future__ import annotations

import numba
import numpy as np

from simcore.crossbar.iv import LANES, evaluate_lanes


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def relax_block(  # type: ignore[no-untyped-def]
    weights, x, gated, forms, g, per_v_nl, table_on, table_off, doublings, v_read, r_driver, r_row, r_col, r_sink,
    tolerance, max_sweeps, u, c, sink, status, sweeps_used,
):  # fmt: skip
    """Solve LANES inputs on one tile; every lane's numbers are independent of the other lanes.

    Args:
        weights: (R, C) uint8 state bits. x: (R, LANES) input bits as floats.
        u, c: (R, C, LANES) drops in volts, first guess in and solution out.
        sink: (C, LANES) amperes out. A lane's results are frozen at the sweep in which it converged.
        status: (LANES,) 1 once converged, else 0. sweeps_used: (LANES,).
    """
    rows, cols = weights.shape
    real = u.dtype.type
    zero, one = real(0), real(1)
    norton_g = np.empty((rows, cols, LANES), u.dtype)  # after the wire below node (i, j)
    norton_j = np.empty((rows, cols, LANES), u.dtype)
    line_g = np.empty((cols, LANES), u.dtype)
    line_j = np.empty((cols, LANES), u.dtype)
    acc_g = np.empty(LANES, u.dtype)
    acc_j = np.empty(LANES, u.dtype)
    volts = np.empty(LANES, u.dtype)
    amps = np.empty(LANES, u.dtype)
    slope = np.empty(LANES, u.dtype)
    flow = np.empty(LANES, u.dtype)
    change = np.empty(LANES, u.dtype)
    before = np.empty(LANES, u.dtype)
    conducts = np.empty(LANES, u.dtype)
    v_source = np.empty(LANES, u.dtype)
    low = np.empty(LANES, u.dtype)
    high = np.empty(LANES, u.dtype)
    status[:] = 0
    sweeps_used[:] = max_sweeps
    before[:] = v_read
    r_first = r_driver + r_row
    r_last = r_col + r_sink
    for sweep in range(1, max_sweeps + 1):
        change[:] = zero
        for i in range(rows):
            for lane in range(LANES):
                v_source[lane] = x[i, lane] * v_read
                conducts[lane] = x[i, lane] if gated else one
                # An undriven row of an ungated array is pulled up by its cells: its drop is negative.
                low[lane] = v_source[lane] - v_read
                high[lane] = v_source[lane]
            # Row i given the bit lines: from the far end towards the driver, then back.
            acc_g[:] = zero
            acc_j[:] = zero
            for j in range(cols - 1, -1, -1):
                state = 0 if weights[i, j] else 1
                for lane in range(LANES):
                    volts[lane] = v_source[lane] - u[i, j, lane] - c[i, j, lane]
                evaluate_lanes(forms[state], g[state], per_v_nl[state], table_on if state == 0 else table_off,
                               doublings, volts, amps, slope)  # fmt: skip
                r_wire = r_row if j > 0 else r_first
                for lane in range(LANES):
                    total_g = acc_g[lane] + slope[lane] * conducts[lane]
                    total_j = acc_j[lane] + (amps[lane] + slope[lane] * u[i, j, lane]) * conducts[lane]
                    pass_on = one / (one + r_wire * total_g)
                    acc_g[lane] = total_g * pass_on
                    acc_j[lane] = total_j * pass_on
                    line_g[j, lane] = acc_g[lane]
                    line_j[j, lane] = acc_j[lane]
            flow[:] = zero  # the drop of the node towards the driver; the source itself has none
            for j in range(cols):
                r_wire = r_row if j > 0 else r_first
                for lane in range(LANES):
                    drop = flow[lane] + r_wire * (line_j[j, lane] - line_g[j, lane] * flow[lane])
                    drop = min(max(drop, low[lane]), high[lane])
                    change[lane] = max(change[lane], abs(drop - u[i, j, lane]))
                    flow[lane] = drop
                    u[i, j, lane] = drop if status[lane] == 0 else u[i, j, lane]
            # Step i of every bit line's elimination, given row i.
            r_wire = r_col if i < rows - 1 else r_last
            for j in range(cols):
                state = 0 if weights[i, j] else 1
                for lane in range(LANES):
                    volts[lane] = v_source[lane] - u[i, j, lane] - c[i, j, lane]
                evaluate_lanes(forms[state], g[state], per_v_nl[state], table_on if state == 0 else table_off,
                               doublings, volts, amps, slope)  # fmt: skip
                for lane in range(LANES):
                    total_g = slope[lane] * conducts[lane]
                    total_j = (amps[lane] + slope[lane] * c[i, j, lane]) * conducts[lane]
                    if i > 0:
                        total_g += norton_g[i - 1, j, lane]
                        total_j += norton_j[i - 1, j, lane]
                    pass_on = one / (one + r_wire * total_g)
                    norton_g[i, j, lane] = total_g * pass_on
                    norton_j[i, j, lane] = total_j * pass_on
        # Bit lines back from the sinks.
        for i in range(rows - 1, -1, -1):
            r_wire = r_col if i < rows - 1 else r_last
            for j in range(cols):
                for lane in range(LANES):
                    below = c[i + 1, j, lane] if i < rows - 1 else zero
                    volt = below + r_wire * (norton_j[i, j, lane] - norton_g[i, j, lane] * below)
                    volt = min(max(volt, zero), v_read)
                    change[lane] = max(change[lane], abs(volt - c[i, j, lane]))
                    c[i, j, lane] = volt if status[lane] == 0 else c[i, j, lane]
        # The error left is the rest of a geometric series: change * ratio / (1 - ratio).
        all_done = True
        for lane in range(LANES):
            if status[lane] == 0:
                for j in range(cols):
                    sink[j, lane] = norton_j[rows - 1, j, lane]
                ratio = min(change[lane] / max(before[lane], real(1e-30)), real(0.999))
                if change[lane] * ratio <= tolerance * v_read * (one - ratio):
                    status[lane] = 1
                    sweeps_used[lane] = sweep
                else:
                    all_done = False
                before[lane] = change[lane]
        if all_done:
            break
