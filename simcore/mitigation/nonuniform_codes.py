"""Non-uniform codes: a converter of few bits puts its codes where partial sums are frequent."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from simcore.cost import Added, CostSettings, LayerActivity, Tile
from simcore.cost.added import code_table, fraction_bits
from simcore.mitigation.base import Mitigation, Spacing
from simcore.mitigation.popcount_term import FRACTION_BITS
from simcore.mitigation.transfer import Curve

_BINS = 256  # that thresholds lie between
MOST_PIECES = 16
"""Straight pieces that thresholds, and levels, are drawn with: up to 4 bits each code's own, of more those where the
curves bend. A judgement."""


class NonuniformCodes(Mitigation):
    """Thresholds and levels of least squared error on the calibration reads: each level is the mean sum of the reads
    between two thresholds.

    Source: Max, IRE Trans. Inf. Theory 6 (1960); found exactly, by dynamic programming (Bruce, MIT 1965), where Lloyd's
    iteration may stop early: partial sums are whole, so that there are many stops.
    """

    name = "nonuniform_codes"

    def space(
        self, measured: Float[np.ndarray, "reads columns"], target: Float[np.ndarray, "reads columns"], codes: int
    ) -> Spacing | None:
        thresholds, levels = least_error_codes(measured.ravel(), target.ravel(), codes)
        if len(levels) < 2:
            return None
        if len(levels) == 2:  # any line through the one threshold will do
            (threshold,), (low, high) = thresholds, np.maximum.accumulate(levels)
            half = max((high - low) / 2, 0.5)
            return Spacing(
                Curve(threshold + np.array([-half, half]), np.array([0.0, 1.0])),
                Curve(np.array([0.0, 1.0]), np.array([low, high])),
            )
        # Fewer levels than codes where sums are few: the codes above them stand for nothing.
        numbers = np.arange(len(levels), dtype=np.float64)
        drawn = Curve(numbers[:-1] + 0.5, thresholds).of_fewer_pieces(MOST_PIECES).inverse
        if len(drawn.at) < len(thresholds):
            levels = _means(drawn, measured.ravel(), target.ravel(), levels)
        return Spacing(drawn, Curve(numbers, np.maximum.accumulate(levels)).of_fewer_pieces(MOST_PIECES))

    def cost(self, tile: Tile, layer: LayerActivity, settings: CostSettings) -> Added:
        """A table of what codes stand for, and the bits after the point that it brings into the accumulators; that
        thresholds bend is the tile's (``Tile.bends_thresholds``)."""
        table = code_table(tile, layer, settings, 2**tile.adc_bits, tile.sum_bits + FRACTION_BITS)
        return table + fraction_bits(tile, layer, settings, FRACTION_BITS)


def _means(
    thresholds: Curve,
    x: Float[np.ndarray, " reads"],
    wanted: Float[np.ndarray, " reads"],
    levels: Float[np.ndarray, " levels"],
) -> Float[np.ndarray, " levels"]:
    """What the codes between thresholds stand for on average; as before where no read has one."""
    codes = np.clip(np.rint(thresholds(x)), 0, len(levels) - 1).astype(np.int64)
    reads, totals = (np.bincount(codes, weights=part, minlength=len(levels)) for part in (np.ones_like(x), wanted))
    return np.where(reads > 0, totals / np.maximum(reads, 1), levels)


def least_error_codes(
    x: Float[np.ndarray, " reads"], wanted: Float[np.ndarray, " reads"], codes: int
) -> tuple[Float[np.ndarray, " thresholds"], Float[np.ndarray, " levels"]]:
    """Thresholds, and one level more, of least squared error.

    Args:
        x: what is measured.
        wanted: what it stands for.
        codes: most levels; there are no more than bins that hold reads.

    Example:
        Two values need two levels:

        >>> thresholds, levels = least_error_codes(np.array([0.0, 0.0, 8.0]), np.array([0.0, 0.0, 8.0]), 4)
        >>> levels.tolist(), bool(0 < thresholds[0] < 8)
        ([0.0, 8.0], True)
    """
    ends = np.linspace(x.min(), x.max(), _BINS + 1)
    place = np.clip(np.searchsorted(ends, x, side="right") - 1, 0, _BINS - 1)
    reads = np.bincount(place, minlength=_BINS)
    bins = np.flatnonzero(reads)
    # Of the reads before each bin: how many, and the sums of what they stand for and of its squares.
    totals = [np.bincount(place, weights=part, minlength=_BINS)[bins] for part in (np.ones_like(x), wanted, wanted**2)]
    before = [np.concatenate([[0.0], np.cumsum(part)]) for part in totals]
    count, total, square = (part[None, :] - part[:, None] for part in before)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(count > 0, square - total**2 / count, np.inf)  # of one level for bins i .. j-1
    best = error[0]
    starts = []
    for _ in range(min(codes, len(bins)) - 1):
        choices = best[:, None] + error
        starts.append(choices.argmin(axis=0))
        best = choices.min(axis=0)
    stop, cuts = len(bins), []
    for start in reversed(starts):
        stop = int(start[stop])
        cuts.append(stop)
    cuts = [0, *(cut for cut in reversed(cuts) if cut > 0), len(bins)]
    levels = np.diff(before[1][cuts]) / np.diff(before[0][cuts])
    gaps = (ends[bins[cuts[1:-1]]] + ends[bins[[cut - 1 for cut in cuts[1:-1]]] + 1]) / 2
    return gaps, levels
