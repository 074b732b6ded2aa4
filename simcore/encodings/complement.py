"""One cell a weight, with the weight's complement: 0 for +1 and 1 for -1."""

from __future__ import annotations

import numpy as np

from simcore.encodings.zero_one import ZeroOne


class Complement(ZeroOne):
    """A column reads the products with the other sign; it draws less where most weights are +1.

    Source: ``ZeroOne`` of the weights with the other sign.
    """

    name = "complement"

    def stored_bits(self, weights: np.ndarray) -> np.ndarray:
        return 1 - weights

    def combine(self, shares: np.ndarray) -> np.ndarray:
        return -shares
