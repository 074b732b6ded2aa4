"""Non-uniform codes: a converter of few bits puts its codes where partial sums are frequent."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from simcore.cost import Added, CostSettings, LayerActivity, Tile, energy
from simcore.cost.added import code_table
from simcore.mitigation.base import Mitigation, Spacing
from simcore.mitigation.popcount_term import FRACTION_BITS
from simcore.mitigation.transfer import Curve

_ROUNDS = 60  # of Lloyd's algorithm; it converges long before
_SAMPLE = 4096  # calibration reads it looks at
MOST_PIECES = 16
"""Straight pieces that thresholds, and levels, are drawn with: each code's own up to 4 bits. A judgement."""


class NonuniformCodes(Mitigation):
    """Levels and thresholds of least squared error on the calibration reads: each level the mean sum of its reads, each
    threshold midway between two levels.

    Source: Lloyd, IEEE Trans. Inf. Theory 28 (1982); Max, IRE Trans. Inf. Theory 6 (1960).
    """

    name = "nonuniform_codes"

    def space(
        self, measured: Float[np.ndarray, "reads columns"], target: Float[np.ndarray, "reads columns"], codes: int
    ) -> Spacing | None:
        every = -(-measured.size // _SAMPLE)
        order = np.argsort(measured.ravel()[::every], kind="stable")
        x, wanted = measured.ravel()[::every][order], target.ravel()[::every][order]
        levels = lloyd_max(x, wanted, codes)
        if len(levels) < 3:
            return None
        # Fewer levels than codes where sums are few: the codes above them stand for nothing.
        kept = np.unique(np.linspace(0, len(levels) - 1, min(len(levels), MOST_PIECES + 1)).round().astype(int))
        thresholds = (levels[kept[:-1]] + levels[kept[:-1] + 1]) / 2
        return Spacing(Curve(thresholds, kept[:-1] + 0.5), Curve(kept.astype(np.float64), levels[kept]))

    def cost(self, tile: Tile, layer: LayerActivity, settings: CostSettings) -> Added:
        """A table of what codes stand for; that thresholds bend is the tile's (``Tile.bends_thresholds``)."""
        width = energy.sum_bits(tile.active_rows) + FRACTION_BITS
        return code_table(tile, layer, settings, 2**tile.adc_bits, width)


def lloyd_max(
    x: Float[np.ndarray, " reads"], wanted: Float[np.ndarray, " reads"], codes: int
) -> Float[np.ndarray, " levels"]:
    """Rising levels, at most one a code.

    Args:
        x: what is measured, rising.
        wanted: what it stands for.
        codes: most levels.

    Example:
        Two values need two levels:

        >>> lloyd_max(np.array([0.0, 0.0, 8.0]), np.array([0.0, 0.0, 8.0]), 4).tolist()
        [0.0, 8.0]
    """
    levels = np.unique(np.quantile(x, (np.arange(codes) + 0.5) / codes))
    sums = np.concatenate([[0.0], np.cumsum(wanted)])
    for _ in range(_ROUNDS):
        ends = np.concatenate([[0], np.searchsorted(x, (levels[:-1] + levels[1:]) / 2), [len(x)]])
        reads = np.diff(ends)
        means = np.unique(np.diff(sums[ends])[reads > 0] / reads[reads > 0])
        if np.array_equal(means, levels):
            break
        levels = means
    return levels
