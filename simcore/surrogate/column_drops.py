"""Voltage drops along a gate-driven column to second order, summed up in one pass along its rows.

Count currents in LSB (a lone ON cell at v_read) and voltages as shares of v_read. To first order a row whose input is
on carries a_i, 1 in an ON cell and a little in an OFF cell. With the current C_i = a_0 + ... + a_i that has gathered on
the bit line at row i, and S = C_(N-1), the voltage that the wires take from cell i is

    u_i = base S + tail (slope S N - D_N) + D_i,    D_0 = 0,  D_(i+1) = D_i + slope S - step C_i

for the resistances that all cells share (sink, driver, wires beyond the group: ``base``), a bit line and a source line.
Four sums over the rows tell nearly all that decides the current which the column delivers: S, q = sum a u (the current
lost to second order), m = sum a u^2 (how unevenly it is lost; all of the third order of linear cells), and q_on, the
part of q that ON cells lose, where these bend otherwise than OFF cells. ``loss_factor`` makes the current of them:
S times a polynomial that is fitted to exactly solved reads (``column_fit``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numba.core import types
from numba.extending import overload

from simcore.crossbar.circuit import Circuit
from simcore.kernels.simd import full, lanes_of, load, maximum, minimum, store, where_bits

LANES = lanes_of(np.float32)
COLUMNS_AT_ONCE = 2 * LANES
FEED = 5
BASE, TAIL, SLOPE, STEP, OFF_SHARE = range(FEED)
RANGES = 4  # of tau, S, unevenness and ON excess
_TINY_CURRENT, _TINY_LOSS = 1e-6, 1e-12


def feed_of(circuit: Circuit, rows: int, offset: int, used: int) -> np.ndarray:
    """What the wires take, for the rows offset .. offset+used-1 of a column of ``rows`` rows.

    Returns:
        (FEED,) float32: base, tail, slope and step in v_read per LSB, and an OFF cell's current in LSB.
    """
    source = circuit.r_source if circuit.source_end == "far" else 0.0
    column = circuit.r_col + circuit.r_source - source  # fed near the sink, a source line is as one more bit line
    base = circuit.r_sink + circuit.r_driver + column * (rows - offset - used) + source * (1 + offset)
    step = column + source
    on = circuit.on_current()
    unit = on / circuit.v_read
    tail = column / step if step else 0.0
    return np.array(
        [unit * base, tail, unit * source, unit * step, circuit.off_current() / on], dtype=np.float32
    )  # fmt: skip


def pack_rows(bits: np.ndarray) -> np.ndarray:
    """(N, M) bits as (N, M / LANES) masks, filled up to pairs of vectors: column LANES c + k in bit k of mask c."""
    rows, columns = bits.shape
    filled = np.zeros((rows, -(-columns // COLUMNS_AT_ONCE) * COLUMNS_AT_ONCE), dtype=np.uint8)
    filled[:, :columns] = bits
    return np.packbits(filled, axis=1, bitorder="little").view(f"<u{LANES // 8}").astype(f"u{LANES // 8}")


def in_lanes(currents: np.ndarray) -> np.ndarray:
    """(N, M) currents as (N, M / LANES, LANES) float32, filled up with cells that carry none, as ``pack_rows`` does."""
    rows, columns = currents.shape
    filled = np.zeros((rows, -(-columns // COLUMNS_AT_ONCE) * COLUMNS_AT_ONCE), dtype=np.float32)
    filled[:, :columns] = currents
    return filled.reshape(rows, -1, LANES)


class AppliedRows(NamedTuple):
    """The rows of a read that are on.

    Attributes:
        listed: (at least on,) int32, which they are.
        gaps: (at least on,) float32, how far it is from each of them to the next, or to the end of the group.
        on: how many they are.
        rows: N.
    """

    listed: np.ndarray
    gaps: np.ndarray
    on: int
    rows: int


class RowSums(NamedTuple):
    """A vector of columns after some rows: the drop of the next row and its slope, and sums over the rows so far.

    Attributes:
        drop, slope: D_i and what it grows by from row to row.
        lost_all, lost_on: sums of a D and, over ON cells, of D.
        square: sum of a D^2. a is weighed with the step.
    """

    drop: Any
    slope: Any
    lost_all: Any
    lost_on: Any
    square: Any


@numba.njit(cache=True, error_model="numpy", forceinline=True)
def applied_rows(bits, rows, listed, gaps):  # type: ignore[no-untyped-def]
    """The rows of a read that are on.

    Args:
        bits: (at least rows,) uint8.
        rows: N.
        listed: (rows,) int32 out.
        gaps: (rows,) float32 out.
    """
    count = 0
    for row in range(rows):
        if bits[row]:
            listed[count] = row
            count += 1
    for place in range(count):
        following = listed[place + 1] if place + 1 < count else rows
        gaps[place] = np.float32(following - listed[place])
    return AppliedRows(listed, gaps, count, rows)


def of_group(currents: np.ndarray | None, group: int) -> np.ndarray | None:
    """The currents of one row group's cells; None where all cells are nominal."""
    return None if currents is None else currents[group]


