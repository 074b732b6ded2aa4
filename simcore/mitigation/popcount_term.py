"""The popcount term: what the digital side knows of a read beside its codes, the number of rows that are on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from simcore.cost import Added, CostSettings, LayerActivity, Tile, energy
from simcore.cost.added import counting, fraction_bits
from simcore.mitigation.base import Mitigation
from simcore.mitigation.transfer import ScopeReads, Transfer

FRACTION_BITS = 4
"""Bits after the point of the term's coefficient: a judgement; it is off by 1/32 at most, for each row that is on."""
COEFFICIENT_BITS = FRACTION_BITS + 2
"""Bits of the coefficient, which is held between -2 and 2; at exactly 2, its upper end, one more would be needed."""
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True)
class PopcountTerm(Mitigation):
    """OFF cells of rows that are on conduct too, and their current drops voltages for all: a partial sum is told from
    the current and sum(X') together, PS = f(I) + beta sum(X'). beta is one number a row group, of few bits.

    Attributes:
        fit: as ``ReRanging`` has it.
    """

    fit: str
    name = "popcount_term"

    def sense(self, transfer: Transfer, reads: ScopeReads) -> Transfer:
        """Both coefficients by one regression: ``unbiased`` of what is measured on the sums and sum(X'), turned round;
        ``least_squares`` of the sums on what is measured and sum(X')."""
        measured = transfer.measured(reads.current).ravel()
        sums = reads.sums.ravel().astype(np.float64)
        applied = np.repeat(reads.applied.astype(np.float64), reads.sums.shape[1])
        if self.fit == "least_squares":
            gain, beta = _regress(sums, measured, applied)
        else:
            slope, leak = _regress(measured, sums, applied)
            gain, beta = (1 / slope, -leak / slope) if slope > _LEAST_SPREAD else (0.0, 0.0)
        if gain <= _LEAST_SPREAD:
            return transfer
        most = 2.0 ** (COEFFICIENT_BITS - FRACTION_BITS - 1)
        beta = float(np.clip(np.rint(beta * 2**FRACTION_BITS) / 2**FRACTION_BITS, -most, most))
        left = (sums - gain * measured - beta * applied).mean()
        return replace(transfer.rescaled(gain, float(left)), per_row=beta)

    def cost(self, tile: Tile, layer: LayerActivity, settings: CostSettings) -> Added:
        """sum(X') where nothing else counts it, times a constant, once a sub-vector; added to every converted sum, with
        the bits after the point that it brings into the accumulators."""
        s = settings
        width = tile.sum_bits
        multiplier = energy.sum_bits(tile.active_rows) * COEFFICIENT_BITS
        multiplied = tile.mean_over_groups(layer.inputs, energy.sum_bits) * COEFFICIENT_BITS
        row_tiles = tile.row_tiles(layer.groups)
        adders = tile.column_tiles(layer.columns) * tile.converters(s) * (width + FRACTION_BITS)
        own = Added.logic(
            (layer.sub_vectors * multiplied + tile.conversions(layer) * (width + FRACTION_BITS)) * s.full_adder_energy,
            row_tiles * (multiplier + adders) * s.full_adder_area,
            s,
        )
        return own + counting(tile, layer, s) + fraction_bits(tile, layer, s, FRACTION_BITS)


def _regress(wanted: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The coefficients of two variables; (0, 0) where they cannot be told apart."""
    centred = np.stack([first - first.mean(), second - second.mean()])
    gram = centred @ centred.T / len(wanted)
    if gram[0, 0] * gram[1, 1] - gram[0, 1] ** 2 <= _LEAST_SPREAD * max(gram[0, 0] * gram[1, 1], _LEAST_SPREAD):
        return 0.0, 0.0
    one, other = np.linalg.solve(gram, centred @ (wanted - wanted.mean()) / len(wanted))
    return float(one), float(other)
