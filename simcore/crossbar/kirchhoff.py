"""Kirchhoff check of a solution, independent of the method that found it."""

from __future__ import annotations

import numba
import numpy as np

from simcore.crossbar.iv import cell_current
from simcore.crossbar.simd import full, load, maximum, store


@numba.njit(cache=True, error_model="numpy")
def block_residual(  # type: ignore[no-untyped-def]
    weights, x, gate_driven, gated, far, forms, g, v_nl, table_on, table_off, doublings, v_read, r_driver, r_row,
    r_source, r_col, r_sink, u, v, residual,
):  # fmt: skip
    """Worst |voltage - voltage that the cell currents produce through the wires| / v_read of each lane.

    Args:
        weights: (R, C) uint8. x: (R, L).
        u, v: drops above the cells and bit-line voltages below them, (R, C, L), or (C, R, L) if gate_driven.
        residual: (L,) out.
    """
    rows, cols = weights.shape
    lanes = x.shape[1]
    scratch = np.empty((3, 1, lanes), u.dtype)
    amps = np.empty((rows, cols, lanes), u.dtype)
    total = np.zeros((cols, lanes), u.dtype)  # of each bit line
    zero = full(u, 0.0)
    worst = zero
    for i in range(rows):
        driven = load(x, (i,))
        source = full(u, v_read) if gate_driven else driven * v_read
        conducts = driven if gated or gate_driven else full(u, 1.0)
        row_total = zero
        for j in range(cols):
            state = 0 if weights[i, j] else 1
            above = load(u, (j, i)) if gate_driven else load(u, (i, j))
            below = load(v, (j, i)) if gate_driven else load(v, (i, j))
            current, _ = cell_current(forms[state], g[state], v_nl[state], table_on if state == 0 else table_off,
                                      doublings, source - above - below, scratch)  # fmt: skip
            current = current * conducts
            store(amps, (i, j), current)
            store(total, (j,), load(total, (j,)) + current)
            row_total = row_total + current
        if not gate_driven:
            flow = row_total
            expected = flow * (r_driver + r_row)
            for j in range(cols):
                worst = maximum(worst, abs(load(u, (i, j)) - expected))
                flow = flow - load(amps, (i, j))
                expected = expected + flow * r_row
    for j in range(cols):
        flow = load(total, (j,))
        expected = flow * (r_col + r_sink)
        for k in range(rows):
            i = rows - 1 - k
            found = load(v, (j, i)) if gate_driven else load(v, (i, j))
            worst = maximum(worst, abs(found - expected))
            flow = flow - load(amps, (i, j))
            expected = expected + flow * r_col
        if gate_driven:
            flow = load(total, (j,))
            expected = flow * (r_driver + r_source)
            for k in range(rows):
                i = k if far else rows - 1 - k
                worst = maximum(worst, abs(load(u, (j, i)) - expected))
                flow = flow - load(amps, (i, j))
                expected = expected + flow * r_source
    store(residual, (), worst * (1.0 / v_read))
