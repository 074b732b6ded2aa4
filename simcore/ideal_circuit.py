"""Column currents of arrays without losses: each the partial sum itself, in LSB."""

from __future__ import annotations

import numpy as np

from simcore.column_model import GroupModel
from simcore.crossbar.fast import EXPONENTS, Polynomial, SharedResistance
from simcore.stored_weights import StoredGroup


def lossless_models(stored: list[StoredGroup]) -> list[GroupModel]:
    """One model a row group: its matrix holds the stored bits, and nothing is taken from their sum."""
    factor_one = np.zeros(len(EXPONENTS))
    factor_one[0] = 1.0
    polynomial = Polynomial(factor_one, 1.0, 1.0, np.zeros(0), np.zeros(0))
    return [
        GroupModel(
            group.bits.astype(np.float64),
            SharedResistance(0.0, np.zeros(0), np.zeros((len(group.bits), 0))),
            polynomial,
            None,
        )
        for group in stored
    ]
