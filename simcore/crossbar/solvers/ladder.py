"""Exact solver of gate_driven columns: Newton on the two-rail ladder, a vector of inputs at a time.

A column is a ladder of its own: source line above, bit line below, cells between. Each Newton step solves the two
rails together by eliminating node pairs from the far end (2x2 Norton form: the part above injects J - G (u, b)).
u is the drop of the source line below v_read and b the bit line's voltage, so V_cell = v_read - u - b and a cell's
current enters both rails alike. Iterates are held to u, b >= 0 and u + b <= v_read (no cell ever sees a reverse
voltage), and while a step does not shrink well, cells are linearised by their chord (see chord_where_careful).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from simcore.crossbar.cells import factor_of, tile_of
from simcore.crossbar.circuit import Circuit
from simcore.crossbar.iv import cell_current, chord_where_careful
from simcore.crossbar.solvers.base import Crossbar, LaneSolver, Limits, Out, block_of
from simcore.crossbar.solvers.kirchhoff import ladder_residual
from simcore.kernels.simd import full, load, maximum, store, where_greater

_SHORT = 1e15  # siemens: an end resistance of exactly zero; its square is still finite in float32


class Wires(NamedTuple):
    """Wires of a gate_driven array, ohms and volts; far: the source line is fed at the end away from the sink."""

    far: bool
    v_read: np.floating
    r_driver: np.floating
    r_source: np.floating
    r_col: np.floating
    r_sink: np.floating


class Drops(NamedTuple):
    """(R, L) volts: ``u`` of the source line below v_read, ``b`` of the bit line above ground."""

    u: np.ndarray
    b: np.ndarray


class Work(NamedTuple):
    """Room for the check of a column: ``amps`` (R, L), ``scratch`` (3, 1, L)."""

    amps: np.ndarray
    scratch: np.ndarray


class Ladder(LaneSolver):
    """Arrays whose columns are ladders of their own."""

    def wires(self, circuit: Circuit, real: type[np.floating]) -> Wires:
        numbers = (circuit.v_read, circuit.r_driver, circuit.r_source, circuit.r_col, circuit.r_sink)
        return Wires(circuit.source_end == "far", *map(real, numbers))

    def solve_blocks(
        self, crossbar: Crossbar, lanes: np.ndarray, first: int, last: int, stop: Limits, out: Out
    ) -> None:
        solve_ladders(crossbar, lanes, first, last, stop, out)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def solve_ladders(crossbar, lanes, first, last, stop, out):  # type: ignore[no-untyped-def]
    """Solve the blocks first .. last-1 (numbered tile by tile); a lane's numbers are independent of the other lanes.

    Args:
        crossbar: Crossbar of T tiles with these ``Wires``.
        lanes: (T or 1, B, R, L) input bits as floats, a block of L inputs each.
        stop: Limits; steps of a column count as sweeps.
        out: Out of T tiles and B blocks; status 1 if every column converged, sweeps the most steps any of them took.
    """
    blocks = lanes.shape[1]
    for task in range(first, last):
        tile, block = task // blocks, task % blocks
        one = Crossbar(tile_of(crossbar.cells, tile), crossbar.curves, crossbar.wires)
        _solve_tile(one, lanes[tile if lanes.shape[0] > 1 else 0, block], stop, block_of(out, tile, block))


@numba.njit(error_model="numpy", forceinline=True)
def _solve_tile(crossbar, x, stop, out):  # type: ignore[no-untyped-def]
    """One tile, one block of inputs: x (R, L)."""
    weights, factors = crossbar.cells.states, crossbar.cells.factors
    curves, wires, sink, status = crossbar.curves, crossbar.wires, out.sink, out.status
    far, v_read, r_source, r_col = wires.far, wires.v_read, wires.r_source, wires.r_col
    rows, cols = weights.shape
    lanes = x.shape[1]
    drops = Drops(np.empty((rows, lanes), x.dtype), np.empty((rows, lanes), x.dtype))
    u, b = drops.u, drops.b
    check = np.empty((rows, lanes), x.dtype)
    worst = full(x, 0.0)
    unsure = full(x, 0.0)
    # Norton state below each node pair, after the wires to the next pair: G_uu, G_ub, G_bb, J_u, J_b.
    norton = np.empty((rows, 5, lanes), u.dtype)
    scratch = np.empty((3, 1, lanes), u.dtype)
    shared = np.empty((4, lanes), u.dtype)  # change of this step, of the last, frozen lanes, careful lanes
    zero, half = full(u, 0.0), full(u, 0.5)
    top = full(u, v_read)
    r_feed, r_out = wires.r_driver + r_source, r_col + wires.r_sink
    g_feed = min(1.0 / r_feed, _SHORT) if r_feed > 0 else _SHORT
    g_out = min(1.0 / r_out, _SHORT) if r_out > 0 else _SHORT
    status[:] = 1
    out.sweeps[:] = 0
    for j in range(cols):
        u[:] = 0
        b[:] = 0
        store(shared, (1,), full(u, v_read))
        store(shared, (2,), full(u, 0.0))
        store(shared, (3,), full(u, 1.0))
        settled = False
        for step in range(1, stop.max_sweeps + 1):
            frozen = load(shared, (2,))
            careful = load(shared, (3,))
            guu, gub, gbb, iu, ib = zero, zero, zero, zero, zero
            if far:
                guu = full(u, g_feed)
            for i in range(rows):
                driven = load(x, (i,))
                lost = load(u, (i,)) + load(b, (i,))
                volts = top - lost
                amps, slope = cell_current(curves, weights[i, j], factor_of(factors, i, j), volts, scratch)
                slope = chord_where_careful(amps, slope, volts, careful)
                cell_g = slope * driven
                cell_j = (amps + slope * lost) * driven
                guu = guu + cell_g
                gub = gub + cell_g
                gbb = gbb + cell_g
                iu = iu + cell_j
                ib = ib + cell_j
                if i < rows - 1:
                    # Through the wires: (1 + G diag(r_source, r_col))^-1 applied to G and J.
                    p = 1.0 + guu * r_source
                    s = 1.0 + gbb * r_col
                    inverse = 1.0 / (p * s - gub * gub * (r_source * r_col))
                    det = guu * gbb - gub * gub
                    next_iu = (s * iu - gub * (r_col * ib)) * inverse
                    ib = (p * ib - gub * (r_source * iu)) * inverse
                    iu = next_iu
                    guu = (guu + det * r_col) * inverse
                    gub = gub * inverse
                    gbb = (gbb + det * r_source) * inverse
                store(norton, (i, 0), guu)
                store(norton, (i, 1), gub)
                store(norton, (i, 2), gbb)
                store(norton, (i, 3), iu)
                store(norton, (i, 4), ib)
            if not far:
                guu = guu + g_feed
            gbb = gbb + g_out
            inverse = 1.0 / (guu * gbb - gub * gub)
            drop = (gbb * iu - gub * ib) * inverse
            volt = (guu * ib - gub * iu) * inverse
            drawn = volt * g_out
            change = zero
            for k in range(rows):
                i = rows - 1 - k
                if k > 0:
                    flow_u = load(norton, (i, 3)) - load(norton, (i, 0)) * drop - load(norton, (i, 1)) * volt
                    flow_b = load(norton, (i, 4)) - load(norton, (i, 1)) * drop - load(norton, (i, 2)) * volt
                    drop = drop + r_source * flow_u
                    volt = volt + r_col * flow_b
                new_u = maximum(drop, zero)
                new_b = maximum(volt, zero)
                shrink = top / maximum(new_u + new_b, top)
                new_u = new_u * shrink
                new_b = new_b * shrink
                old_u = load(u, (i,))
                old_b = load(b, (i,))
                change = maximum(change, abs(new_u - old_u) + abs(new_b - old_b))
                store(u, (i,), where_greater(frozen, half, old_u, new_u))
                store(b, (i,), where_greater(frozen, half, old_b, new_b))
            store(shared, (0,), change)
            store(sink, (j,), where_greater(frozen, half, load(sink, (j,)), drawn))
            if _settle(shared, stop.tolerance * v_read, step, out.sweeps):
                settled = True
                break
        if not settled:
            for lane in range(lanes):
                if shared[2, lane] == 0:
                    status[lane] = 0
                    out.sweeps[lane] = stop.max_sweeps
        found, off = ladder_residual(crossbar, j, x, drops, load(sink, (j,)), Work(check, scratch))
        worst = maximum(worst, found)
        unsure = maximum(unsure, off)
    store(out.residual, (), worst)
    store(out.doubt, (), unsure)


@numba.njit(error_model="numpy", forceinline=True)
def _settle(shared, tolerance, step, steps_used):  # type: ignore[no-untyped-def]
    """Freeze the lanes whose error is below ``tolerance`` volts; True when all are."""
    done = True
    for lane in range(shared.shape[1]):
        if shared[2, lane] > 0:
            continue
        ratio = min(shared[0, lane] / max(shared[1, lane], 1e-30), 0.999)
        left = shared[0, lane] * ratio / (1.0 - ratio)
        if shared[3, lane] > 0:  # chords leave the currents wrong by as much as the voltages moved
            left = max(left, shared[0, lane])
        if left <= tolerance:
            shared[2, lane] = 1.0
            steps_used[lane] = max(steps_used[lane], step)
        else:
            done = False
        shared[3, lane] = 1.0 if ratio > 0.4 else 0.0
        shared[1, lane] = shared[0, lane]
    return done
