"""Reads of a row group whose ON cells are all alike, from counts of bits to digital sums, 16 columns at a time.

The counts of ``packed_sums``, the polynomial of ``crossbar.fast``, the converter of ``sensing`` and the reconstruction
x.w = s_w s_x (4 PS' - 2 sum X' - 2 sum W' + N) in one pass: a column's numbers stay in registers from its bits to its
result. Columns are filled up to whole vectors; ``used`` is 0 in those that are not there.
"""

from __future__ import annotations

import numba
import numpy as np

from simcore import kernel_cache  # noqa: F401  (before the first cached kernel)
from simcore.packed_sums import COLUMNS_AT_ONCE, FEW_PROFILES, PROFILES, count_and_project, count_and_project_two
from simcore.simd import full, lanes_of, largest, load, maximum, minimum, rint, store, total, where_greater

LANES = lanes_of(np.float32)
_VECTORS_AT_ONCE = COLUMNS_AT_ONCE // LANES


@numba.njit(cache=True, error_model="numpy", forceinline=True)
def _set_affine(byte_ones, read, profiles, units, off_share, affine):  # type: ignore[no-untyped-def]
    """What turns counts of met ON cells into S and projections: ON cells carry 1, OFF cells ``off_share``.

    Args:
        byte_ones: (reads, bytes) int16 applied ones. profiles: (bytes, PROFILES) int16 in ``units`` (PROFILES,).
        affine: (1 + PROFILES, 2) float32 out: constant and factor of S and of each projection.
    """
    on_share = np.float32(1) - off_share
    for m in range(PROFILES):
        weighted = np.int32(0)
        for byte in range(byte_ones.shape[1]):
            weighted += np.int32(byte_ones[read, byte]) * np.int32(profiles[byte, m])
        affine[1 + m, 0] = np.float32(weighted) * units[m] * off_share
        affine[1 + m, 1] = on_share * units[m]
    ones = np.int32(0)
    for byte in range(byte_ones.shape[1]):
        ones += np.int32(byte_ones[read, byte])
    affine[0, 0] = np.float32(ones) * off_share
    affine[0, 1] = on_share


@numba.njit(inline="always")
def _lossy_factor(s, tau, polynomial, per_s):  # type: ignore[no-untyped-def]
    """P(tau, S) without the shape; ``s`` and ``tau`` are vectors, tau scaled to its range."""
    v = minimum(s * per_s, full(s, 1.0))
    p = v * polynomial[10] + tau * polynomial[11] + polynomial[9]
    p = v * (v * polynomial[8] + polynomial[7]) + polynomial[6] + tau * p
    p = v * (v * polynomial[5] + polynomial[4]) + polynomial[3] + tau * p
    return v * (v * polynomial[2] + polynomial[1]) + polynomial[0] + tau * p


@numba.njit(inline="always")
def _linear_in_shape(r, v, tau, shape, m):  # type: ignore[no-untyped-def]
    """What P owes to one projection alone."""
    constant = v * shape[5 * m + 2] + shape[5 * m]
    slope = tau * shape[5 * m + 3] + (v * shape[5 * m + 4] + shape[5 * m + 1])
    return r * (tau * slope + constant)


@numba.njit(inline="always")
def _pair(a, b, tau, shape, number):  # type: ignore[no-untyped-def]
    """What P owes to the product of two projections; ``number`` counts the pairs."""
    term = 5 * PROFILES + 2 * number
    return a * b * (tau * shape[term + 1] + shape[term])


@numba.njit(inline="always")
def _shape_factor(s, z0, z1, z2, z3, tau, shape, ranges):  # type: ignore[no-untyped-def]
    """What P owes to the shape r_m = z_m / S, scaled to [-1, 1]."""
    one = full(s, 1.0)
    inverse = one / maximum(s, full(s, 1e-6))
    v = minimum(s * ranges[1], one)
    r0 = maximum(minimum(z0 * inverse * ranges[2], one), full(s, -1.0))
    r1 = maximum(minimum(z1 * inverse * ranges[3], one), full(s, -1.0))
    r2 = maximum(minimum(z2 * inverse * ranges[4], one), full(s, -1.0))
    r3 = maximum(minimum(z3 * inverse * ranges[5], one), full(s, -1.0))
    found = _linear_in_shape(r0, v, tau, shape, 0) + _linear_in_shape(r1, v, tau, shape, 1)
    found += _linear_in_shape(r2, v, tau, shape, 2) + _linear_in_shape(r3, v, tau, shape, 3)
    found += _pair(r0, r0, tau, shape, 0) + _pair(r0, r1, tau, shape, 1) + _pair(r0, r2, tau, shape, 2)
    found += _pair(r0, r3, tau, shape, 3) + _pair(r1, r1, tau, shape, 4) + _pair(r1, r2, tau, shape, 5)
    found += _pair(r1, r3, tau, shape, 6) + _pair(r2, r2, tau, shape, 7) + _pair(r2, r3, tau, shape, 8)
    return found + _pair(r3, r3, tau, shape, 9)


