"""Partial sums by counting bits against a product of matrices."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from simcore.kernels.bit_counts import (
    COLUMNS_AT_ONCE,
    bytes_of,
    count_ones,
    pack_bits,
    pack_columns,
    padded_columns,
)


@numba.njit(error_model="numpy")
def _partial_sums(applied, stored, sums):
    packed = np.empty((applied.shape[0], stored.shape[0]), np.uint8)
    pack_bits(applied, applied.shape[0], packed)
    for read in range(applied.shape[0]):
        for column in range(0, stored.shape[1], COLUMNS_AT_ONCE):
            count_ones(packed, read, stored, column, sums[read])


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 64, 129, 1000])
@pytest.mark.parametrize("columns", [1, 31, 32, 33, 100])
def test_partial_sums_are_products(rows, columns):
    rng = np.random.default_rng(rows + columns)
    stored = rng.integers(0, 2, (rows, columns)).astype(np.uint8)
    applied = np.zeros((5, 8 * bytes_of(rows)), np.uint8)
    applied[:, :rows] = rng.integers(0, 2, (5, rows))
    applied[0, :rows] = 1
    sums = np.full((5, padded_columns(columns)), np.nan, np.float32)
    _partial_sums(applied, pack_columns(stored, padded_columns(columns)), sums)
    np.testing.assert_array_equal(sums[:, :columns], applied[:, :rows].astype(int) @ stored)
    assert not sums[:, columns:].any()


@pytest.mark.parametrize(("rows", "needed"), [(1, 1), (8, 1), (9, 2), (64, 8)])
def test_eight_rows_share_a_byte(rows, needed):
    assert bytes_of(rows) == needed
    assert pack_columns(np.ones((rows, 3), np.uint8), COLUMNS_AT_ONCE).shape == (needed, COLUMNS_AT_ONCE)


def test_row_k_of_a_byte_is_its_bit_k():
    for row in range(8):
        bits = np.zeros((8, 1), np.uint8)
        bits[row] = 1
        assert pack_columns(bits, 1)[0, 0] == 1 << row


@pytest.mark.parametrize(("columns", "filled"), [(1, 32), (32, 32), (33, 64)])
def test_columns_are_filled_up(columns, filled):
    assert padded_columns(columns) == filled
