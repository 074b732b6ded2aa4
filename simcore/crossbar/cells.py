"""The cells of an array: what every one of them stores, and what makes it differ from the nominal cell of its state."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from simcore.errors import InputError


class Cells(NamedTuple):
    """State of every cell, of T tiles (T, R, C) or of one (R, C); solver kernels take it as it is.

    Attributes:
        states: uint8, 1 where a cell is ON.
        factors: what multiplies the current that the curve of a cell's state gives, at any voltage; numbers of 0 or
            more. None: every cell is nominal. Kernels are compiled for either case, so that nominal cells cost nothing.
    """

    states: np.ndarray
    factors: np.ndarray | None = None

    @classmethod
    def of(cls, weights: npt.ArrayLike, factors: npt.ArrayLike | None = None) -> Cells:
        """Checked cells: states as uint8 and factors as float64, of the shape they are given in.

        Raises:
            InputError: states other than 0 and 1, factors that are negative or no numbers, or of another shape.
        """
        states = checked_bits("weights", weights)
        if factors is None:
            return cls(states)
        found = np.asarray(factors)
        if found.shape != states.shape:
            raise InputError(f"factors {found.shape} do not fit weights {states.shape}: one for each cell")
        if found.dtype.kind not in "fiu" or not (np.isfinite(found) & (found >= 0)).all():
            raise InputError("factors must hold finite numbers of 0 or more")
        return cls(states, np.ascontiguousarray(found, dtype=np.float64))

    def tile(self, index: int) -> Cells:
        """One of the tiles, (R, C)."""
        return Cells(self.states[index], None if self.factors is None else self.factors[index])

    def stacked(self) -> Cells:
        """The tile (R, C) as the only one of a stack (1, R, C)."""
        return Cells(self.states[None], None if self.factors is None else self.factors[None])

    def astype(self, dtype: np.dtype) -> Cells:
        """The same cells with factors in the number type of a solve."""
        return Cells(self.states, None if self.factors is None else self.factors.astype(dtype))


def checked_bits(name: str, bits: npt.ArrayLike) -> np.ndarray:
    """``bits`` as a contiguous uint8 array; raises InputError where they are not all 0 or 1."""
    found = np.asarray(bits)
    if not np.isin(found, (0, 1)).all():
        raise InputError(f"{name} must hold bits (0 or 1)")
    return np.ascontiguousarray(found, dtype=np.uint8)


@numba.njit(error_model="numpy", forceinline=True)
def tile_of(cells, tile):  # type: ignore[no-untyped-def]
    """``Cells.tile`` for kernels."""
    return Cells(cells.states[tile], _rows_of(cells.factors, tile))


@numba.njit(error_model="numpy", forceinline=True)
def _rows_of(factors, tile):  # type: ignore[no-untyped-def]
    if factors is None:
        return None
    return factors[tile]


@numba.njit(error_model="numpy", forceinline=True)
def factor_of(factors, row, column):  # type: ignore[no-untyped-def]
    """The factor of one cell of a tile; None, at no cost, where all cells are nominal."""
    if factors is None:
        return None
    return factors[row, column]
