"""Totals of a readout in whole numbers, so that they add up to the same whatever is added first.

Every read's own sums are float32, the same wherever the read stands in a block or shard. Rounded to a fixed unit they
are added as int64, without any rounding.
"""

from __future__ import annotations

import numba
import numpy as np

import simcore.kernels  # noqa: F401  (names the folder of cached kernels)
from simcore.readout.layer_totals import CURRENTS_A_LSB, ERRORS_A_LSB, require_addable

# Entries of the totals; all whole.
STATISTICS = ("squared_error", "worst_error", "column_current", "clipped", "partial_sum", "dense_partial_sum",
              "activation_flips", "applied_ones")  # fmt: skip
SQUARED_ERROR, WORST_ERROR, COLUMN_CURRENT, CLIPPED, PARTIAL_SUM, DENSE_PARTIAL_SUM, FLIPS, ONES = range(8)


@numba.njit(cache=True, error_model="numpy", forceinline=True)
def add_totals(totals, squared, worst, current, clipped):  # type: ignore[no-untyped-def]
    """Add one read's squared error (LSB^2), largest error (LSB), current (LSB) and clipped conversions."""
    totals[SQUARED_ERROR] += np.int64(np.rint(np.float64(squared) * ERRORS_A_LSB))
    totals[WORST_ERROR] = max(totals[WORST_ERROR], np.int64(np.rint(np.float64(worst) * ERRORS_A_LSB)))
    totals[COLUMN_CURRENT] += np.int64(np.rint(np.float64(current) * CURRENTS_A_LSB))
    totals[CLIPPED] += np.int64(clipped)


def merge(totals: np.ndarray) -> np.ndarray:
    """(STATISTICS,) int64 of (n, STATISTICS): sums, but for the largest error. Raises BinsparxError as
    ``require_addable``."""
    require_addable(float(totals[:, SQUARED_ERROR].sum(dtype=np.float64)))
    merged: np.ndarray = totals.sum(axis=0)
    merged[WORST_ERROR] = totals[:, WORST_ERROR].max(initial=0)
    return merged
