"""bfloat16 in kernels, as the 16 bits that it is: numpy and numba do not know the type."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(inline="always")
def widened(bits):  # type: ignore[no-untyped-def]
    """The float32 that those bits are."""
    return np.uint32(np.uint32(bits) << np.uint32(16)).view(np.float32)


@numba.njit(inline="always")
def narrowed(value):  # type: ignore[no-untyped-def]
    """The bits of a float32 (any but NaN), rounded to the nearest, to even where two are as near."""
    bits = np.float32(value).view(np.uint32)
    return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))
