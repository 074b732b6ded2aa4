"""Reads of a row group whose currents are a matrix product: first-order currents and projections of every column, the
polynomial and the columns' own corrections of ``surrogate.second_order``, the converter and the reconstruction.

The same kernel serves arrays without a circuit, whose currents are the partial sums themselves (``ideal``).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from simcore.kernels.bit_counts import COLUMNS_AT_ONCE, count_ones
from simcore.kernels.pairs import below, column_count, counted_inputs, each_column, first, less, second, together
from simcore.mapping.column_share import column_share
from simcore.noise.base import Read, noise_in_codes, read_of
from simcore.readout.bends import added_beyond, level_of, on_grid
from simcore.readout.totals import add_totals
from simcore.surrogate.second_order import delivered_share


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"}, forceinline=True)
def column_currents(first, z, quadratic, polynomial, ranges, tau, out):  # type: ignore[no-untyped-def]
    """S P(tau, S): first-order currents S (M,) and projections z (m, M) in LSB, column currents -> out (M,).

    tau (M,) is left scaled to its range. Loops with few arrays each are the ones that the compiler turns into vector
    code.
    """
    columns, modes = len(first), len(z)
    zero, one, tiny = np.float32(0), np.float32(1), np.float32(1e-12)
    per_tau, per_s = ranges[0], ranges[1]
    kappa = quadratic[0]
    for c in range(columns):
        s = max(first[c], zero)
        out[c] = kappa * s * s
    for m in range(modes):
        eigenvalue, zm = quadratic[1 + m], z[m]
        for c in range(columns):
            out[c] += eigenvalue * zm[c] * zm[c]
    for c in range(columns):
        s, q = max(first[c], zero), max(out[c], zero)
        tau[c] = min(q / max(s + q, tiny) * per_tau, one)
    # As numbers: loads from an array that might be the one written to would keep the loop from being vector code.
    coefficients = (
        polynomial[0], polynomial[1], polynomial[2], polynomial[3], polynomial[4], polynomial[5],
        polynomial[6], polynomial[7], polynomial[8], polynomial[9], polynomial[10], polynomial[11],
    )  # fmt: skip
    for c in range(columns):
        out[c] = delivered_share(tau[c], min(max(first[c], zero) * per_s, one), coefficients)
    for c in range(columns):
        out[c] *= max(first[c], zero)


class Applied(NamedTuple):
    """What a read applies to the rows of its group.

    Attributes:
        bits: (at least N,) uint8.
        density: share of the rows that are on.
        vectors: (N, m) of the inputs.
    """

    bits: np.ndarray
    density: float
    vectors: np.ndarray


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"}, forceinline=True)
def correct_columns(parts, applied, tau, per_s, cols, factors, slope, out):  # type: ignore[no-untyped-def]
    """Add the columns' own corrections to the currents ``out`` (M,), as ``second_order.column_correction`` has them.

    Args:
        parts: (1 + m, M) S and projections.
        applied: ``Applied``.
        tau: (M,) scaled.
        per_s: 1 / s_max.
        cols: columns of a tile.
        factors: (terms, M).
        slope: (M,) scratch.
    """
    bits, density, vectors = applied.bits, applied.density, applied.vectors
    zero, one = np.float32(0), np.float32(1)
    first, modes = parts[0], len(parts) - 1
    k0, k1, k2, k3, k4 = factors[0], factors[1], factors[2], factors[3], factors[4]
    k5, k6, k7, k8 = factors[5], factors[6], factors[7], factors[8]
    columns = len(out)
    for c in range(columns):
        slope[c] = k1[c] + density * k5[c] + tau[c] * k6[c]
    for m in range(modes):
        x = zero
        for i in range(len(vectors)):
            x += np.float32(bits[i]) * vectors[i, m]
        kx, kxt = factors[9 + 5 * m], factors[10 + 5 * m]
        for c in range(columns):
            slope[c] += x * kxt[c]
            out[c] += max(first[c], zero) * x * kx[c]
        kz, kzt, kzz, z = factors[11 + 5 * m], factors[12 + 5 * m], factors[13 + 5 * m], parts[1 + m]
        for start in range(0, columns, cols):
            stop = min(start + cols, columns)
            mean = zero
            for c in range(start, stop):
                mean += z[c]
            mean *= per_s / np.float32(stop - start)
            for c in range(start, stop):
                out[c] += z[c] * (kz[c] + tau[c] * kzt[c] + mean * kzz[c])
    for start in range(0, columns, cols):
        stop = min(start + cols, columns)
        mean = zero
        for c in range(start, stop):
            mean += first[c]
        mean *= per_s / np.float32(stop - start)
        for c in range(start, stop):
            slope[c] = tau[c] * (slope[c] + mean * k8[c]) + k0[c] + mean * k7[c] + density * (k3[c] + density * k4[c])
    for c in range(columns):
        s = max(first[c], zero)
        out[c] += s * (slope[c] + k2[c] * min(s * per_s, one))


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"}, forceinline=True)
def sense(current, unhindered, counted, tables, read, sums, even, totals):  # type: ignore[no-untyped-def]
    """Convert one read: partial sums out (noise of the converter already in ``sums``), statistics into ``totals``.

    Args:
        current: (M,) LSB.
        unhindered: (M,) what it would be without wires.
        counted: (M,) partial sums as they are.
        tables: ``fused.ReadoutTables``.
        read: index of the row group, and how many rows are on.
        sums: (C,) out.
        even: (C,) scratch.
        totals: (STATISTICS,) int64.
    """
    converters, curves, (group, applied) = tables.converters, tables.curves, read
    gain, offset, step, start = (
        converters.gain[group], converters.offset[group], converters.step[group], converters.zero[group]
    )  # fmt: skip
    line, knots, grid = curves.thresholds.line[group], curves.thresholds.knots[group], curves.grid[group]
    place = level_of(curves.level_of[group], applied)
    level, level_knots = curves.levels.line[place], curves.levels.knots[place]
    off = curves.reference[group, np.int64(applied)]
    added = curves.per_row[group] * applied
    zero, top = np.float32(0), converters.top
    squared, worst, clipped, drawn = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    pairs, conversions = tables.digital.pairs, len(sums)
    for c in range(conversions):
        own, other = first(pairs, current, c), second(pairs, current, c)
        of_own = Read(gain[c], own, first(pairs, unhindered, c), first(pairs, counted, c), applied)
        of_other = read_of(gain[c], other, second(pairs, unhindered, c), second(pairs, counted, c), applied)
        noise = noise_in_codes(converters.noise, sums[c], of_own, of_other)
        even[c] = gain[c] * (less(own, other) - off) + offset[c] + noise
    if grid[1] > zero:
        for c in range(conversions):
            even[c] = on_grid(even[c], grid)
    bend(even, line, knots, sums)
    for c in range(conversions):
        code = np.rint(sums[c])
        even[c] = min(max(code, zero), top)
        clipped += np.float32(1) if code > top or below(pairs, code) else zero
    bend(even, level, level_knots, sums)
    for c in range(conversions):
        sums[c] = start[c] + step[c] * sums[c] + added
        error = sums[c] - less(first(pairs, counted, c), second(pairs, counted, c))
        squared += error * error
        worst = max(worst, abs(error))
        drawn += together(first(pairs, current, c), second(pairs, current, c))
    add_totals(totals, each_column(pairs, squared), worst, drawn, each_column(pairs, clipped))


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def bend(values, line, knots, out):  # type: ignore[no-untyped-def]
    """``bends.bent`` of all (M,) ``values`` -> out, a knot at a time: loops over columns become vector code."""
    for c in range(len(values)):
        out[c] = values[c] * line[0] + line[1]
    for knot in range(len(knots)):
        at, half = knots[knot, 0], knots[knot, 1]
        for c in range(len(values)):
            out[c] += added_beyond(values[c], at, half)


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def add_shares(sums, digital, group, place, applied, input_sign, out):  # type: ignore[no-untyped-def]
    """Add one read's shares of dot products, of (C,) converted ``sums``, to (C,) ``out``."""
    constants, signs = digital.constants[group, place], digital.signs[group]
    for c in range(len(out)):
        out[c] += input_sign * signs[c] * column_share(sums[c], applied, constants[c])