@numba.njit(cache=True, error_model="numpy", forceinline=True)
def read_uniform(  # type: ignore[no-untyped-def]
    reads, applied_bytes, byte_ones, packed, profiles, units, off_share, affine, sums, quadratic, polynomial, shape,
    ranges, gain, offset, noise, top, digital, place, weight_signs, used, sum_inputs, input_sign, out, totals,
):  # fmt: skip
    """Add one row group's reconstructed dot products of some sub-vectors to ``out``, their statistics to ``totals``.

    Args:
        applied_bytes, byte_ones: (reads, bytes) the sub-vectors. packed: (bytes, M) stored bits.
        profiles, units, off_share, affine: as ``_set_affine`` has them. sums: (2 + PROFILES, M) float32 scratch.
        quadratic, polynomial, shape, ranges: the row group's fast solver, with FEW_PROFILES or PROFILES projections.
        gain, offset, weight_signs, used: (M / 16, 16) float32. top: largest code.
        noise: (1 or reads, M / 16, 16) LSB. digital: (patterns, M / 16, 16), ``place`` (reads,) says which.
        sum_inputs: (reads,) sum X'. input_sign: (reads,), -1 for a complemented sub-vector.
        out: (reads, M / 16, 16).
        totals: (at least 4,) float64: squared error, largest error (the larger is kept), current, and conversions above
            the top code; all but the second are added to.
    """
    lanes = sums.reshape((2 + PROFILES, sums.shape[1] // LANES, LANES))
    like = load(gain, (0,))
    zero, highest, one = full(like, 0.0), full(like, top), full(like, 1.0)
    many = len(quadratic) > 1 + FEW_PROFILES
    for read in range(reads):
        _set_affine(byte_ones, read, profiles, units, off_share, affine)
        noisy, pattern = min(read, len(noise) - 1), place[read]
        sign, twice = input_sign[read], full(like, np.float32(2) * sum_inputs[read])
        squared, worst, drawn, clipped = zero, zero, zero, zero
        for column in range(0, packed.shape[1], COLUMNS_AT_ONCE):
            if many:
                count_and_project(applied_bytes, read, packed, profiles, affine, column, sums)
            else:
                count_and_project_two(applied_bytes, read, packed, profiles, affine, column, sums)
            for c in range(column // LANES, min(column // LANES + _VECTORS_AT_ONCE, len(gain))):
                s, z0, z1 = load(lanes, (1, c)), load(lanes, (2, c)), load(lanes, (3, c))
                q = s * s * quadratic[0] + z0 * z0 * quadratic[1] + z1 * z1 * quadratic[2]
                if many:
                    z2, z3 = load(lanes, (4, c)), load(lanes, (5, c))
                    q += z2 * z2 * quadratic[3] + z3 * z3 * quadratic[4]
                q = maximum(q, zero)
                tau = minimum(q / maximum(s + q, full(like, 1e-12)) * ranges[0], one)
                factor = _lossy_factor(s, tau, polynomial, ranges[1])
                if many and len(shape) > 0:
                    factor += _shape_factor(s, z0, z1, z2, z3, tau, shape, ranges)
                current = s * factor
                counted = load(lanes, (0, c))
                code = rint(load(gain, (c,)) * current + load(offset, (c,)) + load(noise, (noisy, c)))
                clipped += where_greater(code, highest, load(used, (c,)), zero)
                code = minimum(maximum(code, zero), highest)
                error = code - counted
                squared += error * error
                worst = maximum(worst, abs(error))
                drawn += current * load(used, (c,))
                dot = code * 4 - twice + load(digital, (pattern, c))
                store(out, (read, c), load(out, (read, c)) + load(weight_signs, (c,)) * dot * sign)
        totals[0] += total(squared)
        totals[1] = max(totals[1], np.float64(largest(worst)))
        totals[2] += total(drawn)
        totals[3] += total(clipped)