@overload(of_group, jit_options={"forceinline": True})
def _of_group(currents, group):  # type: ignore[no-untyped-def]
    # One function of both would return what may be None, which no vector can be loaded from.
    if isinstance(currents, types.NoneType):
        return lambda currents, group: None
    return lambda currents, group: currents[group]


@numba.njit(forceinline=True)
def _step_of(currents, masks, row, c, on_step, off_step):  # type: ignore[no-untyped-def]
    """The currents of a row's cells in a vector of columns, weighed with the step that they make."""
    if currents is None:
        return where_bits(masks, (row, c), on_step, off_step)
    return load(currents, (row, c)) * on_step


@numba.njit(forceinline=True)
def _lost_on_of(currents, masks, row, c, lost, drop):  # type: ignore[no-untyped-def]
    """What ON cells lose: of nominal ones the drop, of others the current times the drop, weighed with the step."""
    if currents is None:
        return where_bits(masks, (row, c), drop, full(drop, 0.0))
    return where_bits(masks, (row, c), lost, full(drop, 0.0))


@numba.njit(forceinline=True)
def _unweighed(currents, lost_on, per_step):  # type: ignore[no-untyped-def]
    if currents is None:
        return lost_on
    return lost_on * per_step


@numba.njit(forceinline=True)
def first_order(currents, n, applied, masks, c, on_share, leak):  # type: ignore[no-untyped-def]
    """(S, current of the ON cells) of a vector of columns.

    Args:
        currents: (N, vectors, LANES) of the cells in LSB; None where all are nominal.
        n: number of ON cells whose row is on.
        applied: ``AppliedRows``.
        masks, c: as ``column_sums`` has them.
        on_share: what an ON cell carries more than an OFF cell.
        leak: what OFF cells in all rows that are on would.
    """
    if currents is None:
        return n * on_share + leak, n
    s, on, zero = full(n, 0.0), full(n, 0.0), full(n, 0.0)
    for place in range(applied.on):
        row = applied.listed[place]
        cell = load(currents, (row, c))
        s = s + cell
        on = on + where_bits(masks, (row, c), cell, zero)
    return s, on


@numba.njit(inline="always")
def _next_row(sums, row, gap, masks, currents, c, on_step, off_step):  # type: ignore[no-untyped-def]
    """``RowSums`` of a vector of columns after one more row, from which it is ``gap`` rows to the next."""
    cell = _step_of(currents, masks, row, c, on_step, off_step)
    lost = cell * sums.drop
    slope = sums.slope - cell
    return RowSums(
        sums.drop + slope * gap,
        slope,
        sums.lost_all + lost,
        sums.lost_on + _lost_on_of(currents, masks, row, c, lost, sums.drop),
        sums.square + lost * sums.drop,
    )


@numba.njit(inline="always")
def column_sums(s, n, applied, masks, currents, c, feed):  # type: ignore[no-untyped-def]
    """(q, q_on, m) of two neighbouring vectors of columns, c and c + 1, each.

    Cells are weighed with the step that their current makes, so that the loop over the rows is as short as it can be.

    Args:
        s: S of both.
        n: current of the ON cells whose row is on, of both.
        applied: ``AppliedRows``.
        masks: (N, vectors).
        currents: (N, vectors, LANES) of the cells, or None.
        c: index of the first vector.
        feed: (FEED,).
    """
    zero = full(s[0], 0.0)
    on_step, off_step = full(zero, feed[STEP]), full(zero, feed[STEP] * feed[OFF_SHARE])
    slope0, slope1 = s[0] * feed[SLOPE], s[1] * feed[SLOPE]
    first = np.float32(applied.listed[0]) if applied.on > 0 else np.float32(applied.rows)
    sums0 = RowSums(slope0 * first, slope0, zero, zero, zero)
    sums1 = RowSums(slope1 * first, slope1, zero, zero, zero)
    for place in range(applied.on):
        row, gap = applied.listed[place], full(zero, applied.gaps[place])
        sums0 = _next_row(sums0, row, gap, masks, currents, c, on_step, off_step)
        sums1 = _next_row(sums1, row, gap, masks, currents, c + 1, on_step, off_step)
    return (
        _whole(s[0], n[0], sums0, slope0, applied.rows, currents, feed),
        _whole(s[1], n[1], sums1, slope1, applied.rows, currents, feed),
    )


