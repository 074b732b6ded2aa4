"""Dynamic activation sparsification: sub-vectors with more than half ones are applied complemented."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from simcore.mapping.row_groups import StoredBits
from simcore.mitigation.base import Mitigation

HALF = 0.5
"""Share of ones above which a sub-vector is complemented: fewer rows are driven than not."""


class ActivationFlip(Mitigation):
    """Source: Malhotra and Gupta, arXiv 2412.03553. Only valid rows are complemented, a padded one stays off; the
    digital side gives the shares of all columns the other sign."""

    name = "activation_flip"

    def store(self, stored: StoredBits, vectors: np.ndarray) -> StoredBits:
        return replace(stored, flip_above=HALF)
