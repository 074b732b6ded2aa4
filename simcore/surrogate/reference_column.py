"""Fast solver of a reference column: all of its cells are OFF, so that how many rows are on tells nearly all."""

from __future__ import annotations

import numpy as np

from simcore.mapping.row_groups import RowGroup
from simcore.surrogate.base import FIT_READS, Calibration

_TOLERANCE = 1e-8
_POWERS = (1, 2, 3)  # of the rows that are on: what they leak, and what common drops take of it to third order


def fit_reference(groups: list[RowGroup], calibration: Calibration) -> np.ndarray:
    """(N + 1,) float32 currents in LSB of the reference columns of row groups at one place of their tiles, by the rows
    that are on, N of the largest group; zero where there are none. Fitted to exact solves; what it matters which rows
    are on, the evidence tells.

    Args:
        groups: the row groups.
        calibration: what reads are drawn from.

    Raises:
        UnsolvedError: an exact solve did not converge.
    """
    largest = max(groups, key=lambda group: group.rows)
    if not largest.stored.reference:
        return np.zeros(largest.rows + 1, dtype=np.float32)
    bits = calibration.bits(largest, FIT_READS)
    solved = largest.reference_currents(bits, _TOLERANCE)
    factors = np.linalg.lstsq(_terms(bits.sum(axis=1, dtype=np.int64)), solved, rcond=None)[0]
    currents: np.ndarray = (_terms(np.arange(largest.rows + 1)) @ factors).astype(np.float32)
    return currents


def _terms(on: np.ndarray) -> np.ndarray:
    """Scaled so that none is far larger than another."""
    return np.stack([(on / 64.0) ** power for power in _POWERS], axis=1)
