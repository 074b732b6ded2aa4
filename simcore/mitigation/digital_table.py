"""The digital table: a partial sum is looked up by its code and the number of rows that are on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from simcore.cost import Added, CostSettings, LayerActivity, Tile, energy
from simcore.cost.added import code_table, counting, fraction_bits
from simcore.mitigation.base import Mitigation, SumTable
from simcore.mitigation.bent_references import fitted_curve
from simcore.mitigation.popcount_term import FRACTION_BITS
from simcore.mitigation.transfer import Curve, ScopeReads

_LEAST_READS = 512  # that an entry's curve is fitted to: with fewer, those of neighbouring counts help. A judgement.


@dataclass(frozen=True)
class DigitalTable(Mitigation):
    """One table for all reads that are set together, (code, sum(X')) to partial sum: what the array's own curve bends
    and what OFF cells and common drops add, whatever their shape. Its address has all bits of the code, and as many of
    sum(X') as it is given: the counts that calibration has met lie in 2^bits bins of equal width, a power of two, and
    those beyond in the outermost. For the same count its entries rise with the code, along a curve of straight pieces
    (``rising_curve``), so that entries which calibration has not met lie between those that it has, and within the sums
    that there can be with so many rows on.

    Attributes:
        fit: as ``ReRanging`` has it.
        address_bits: of sum(X').
        rows: that are read together.
        signed: sums are differences, as far below 0 as above.
    """

    fit: str
    address_bits: int
    rows: int
    signed: bool = False
    name = "digital_table"

    def tabulate(self, measured: Float[np.ndarray, "reads columns"], reads: ScopeReads) -> SumTable | None:
        counts, sums = reads.applied.astype(np.int64), reads.sums.astype(np.float64)
        width = 1
        while counts.max() // width - counts.min() // width >= 2**self.address_bits:
            width *= 2
        bins = counts // width
        met = {}
        for place in range(bins.min(), bins.max() + 1):
            near = _nearest(np.abs(bins - place), measured.shape[1])
            most = self.rows if place == bins.max() else (place + 1) * width - 1
            curve = _curve(measured[near].ravel(), sums[near].ravel(), self.fit)
            met[place] = curve.held(-most if self.signed else 0, most)
        every = np.clip(np.arange(self.rows // width + 1), bins.min(), bins.max())
        return SumTable(tuple(met[place] for place in every.tolist()), width)

    def cost(self, tile: Tile, layer: LayerActivity, settings: CostSettings) -> Added:
        """The table and bits after the point in the accumulators; where the rows that are on are in its address,
        sum(X') where nothing else counts it, and its bin once a sub-vector."""
        counted = tile.mean_over_groups(layer.inputs, energy.sum_bits)
        entries = 2 ** (tile.adc_bits + self.address_bits)
        table = code_table(tile, layer, settings, entries, tile.sum_bits + FRACTION_BITS)
        table += fraction_bits(tile, layer, settings, FRACTION_BITS)
        if not self.address_bits:
            return table
        adders = tile.row_tiles(layer.groups) * energy.sum_bits(tile.active_rows) * settings.full_adder_area
        bins = Added.logic(layer.sub_vectors * counted * settings.full_adder_energy, adders, settings)
        return bins + table + counting(tile, layer, settings)


def _nearest(distance: np.ndarray, columns: int) -> np.ndarray:
    """Mask of the reads at distance 0, and of those further away as long as there are too few."""
    enough = int(min(_LEAST_READS, distance.size * columns))
    needed = np.sort(distance)[-(-enough // columns) - 1]
    mask: np.ndarray = distance <= needed
    return mask


def _curve(measured: np.ndarray, sums: np.ndarray, fit: str) -> Curve:
    """The curve of some reads; where they show none, what is measured moved to their mean."""
    curve = fitted_curve(measured, sums, fit)
    if curve is not None:
        return curve
    middle = float(measured.mean())
    return Curve(np.array([middle, middle + 1]), float(sums.mean()) + np.array([0.0, 1.0]))
