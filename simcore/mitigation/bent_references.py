"""Bent references: the thresholds of a converter lie where the mean currents of neighbouring partial sums part."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.optimize import lsq_linear

from simcore.mitigation.base import Mitigation
from simcore.mitigation.transfer import Curve, ScopeReads, Transfer

# Judgements, all of them.
_QUANTILES = (0.001, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 0.999)  # of the partial sums: where straight pieces meet
_LEAST_PIECE = 1.0  # LSB: no piece is shorter
_FLATTEST = 0.05  # of the mean slope: thresholds lie no closer than this many of their mean distance
_BINS = 512  # reads of nearly one value weigh as one


@dataclass(frozen=True)
class BentReferences(Mitigation):
    """A curve for all reads that are set together, monotone by construction: straight pieces that all rise.

    The line comes before it (``ReRanging``): where each column has a line of its own, all columns of the row group
    share the curve.

    What it costs is the tile's, whose thresholds bend (``Tile.bends_thresholds``).

    Source: custom references, Purdue (arXiv 2408.05857); the fit is this project's.

    Attributes:
        fit: as ``ReRanging`` has it.
    """

    fit: str
    name = "bent_references"

    def sense(self, transfer: Transfer, reads: ScopeReads) -> Transfer:
        line, target = transfer.line(reads.current).ravel(), transfer.target(reads).ravel()
        return replace(transfer, curve=fitted_curve(line, target, self.fit))


def fitted_curve(measured: Float[np.ndarray, " reads"], sums: Float[np.ndarray, " reads"], fit: str) -> Curve | None:
    """From what is measured to partial sums, as ``rising_curve``.

    Args:
        measured: of calibration reads.
        sums: what it should be.
        fit: ``least_squares``, the mean sum of what is measured; ``unbiased``, the mean measured of every sum, turned
            round.
    """
    if fit == "least_squares":
        return rising_curve(measured, sums)
    sums_to_measured = rising_curve(sums, measured)
    return None if sums_to_measured is None else sums_to_measured.inverse


def rising_curve(x: Float[np.ndarray, " reads"], y: Float[np.ndarray, " reads"]) -> Curve | None:
    """The mean of y over x as a curve of straight pieces that all rise, by least squares.

    Args:
        x: pieces meet at quantiles of it.
        y: its mean is wanted.

    Returns:
        None where x spans less than two pieces, or where the mean does not rise.

    Example:
        >>> x = np.arange(100.0)
        >>> curve = rising_curve(x, np.where(x < 50, x, 50 + (x - 50) / 2))
        >>> bool(curve(np.array([10.0]))[0] < 12), bool(curve(np.array([90.0]))[0] < 72)
        (True, True)
    """
    knots = _spread(np.quantile(x, _QUANTILES))
    if len(knots) < 3:
        return None
    x, y, weight = _binned(x, y)
    pieces = np.diff(knots)
    # A piece adds what it rises: all of it beyond its end, before its start nothing; first and last go on for ever.
    ramps = (x[:, None] - knots[:-1]) / pieces
    low, high = np.zeros(len(pieces)), np.ones(len(pieces))
    low[0], high[-1] = -np.inf, np.inf
    design = np.column_stack([np.ones_like(x), np.clip(ramps, low, high)])
    mean = np.polynomial.polynomial.polyfit(x, y, 1, w=np.sqrt(weight))[1]
    if mean <= 0:
        return None
    least = _FLATTEST * mean * pieces
    scale = np.sqrt(weight)
    bounds = (np.concatenate([[-np.inf], least]), np.full(len(pieces) + 1, np.inf))
    start, *rises = lsq_linear(scale[:, None] * design, scale * y, bounds).x
    return Curve(knots, start + np.concatenate([[0.0], np.cumsum(np.maximum(rises, least))]))


def _spread(knots: Float[np.ndarray, " knots"]) -> Float[np.ndarray, " kept"]:
    """Those that lie far enough from the one before."""
    kept = [knots[0]]
    for knot in knots[1:]:
        if knot - kept[-1] >= _LEAST_PIECE:
            kept.append(knot)
    return np.array(kept)


def _binned(
    x: Float[np.ndarray, " reads"], y: Float[np.ndarray, " reads"]
) -> tuple[Float[np.ndarray, " bins"], Float[np.ndarray, " bins"], Float[np.ndarray, " bins"]]:
    """Means of x and y in narrow bins of x, and the reads in each."""
    width = max((x.max() - x.min()) / _BINS, 1e-12)
    place = ((x - x.min()) / width).astype(np.int64)
    reads = np.bincount(place).astype(np.float64)
    used = reads > 0
    means = (np.bincount(place, weights=values)[used] / reads[used] for values in (x, y))
    return next(means), next(means), reads[used]
