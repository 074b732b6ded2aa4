"""What every training-free mitigation may do, one pass a file."""

from __future__ import annotations

from abc import ABC

import numpy as np
from jaxtyping import Float, Int8, Integer, Real

from simcore.mapping.row_groups import StoredBits
from simcore.mapping.tiling import LayerMapping

# One for all columns, or one for each.
PerColumn = float | np.floating | Float[np.ndarray, ""] | Float[np.ndarray, " columns"]


class Mitigation(ABC):
    """A pass over a layer. Each of its hooks leaves things as they are unless a pass says otherwise.

    They act in this order: ``order`` when the layer is mapped, ``store`` when its row groups are written (what is done
    to inputs at run time is set there too: ``StoredBits.flip_above``), ``line`` when the converters are set. All
    that is learnt is learnt on calibration inputs, without labels.

    Attributes:
        name: as designs call it.
    """

    name: str

    def order(
        self, mapping: LayerMapping, vectors: Int8[np.ndarray, "reads rows"]
    ) -> Integer[np.ndarray, " rows"] | None:
        """In which order rows take the layer's inputs.

        Args:
            mapping: the layer, its inputs channel by channel.
            vectors: calibration inputs in {-1, 0, 1}, in the mapping's order.

        Returns:
            A permutation, or None where the order stays.
        """
        return None

    def store(self, stored: StoredBits, vectors: Int8[np.ndarray, "reads rows"]) -> StoredBits:
        """What a row group stores.

        Args:
            stored: what the passes before leave.
            vectors: calibration inputs of the group in {-1, 0, 1}.
        """
        return stored

    def line(
        self, current: Float[np.ndarray, "reads columns"], sums: Real[np.ndarray, "reads columns"]
    ) -> tuple[PerColumn, PerColumn]:
        """How converters tell a partial sum from a current.

        Args:
            current: column currents in nominal LSB, of calibration inputs.
            sums: their partial sums.

        Returns:
            Slope and intercept.
        """
        return np.ones(()), np.zeros(())
