"""Two columns a weight, itself and its complement, whose codes are subtracted."""

from __future__ import annotations

import numpy as np

from simcore.encodings.base import Encoding


class Differential(Encoding):
    """With A = [sum X W] and B = [sum X (1 - W)] a product is 2 (A - B) - sum w: what both columns have in common
    cancels, the sum of the inputs among it. The columns of a pair lie side by side; each has a code of its own, and the
    codes are subtracted.

    Source: BNN mapping I of rpelke/analog-cim-sim (arXiv 2505.14303).
    """

    name = "differential"
    columns_an_output = 2
    counts_inputs = False

    def stored_bits(self, weights: np.ndarray) -> np.ndarray:
        return np.stack([weights, 1 - weights], axis=2).reshape(len(weights), -1)

    def row_inputs(self, inputs: int) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(inputs), np.ones((1, inputs), dtype=np.int8)

    def combine(self, shares: np.ndarray) -> np.ndarray:
        result: np.ndarray = (shares[:, :, 0::2] - shares[:, :, 1::2]) / np.float32(2)
        return result
