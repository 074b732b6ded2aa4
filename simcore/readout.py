"""The fused readout: flips, column currents, conversion and digital reconstruction of a mapped layer, block by block.

A block of output positions goes through all row groups while its numbers are in cache: apply bits (flipped or not),
count those that meet stored ones, first-order currents and their projections, the fitted polynomial, the converter,
and the digital sum x.w = s_w s_x (4 PS' - 2 sum X' - 2 sum W' + N). Where cells are alike all that is weighted counts
and one pass (``uniform_columns``), else a matrix product and several passes. Blocks are the same for any number of
threads, and so are results.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numba
import numpy as np
from threadpoolctl import ThreadpoolController

from simcore import kernel_cache  # noqa: F401  (before the first cached kernel)
from simcore.packed_sums import COLUMNS_AT_ONCE, PROFILES, count_ones, pack_bits
from simcore.threads import run_in_threads
from simcore.uniform_columns import LANES, read_uniform

BLOCK = 64  # output positions: fills the matrix product's tiles, and 64 x (1 + m) x 512 floats stay in L2

EXACT_SUMS = 2**24  # whole numbers up to here are exact in float32; a read's rows x outputs may not be more

# Columns of the statistics array, one row a block.
STATISTICS = ("squared_error", "worst_error", "column_current", "clipped", "partial_sum", "dense_partial_sum",
              "activation_flips", "applied_ones")  # fmt: skip


@dataclass(frozen=True)
class CurrentTables:
    """The fast solver of one layer; G groups, M columns, N_max rows of the largest group, m projections.

    Attributes:
        matrices: (G, N_max, (1 + m) M) float32: blocks of M columns, first-order currents in LSB and their
            projections, rounded so that sums over rows are exact; not used where cells are ``uniform``.
        profiles, units, off_share: (G, bytes, PROFILES) int16 and (G, PROFILES) float32, the projections of uniform
            cells as weighted counts; an OFF cell's current in LSB.
        quadratic: (G, 1 + m) float32: kappa and eigenvalues.
        polynomial: (G, terms) float32 coefficients by (tau, S) exponents as in EXPONENTS order. shape: (G, terms or 0)
            float32, those of the shape.
        ranges: (G, 2 + m) float32: 1 / tau_max, 1 / s_max, 1 / r_max.
        corrections: (G, terms or 0, M) float32 of the columns' own corrections.
        input_vectors: (G, N_max, m or 0) float32, for the projections of the inputs that corrections look at.
        uniform: all ON cells of the layer carry the same current to first order.
    """

    matrices: np.ndarray
    profiles: np.ndarray
    units: np.ndarray
    off_share: float
    quadratic: np.ndarray
    polynomial: np.ndarray
    shape: np.ndarray
    ranges: np.ndarray
    corrections: np.ndarray
    input_vectors: np.ndarray
    uniform: bool


@dataclass(frozen=True)
class ReadoutTables:
    """Everything the readout of one layer needs; G groups, M columns, N_max rows of the largest group.

    Attributes:
        start, stop: (G,) ranges of the ordered inputs.
        packed: (G, bytes, M filled up) uint8 stored bits, ``rows_a_byte`` in each.
        currents: the circuit; not looked at where ``ideal``.
        gain, offset: (G, M) float32 converter. top: largest code. noise: LSB.
        digital: (G, patterns, M) float32: N - 2 sum W' (valid rows) + 4 x expected contribution of pruned cells.
        weight_signs: (G, M) float32: -1 for a complemented column.
        ones, dense_ones: (G, N_max) float32: stored ones of each row, with and without flips (and pruning).
        pattern: (P,) index of each output position's padding pattern.
        valid: (patterns, K) uint8.
        flip_inputs: apply complemented sub-vectors where that applies fewer ones.
        ideal: no circuit and no converter.
    """

    start: np.ndarray
    stop: np.ndarray
    packed: np.ndarray
    rows_a_byte: int
    currents: CurrentTables
    gain: np.ndarray
    offset: np.ndarray
    top: float
    noise: float
    digital: np.ndarray
    weight_signs: np.ndarray
    ones: np.ndarray
    dense_ones: np.ndarray
    pattern: np.ndarray
    valid: np.ndarray
    flip_inputs: bool
    ideal: bool


def read_layer(tables: ReadoutTables, vectors: np.ndarray, noise_seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Dot products of all output positions of some images.

    Args:
        vectors: (B, P, K) int8 in {-1, 0, 1}, row order. noise_seed: seeds the converter noise of these images.

    Returns:
        (B, P, M) float32, integers, and the (len(STATISTICS),) float64 totals (worst_error: the largest).
    """
    batch, positions, inputs = vectors.shape
    flat = vectors.reshape(batch * positions, inputs)
    blocks = -(-len(flat) // BLOCK)
    columns = tables.gain.shape[1]
    # Uniform columns are filled up to whole vectors; what is added conducts, but is neither read nor counted.
    filled = -(-columns // LANES) * LANES if tables.currents.uniform else columns
    used = np.zeros(filled, dtype=np.float32)
    used[:columns] = 1
    out = np.zeros((len(flat), filled), dtype=np.float32)
    statistics = np.zeros((blocks, len(STATISTICS)))
    currents = tables.currents
    arrays = (
        flat, positions, tables.start, tables.stop, tables.packed, tables.rows_a_byte, currents.matrices,
        currents.profiles, currents.units, np.float32(currents.off_share), currents.uniform, currents.quadratic,
        currents.polynomial, currents.shape, currents.ranges, currents.corrections, currents.input_vectors,
        _filled_up(tables.gain, filled), _filled_up(tables.offset, filled), np.float32(tables.top),
        np.float32(tables.noise), _filled_up(tables.digital, filled), _filled_up(tables.weight_signs, filled), used,
        tables.ones, tables.dense_ones, tables.pattern, tables.valid, tables.flip_inputs, tables.ideal,
        np.uint64(noise_seed),
    )  # fmt: skip
    arguments = tuple(_read_only(value) for value in arrays)
    # The blocks run in threads of ours; a matrix product that starts threads of its own inside would fight them.
    with single_threaded_blas():
        run_in_threads(lambda first, last: _read_blocks(first, last, *arguments, out, statistics), blocks)
    totals = statistics.sum(axis=0)
    totals[1] = statistics[:, 1].max()
    return np.ascontiguousarray(out[:, :columns]).reshape(batch, positions, columns), totals


def _filled_up(table: np.ndarray, columns: int) -> np.ndarray:
    """``table`` (..., M) with zeros after the last column."""
    missing = columns - table.shape[-1]
    return np.pad(table, [(0, 0)] * (table.ndim - 1) + [(0, missing)]) if missing else table


def single_threaded_blas() -> AbstractContextManager[object]:
    """Matrix products and factorisations inside take one thread: with several they add up in another order."""
    return _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def _read_only(value: Any) -> Any:
    """A read-only view of an array: tables from a shared object store are read-only, and one kind needs one kernel."""
    if not isinstance(value, np.ndarray):
        return value
    view = value.view()
    view.flags.writeable = False
    return view


@numba.njit(cache=True, error_model="numpy", inline="always")
def _mix(value):  # type: ignore[no-untyped-def]
    """splitmix64: a counter turned into 64 random bits."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True, error_model="numpy", forceinline=True)
def add_noise(values, scale, seed, position, group):  # type: ignore[no-untyped-def]
    """Add Gaussian noise (Box-Muller on counters) to the codes of one read, in place: (M,) float32."""
    base = _mix(_mix(seed ^ np.uint64(position)) ^ np.uint64(group))
    for column in range(len(values)):
        bits = _mix(base ^ np.uint64(column))
        uniform = (np.float64(bits >> np.uint64(32)) + 0.5) / 4294967296.0
        angle = np.float64(bits & np.uint64(0xFFFFFFFF)) / 4294967296.0
        values[column] += scale * np.float32(np.sqrt(-2.0 * np.log(uniform)) * np.cos(2.0 * np.pi * angle))


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
    c00, c01, c02 = polynomial[0], polynomial[1], polynomial[2]
    c10, c11, c12 = polynomial[3], polynomial[4], polynomial[5]
    c20, c21, c22 = polynomial[6], polynomial[7], polynomial[8]
    c30, c31, c40 = polynomial[9], polynomial[10], polynomial[11]
    for c in range(columns):
        t = tau[c]
        v = min(max(first[c], zero) * per_s, one)
        p = c30 + v * c31 + t * c40
        p = (c20 + v * (c21 + v * c22)) + t * p
        p = (c10 + v * (c11 + v * c12)) + t * p
        out[c] = (c00 + v * (c01 + v * c02)) + t * p
    for c in range(columns):
        out[c] *= max(first[c], zero)


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"}, forceinline=True)
def correct_columns(first, z, bits, density, vectors, tau, per_s, factors, slope, out):  # type: ignore[no-untyped-def]
    """Add the columns' own corrections to the currents ``out`` (M,), as ``fast.column_correction`` has them.

    Args:
        bits: (at least N,) uint8. density: share of the group's rows that are on. vectors: (N, m) of the inputs.
        factors: (terms, M). slope: (M,) scratch.
    """
    zero, one = np.float32(0), np.float32(1)
    k0, k1, k2, k3 = factors[0], factors[1], factors[2], factors[3]
    k4, k5, k6 = factors[4], factors[5], factors[6]
    columns = len(out)
    for c in range(columns):
        slope[c] = k1[c] + density * k5[c] + tau[c] * k6[c]
    for m in range(len(z)):
        x = zero
        for i in range(len(vectors)):
            x += np.float32(bits[i]) * vectors[i, m]
        kx, kxt = factors[7 + 4 * m], factors[8 + 4 * m]
        for c in range(columns):
            slope[c] += x * kxt[c]
            out[c] += max(first[c], zero) * x * kx[c]
        kz, kzt, zm = factors[9 + 4 * m], factors[10 + 4 * m], z[m]
        for c in range(columns):
            out[c] += zm[c] * (kz[c] + tau[c] * kzt[c])
    for c in range(columns):
        slope[c] = tau[c] * slope[c] + k0[c] + density * (k3[c] + density * k4[c])
    for c in range(columns):
        s = max(first[c], zero)
        out[c] += s * (slope[c] + k2[c] * min(s * per_s, one))


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"}, forceinline=True)
def apply_bits(  # type: ignore[no-untyped-def]
    vectors, first, reads, start, rows, valid, place, flip, stored_ones, dense_ones, bits, applied, input_sign, sums
):
    """Input bits of the sub-vectors of some reads, complemented where that applies fewer ones.

    Args:
        vectors: (positions, K) int8 of +1, -1, 0 (padding), of which the reads are from ``first`` on and the
            sub-vectors ``rows`` inputs from ``start`` on. valid: (patterns, K) uint8; ``place`` (reads,) says which.
        bits: (reads, at least rows) uint8 out, 0 beyond. applied: (reads,) out: sum X'. input_sign: (reads,) out: -1
            where complemented.
        sums: (4,) float64, increased by the partial sums as applied, the dense ones, the flips, and the ones applied.
    """
    for read in range(reads):
        pattern = place[read]
        ones, rows_valid = np.int32(0), np.int32(0)
        for i in range(rows):
            bits[read, i] = np.uint8(vectors[first + read, start + i] > 0)
            ones += np.int32(bits[read, i])
            rows_valid += np.int32(valid[pattern, start + i])
        flipped = flip and 2 * ones > rows_valid
        # Sums of whole numbers up to EXACT_SUMS: exact in float32 in any order.
        stored, dense = np.float32(0), np.float32(0)
        for i in range(rows):
            dense += np.float32(bits[read, i]) * dense_ones[i]
        if flipped:
            for i in range(rows):
                bits[read, i] = valid[pattern, start + i] - bits[read, i]
        for i in range(rows):
            stored += np.float32(bits[read, i]) * stored_ones[i]
        for i in range(rows, bits.shape[1]):
            bits[read, i] = 0
        applied[read] = np.float32(rows_valid - ones if flipped else ones)
        input_sign[read] = np.float32(-1 if flipped else 1)
        sums[0] += stored
        sums[1] += dense
        sums[2] += 1 if flipped else 0
        sums[3] += applied[read]


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"}, forceinline=True)
def sense(current, ideal, gain, offset, top, codes, totals):  # type: ignore[no-untyped-def]
    """Convert one read: codes out (noise of the converter already in ``codes``), statistics added to ``totals``."""
    columns = len(current)
    zero = np.float32(0)
    squared, clipped, drawn = np.float32(0), np.float32(0), np.float32(0)
    worst = np.int32(0)  # errors are whole; of floats the compiler would take one at a time, minding NaN
    for c in range(columns):
        code = np.rint(gain[c] * current[c] + offset[c] + codes[c])
        kept = min(max(code, zero), top)
        error = kept - ideal[c]
        squared += error * error
        worst = max(worst, np.int32(abs(error)))
        clipped += np.float32(1) if code > top else zero
        drawn += current[c]
        codes[c] = kept
    totals[0] += squared
    totals[1] = max(totals[1], np.float64(worst))
    totals[2] += drawn
    totals[3] += clipped


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def add_dot(codes, digital, weight_signs, sum_inputs, input_sign, out):  # type: ignore[no-untyped-def]
    """Add one group's reconstructed dot products to (M,) ``out``."""
    for c in range(len(codes)):
        out[c] += input_sign * weight_signs[c] * (np.float32(4) * codes[c] - np.float32(2) * sum_inputs + digital[c])


@numba.njit(cache=True, error_model="numpy", forceinline=True)
def _read_products(  # type: ignore[no-untyped-def]
    reads, bits, applied_bytes, packed, products, modes, density, input_vectors, quadratic, polynomial, ranges,
    corrections, gain, offset, noise, top, ideal, digital, place, weight_signs, sum_inputs, input_sign, sums, out,
    totals,
):  # fmt: skip
    """As ``uniform_columns.read_uniform``, with currents and projections from (reads, (1 + m) M) ``products``, or with
    no circuit at all (``ideal``).

    Args:
        bits: (reads, N_max) uint8. density: (reads,) share of the rows that are on. corrections: (terms or 0, M).
        gain, offset, weight_signs: (M,). noise: (1 or reads, M). digital: (patterns, M). out: (reads, M).
    """
    columns = len(gain)
    current, tau, slope = np.zeros(columns, np.float32), np.zeros(columns, np.float32), np.zeros(columns, np.float32)
    codes, nothing, unused = np.zeros(columns, np.float32), np.zeros((0, 0), np.int16), np.zeros((0, 0), np.float32)
    for read in range(reads):
        for column in range(0, packed.shape[1], COLUMNS_AT_ONCE):
            count_ones(applied_bytes, read, packed, nothing, unused, column, sums)
        counts = sums[0, :columns]
        if ideal:
            codes[:] = counts
            totals[2] += counts.sum()
        else:
            parts = products[read].reshape((1 + modes, columns))
            drawn, z = parts[0], parts[1:]
            column_currents(drawn, z, quadratic, polynomial, ranges, tau, current)
            if len(corrections) > 0:
                correct_columns(drawn, z, bits[read], density[read], input_vectors, tau, ranges[1], corrections, slope,
                                current)  # fmt: skip
            codes[:] = noise[min(read, len(noise) - 1)]
            sense(current, counts, gain, offset, top, codes, totals)
        add_dot(codes, digital[place[read]], weight_signs, sum_inputs[read], input_sign[read], out[read])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _read_blocks(  # type: ignore[no-untyped-def]
    first, last, vectors, positions, start, stop, packed, per_byte, matrices, profiles, units, off_share, uniform,
    quadratic, polynomial, shape, ranges, corrections, input_vectors, gain, offset, top, noise, digital,
    weight_signs, used, ones, dense_ones, pattern, valid, flip_inputs, ideal, noise_seed, out, statistics,
):  # fmt: skip
    groups, most_bytes, width = packed.shape
    most_rows = matrices.shape[1]
    filled, modes = gain.shape[1], quadratic.shape[1] - 1
    by_lanes = (filled // LANES, LANES)
    bits = np.zeros((BLOCK, -(-most_rows // 8) * 8), np.uint8)
    factors = np.zeros((BLOCK, most_rows), np.float32)
    products = np.zeros((BLOCK, matrices.shape[2]), np.float32)
    applied, input_sign, density = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
    place = np.zeros(BLOCK, np.int64)
    applied_bytes, byte_ones = np.zeros((BLOCK, most_bytes), np.uint8), np.zeros((BLOCK, most_bytes), np.int16)
    affine = np.zeros((1 + PROFILES, 2), np.float32)
    sums = np.zeros((2 + PROFILES, width), np.float32)
    noises = np.zeros((BLOCK if noise > 0 else 1, filled), np.float32)
    for block in range(first, last):
        low = block * BLOCK
        high = min(low + BLOCK, len(vectors))
        reads = high - low
        totals = np.zeros(4)
        for read in range(reads):
            place[read] = pattern[(low + read) % positions]
        for group in range(groups):
            rows = stop[group] - start[group]
            apply_bits(vectors, low, reads, start[group], rows, valid, place, flip_inputs, ones[group],
                       dense_ones[group], bits, applied, input_sign, totals)  # fmt: skip
            pack_bits(bits, reads, per_byte, applied_bytes, byte_ones)
            if noise > 0:
                noises[:] = 0
                for read in range(reads):
                    add_noise(noises[read, : np.int64(used.sum())], noise, noise_seed, low + read, group)
            if uniform and not ideal:
                read_uniform(
                    reads, applied_bytes, byte_ones, packed[group], profiles[group], units[group], off_share, affine,
                    sums, quadratic[group], polynomial[group], shape[group], ranges[group],
                    gain[group].reshape(by_lanes), offset[group].reshape(by_lanes),
                    noises.reshape((len(noises), *by_lanes)), top,
                    digital[group].reshape((digital.shape[1], *by_lanes)), place, weight_signs[group].reshape(by_lanes),
                    used.reshape(by_lanes), applied, input_sign, out[low:high].reshape((reads, *by_lanes)),
                    statistics[block],
                )  # fmt: skip
                continue
            if not ideal:
                factors[:] = bits[:, :most_rows]
                np.dot(factors, matrices[group], products)
                density[:] = applied / np.float32(rows)
            _read_products(
                reads, bits, applied_bytes, packed[group], products, modes, density, input_vectors[group],
                quadratic[group], polynomial[group], ranges[group],
                corrections[group], gain[group], offset[group], noises, top, ideal, digital[group], place,
                weight_signs[group], applied, input_sign, sums, out[low:high], statistics[block],
            )  # fmt: skip
        statistics[block, 4:8] = totals
