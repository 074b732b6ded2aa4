"""White Gaussian noise of every conversion."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import overload

from simcore.noise.base import Read, add_noise, mix, noise_in_codes
from simcore.noise.cell_reads import CellReads


class Gaussian(NamedTuple):
    """Standard deviation in codes, float32."""

    scale: np.float32

    def in_codes(self, drawn: np.ndarray, read: Read, other: Read | None = None) -> np.ndarray:
        return drawn


_WHITE = (Gaussian, CellReads)
"""Sources that draw a normal number of standard deviation ``scale`` for every conversion."""


@overload(add_noise, jit_options={"error_model": "numpy", "forceinline": True})
def _add_gaussian(noise, values, seed, read, group):  # type: ignore[no-untyped-def]
    if getattr(noise, "instance_class", None) not in _WHITE:
        return None

    def add(noise, values, seed, read, group):  # type: ignore[no-untyped-def]
        # Box-Muller on counters.
        base = mix(mix(seed ^ np.uint64(read)) ^ np.uint64(group))
        for column in range(len(values)):
            bits = mix(base ^ np.uint64(column))
            uniform = (np.float64(bits >> np.uint64(32)) + 0.5) / 4294967296.0
            angle = np.float64(bits & np.uint64(0xFFFFFFFF)) / 4294967296.0
            values[column] += noise.scale * np.float32(np.sqrt(-2.0 * np.log(uniform)) * np.cos(2.0 * np.pi * angle))

    return add


@overload(noise_in_codes, jit_options={"error_model": "numpy", "forceinline": True})
def _gaussian_in_codes(noise, drawn, read, other):  # type: ignore[no-untyped-def]
    if getattr(noise, "instance_class", None) is not Gaussian:
        return None
    return lambda noise, drawn, read, other: drawn
