"""Exact solver of gate_driven columns: Newton on the two-rail ladder, LANES inputs side by side.

A column is a ladder of its own: source line above, bit line below, cells between. Each Newton step solves the two
rails together by eliminating node pairs from the far end (2x2 Norton form: the part above injects J - G (u, b)).
u is the drop of the source line below v_read and b the bit line's voltage, so V_cell = v_read - u - b and a cell's
current enters both rails alike. Iterates are held to u, b >= 0 and u + b <= v_read (no cell ever sees a reverse
voltage). On the flat part of a saturating curve the tangent would overshoot; while a step does not shrink well, such
cells are linearised by their chord I / V, a quadratic bound of the co-content from above, so that every step goes
downhill.
"""

from __future__ import annotations

import numba
import numpy as np

from simcore.crossbar.iv import LANES, evaluate_lanes

_SHORT = 1e20  # siemens: an end resistance of exactly zero


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def ladder_block(  # type: ignore[no-untyped-def]
    weights, x, far, forms, g, per_v_nl, table_on, table_off, doublings, v_read, r_driver, r_source, r_col, r_sink,
    tolerance, max_steps, u, b, sink, status, steps_used,
):  # fmt: skip
    """Solve LANES inputs on one tile; every lane's numbers are independent of the other lanes.

    Args:
        weights: (R, C) uint8 state bits. x: (R, LANES) input bits as floats.
        u, b: (C, R, LANES) volts, first guess in and solution out.
        sink: (C, LANES) amperes out. A lane's results are frozen at the step in which the column converged.
        status: (LANES,) 1 if every column converged, else 0. steps_used: (LANES,) the most any column took.
    """
    rows, cols = weights.shape
    real = u.dtype.type
    zero, one = real(0), real(1)
    # Norton state below each node pair, after the wires to the next pair.
    uu = np.empty((rows, LANES), u.dtype)
    ub = np.empty((rows, LANES), u.dtype)
    bb = np.empty((rows, LANES), u.dtype)
    ju = np.empty((rows, LANES), u.dtype)
    jb = np.empty((rows, LANES), u.dtype)
    volts = np.empty(LANES, u.dtype)
    amps = np.empty(LANES, u.dtype)
    slope = np.empty(LANES, u.dtype)
    change = np.empty(LANES, u.dtype)
    before = np.empty(LANES, u.dtype)
    converged = np.empty(LANES, np.int64)
    careful = np.empty(LANES, u.dtype)  # 1: take the chord instead of the tangent in the next step
    tiny = real(1e-6) * v_read
    next_u = np.empty(LANES, u.dtype)
    next_b = np.empty(LANES, u.dtype)
    r_feed = r_driver + r_source
    r_out = r_col + r_sink
    g_feed = one / r_feed if r_feed > 0 else real(_SHORT)
    g_out = one / r_out if r_out > 0 else real(_SHORT)
    status[:] = 1
    steps_used[:] = 0
    for j in range(cols):
        converged[:] = 0
        before[:] = v_read
        careful[:] = one
        use_chord = True
        for step in range(1, max_steps + 1):
            for i in range(rows):
                state = 0 if weights[i, j] else 1
                for lane in range(LANES):
                    volts[lane] = v_read - u[j, i, lane] - b[j, i, lane]
                evaluate_lanes(forms[state], g[state], per_v_nl[state], table_on if state == 0 else table_off,
                               doublings, volts, amps, slope)  # fmt: skip
                if use_chord:
                    for lane in range(LANES):
                        chord = amps[lane] / volts[lane] if volts[lane] > tiny else slope[lane]
                        slope[lane] += careful[lane] * max(chord - slope[lane], zero)
                last = i == rows - 1
                rs = zero if last else r_source
                rb = zero if last else r_col
                for lane in range(LANES):
                    cell_g = slope[lane] * x[i, lane]
                    cell_j = (amps[lane] + slope[lane] * (u[j, i, lane] + b[j, i, lane])) * x[i, lane]
                    guu, gub, gbb, iu, ib = cell_g, cell_g, cell_g, cell_j, cell_j
                    if i > 0:
                        guu += uu[i - 1, lane]
                        gub += ub[i - 1, lane]
                        gbb += bb[i - 1, lane]
                        iu += ju[i - 1, lane]
                        ib += jb[i - 1, lane]
                    elif far:
                        guu += g_feed
                    # Through the wires: (1 + G diag(rs, rb))^-1 applied to G and J.
                    p = one + guu * rs
                    s = one + gbb * rb
                    inverse = one / (p * s - gub * gub * rs * rb)
                    det = guu * gbb - gub * gub
                    uu[i, lane] = (guu + det * rb) * inverse
                    ub[i, lane] = gub * inverse
                    bb[i, lane] = (gbb + det * rs) * inverse
                    ju[i, lane] = (s * iu - gub * rb * ib) * inverse
                    jb[i, lane] = (p * ib - gub * rs * iu) * inverse
            change[:] = zero
            for i in range(rows - 1, -1, -1):
                if i == rows - 1:
                    for lane in range(LANES):
                        guu = uu[i, lane] + (zero if far else g_feed)
                        gub = ub[i, lane]
                        gbb = bb[i, lane] + g_out
                        inverse = one / (guu * gbb - gub * gub)
                        next_u[lane] = (gbb * ju[i, lane] - gub * jb[i, lane]) * inverse
                        next_b[lane] = (guu * jb[i, lane] - gub * ju[i, lane]) * inverse
                        if converged[lane] == 0:
                            sink[j, lane] = next_b[lane] * g_out
                else:
                    for lane in range(LANES):
                        flow_u = ju[i, lane] - uu[i, lane] * next_u[lane] - ub[i, lane] * next_b[lane]
                        flow_b = jb[i, lane] - ub[i, lane] * next_u[lane] - bb[i, lane] * next_b[lane]
                        next_u[lane] += r_source * flow_u
                        next_b[lane] += r_col * flow_b
                for lane in range(LANES):
                    new_u = max(next_u[lane], zero)
                    new_b = max(next_b[lane], zero)
                    shrink = v_read / max(new_u + new_b, v_read)
                    new_u *= shrink
                    new_b *= shrink
                    change[lane] = max(change[lane], abs(new_u - u[j, i, lane]) + abs(new_b - b[j, i, lane]))
                    u[j, i, lane] = new_u if converged[lane] == 0 else u[j, i, lane]
                    b[j, i, lane] = new_b if converged[lane] == 0 else b[j, i, lane]
            all_done = True
            use_chord = False
            for lane in range(LANES):
                careful[lane] = one if change[lane] > real(0.4) * before[lane] else zero
                if careful[lane] > zero:
                    use_chord = True
                if converged[lane] == 0:
                    ratio = min(change[lane] / max(before[lane], real(1e-30)), real(0.999))
                    if change[lane] * ratio <= tolerance * v_read * (one - ratio):
                        converged[lane] = 1
                        steps_used[lane] = max(steps_used[lane], step)
                    else:
                        all_done = False
                    before[lane] = change[lane]
            if all_done:
                break
        for lane in range(LANES):
            if converged[lane] == 0:
                status[lane] = 0
                steps_used[lane] = max_steps