@numba.njit(cache=True, error_model="numpy", forceinline=True)
def read_products(reads, block, products, tables, out, totals):  # type: ignore[no-untyped-def]
    """Add one row group's reconstructed dot products of some sub-vectors to ``out``, their statistics to ``totals``.

    Args:
        reads: ``fused.Reads``.
        block: the ``fused.Block`` that holds the sub-vectors.
        products: (reads, (1 + m) M or (2 + m) M) S, projections, and what ``ProductTables.matrices`` may have besides.
        tables: ``fused.ReadoutTables``.
        out: (reads, C) float32.
        totals: (STATISTICS,) int64.
    """
    cells, digital, group = tables.cells, tables.digital, reads.group
    conversions = digital.signs.shape[1]
    columns = column_count(digital.pairs, conversions)
    current, tau, slope = np.zeros(columns, np.float32), np.zeros(columns, np.float32), np.zeros(columns, np.float32)
    sums = np.zeros(conversions, np.float32)
    corrections, modes = cells.corrections[group], cells.quadratic.shape[1]
    for read in range(reads.number):
        for column in range(0, cells.packed.shape[2], COLUMNS_AT_ONCE):
            count_ones(block.packed, read, cells.packed[group], column, block.counts)
        counts = block.counts[:columns]
        unhindered = counts
        if cells.ideal:
            current[:] = counts
        else:
            every = products[read].reshape((products.shape[1] // columns, columns))
            parts, unhindered = every[:modes], every[len(every) - 1]
            column_currents(parts[0], parts[1:], cells.quadratic[group], cells.polynomial[group], cells.ranges[group],
                            tau, current)  # fmt: skip
            if len(corrections) > 0:
                density = block.applied[read] / np.float32(reads.rows)
                applied = Applied(block.bits[read], density, cells.input_vectors[group])
                correct_columns(parts, applied, tau, cells.ranges[group, 1], cells.cols, corrections, slope, current)
        sums[:] = block.noise[min(read, len(block.noise) - 1), :conversions]
        sense(current, unhindered, counts, tables, (group, block.applied[read]), sums, tau[:conversions], totals)
        inputs = counted_inputs(digital.pairs, block.applied[read])
        add_shares(sums, digital, group, block.place[read], inputs, block.input_sign[read], out[read])
