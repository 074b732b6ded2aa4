"""The dot product that a column reads: signs become driven rows and cells, sums become dot products again."""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

SUM_FACTOR = np.float32(4)
"""What a partial sum counts in a column's share."""


@register_jitable(inline="always")
def column_share(sums, inputs, constant):  # type: ignore[no-untyped-def]
    """The dot product of a column's signs with those of its rows: with X = (x + 1) / 2, W = (w + 1) / 2, PS = sum X W
    over the N valid rows of a read

        x.w = 4 PS - 2 sum X - 2 sum W + N.

    A padded row is off (X = 0) and counts in none of the sums. Numbers, numpy arrays or vectors of a kernel, which
    float32 factors leave in float32. Source: arXiv 2412.03553.

    Args:
        sums: PS as converted.
        inputs: sum X.
        constant: N - 2 sum W (``share_constants``).
    """
    return sums * SUM_FACTOR - inputs * np.float32(2) + constant


def share_constants(valid: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """N - 2 sum W, what a share has of weights and padding alone.

    Args:
        valid: (patterns, N) float64, 1 where a row is no padding.
        stored: (N, M) bits.

    Returns:
        (patterns, M) float64, whole numbers.
    """
    constants: np.ndarray = valid.sum(axis=1)[:, None] - 2 * (valid @ stored)
    return constants
