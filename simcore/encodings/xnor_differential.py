"""Four cells a weight: agreements in one column, disagreements in the one beside it, and the codes subtracted."""

from __future__ import annotations

import numpy as np

from simcore.encodings.differential import Differential
from simcore.encodings.xnor_rows import XnorRows


class XnorDifferential(XnorRows):
    """A product is the difference of the codes of both columns.

    Source: BNN mapping VI of rpelke/analog-cim-sim (arXiv 2505.14303).
    """

    name = "xnor_differential"
    columns_an_output = 2
    pairs = Differential()

    def stored_bits(self, weights: np.ndarray) -> np.ndarray:
        return self.pairs.stored_bits(super().stored_bits(weights))

    def combine(self, shares: np.ndarray) -> np.ndarray:
        return super().combine(self.pairs.combine(shares))
