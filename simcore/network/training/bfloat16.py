"""For kernels that serve float32 and bfloat16 alike: numpy and numba do not know bfloat16, it comes as its bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import types
from numba.extending import overload


def memory_of(values: torch.Tensor) -> np.ndarray:
    """A detached tensor on the CPU as an array on the same memory: float32, or the uint16 bits of bfloat16."""
    return (values.view(torch.uint16) if values.dtype == torch.bfloat16 else values).numpy()


def widened(value: Any) -> Any:
    """In kernels: the float32 that an element of ``memory_of`` is."""
    raise NotImplementedError


def narrowed(value: Any, array: Any) -> Any:
    """In kernels: a float32 as an element of ``array``; bfloat16 (of any but NaN) is rounded to the nearest, to even
    where two are as near."""
    raise NotImplementedError


@overload(widened)
def _widened(value):  # type: ignore[no-untyped-def]
    if isinstance(value, types.Integer):
        return lambda value: np.uint32(np.uint32(value) << np.uint32(16)).view(np.float32)
    return lambda value: value


@overload(narrowed)
def _narrowed(value, array):  # type: ignore[no-untyped-def]
    if not isinstance(array.dtype, types.Integer):
        return lambda value, array: value

    def rounded(value, array):  # type: ignore[no-untyped-def]
        bits = np.float32(value).view(np.uint32)
        return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))

    return rounded
