"""One cell a weight: 1 for +1 and 0 for -1, of weights and inputs alike."""

from __future__ import annotations

import numpy as np

from simcore.encodings.base import Encoding


class ZeroOne(Encoding):
    """A column's share is its output's dot product. Source: arXiv 2412.03553."""

    name = "zero_one"

    def stored_bits(self, weights: np.ndarray) -> np.ndarray:
        return weights

    def row_inputs(self, inputs: int) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(inputs), np.ones((1, inputs), dtype=np.int8)

    def combine(self, shares: np.ndarray) -> np.ndarray:
        return shares
