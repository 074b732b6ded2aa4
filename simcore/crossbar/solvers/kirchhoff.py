"""Kirchhoff check of a solution, independent of the method that found it.

The residual is the largest difference between a node's voltage and the voltage that the cell currents produce there
through the wires, relative to v_read.

What it does to the sink currents is its *doubt*. A solution with such differences e between the two voltages of each
cell is the exact one of the network with a source of e volts in series with every cell. If all those of a column push
the same way, its sink current changes by e / (1 / G + r), G the sum of its cells' slopes and r what all of it flows
through; e is at most twice the residual, for a cell has two ends. What a solver's sink current and the sum of the cell
currents differ by is added. Where cells are left with little of v_read, or a sink gets what is left of larger currents
among the cells, the doubt is large beside the currents, however small the residual.

On gate_driven tiles, whose columns share nothing, the doubt so bounds the error of a current to first order in e. On
input_sourced tiles the differences in other columns act too, through the rows, and are left out: next to nothing where
cells conduct far worse than drivers and rows, up to as much again where they do not, and a few times as much where they
conduct better than the sinks as well. There the doubt is an estimate.
"""

from __future__ import annotations

import numba
import numpy as np

from simcore.crossbar.cells import factor_of
from simcore.crossbar.iv import cell_current
from simcore.kernels.simd import full, load, maximum, store


@numba.njit(error_model="numpy", forceinline=True)
def ladder_residual(crossbar, column, x, drops, drawn, work):  # type: ignore[no-untyped-def]
    """One column of a gate_driven tile, a vector of lanes.

    Args:
        crossbar: Crossbar of the tile, with the wires of ``ladder``.
        column: its number.
        x: (R, L) input bits as floats.
        drops: ``u`` and ``b``, (R, L) volts.
        drawn: a vector, its sink current in amperes.
        work: ``amps`` (R, L) and ``scratch`` (3, 1, L) to work in.

    Returns:
        The residual, and the doubt in amperes.
    """
    weights, factors = crossbar.cells.states, crossbar.cells.factors
    curves, wires = crossbar.curves, crossbar.wires
    u, b, amps = drops.u, drops.b, work.amps
    v_read, r_source, r_col = wires.v_read, wires.r_source, wires.r_col
    rows = weights.shape[0]
    zero = full(u, 0.0)
    total = zero
    slopes = zero
    for i in range(rows):
        volts = full(u, v_read) - load(u, (i,)) - load(b, (i,))
        factor = factor_of(factors, i, column)
        current, slope = cell_current(curves, weights[i, column], factor, volts, work.scratch)
        current = current * load(x, (i,))
        slopes = slopes + slope * load(x, (i,))
        store(amps, (i,), current)
        total = total + current
    worst = zero
    # From row R-1 upwards: the bit line, and the source line where it is fed at that end.
    flow = total
    volt = flow * (r_col + wires.r_sink)
    drop = flow * (wires.r_driver + r_source)
    for k in range(rows):
        i = rows - 1 - k
        worst = maximum(worst, abs(load(b, (i,)) - volt))
        if not wires.far:
            worst = maximum(worst, abs(load(u, (i,)) - drop))
        flow = flow - load(amps, (i,))
        volt = volt + flow * r_col
        drop = drop + flow * r_source
    if wires.far:
        flow = total
        drop = flow * (wires.r_driver + r_source)
        for i in range(rows):
            worst = maximum(worst, abs(load(u, (i,)) - drop))
            flow = flow - load(amps, (i,))
            drop = drop + flow * r_source
    ends = wires.r_driver + r_source + r_col + wires.r_sink
    return worst * (1.0 / v_read), abs(drawn - total) + 2.0 * worst * slopes / (1.0 + ends * slopes)


@numba.njit(error_model="numpy", forceinline=True)
def array_residual(crossbar, x, drops, out):  # type: ignore[no-untyped-def]
    """One block of inputs on an input_sourced tile.

    Args:
        crossbar: Crossbar of the tile, with the wires of ``line_relaxation``.
        x: (R, L) input bits as floats.
        drops: ``u`` and ``c``, (R, C, L) volts.
        out: Out of the block: ``sink`` is read, ``residual`` and ``doubt`` are filled in; the latter of the column
            whose own differences do most to it.
    """
    weights, factors = crossbar.cells.states, crossbar.cells.factors
    curves, wires = crossbar.curves, crossbar.wires
    u, c = drops.u, drops.c
    v_read, r_row, r_col, r_sink = wires.v_read, wires.r_row, wires.r_col, wires.r_sink
    rows, cols = weights.shape
    lanes = x.shape[1]
    scratch = np.empty((3, 1, lanes), u.dtype)
    amps = np.empty((rows, cols, lanes), u.dtype)
    total = np.zeros((cols, lanes), u.dtype)  # of each bit line
    slopes = np.zeros((cols, lanes), u.dtype)
    worst = full(u, 0.0)
    for i in range(rows):
        driven = load(x, (i,))
        conducts = driven if wires.gated else full(u, 1.0)
        row_total = full(u, 0.0)
        for j in range(cols):
            volts = driven * v_read - load(u, (i, j)) - load(c, (i, j))
            current, slope = cell_current(curves, weights[i, j], factor_of(factors, i, j), volts, scratch)
            current = current * conducts
            store(slopes, (j,), load(slopes, (j,)) + slope * conducts)
            store(amps, (i, j), current)
            store(total, (j,), load(total, (j,)) + current)
            row_total = row_total + current
        flow = row_total
        expected = flow * (wires.r_driver + r_row)
        for j in range(cols):
            worst = maximum(worst, abs(load(u, (i, j)) - expected))
            flow = flow - load(amps, (i, j))
            expected = expected + flow * r_row
    most, apart = full(u, 0.0), full(u, 0.0)
    for j in range(cols):
        flow = load(total, (j,))
        apart = maximum(apart, abs(load(out.sink, (j,)) - flow))
        conductance = load(slopes, (j,))
        most = maximum(most, conductance / (1.0 + (r_col + r_sink) * conductance))
        expected = flow * (r_col + r_sink)
        for k in range(rows):
            i = rows - 1 - k
            worst = maximum(worst, abs(load(c, (i, j)) - expected))
            flow = flow - load(amps, (i, j))
            expected = expected + flow * r_col
    store(out.residual, (), worst * (1.0 / v_read))
    store(out.doubt, (), apart + 2.0 * worst * most)
