"""Another threshold of the activation flips than one half."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from simcore.mapping.row_groups import StoredBits
from simcore.mitigation.base import Mitigation


@dataclass(frozen=True)
class FlipAbove(Mitigation):
    """Which threshold is best the method's paper leaves open: below one half more reads are complemented than have to
    be, so that few are as full as they can be; above it fewer are, and the digital side undoes less.

    Attributes:
        share: of ones among the valid rows, above which a sub-vector is complemented.
    """

    share: float
    name = "flip_above"

    def store(self, stored: StoredBits, vectors: np.ndarray) -> StoredBits:
        return replace(stored, flip_above=self.share)
