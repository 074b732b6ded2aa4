"""Exact solver of input_sourced arrays: Newton by line relaxation, a vector of inputs at a time.

Wires conduct far better than cells, so solving whole lines exactly in turn (every row given the bit lines, every bit
line given the rows) converges in a few sweeps. Unknowns are the *drops*: u(i, j) of the row node below its source, and
the bit-line voltage c(i, j) above ground, so that V_cell = x v_read - u - c and float32 keeps its digits.

Lines are eliminated in Norton form: a part of the line seen from a node injects J - G v; passing a wire of resistance
r gives G / (1 + r G), J / (1 + r G). No conductance of a wire appears, so r = 0 needs no special case and nothing
cancels. By the maximum principle all drops lie within [0, v_read] (for a driven row); iterates are held there. A cell
is evaluated once a sweep; the bit lines use its tangent at the rows' new voltages.

Where cells conduct almost as well as the wires a sweep leaves a share rho of the slowest error, close to 1. All shares
are real and between 0 and rho, so such lanes go on with Chebyshev's semi-iteration, which takes about the square root
of the sweeps; rho is raised where the sweeps shrink less than they should (Hageman and Young, Applied Iterative
Methods, 1981, chapters 4 to 6).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from simcore.crossbar.cells import factor_of, tile_of
from simcore.crossbar.circuit import Circuit
from simcore.crossbar.iv import cell_current, chord_where_careful
from simcore.crossbar.solvers.base import Crossbar, LaneSolver, Limits, Out, block_of
from simcore.crossbar.solvers.kirchhoff import array_residual
from simcore.kernels.simd import full, load, maximum, minimum, store, where_greater

# Rows of the shared array: largest change of this sweep and of the last; lanes that are done; lanes that take chords;
# the share rho of an error that a sweep leaves (0: not accelerated) and Chebyshev's weight; sweeps since rho was set,
# and the change then; the smallest change so far, and sweeps since.
_CHANGE, _CHANGE_BEFORE, _FROZEN, _CAREFUL, _RHO, _OMEGA, _SWEEPS, _AT_START, _LEAST, _SINCE_LEAST = range(10)
_PLAIN_SWEEPS = 6  # before a lane's rho is judged
_WINDOW = 8  # sweeps over which Chebyshev's progress is judged
_SLOW = 0.5  # rho from which acceleration pays
_ROUNDING = 1024  # a change of fewer units in the last place may be nothing but rounding ...
_PATIENCE = 16  # ... if so many sweeps have not made it smaller; the lane is given up then
_GIVEN_UP = -1  # status of such a lane until the block is done


class Wires(NamedTuple):
    """Wires of an input_sourced array, ohms and volts; gated: cells of undriven rows conduct nothing."""

    gated: bool
    v_read: np.floating
    r_driver: np.floating
    r_row: np.floating
    r_col: np.floating
    r_sink: np.floating


class Drops(NamedTuple):
    """(R, C, L) volts: ``u`` of the row nodes below their source, ``c`` of the bit-line nodes above ground."""

    u: np.ndarray
    c: np.ndarray


class LineRelaxation(LaneSolver):
    """Arrays whose rows carry current."""

    def wires(self, circuit: Circuit, real: type[np.floating]) -> Wires:
        numbers = (circuit.v_read, circuit.r_driver, circuit.r_row, circuit.r_col, circuit.r_sink)
        return Wires(circuit.gated, *map(real, numbers))

    def solve_blocks(
        self, crossbar: Crossbar, lanes: np.ndarray, first: int, last: int, stop: Limits, out: Out
    ) -> None:
        solve_arrays(crossbar, lanes, first, last, stop, out)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def solve_arrays(crossbar, lanes, first, last, stop, out):  # type: ignore[no-untyped-def]
    """Solve the blocks first .. last-1 (numbered tile by tile); a lane's numbers are independent of the other lanes.

    Args:
        crossbar: Crossbar of T tiles with these ``Wires``.
        lanes: (T or 1, B, R, L) input bits as floats, a block of L inputs each.
        stop: Limits.
        out: Out of T tiles and B blocks.
    """
    blocks = lanes.shape[1]
    rows, cols = crossbar.cells.states.shape[1:]
    drops = Drops(
        np.empty((rows, cols, lanes.shape[3]), lanes.dtype), np.empty((rows, cols, lanes.shape[3]), lanes.dtype)
    )
    for task in range(first, last):
        tile, block = task // blocks, task % blocks
        x = lanes[tile if lanes.shape[0] > 1 else 0, block]
        drops.u[:] = 0
        drops.c[:] = 0
        one = Crossbar(tile_of(crossbar.cells, tile), crossbar.curves, crossbar.wires)
        found = block_of(out, tile, block)
        _relax(one, x, stop, drops, found)
        array_residual(one, x, drops, found)


@numba.njit(error_model="numpy", forceinline=True)
def _relax(crossbar, x, stop, drops, out):  # type: ignore[no-untyped-def]
    """One tile, one block: x (R, L); ``drops``, first guess in and solution out; ``out`` but for the residual."""
    weights, factors = crossbar.cells.states, crossbar.cells.factors
    curves, wires = crossbar.curves, crossbar.wires
    u, c, status, sweeps_used = drops.u, drops.c, out.status, out.sweeps
    v_read, r_row, r_col = wires.v_read, wires.r_row, wires.r_col
    rows, cols = weights.shape
    lanes = x.shape[1]
    last = np.zeros((rows, cols, lanes), u.dtype)  # bit lines of the sweep before, for lanes that are accelerated
    norton = np.empty((rows, cols, 2, lanes), u.dtype)  # G and J below the wire under node (i, j)
    line = np.empty((cols, 4, lanes), u.dtype)  # along a row: G, J of the line, then the cell's conductance and current
    scratch = np.empty((3, 1, lanes), u.dtype)
    shared = np.zeros((10, lanes), u.dtype)  # see _CHANGE .. _SINCE_LEAST
    shared[_CHANGE_BEFORE] = v_read
    shared[_CAREFUL] = 1
    shared[_OMEGA] = 1
    shared[_LEAST] = v_read
    accelerated = False
    zero, half = full(u, 0.0), full(u, 0.5)
    top = full(u, v_read)
    status[:] = 0
    sweeps_used[:] = stop.max_sweeps
    r_first = wires.r_driver + r_row
    r_last = r_col + wires.r_sink
    for sweep in range(1, stop.max_sweeps + 1):
        change = zero
        frozen = load(shared, (_FROZEN,))
        careful = load(shared, (_CAREFUL,))
        for i in range(rows):
            driven = load(x, (i,))
            source = driven * v_read
            conducts = driven if wires.gated else full(u, 1.0)
            # An undriven row of an ungated array is pulled up by its cells: its drop is negative.
            low, high = source - v_read, source
            # Row i given the bit lines: from the far end towards the driver ...
            acc_g, acc_j = zero, zero
            for k in range(cols):
                j = cols - 1 - k
                drop = load(u, (i, j))
                volts = source - drop - load(c, (i, j))
                amps, slope = cell_current(curves, weights[i, j], factor_of(factors, i, j), volts, scratch)
                slope = chord_where_careful(amps, slope, volts, careful) * conducts
                amps = amps * conducts
                store(line, (j, 2), slope)
                store(line, (j, 3), amps)
                total_g = acc_g + slope
                total_j = acc_j + (amps + slope * drop)
                passed = 1.0 / (1.0 + (r_row if j > 0 else r_first) * total_g)
                acc_g = total_g * passed
                acc_j = total_j * passed
                store(line, (j, 0), acc_g)
                store(line, (j, 1), acc_j)
            # ... and back; then step i of every bit line's elimination, given row i.
            above = zero
            r_wire = r_col if i < rows - 1 else r_last
            for j in range(cols):
                above = above + (r_row if j > 0 else r_first) * (load(line, (j, 1)) - load(line, (j, 0)) * above)
                above = minimum(maximum(above, low), high)
                before = load(u, (i, j))
                moved = above - before
                change = maximum(change, abs(moved))
                store(u, (i, j), where_greater(frozen, half, before, above))
                slope = load(line, (j, 2))
                total_g = slope
                total_j = load(line, (j, 3)) + slope * (load(c, (i, j)) - moved)
                if i > 0:
                    total_g = total_g + load(norton, (i - 1, j, 0))
                    total_j = total_j + load(norton, (i - 1, j, 1))
                passed = 1.0 / (1.0 + r_wire * total_g)
                store(norton, (i, j, 0), total_g * passed)
                store(norton, (i, j, 1), total_j * passed)
        # Bit lines back from the sinks; what a sweep would give and what is taken differ where it is accelerated.
        omega = load(shared, (_OMEGA,))
        stretch = 2.0 / (2.0 - load(shared, (_RHO,)))
        for k in range(rows):
            i = rows - 1 - k
            r_wire = r_col if i < rows - 1 else r_last
            for j in range(cols):
                below = load(line, (j, 0)) if i < rows - 1 else zero
                before = load(c, (i, j))
                volt = below + r_wire * (load(norton, (i, j, 1)) - load(norton, (i, j, 0)) * below)
                volt = minimum(maximum(volt, zero), top)
                store(line, (j, 0), volt)
                if accelerated:
                    earlier = load(last, (i, j))
                    volt = earlier + omega * (before + stretch * (volt - before) - earlier)
                    volt = minimum(maximum(volt, zero), top)
                    store(last, (i, j), before)
                change = maximum(change, abs(volt - before))
                store(c, (i, j), where_greater(frozen, half, before, volt))
        store(shared, (_CHANGE,), change)
        if _settle(shared, stop.tolerance * v_read, sweep, norton[rows - 1, :, 1], out):
            break
        _give_up(shared, v_read, sweep, status, sweeps_used)
        accelerated = _accelerate(shared, v_read, status)
    for lane in range(lanes):
        status[lane] = max(status[lane], 0)


@numba.njit(error_model="numpy", forceinline=True)
def _settle(shared, tolerance, sweep, drawn, out):  # type: ignore[no-untyped-def]
    """Freeze the lanes whose error is below ``tolerance`` volts; True when all are done or given up.

    What is left of the error is the rest of a geometric series: change * ratio / (1 - ratio).
    """
    done = True
    status = out.status
    for lane in range(status.shape[0]):
        if status[lane] != 0:
            continue
        out.sink[:, lane] = drawn[:, lane]
        change = shared[_CHANGE, lane]
        ratio = min(change / max(shared[_CHANGE_BEFORE, lane], 1e-30), 0.999)
        slowest = max(ratio, _chebyshev_rate(shared[_RHO, lane]))
        left = change * slowest / (1.0 - slowest)
        if shared[_CAREFUL, lane] > 0:  # chords leave the currents wrong by as much as the voltages moved
            left = max(left, change)
        if left <= tolerance:
            status[lane] = 1
            out.sweeps[lane] = sweep
            shared[_FROZEN, lane] = 1.0
        else:
            done = False
        shared[_CAREFUL, lane] = 1.0 if ratio > 0.9 and shared[_RHO, lane] == 0 else 0.0
    return done


@numba.njit(error_model="numpy", forceinline=True)
def _give_up(shared, v_read, sweep, status, sweeps_used):  # type: ignore[no-untyped-def]
    """Give up the lanes in which nothing moves but the last digits: their rounding is above the tolerance."""
    for lane in range(status.shape[0]):
        if status[lane] != 0:
            continue
        change = shared[_CHANGE, lane]
        shared[_SINCE_LEAST, lane] += 1
        if change < 0.9 * shared[_LEAST, lane]:
            shared[_LEAST, lane], shared[_SINCE_LEAST, lane] = change, 0
        elif shared[_SINCE_LEAST, lane] >= _PATIENCE and change < _ROUNDING * np.finfo(shared.dtype).eps * v_read:
            status[lane] = _GIVEN_UP
            sweeps_used[lane] = sweep


@numba.njit(error_model="numpy", forceinline=True)
def _accelerate(shared, v_read, status):  # type: ignore[no-untyped-def]
    """Chebyshev's weights for the next sweep; True if any lane is accelerated."""
    accelerated = False
    for lane in range(status.shape[0]):
        change, before = shared[_CHANGE, lane], shared[_CHANGE_BEFORE, lane]
        shared[_CHANGE_BEFORE, lane] = change
        if status[lane] != 0:
            continue
        shared[_SWEEPS, lane] += 1
        rho, sweeps = shared[_RHO, lane], shared[_SWEEPS, lane]
        if rho == 0:
            found = change / max(before, 1e-30) if sweeps >= _PLAIN_SWEEPS else 0.0
            if _SLOW < found < 1.0:
                _start(shared, lane, found)
        else:
            half = rho / (2.0 - rho)
            if sweeps >= _WINDOW:
                expected = _chebyshev_rate(rho)
                reached = (change / max(shared[_AT_START, lane], 1e-30)) ** (1.0 / sweeps)
                if reached > 0.9 and change < 64 * np.finfo(shared.dtype).eps * v_read:
                    # What is left is rounding, which acceleration keeps alive: plain sweeps to the end.
                    shared[_RHO, lane], shared[_OMEGA, lane], shared[_SWEEPS, lane] = 0.0, 1.0, -np.inf
                    continue
                # Chebyshev's polynomial of n sweeps is about 2 expected^n; errors it was not made for shrink less.
                if reached > expected * 2.0 ** (1.0 / sweeps) * 1.02:
                    y = 0.5 * (reached / expected + expected / reached)
                    _start(shared, lane, min(0.5 * (y * half * (2.0 - rho) + rho), 0.9999))
                    accelerated = True
                    continue
            omega = shared[_OMEGA, lane]
            shared[_OMEGA, lane] = (
                1.0 / (1.0 - 0.5 * half * half) if sweeps == 1 else 1.0 / (1.0 - 0.25 * half * half * omega)
            )
        accelerated = accelerated or shared[_RHO, lane] > 0
    return accelerated


@numba.njit(error_model="numpy", forceinline=True)
def _chebyshev_rate(rho):  # type: ignore[no-untyped-def]
    """Share of the error that a sweep of the semi-iteration leaves in the end; 0 for rho = 0."""
    half = rho / (2.0 - rho)
    return half / (1.0 + np.sqrt(1.0 - half * half))


@numba.njit(error_model="numpy", forceinline=True)
def _start(shared, lane, rho):  # type: ignore[no-untyped-def]
    """Begin a semi-iteration of one lane with ``rho``."""
    shared[_RHO, lane] = rho
    shared[_OMEGA, lane] = 1.0
    shared[_SWEEPS, lane] = 0
    shared[_AT_START, lane] = shared[_CHANGE, lane]
