"""One cell a weight, read twice: with the inputs, then with their complement."""

from __future__ import annotations

import numpy as np

from simcore.encodings.base import Encoding


class TwoCycles(Encoding):
    """With A = [sum X W] and B = [sum (1 - X) W] a product is 2 (A - B) - sum x: what both reads have in common
    cancels, the sum of the weights among it.

    Source: BNN mapping III of rpelke/analog-cim-sim (arXiv 2505.14303).
    """

    name = "two_cycles"
    reads_a_position = 2
    counts_weights = False

    def stored_bits(self, weights: np.ndarray) -> np.ndarray:
        return weights

    def row_inputs(self, inputs: int) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(inputs), np.stack([np.ones(inputs, dtype=np.int8), np.full(inputs, -1, dtype=np.int8)])

    def combine(self, shares: np.ndarray) -> np.ndarray:
        result: np.ndarray = (shares[:, 0::2] - shares[:, 1::2]) / np.float32(2)
        return result
