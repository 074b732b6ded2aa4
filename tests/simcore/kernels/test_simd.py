"""Vectors in kernels against numpy, lane by lane."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from simcore.kernels.simd import (
    any_greater,
    full,
    lanes_of,
    largest,
    load,
    maximum,
    minimum,
    rint,
    store,
    total,
    where_bits,
    where_greater,
)

DTYPES = (np.float32, np.float64)


@numba.njit(error_model="numpy")
def _arithmetic(a, b, out):
    for row in range(a.shape[0]):
        x, y = load(a, (row,)), load(b, (row,))
        store(out, (row, 0), x + y)
        store(out, (row, 1), x - y)
        store(out, (row, 2), x * y)
        store(out, (row, 3), x / y)
        store(out, (row, 4), minimum(x, y))
        store(out, (row, 5), maximum(x, y))
        store(out, (row, 6), abs(x))
        store(out, (row, 7), rint(x))
        store(out, (row, 8), 2.0 * x)
        store(out, (row, 9), x - 0.5)
        store(out, (row, 10), where_greater(x, y, full(x, 1.0), full(a, 0.0)))


@numba.njit(error_model="numpy")
def _across(a, sums, tops):
    for row in range(a.shape[0]):
        sums[row] = total(load(a, (row,)))
        tops[row] = largest(load(a, (row,)))


@numba.njit(error_model="numpy")
def _any(a, bound):
    return any_greater(load(a, (0,)), full(a, bound))


@numba.njit(error_model="numpy")
def _chosen(masks, a, b, out):
    for row in range(a.shape[0]):
        store(out, (row,), where_bits(masks, (row,), load(a, (row,)), load(b, (row,))))


def numbers(dtype, rows=5, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, lanes_of(dtype))).astype(dtype) * 3


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_vector_is_64_bytes(dtype):
    assert lanes_of(dtype) * np.dtype(dtype).itemsize == 64


@pytest.mark.parametrize("dtype", DTYPES)
def test_arithmetic_is_numpys(dtype):
    a, b = numbers(dtype), numbers(dtype, seed=1)
    a[0, :3] = [0.5, 1.5, -2.5]  # ties go to the even number
    out = np.empty((len(a), 11, a.shape[1]), dtype)
    _arithmetic(a, b, out)
    expected = (
        a + b, a - b, a * b, a / b, np.minimum(a, b), np.maximum(a, b), np.abs(a), np.rint(a), 2 * a,
        a - dtype(0.5), (a > b).astype(dtype),
    )  # fmt: skip
    for index, values in enumerate(expected):
        np.testing.assert_array_equal(out[:, index], values)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_and_maxima_cross_all_lanes(dtype):
    a = np.round(numbers(dtype))  # whole numbers: their sum has one value in any order
    sums, tops = np.empty(len(a), dtype), np.empty(len(a), dtype)
    _across(a, sums, tops)
    np.testing.assert_array_equal(sums, a.sum(axis=1))
    np.testing.assert_array_equal(tops, a.max(axis=1))


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_lane_counts(dtype):
    a = np.zeros((1, lanes_of(dtype)), dtype)
    assert not _any(a, 0.0)
    for lane in range(a.shape[1]):
        a[0] = 0
        a[0, lane] = 1
        assert _any(a, 0.0) and not _any(a, 1.0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_choose_lanes(dtype):
    a, b = numbers(dtype), numbers(dtype, seed=1)
    bits = np.random.default_rng(2).integers(0, 2, a.shape).astype(np.uint8)
    masks = np.packbits(bits, axis=1, bitorder="little").view(f"u{a.shape[1] // 8}").ravel()
    out = np.empty_like(a)
    _chosen(masks, a, b, out)
    np.testing.assert_array_equal(out, np.where(bits, a, b))


def test_a_column_of_a_matrix_is_no_vector():
    @numba.njit(error_model="numpy")
    def transposed(a):
        return any_greater(load(a.T, (0,)), full(a, 0.0))

    with pytest.raises(numba.TypingError):
        transposed(numbers(np.float64))
