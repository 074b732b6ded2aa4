"""What a noise source of the converters does: add to the codes of a read, the same wherever and whenever it is read.

A source is a NamedTuple of numbers whose first is ``scale``, 0 where nothing is added, an overload of ``add_noise``
for it and, where it depends on what is read, one of ``noise_in_codes``: kernels take the code of the source that they
are given, and those without one have none of it in them.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import numba
import numpy as np
from numba.core import types
from numba.extending import overload

import simcore.kernels  # noqa: F401  (names the folder of cached kernels)


@runtime_checkable
class Noise(Protocol):
    """A source.

    Attributes:
        scale: in codes.
    """

    @property
    def scale(self) -> np.float32: ...

    def in_codes(self, drawn: np.ndarray, read: Read, other: Read | None = None) -> np.ndarray:
        """What is drawn for some reads, in codes, once it is known what they read.

        Args:
            drawn: of every conversion.
            read: of its column.
            other: of the column that is subtracted, if any.
        """
        ...


class Read(NamedTuple):
    """What is read when noise is added: numbers, numpy arrays that go together, or vectors of a kernel.

    Attributes:
        gain: codes an LSB.
        current: of the column, in LSB.
        unhindered: what its cells would deliver without wires, in LSB.
        counted: ON cells whose row is on.
        applied: rows that are on.
    """

    gain: Any
    current: Any
    unhindered: Any
    counted: Any
    applied: Any


def add_noise(noise: Noise, values: np.ndarray, seed: np.uint64, read: int, group: int) -> None:
    """Add the noise of one read of one row group.

    Args:
        noise: the source; ``add_noise`` is overloaded for each.
        values: (M,) float32 codes, increased.
        seed: of the image and the layer.
        read: index of the read in the image.
        group: index of the row group in the layer.
    """
    raise NotImplementedError


def noise_in_codes(noise: Noise, drawn: Any, read: Read, other: Read | None) -> Any:
    """``Noise.in_codes`` in kernels, of a number or a vector; overloaded for each source."""
    raise NotImplementedError


def read_of(gain: Any, current: Any, unhindered: Any, counted: Any, applied: Any) -> Any:
    """``Read`` of the column that is subtracted, in kernels; None where there is none."""
    raise NotImplementedError


@overload(read_of, jit_options={"forceinline": True})
def _read_of(gain, current, unhindered, counted, applied):  # type: ignore[no-untyped-def]
    if isinstance(current, types.NoneType):
        return lambda gain, current, unhindered, counted, applied: None
    return lambda gain, current, unhindered, counted, applied: Read(gain, current, unhindered, counted, applied)


@numba.njit(cache=True)
def noise_of_read(noise, values, seed, read, group):  # type: ignore[no-untyped-def]
    """``add_noise`` outside kernels."""
    add_noise(noise, values, seed, read, group)


@numba.njit(cache=True, error_model="numpy", inline="always")
def mix(value):  # type: ignore[no-untyped-def]
    """splitmix64: a counter turned into 64 random bits."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
