"""Two columns a weight, itself and its complement, whose currents are subtracted before one signed converter."""

from __future__ import annotations

import numpy as np

from simcore.encodings.differential import Differential


class CurrentDifference(Differential):
    """With A = [sum X W - sum X (1 - W)] a product is 2 A - sum w: half of the conversions of ``differential``, of a
    range that is twice as wide. A current mirror turns the second current round; it is taken to be exact.

    Source: BNN mapping I of rpelke/analog-cim-sim (arXiv 2505.14303), which reads the difference.
    """

    name = "current_difference"
    subtracts_currents = True

    def combine(self, shares: np.ndarray) -> np.ndarray:
        result: np.ndarray = shares / np.float32(2)
        return result
