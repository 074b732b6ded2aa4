"""Row positions that make the best of cells which do not take what is written."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from simcore.cost import Added, CostSettings, LayerActivity, Tile
from simcore.mitigation.base import Mitigation


class FaultAwareRows(Mitigation):
    """On each chip, within the rows that are read together, inputs go to the rows whose faulty cells hold most of the
    bits that they would store: the assignment with the fewest wrong cells, and of those the one that moves least.

    A memory test finds the faults. Which input drives which row is then no wiring any more but a table of addresses,
    one a row group.
    """

    name = "fault_aware_rows"

    def order_around_faults(self, bits: np.ndarray, held: np.ndarray) -> np.ndarray:
        rows = len(bits)
        on, off = (held == 1).astype(np.int64), (held == 0).astype(np.int64)
        wrong = (1 - bits.astype(np.int64)) @ on.T + bits.astype(np.int64) @ off.T  # of input i on row r
        moved = np.abs(np.subtract.outer(np.arange(rows), np.arange(rows)))
        _, row_of = linear_sum_assignment(wrong * rows**2 + moved)
        return np.argsort(row_of)

    def cost(self, tile: Tile, layer: LayerActivity, settings: CostSettings) -> Added:
        """An address is read for every row of every read: a judgement, as no source has it. Layers whose cells are
        written anew for every image do without the pass."""
        if layer.written:
            return Added()
        rows = min(tile.active_rows, layer.inputs)
        bits = rows * max(1, (rows - 1).bit_length())
        return Added.stored(
            layer.positions * layer.groups * bits * settings.stored_bit_read_energy, layer.groups * bits, settings
        )