@numba.njit(inline="always")
def _whole(s, n, sums, slope, rows, currents, feed):  # type: ignore[no-untyped-def]
    """(q, q_on, m) from the sums over D_i: what all rows have in common is added."""
    per_step = np.float32(1) / feed[STEP] if feed[STEP] > 0 else np.float32(0)
    common = s * feed[BASE] + (slope * np.float32(rows) - sums.drop) * feed[TAIL]
    along = sums.lost_all * per_step
    q = common * s + along
    m = common * (common * s + along * np.float32(2)) + sums.square * per_step
    return q, common * n + _unweighed(currents, sums.lost_on, per_step), m


@numba.njit(inline="always")
def column_variables(s, n, q, q_on, m):  # type: ignore[no-untyped-def]
    """What the polynomial is of: tau = q / (S + q), rho = n / S, unevenness m S / q^2 - 1 and excess q_on / q - rho."""
    s, q = maximum(s, full(s, _TINY_CURRENT)), maximum(q, full(s, _TINY_LOSS))
    together = s + q
    inverse = full(s, 1.0) / (s * q * together)  # one division for three
    inverse_s, inverse_q = inverse * q * together, inverse * s * together
    rho = n * inverse_s
    return q * (inverse * s * q), rho, m * s * inverse_q * inverse_q - full(s, 1.0), q_on * inverse_q - rho


@numba.njit(inline="always")
def loss_factor(s, n, q, q_on, m, k, ranges):  # type: ignore[no-untyped-def]
    """The share of S that the column delivers.

    Args:
        k: factors of the terms that ``column_fit`` names, in its order.
        ranges: (RANGES,) inverse ends of tau, S, unevenness and excess, at which they are held.
    """
    one = full(s, 1.0)
    tau, rho, uneven, excess = column_variables(s, n, q, q_on, m)
    t = minimum(tau * ranges[0], one)
    v = minimum(s * ranges[1], one)
    g = maximum(minimum(uneven * ranges[2], one), full(s, 0.0))
    w = maximum(minimum(excess * ranges[3], one), full(s, -1.0))
    p = t * (t * k[15] + k[14]) + v * k[13] + k[12]
    p = v * (v * k[11] + k[10]) + k[9] + t * p
    p = v * (v * k[8] + k[7]) + k[6] + t * p
    p = v * (v * k[5] + k[4]) + k[3] + t * p
    p = v * (v * k[2] + k[1]) + k[0] + t * p
    on = rho * (rho * k[25] + t * (t * k[24] + k[23]) + k[22])
    on = rho * (on + t * (t * (t * k[19] + k[18]) + v * k[21] + k[17]) + v * k[20] + k[16])
    p += on + g * t * (v * k[29] + k[26] + t * (t * k[28] + g * k[30] + k[27]))
    return p + w * t * (t * k[32] + k[31])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def sums_of_reads(first, last, inputs, cells, feed, fit, out):  # type: ignore[no-untyped-def]
    """For the reads first .. last-1: S, n, q, q_on, m and, with a fit, the current: out (6, B, M / 16, 16).

    Args:
        inputs: (B, N) uint8.
        cells: (N, vectors) masks and (N, vectors, LANES) currents or None.
        feed: (FEED,).
        fit: (factors, ranges) as ``loss_factor`` has them; without factors there are no currents.
    """
    (masks, currents), (factors, ranges) = cells, fit
    rows = inputs.shape[1]
    listed, gaps = np.zeros(rows, np.int32), np.zeros(rows, np.float32)
    like = out[0, 0]
    off, on_share = feed[OFF_SHARE], np.float32(1) - feed[OFF_SHARE]
    for read in range(first, last):
        applied = applied_rows(inputs[read], rows, listed, gaps)
        for c in range(0, masks.shape[1], 2):
            n0, n1 = full(like, 0.0), full(like, 0.0)
            one, zero = full(like, 1.0), full(like, 0.0)
            for place in range(applied.on):
                n0 = n0 + where_bits(masks, (listed[place], c), one, zero)
                n1 = n1 + where_bits(masks, (listed[place], c + 1), one, zero)
            leak = np.float32(applied.on) * off
            s0, n0 = first_order(currents, n0, applied, masks, c, on_share, full(like, leak))
            s1, n1 = first_order(currents, n1, applied, masks, c + 1, on_share, full(like, leak))
            lost0, lost1 = column_sums((s0, s1), (n0, n1), applied, masks, currents, c, feed)
            _keep(out, read, c, (s0, n0, *lost0), factors, ranges)
            _keep(out, read, c + 1, (s1, n1, *lost1), factors, ranges)


@numba.njit(inline="always")
def _keep(out, read, c, sums, factors, ranges):  # type: ignore[no-untyped-def]
    s, n, q, q_on, m = sums
    store(out, (0, read, c), s)
    store(out, (1, read, c), n)
    store(out, (2, read, c), q)
    store(out, (3, read, c), q_on)
    store(out, (4, read, c), m)
    if len(factors) > 0:
        store(out, (5, read, c), s * loss_factor(s, n, q, q_on, m, factors, ranges))
