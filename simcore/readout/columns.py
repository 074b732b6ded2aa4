"""Reads of a gate-driven row group, from bits to digital sums.

The counts of ``kernels.bit_counts``, the drops of ``surrogate.column_drops``, the converter of ``readout.adc`` and the
digital sum, a read at a time, so that all of its numbers stay in cache. Columns are filled up to whole vectors;
``used`` is 0 in those that are not there.
"""

from __future__ import annotations

import numba
import numpy as np

from simcore.kernels.bit_counts import COLUMNS_AT_ONCE, count_ones
from simcore.kernels.simd import full, largest, load, maximum, minimum, rint, store, total, where_greater
from simcore.mapping.encodings.base import column_share
from simcore.readout.bends import bent, level_of
from simcore.readout.totals import add_totals
from simcore.surrogate.column_drops import LANES, OFF_SHARE, applied_rows, column_sums, loss_factor


@numba.njit(inline="always")
def _convert(current, tables, noise, added, place, read, c):  # type: ignore[no-untyped-def]
    """(converted partial sum, 1 where above the top code) of a vector of columns; ``added`` is the digital side's,
    ``place`` the row group and which of the levels it takes."""
    converter, thresholds, levels = tables.converters, tables.curves.thresholds, tables.curves.levels
    group, level = place
    grid = tables.curves.grid[group]
    highest = full(current, converter.top)
    even = load(converter.gain, (group, c)) * current + load(converter.offset, (group, c)) + load(noise, (read, c))
    if grid[1] > np.float32(0):
        even = rint((even - grid[0]) * (np.float32(1) / grid[1])) * grid[1] + grid[0]
    code = rint(bent(even, thresholds.line[group], thresholds.knots[group]))
    clipped = where_greater(code, highest, load(converter.used, (c,)), full(current, 0.0))
    code = minimum(maximum(code, full(current, 0.0)), highest)
    delivered = bent(code, levels.line[level], levels.knots[level])
    return delivered * load(converter.step, (group, c)) + load(converter.zero, (group, c)) + added, clipped


# Without numba's reference counts: they would spill all vectors at every pair of columns. Nothing is allocated here.
@numba.njit(cache=True, error_model="numpy", forceinline=True, _nrt=False)
def read_columns(reads, block, tables, out, totals):  # type: ignore[no-untyped-def]
    """Add one row group's reconstructed dot products of some sub-vectors to ``out``, their statistics to ``totals``.

    Args:
        reads: ``fused.Reads``. block: the ``fused.Block`` that holds the sub-vectors.
        tables: ``fused.ReadoutTables`` with converters and constants of columns as (M / 16, 16).
        out: (reads, M / 16, 16) float32. totals: (STATISTICS,) int64.
    """
    columns, converter, digital, group = tables.cells, tables.converters, tables.digital, reads.group
    stored, masks, feed = columns.packed[group], columns.masks[group], columns.feed[group]
    factors, ranges = columns.factors[group], columns.ranges[group]
    counts = block.counts.reshape((len(block.counts) // LANES, LANES))
    used = converter.used
    zero = full(load(used, (0,)), 0.0)
    on_share = np.float32(1) - feed[OFF_SHARE]
    for read in range(reads.number):
        rows = applied_rows(block.bits[read], reads.rows, block.listed, block.gaps)
        sign, applied = block.input_sign[read], full(zero, block.applied[read])
        leak = full(zero, block.applied[read] * feed[OFF_SHARE])
        noisy, pattern = min(read, len(block.noise) - 1), block.place[read]
        added = full(zero, block.applied[read] * tables.curves.per_row[group])
        place = group, level_of(tables.curves.level_of[group], block.applied[read])
        off = full(zero, tables.curves.reference[group, np.int64(block.applied[read])])
        # Drops of all columns first: both loops together would not fit the vector registers.
        for column in range(0, stored.shape[1], COLUMNS_AT_ONCE):
            count_ones(block.packed, read, stored, column, block.counts)
            c = column // LANES
            n0, n1 = load(counts, (c,)), load(counts, (c + 1,))
            s0, s1 = n0 * on_share + leak, n1 * on_share + leak
            lost0, lost1 = column_sums((s0, s1), (n0, n1), rows, masks, c, feed)
            for kind in range(3):
                store(block.sums, (kind, c), lost0[kind])
                store(block.sums, (kind, c + 1), lost1[kind])
        squared, worst, drawn, clipped = zero, zero, zero, zero
        for c in range(len(used)):
            n = load(counts, (c,))
            s = n * on_share + leak
            q, q_on, m = load(block.sums, (0, c)), load(block.sums, (1, c)), load(block.sums, (2, c))
            current = s * loss_factor(s, n, q, q_on, m, factors, ranges)
            sums, above = _convert(current - off, tables, block.noise, added, place, noisy, c)
            error = sums - n
            squared += error * error
            worst = maximum(worst, abs(error))
            drawn += current * load(used, (c,))
            clipped += above
            share = column_share(sums, applied, load(digital.constants, (group, pattern, c)))
            store(out, (read, c), load(out, (read, c)) + load(digital.signs, (group, c)) * share * sign)
        add_totals(totals, total(squared), largest(worst), total(drawn), total(clipped))
