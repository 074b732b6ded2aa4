"""What every training-free mitigation may do, one pass a file."""

from __future__ import annotations

from abc import ABC

import numpy as np

from simcore.mapping.row_groups import StoredBits
from simcore.mapping.tiling import LayerMapping


class Mitigation(ABC):
    """A pass over a layer. Each of its hooks leaves things as they are unless a pass says otherwise.

    They act in this order: ``order`` when the layer is mapped, ``store`` when its row groups are written (what is done
    to inputs at run time is set there too: ``StoredBits.flip_above``), ``line`` when the converters are set. All
    that is learnt is learnt on calibration inputs, without labels.

    Attributes:
        name: as designs call it.
    """

    name: str

    def order(self, mapping: LayerMapping, vectors: np.ndarray) -> np.ndarray | None:
        """In which order rows take the layer's inputs.

        Args:
            mapping: the layer, its inputs channel by channel.
            vectors: (B, K) int8 calibration inputs in {-1, 0, 1}, in the mapping's order.

        Returns:
            (K,) permutation, or None where the order stays.
        """
        return None

    def store(self, stored: StoredBits, vectors: np.ndarray) -> StoredBits:
        """What a row group stores.

        Args:
            stored: what the passes before leave.
            vectors: (B, N) int8 calibration inputs of the group in {-1, 0, 1}.
        """
        return stored

    def line(self, current: np.ndarray, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How converters tell a partial sum from a current.

        Args:
            current: (B, M) column currents in nominal LSB, of calibration inputs.
            sums: (B, M) their partial sums.

        Returns:
            slope and intercept, scalars or (M,).
        """
        return np.ones(()), np.zeros(())
