"""Noise of the cells from read to read beside that of the converter: as many cells conduct, so much of it there is.

Independent cells add up to a standard deviation of sqrt(n on^2 + m off^2) of n ON and m OFF cells whose row is on. What
a change of a cell's current makes of the column's is the square of the share of the voltage that is left to the cell
(Cohn's theorem), taken here as that of the current which the column delivers of what its cells, as they are on the
chip, would without wires. How many are ON is what is stored: a cell that is stuck or open counts as what it should be,
but where nothing of a column conducts.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numba.core import types
from numba.extending import overload

from simcore.kernels.simd import Vector, full, maximum, minimum, square_root, where_greater
from simcore.noise.base import Noise, Read, noise_in_codes


class CellReads(NamedTuple):
    """Standard deviations, float32.

    Attributes:
        scale: 1: what is drawn is scaled once it is known how many cells conduct.
        converter: of the converter, in codes.
        on, off: of an ON and an OFF cell, in LSB.
    """

    scale: np.float32
    converter: np.float32
    on: np.float32
    off: np.float32

    @classmethod
    def beside(cls, converter: Noise, on: float, off: float) -> CellReads:
        """The noise of cells beside that of a converter.

        Args:
            converter: white Gaussian noise.
            on, off: standard deviations of an ON and an OFF cell, in LSB.
        """
        return cls(np.float32(1), converter.scale, np.float32(on), np.float32(off))

    def in_codes(self, drawn: np.ndarray, read: Read, other: Read | None = None) -> np.ndarray:
        variance = self._of_cells(read) if other is None else self._of_cells(read) + self._of_cells(other)
        found: np.ndarray = drawn * np.sqrt(self.converter**2 + variance)
        return found

    def _of_cells(self, read: Read) -> np.ndarray:
        """Variance of a column's cells, in codes."""
        leaking, unhindered = read.applied - read.counted, np.asarray(read.unhindered, np.float64)
        share = np.divide(read.current, unhindered, out=np.zeros_like(unhindered), where=unhindered > 0)
        reach = read.gain * np.clip(share, 0, 1) ** 2
        variance: np.ndarray = reach**2 * (read.counted * self.on**2 + leaking * self.off**2)
        return variance


@numba.njit(error_model="numpy", forceinline=True)
def _of_vectors(noise, read):  # type: ignore[no-untyped-def]
    """``CellReads._of_cells`` of a vector of columns."""
    one, zero = full(read.current, 1.0), full(read.current, 0.0)
    leaking = read.applied - read.counted
    share = where_greater(read.unhindered, zero, read.current / read.unhindered, zero)
    share = minimum(maximum(share, zero), one)
    reach = read.gain * share * share
    return reach * reach * (read.counted * (noise.on * noise.on) + leaking * (noise.off * noise.off))


@numba.njit(error_model="numpy", forceinline=True)
def _of_numbers(noise, read):  # type: ignore[no-untyped-def]
    """``CellReads._of_cells`` of one column."""
    one, zero = np.float32(1), np.float32(0)
    leaking = read.applied - read.counted
    share = min(max(read.current / read.unhindered, zero), one) if read.unhindered > zero else zero
    reach = read.gain * share * share
    return reach * reach * (read.counted * (noise.on * noise.on) + leaking * (noise.off * noise.off))


@overload(noise_in_codes, jit_options={"error_model": "numpy", "forceinline": True})
def _cells_in_codes(noise, drawn, read, other):  # type: ignore[no-untyped-def]
    if getattr(noise, "instance_class", None) is not CellReads:
        return None

    def of_vector(noise, drawn, read, other):  # type: ignore[no-untyped-def]
        return drawn * square_root(_of_vectors(noise, read) + full(drawn, noise.converter * noise.converter))

    def of_vectors(noise, drawn, read, other):  # type: ignore[no-untyped-def]
        cells = _of_vectors(noise, read) + _of_vectors(noise, other)
        return drawn * square_root(cells + full(drawn, noise.converter * noise.converter))

    def of_number(noise, drawn, read, other):  # type: ignore[no-untyped-def]
        return drawn * np.float32(np.sqrt(_of_numbers(noise, read) + noise.converter * noise.converter))

    def of_numbers(noise, drawn, read, other):  # type: ignore[no-untyped-def]
        cells = _of_numbers(noise, read) + _of_numbers(noise, other)
        return drawn * np.float32(np.sqrt(cells + noise.converter * noise.converter))

    alone = isinstance(other, types.NoneType)
    if isinstance(drawn, Vector):
        return of_vector if alone else of_vectors
    return (of_number if alone else of_numbers) if isinstance(drawn, types.Float) else None
