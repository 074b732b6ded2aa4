"""Conversions that read the difference of two columns, in kernels: what they need beside those that read one, which
have None in its place, and none of this code (types decide, when a kernel is compiled).

A difference errs as a column does; its squared error and its conversions beyond the codes count once for each of its
columns, so that they are shares of the column reads in every encoding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import overload

_INLINED = {"error_model": "numpy", "forceinline": True}


def less(value: Any, partner: Any) -> Any:
    """A value less its partner's; one that is alone as it is."""
    raise NotImplementedError


def together(value: Any, partner: Any) -> Any:
    """A value and its partner's; one that is alone as it is."""
    raise NotImplementedError


def first(pairs: Any, values: np.ndarray, c: int) -> Any:
    """The value of the first, or only, column of a conversion whose columns lie side by side."""
    raise NotImplementedError


def second(pairs: Any, values: np.ndarray, c: int) -> Any:
    """That of the second; None where there is none."""
    raise NotImplementedError


def column_count(pairs: Any, conversions: int) -> int:
    """Columns of so many conversions."""
    raise NotImplementedError


def each_column(pairs: Any, total: Any) -> Any:
    """A total of conversions, counted for each of their columns."""
    raise NotImplementedError


def counted_inputs(pairs: Any, applied: Any) -> Any:
    """What shares of dot products have of the inputs' sum: it cancels in a difference."""
    raise NotImplementedError


def below(pairs: Any, code: Any) -> bool:
    """Below the codes, where a difference is converted; of columns what lies above them counts alone."""
    raise NotImplementedError


def _alone(kind: Any) -> bool:
    return isinstance(kind, types.NoneType)  # type: ignore[attr-defined]


@overload(less, jit_options=_INLINED)
def _less(value, partner):  # type: ignore[no-untyped-def]
    return (lambda value, partner: value) if _alone(partner) else (lambda value, partner: value - partner)


@overload(together, jit_options=_INLINED)
def _together(value, partner):  # type: ignore[no-untyped-def]
    return (lambda value, partner: value) if _alone(partner) else (lambda value, partner: value + partner)


@overload(first, jit_options=_INLINED)
def _first(pairs, values, c):  # type: ignore[no-untyped-def]
    return (lambda pairs, values, c: values[c]) if _alone(pairs) else (lambda pairs, values, c: values[2 * c])


@overload(second, jit_options=_INLINED)
def _second(pairs, values, c):  # type: ignore[no-untyped-def]
    return (lambda pairs, values, c: None) if _alone(pairs) else (lambda pairs, values, c: values[2 * c + 1])


@overload(column_count, jit_options=_INLINED)
def _column_count(pairs, conversions):  # type: ignore[no-untyped-def]
    return (lambda pairs, conversions: conversions) if _alone(pairs) else (lambda pairs, conversions: 2 * conversions)


@overload(each_column, jit_options=_INLINED)
def _each_column(pairs, total):  # type: ignore[no-untyped-def]
    return (lambda pairs, total: total) if _alone(pairs) else (lambda pairs, total: total + total)


@overload(counted_inputs, jit_options=_INLINED)
def _counted_inputs(pairs, applied):  # type: ignore[no-untyped-def]
    return (lambda pairs, applied: applied) if _alone(pairs) else (lambda pairs, applied: applied - applied)


@overload(below, jit_options=_INLINED)
def _below(pairs, code):  # type: ignore[no-untyped-def]
    return (lambda pairs, code: False) if _alone(pairs) else (lambda pairs, code: code < np.float32(0))
