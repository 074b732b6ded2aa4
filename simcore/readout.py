"""The fused readout: flips, column currents, conversion and digital reconstruction of a mapped layer, block by block.

A block of output positions goes through all row groups while its numbers are in cache: apply bits (flipped or not), one
matrix product for the first-order currents and their projections, the fitted polynomial, the converter, and the digital
sum x.w = s_w s_x (4 PS' - 2 sum X' - 2 sum W' + N). Blocks are the same for any number of threads, and so are results.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numba
import numpy as np
from threadpoolctl import ThreadpoolController

from simcore import kernel_cache  # noqa: F401  (before the first cached kernel)
from simcore.threads import run_in_threads

BLOCK = 64  # output positions: fills the matrix product's tiles, and 64 x (1 + m) x 512 floats stay in L2

# Columns of the statistics array, one row a block.
STATISTICS = ("squared_error", "worst_error", "column_current", "clipped", "partial_sum", "dense_partial_sum",
              "activation_flips")  # fmt: skip


@dataclass(frozen=True)
class ReadoutTables:
    """Everything the readout of one layer needs; G groups, M columns, N_max rows of the largest group.

    Attributes:
        start, stop: (G,) ranges of the ordered inputs.
        matrices: (G, N_max, B M) float32: blocks of M columns: first-order currents in LSB, projections, and, where
            ideal sums cannot be told from the currents, the stored bits. Ideal readout: the stored bits alone.
        quadratic: (G, 1 + m) float32: kappa and eigenvalues.
        polynomial: (G, terms) float32 coefficients by (tau, S) exponents as in EXPONENTS order.
        ranges: (G, 2) float32: 1 / tau_max, 1 / s_max.
        corrections: (G, 7, M) float32 of the columns' own corrections, or (1, 7, M) zeros where there are none.
        off_share: current of an OFF cell in LSB where ideal sums follow from the currents, else -1.
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
    matrices: np.ndarray
    quadratic: np.ndarray
    polynomial: np.ndarray
    ranges: np.ndarray
    corrections: np.ndarray
    off_share: float
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
    out = np.zeros((len(flat), tables.gain.shape[1]), dtype=np.float32)
    statistics = np.zeros((blocks, len(STATISTICS)))
    arrays = (
        flat, positions, tables.start, tables.stop, tables.matrices, tables.quadratic, tables.polynomial,
        tables.ranges, tables.corrections, np.float32(tables.off_share), tables.gain, tables.offset,
        np.float32(tables.top), np.float32(tables.noise), tables.digital, tables.weight_signs,
        tables.ones, tables.dense_ones, tables.pattern, tables.valid, tables.flip_inputs, tables.ideal,
        np.uint64(noise_seed),
    )  # fmt: skip
    arguments = tuple(_read_only(value) for value in arrays)
    # The blocks run in threads of ours; a matrix product that starts threads of its own inside would fight them.
    with _libraries().limit(limits=1, user_api="blas"):
        run_in_threads(lambda first, last: _read_blocks(first, last, *arguments, out, statistics), blocks)
    totals = statistics.sum(axis=0)
    totals[1] = statistics[:, 1].max()
    return out.reshape(batch, positions, -1), totals


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


@numba.njit(cache=True, error_model="numpy")
def add_noise(values, scale, seed, position, group):  # type: ignore[no-untyped-def]
    """Add Gaussian noise (Box-Muller on counters) to the codes of one read, in place: (M,) float32."""
    base = _mix(_mix(seed ^ np.uint64(position)) ^ np.uint64(group))
    for column in range(len(values)):
        bits = _mix(base ^ np.uint64(column))
        uniform = (np.float64(bits >> np.uint64(32)) + 0.5) / 4294967296.0
        angle = np.float64(bits & np.uint64(0xFFFFFFFF)) / 4294967296.0
        values[column] += scale * np.float32(np.sqrt(-2.0 * np.log(uniform)) * np.cos(2.0 * np.pi * angle))


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"})
def column_currents(  # type: ignore[no-untyped-def]
    products, columns, quadratic, polynomial, ranges, corrected, corrections, density, tau, out
):
    """Fitted column currents of one read in LSB: products (blocks x M,) -> out (M,).

    ``density`` is the share of the group's rows that are on; tau (M,) is overwritten. Loops with few arrays each are
    the ones that the compiler turns into vector code.
    """
    first = products[:columns]
    z1 = products[columns : 2 * columns]
    z2 = products[2 * columns : 3 * columns]
    kappa, l1, l2 = quadratic[0], quadratic[1], quadratic[2]
    per_tau, per_s = ranges[0], ranges[1]
    zero, one, tiny = np.float32(0), np.float32(1), np.float32(1e-12)
    c00, c01, c02 = polynomial[0], polynomial[1], polynomial[2]
    c10, c11, c12 = polynomial[3], polynomial[4], polynomial[5]
    c20, c21, c22 = polynomial[6], polynomial[7], polynomial[8]
    c30, c31, c40 = polynomial[9], polynomial[10], polynomial[11]
    for c in range(columns):
        s = max(first[c], zero)
        q = max(kappa * s * s + l1 * z1[c] * z1[c] + l2 * z2[c] * z2[c], zero)
        tau[c] = min(q / max(s + q, tiny) * per_tau, one)
    for c in range(columns):
        t = tau[c]
        v = min(max(first[c], zero) * per_s, one)
        p = c30 + v * c31 + t * c40
        p = (c20 + v * (c21 + v * c22)) + t * p
        p = (c10 + v * (c11 + v * c12)) + t * p
        out[c] = (c00 + v * (c01 + v * c02)) + t * p
    if corrected:
        k0, k1, k2, k3 = corrections[0], corrections[1], corrections[2], corrections[3]
        k4, k5, k6 = corrections[4], corrections[5], corrections[6]
        for c in range(columns):
            out[c] += k0[c] + density * (k3[c] + density * k4[c])
        for c in range(columns):
            out[c] += tau[c] * (k1[c] + density * k5[c] + tau[c] * k6[c])
        for c in range(columns):
            out[c] += k2[c] * min(max(first[c], zero) * per_s, one)
    for c in range(columns):
        out[c] *= max(first[c], zero)


