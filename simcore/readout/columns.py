"""Reads of a gate-driven row group, from bits to digital sums.

The counts of ``kernels.bit_counts``, the drops of ``surrogate.column_drops``, the converter of ``readout.adc`` and the
digital sum, a read at a time, so that all of its numbers stay in cache. Columns are filled up to whole vectors;
``used`` is 0 in those that are not there.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import overload

from simcore.kernels.bit_counts import COLUMNS_AT_ONCE, count_ones
from simcore.kernels.pairs import counted_inputs, each_column, less, together
from simcore.kernels.simd import full, largest, load, maximum, minimum, rint, store, total, where_greater
from simcore.mapping.column_share import column_share
from simcore.noise.base import Read, noise_in_codes, read_of
from simcore.readout.bends import bent, level_of
from simcore.readout.totals import add_totals
from simcore.surrogate.column_drops import (
    LANES,
    OFF_SHARE,
    applied_rows,
    column_sums,
    first_order,
    loss_factor,
)


@numba.njit(inline="always")
def _convert(read_of_columns, partner, tables, noise, added, place):  # type: ignore[no-untyped-def]
    """(converted partial sum, how many conversions beyond the codes) of a vector of columns.

    Args:
        read_of_columns: as ``_delivered`` has it.
        partner: the same of the columns that are subtracted; three times None where there are none.
        tables: ``fused.ReadoutTables``.
        noise: as drawn.
        added: the digital side's, the rows that are on, and the current of the reference column.
        place: index of the row group, of its levels, of the read, of the vector.
    """
    (group, level, read, c), (term, applied, off), (current, unhindered, counted) = place, added, read_of_columns
    converter, thresholds, levels = tables.converters, tables.curves.thresholds, tables.curves.levels
    grid = tables.curves.grid[group]
    highest = full(current, converter.top)
    gain = load(converter.gain, (group, c))
    drawn = noise_in_codes(
        converter.noise, load(noise, (read, c)), Read(gain, current, unhindered, counted, applied),
        read_of(gain, partner[0], partner[1], partner[2], applied),
    )  # fmt: skip
    even = gain * (less(current, partner[0]) - off) + load(converter.offset, (group, c)) + drawn
    if grid[1] > np.float32(0):
        even = rint((even - grid[0]) * (np.float32(1) / grid[1])) * grid[1] + grid[0]
    code = rint(bent(even, thresholds.line[group], thresholds.knots[group]))
    clipped = where_greater(code, highest, load(converter.used, (c,)), full(current, 0.0))
    clipped = _and_below(clipped, partner[0], code, load(converter.used, (c,)))
    code = minimum(maximum(code, full(current, 0.0)), highest)
    delivered = bent(code, levels.line[level], levels.knots[level])
    return delivered * load(converter.step, (group, c)) + load(converter.zero, (group, c)) + term, clipped


@numba.njit(forceinline=True)
def _keep_first_order(currents, kept, c, s, on):  # type: ignore[no-untyped-def]
    """Of cells that differ it is summed once; of nominal ones it is as soon counted again."""
    if currents is not None:
        place = len(kept) - 2  # behind the sums of drops
        store(kept, (place, c), s)
        store(kept, (place + 1, c), on)


@numba.njit(forceinline=True)
def _kept_first_order(currents, kept, c, n, on_share, leak):  # type: ignore[no-untyped-def]
    if currents is None:
        return n * on_share + leak, n
    place = len(kept) - 2
    return load(kept, (place, c)), load(kept, (place + 1, c))


def _and_below(clipped: Any, partner: Any, code: Any, used: Any) -> Any:
    """With those below the codes, where a difference is converted (``kernels.pairs.below``, of vectors)."""
    raise NotImplementedError


@overload(_and_below, jit_options={"forceinline": True})
def _and_below_of(clipped, partner, code, used):  # type: ignore[no-untyped-def]
    if isinstance(partner, types.NoneType):
        return lambda clipped, partner, code, used: clipped

    def of_difference(clipped, partner, code, used):  # type: ignore[no-untyped-def]
        zero = full(code, 0.0)
        return clipped + where_greater(zero, code, used, zero)

    return of_difference


@numba.njit(forceinline=True)
def _delivered(currents, sums, counts, c, terms, fit):  # type: ignore[no-untyped-def]
    """(current, what it would be without wires, ON cells whose row is on) of a vector of columns, from the sums of its
    drops."""
    (on_share, leak), (factors, ranges) = terms, fit
    n = load(counts, (c,))
    s, on = _kept_first_order(currents, sums, c, n, on_share, leak)
    q, q_on, m = load(sums, (0, c)), load(sums, (1, c)), load(sums, (2, c))
    return s * loss_factor(s, on, q, q_on, m, factors, ranges), s, n


def _delivered_beside(pairs: Any, currents: Any, sums: Any, counts: Any, c: int, terms: Any, fit: Any) -> Any:
    """The same of the columns that are subtracted from it; three times None where there are none."""
    raise NotImplementedError


@overload(_delivered_beside, jit_options={"forceinline": True})
def _delivered_beside_of(pairs, currents, sums, counts, c, terms, fit):  # type: ignore[no-untyped-def]
    if isinstance(pairs, types.NoneType):
        return lambda pairs, currents, sums, counts, c, terms, fit: (None, None, None)
    return lambda pairs, currents, sums, counts, c, terms, fit: _delivered(currents, sums, counts, c, terms, fit)


# Without numba's reference counts: they would spill all vectors at every pair of columns. Nothing is allocated here.
@numba.njit(cache=True, error_model="numpy", forceinline=True, _nrt=False)
def read_columns(reads, block, tables, currents, out, totals):  # type: ignore[no-untyped-def]
    """Add one row group's reconstructed dot products of some sub-vectors to ``out``, their statistics to ``totals``.

    Args:
        reads: ``fused.Reads``.
        block: the ``fused.Block`` that holds the sub-vectors.
        tables: ``fused.ReadoutTables`` with converters and constants of columns as (M / 16, 16).
        currents: (N_max, vectors, LANES) of the group's cells; None where all are nominal.
        out: (reads, M / 16, 16) float32.
        totals: (STATISTICS,) int64.
    """
    columns, converter, digital, group = tables.cells, tables.converters, tables.digital, reads.group
    stored, masks, feed = columns.packed[group], columns.masks[group], columns.feed[group]
    factors, ranges = columns.factors[group], columns.ranges[group]
    counts = block.counts.reshape((len(block.counts) // LANES, LANES))
    used, pairs = converter.used, digital.pairs
    zero = full(load(used, (0,)), 0.0)
    on_share = np.float32(1) - feed[OFF_SHARE]
    for read in range(reads.number):
        rows = applied_rows(block.bits[read], reads.rows, block.listed, block.gaps)
        sign, applied = block.input_sign[read], full(zero, block.applied[read])
        leak = full(zero, block.applied[read] * feed[OFF_SHARE])
        noisy, pattern = min(read, len(block.noise) - 1), block.place[read]
        added = full(zero, block.applied[read] * tables.curves.per_row[group])
        level = level_of(tables.curves.level_of[group], block.applied[read])
        off = full(zero, tables.curves.reference[group, np.int64(block.applied[read])])
        # Drops of all columns first: both loops together would not fit the vector registers.
        for column in range(0, stored.shape[1], COLUMNS_AT_ONCE):
            count_ones(block.packed, read, stored, column, block.counts)
            c = column // LANES
            n0, n1 = load(counts, (c,)), load(counts, (c + 1,))
            s0, on0 = first_order(currents, n0, rows, masks, c, on_share, leak)
            s1, on1 = first_order(currents, n1, rows, masks, c + 1, on_share, leak)
            _keep_first_order(currents, block.sums, c, s0, on0)
            _keep_first_order(currents, block.sums, c + 1, s1, on1)
            lost0, lost1 = column_sums((s0, s1), (on0, on1), rows, masks, currents, c, feed)
            for kind in range(3):
                store(block.sums, (kind, c), lost0[kind])
                store(block.sums, (kind, c + 1), lost1[kind])
        squared, worst, drawn, clipped = zero, zero, zero, zero
        for c in range(len(used)):
            terms, fit = (on_share, leak), (factors, ranges)
            of_columns = _delivered(currents, block.sums, counts, c, terms, fit)
            partner = _delivered_beside(pairs, currents, block.sums, counts, c + len(used), terms, fit)
            sums, beyond = _convert(
                of_columns, partner, tables, block.noise, (added, applied, off), (group, level, noisy, c)
            )
            error = (sums - less(of_columns[2], partner[2])) * load(used, (c,))
            squared += error * error
            worst = maximum(worst, abs(error))
            drawn += together(of_columns[0], partner[0]) * load(used, (c,))
            clipped += beyond
            share = column_share(sums, counted_inputs(pairs, applied), load(digital.constants, (group, pattern, c)))
            store(out, (read, c), load(out, (read, c)) + load(digital.signs, (group, c)) * share * sign)
        squares, beyond_codes = each_column(pairs, total(squared)), each_column(pairs, total(clipped))
        add_totals(totals, squares, largest(worst), total(drawn), beyond_codes)
