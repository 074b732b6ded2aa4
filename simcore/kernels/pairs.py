"""Conversions that read the difference of two columns, in kernels: what they need beside those that read one, which
have None in its place, and none of this code.

A difference errs as a column does; its squared error and its conversions beyond the codes count once for each of its
columns, so that they are shares of the column reads in every encoding.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, forceinline=True)
def less(value, partner):  # type: ignore[no-untyped-def]
    """The value less its partner's; alone as it is."""
    if partner is None:
        return value
    return value - partner


@numba.njit(cache=True, forceinline=True)
def together(value, partner):  # type: ignore[no-untyped-def]
    """The value and its partner's; alone as it is."""
    if partner is None:
        return value
    return value + partner


@numba.njit(cache=True, forceinline=True)
def first(pairs, values, c):  # type: ignore[no-untyped-def]
    """The value of the first, or only, column of a conversion whose columns lie side by side."""
    if pairs is None:
        return values[c]
    return values[2 * c]


@numba.njit(cache=True, forceinline=True)
def second(pairs, values, c):  # type: ignore[no-untyped-def]
    """That of the second; None where there is none."""
    if pairs is None:
        return None
    return values[2 * c + 1]


@numba.njit(cache=True, forceinline=True)
def column_count(pairs, conversions):  # type: ignore[no-untyped-def]
    """Columns of so many conversions."""
    if pairs is None:
        return conversions
    return 2 * conversions


@numba.njit(cache=True, forceinline=True)
def each_column(pairs, total):  # type: ignore[no-untyped-def]
    """A total of conversions as one of their columns."""
    if pairs is None:
        return total
    return total * np.float32(2)


@numba.njit(cache=True, forceinline=True)
def counted_inputs(pairs, applied):  # type: ignore[no-untyped-def]
    """What shares of dot products have of the inputs' sum: it cancels in a difference."""
    if pairs is None:
        return applied
    return applied - applied
