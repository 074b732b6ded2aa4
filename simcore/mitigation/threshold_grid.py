"""The places that bent thresholds may take: the finer codes of a converter, or the steps of a ladder's taps."""

from __future__ import annotations

from dataclasses import dataclass

from simcore.mitigation.base import Mitigation


@dataclass(frozen=True)
class ThresholdGrid(Mitigation):
    """Bent thresholds are kept with few bits: beside a converter by successive approximation a table turns its finer
    codes into codes, and the taps of a flash ladder are set in steps. Without this pass they lie exactly where they are
    wanted, and the cost is counted as if they were a quarter of a code apart (``cost.design_cost.FINER_BITS``); with it
    both are of the same number of bits.

    What it costs is the tile's (``Tile.finer_bits``).

    Attributes:
        bits: by which the places are finer than codes, over all that codes tell apart.
    """

    bits: int
    name = "threshold_grid"

    @property
    def finer_bits(self) -> int:
        return self.bits
