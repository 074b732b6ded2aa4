"""One effect that spreads the currents of cells."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from simcore.crossbar.circuit import Circuit


class Variation(ABC):
    """An effect as factors of the cells' currents (``Cells.factors``), drawn once for an array."""

    @abstractmethod
    def factors(self, circuit: Circuit, states: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        """Draw the factors of an array.

        Args:
            circuit: the nominal circuit.
            states: (T, R, C) or (R, C) bits that are stored.
            rng: what every draw is taken from.

        Returns:
            Of the shape of ``states``, 0 or more; None where all cells are nominal.
        """
