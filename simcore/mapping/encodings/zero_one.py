"""One cell a weight: 1 for +1 and 0 for -1, of weights and inputs alike."""

from __future__ import annotations

import numpy as np

from simcore.mapping.encodings.base import Encoding


class ZeroOne(Encoding):
    """With X = (x + 1) / 2 and W = (w + 1) / 2 over the N valid rows of a read

        x.w = 4 sum X W - 2 sum X - 2 sum W + N.

    A padded row is off (X = 0) and counts in none of the sums. Source: arXiv 2412.03553.
    """

    name = "zero_one"
    sum_factor = 4
    input_factor = 2

    def stored_bits(self, weights: np.ndarray) -> np.ndarray:
        return weights

    def row_inputs(self, inputs: int) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(inputs), np.ones((1, inputs), dtype=np.int8)

    def constants(self, valid: np.ndarray, stored: np.ndarray) -> np.ndarray:
        constants: np.ndarray = valid.sum(axis=1)[:, None] - 2 * (valid @ stored)
        return constants

    def combine(self, shares: np.ndarray) -> np.ndarray:
        return shares