@numba.njit(cache=True, error_model="numpy")
def apply_bits(vectors, valid, flip, stored_ones, dense_ones, bits, sums):  # type: ignore[no-untyped-def]
    """Input bits of one sub-vector, complemented where that applies fewer ones.

    Args:
        vectors: (N,) int8 of +1, -1, 0 (padding). valid: (N,) uint8. bits: (N_max,) float32 out.
        sums: (3,) float64, increased by the partial sums as applied, the dense ones, and the flips.

    Returns:
        sum X' and whether the sub-vector was complemented.
    """
    rows = len(vectors)
    ones, rows_valid = 0, 0
    for i in range(rows):
        ones += 1 if vectors[i] > 0 else 0
        rows_valid += valid[i]
    flipped = flip and 2 * ones > rows_valid
    applied = np.float32(0)
    stored, dense = np.float32(0), np.float32(0)
    for i in range(rows):
        plain = np.float32(1) if vectors[i] > 0 else np.float32(0)
        bit = np.float32(valid[i]) - plain if flipped else plain
        bits[i] = bit
        applied += bit
        stored += bit * stored_ones[i]
        dense += plain * dense_ones[i]
    for i in range(rows, len(bits)):
        bits[i] = 0
    sums[0] += stored
    sums[1] += dense
    sums[2] += 1 if flipped else 0
    return applied, flipped


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"})
def sense(current, ideal, gain, offset, top, codes, totals):  # type: ignore[no-untyped-def]
    """Convert one read: codes out (noise of the converter already in ``codes``), statistics added to ``totals``."""
    columns = len(current)
    zero = np.float32(0)
    squared, worst, clipped, drawn = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    for c in range(columns):
        code = np.rint(gain[c] * current[c] + offset[c] + codes[c])
        kept = min(max(code, zero), top)
        error = kept - ideal[c]
        squared += error * error
        worst = max(worst, abs(error))
        clipped += np.float32(1) if code > top else zero
        drawn += current[c]
        codes[c] = kept
    totals[0] += squared
    totals[1] = max(totals[1], np.float64(worst))
    totals[2] += drawn
    totals[3] += clipped


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def add_dot(codes, digital, weight_signs, sum_inputs, input_sign, out):  # type: ignore[no-untyped-def]
    """Add one group's reconstructed dot products to (M,) ``out``."""
    for c in range(len(out)):
        out[c] += input_sign * weight_signs[c] * (np.float32(4) * codes[c] - np.float32(2) * sum_inputs + digital[c])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _read_blocks(  # type: ignore[no-untyped-def]
    first, last, vectors, positions, start, stop, matrices, quadratic, polynomial, ranges, corrections, off_share, gain,
    offset, top, noise, digital, weight_signs, ones, dense_ones, pattern, valid, flip_inputs, ideal,
    noise_seed, out, statistics,
):  # fmt: skip
    groups, most_rows, width = matrices.shape
    columns = gain.shape[1]
    corrected = corrections.shape[0] == groups
    total = vectors.shape[0]
    for block in range(first, last):
        low = block * BLOCK
        high = min(low + BLOCK, total)
        bits = np.zeros((BLOCK, most_rows), np.float32)
        products = np.zeros((BLOCK, width), np.float32)
        sum_inputs = np.zeros(BLOCK, np.float32)
        input_sign = np.zeros(BLOCK, np.float32)
        current = np.zeros(columns, np.float32)
        tau = np.zeros(columns, np.float32)
        codes = np.zeros(columns, np.float32)
        exact_sums = np.zeros(columns, np.float32)
        sums = np.zeros(3)
        for group in range(groups):
            for p in range(low, high):
                sub = vectors[p, start[group] : stop[group]]
                mask = valid[pattern[p % positions], start[group] : stop[group]]
                applied, flipped = apply_bits(
                    sub, mask, flip_inputs, ones[group], dense_ones[group], bits[p - low], sums
                )
                sum_inputs[p - low] = applied
                input_sign[p - low] = np.float32(-1) if flipped else np.float32(1)
            np.dot(bits, matrices[group], products)
            for p in range(low, high):
                row = products[p - low]
                place = pattern[p % positions]
                if ideal:
                    codes[:] = row
                    statistics[block, 2] += row.sum()
                else:
                    column_currents(
                        row, columns, quadratic[group], polynomial[group], ranges[group], corrected,
                        corrections[group if corrected else 0],
                        sum_inputs[p - low] / np.float32(stop[group] - start[group]), tau, current,
                    )  # fmt: skip
                    if off_share >= 0:
                        share = np.float32(1) / (np.float32(1) - off_share)
                        leak = off_share * sum_inputs[p - low]
                        for c in range(columns):
                            exact_sums[c] = np.rint((row[c] - leak) * share)
                    else:
                        exact_sums[:] = row[width - columns :]
                    codes[:] = 0
                    if noise > 0:
                        add_noise(codes, noise, noise_seed, p, group)
                    sense(current, exact_sums, gain[group], offset[group], top, codes, statistics[block])
                add_dot(codes, digital[group, place], weight_signs[group], sum_inputs[p - low], input_sign[p - low],
                        out[p])  # fmt: skip
        statistics[block, 4] = sums[0]
        statistics[block, 5] = sums[1]
        statistics[block, 6] = sums[2]
