"""Two cells a weight, one above the other: a read counts the inputs that agree with their weights."""

from __future__ import annotations

import numpy as np

from simcore.encodings.base import Encoding


class XnorRows(Encoding):
    """Of the two rows of an input one is driven, the first where it is +1; the first cell of a weight is ON where that
    is +1, else the second. [agreements] gives the product as 2 [ ] - N, without any sum of inputs or weights.

    Source: BNN mapping V of rpelke/analog-cim-sim (arXiv 2505.14303).
    """

    name = "xnor_rows"
    rows_an_input = 2
    balanced = True
    counts_inputs = False
    counts_weights = False

    def stored_bits(self, weights: np.ndarray) -> np.ndarray:
        return np.stack([weights, 1 - weights], axis=1).reshape(-1, weights.shape[1])

    def row_inputs(self, inputs: int) -> tuple[np.ndarray, np.ndarray]:
        return np.repeat(np.arange(inputs), 2), np.tile(np.array([1, -1], dtype=np.int8), (1, inputs))

    def combine(self, shares: np.ndarray) -> np.ndarray:
        result: np.ndarray = shares / np.float32(2)
        return result
