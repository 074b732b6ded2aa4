"""Sampled popcount: whether a sub-vector is complemented is decided by some of its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from simcore.cost import Added, CostSettings, LayerActivity, Tile, energy
from simcore.mapping.row_groups import StoredBits
from simcore.mitigation.base import Mitigation


@dataclass(frozen=True)
class SampledPopcount(Mitigation):
    """The flip bit needs no exact count: one row of a few is counted, against the same share. Arithmetic stays exact,
    for the digital side undoes the flip that was made; the full count goes on beside the read.

    What it costs is the tile's, whose comparison and path before the read are shorter (``Tile.counted_rows``).

    Attributes:
        counted_every: one row of so many is counted, from the first of the row group on.
    """

    counted_every: int
    name = "sampled_popcount"

    def store(self, stored: StoredBits, vectors: np.ndarray) -> StoredBits:
        return replace(stored, counted_every=self.counted_every)

    def cost(self, tile: Tile, layer: LayerActivity, settings: CostSettings) -> Added:
        """Adders that a count of the sample, a count of the others and their sum take more than one count of all."""
        if not tile.flips_activations:
            return Added()

        def more(rows: int) -> float:
            sample = tile.counted_rows(rows)
            parts = energy.popcount_adders(sample) + energy.popcount_adders(rows - sample) + energy.sum_bits(rows)
            return max(parts - energy.popcount_adders(rows), 0.0)

        adders = tile.counted_sub_vectors(layer) * tile.mean_over_groups(layer.inputs, more)
        area = tile.row_tiles(layer.groups) * more(tile.active_rows) * settings.full_adder_area
        return Added.logic(adders * settings.full_adder_energy, area, settings)
