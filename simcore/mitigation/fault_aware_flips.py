"""Flips of stored columns that make the best of cells which do not take what is written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from simcore.mapping.row_groups import StoredBits
from simcore.mitigation.base import Mitigation


class FaultAwareFlips(Mitigation):
    """On each chip a column is stored complemented where fewer of its faulty cells then hold the wrong bit; where both
    are as good it stays as the weight flip left it, with fewer ones.

    A memory test finds the faults; the flip bits are there already. A column with one stuck cell is always right.
    """

    name = "fault_aware_flips"

    def around_faults(self, stored: StoredBits, held: np.ndarray) -> StoredBits:
        faulty = held >= 0
        # Pruned cells are no longer what the digital side sums: flipping them back would need their constants anew.
        pruned = (stored.bits != stored.digital).any(axis=0)
        wrong = (faulty & (held != stored.bits)).sum(axis=0)
        wrong_flipped = faulty.sum(axis=0) - wrong
        again = (wrong_flipped < wrong) & ~pruned
        bits = np.where(again, 1 - stored.bits, stored.bits).astype(np.uint8)
        return replace(stored, bits=bits, digital=np.where(again, bits, stored.digital), flips=stored.flips ^ again)
