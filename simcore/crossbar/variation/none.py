"""No variation: every cell is the nominal one of its state."""

from __future__ import annotations

import numpy as np

from simcore.crossbar.circuit import Circuit
from simcore.crossbar.variation.base import Variation


class NoVariation(Variation):
    """Cells that are all alike."""

    def factors(self, circuit: Circuit, states: np.ndarray, rng: np.random.Generator) -> None:
        return None
