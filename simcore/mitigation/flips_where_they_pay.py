"""Flips where they pay: each layer keeps those flips that lower the error of its partial sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.mapping.row_groups import RowGroup
from simcore.mitigation.base import Mitigation, StoredRows, StoredWithout
from simcore.mitigation.re_ranging import ReRanging
from simcore.mitigation.transfer import IDENTITY, ScopeReads

# Judgements: what of a layer is solved exactly for each choice.
_GROUPS, _READS, _COLUMNS = 8, 64, 16
_TOLERANCE = 1e-6
_LEAST_GAIN = 0.01  # LSB: what a flip takes less of the rms error pays for nothing

WEIGHTS = frozenset({"weight_flip"})
ACTIVATIONS = frozenset({"activation_flip", "flip_above", "sampled_popcount"})


@dataclass(frozen=True)
class FlipsWhereTheyPay(Mitigation):
    """Of no flips, those of weights, those of activations and both a layer takes what leaves the least rms error of
    partial sums on calibration reads, solved exactly and with the line set anew for each choice; where two err alike,
    the one with fewer flips.

    A layer without a flip has no logic for it (``cost.Tile.of_layer``).

    Attributes:
        flips_weights: weights may be flipped.
        flips_activations: activations may.
        ranging: how the line is set.
    """

    flips_weights: bool
    flips_activations: bool
    ranging: ReRanging
    name = "flips_where_they_pay"

    def left_out(self, stored_without: StoredWithout) -> frozenset[str]:
        weights = [WEIGHTS, frozenset()] if self.flips_weights else [frozenset()]
        activations = [ACTIVATIONS, frozenset()] if self.flips_activations else [frozenset()]
        choices = [one | other for one in weights for other in activations]
        errors = np.array([self._rms_error(stored_without(choice)) for choice in choices])
        return choices[int(np.flatnonzero(errors <= errors.min() + _LEAST_GAIN)[0])]

    def _rms_error(self, stored: StoredRows) -> float:
        """Over some row groups, reads and columns, the same for every choice."""
        groups, vectors = stored.groups, stored.vectors[_some(len(stored.vectors), _READS)]
        squared = [self._squared_error(groups[index], vectors) for index in _some(len(groups), _GROUPS)]
        return float(np.sqrt(np.mean(squared)))

    def _squared_error(self, group: RowGroup, vectors: np.ndarray) -> float:
        bits = group.apply(vectors).bits
        columns: slice | np.ndarray = next(group.tile.tiles())
        if group.tile.circuit.wiring.columns_are_independent:
            columns = group.columns_of(_some(group.conversions, _COLUMNS))
        current = group.met_by_converters(group.in_lsb(group.solve(bits, columns, _TOLERANCE)), bits)
        reads = ScopeReads(current, group.sums_of_conversions(bits, columns), bits.sum(axis=1, dtype=np.int64))
        error = self.ranging.sense(IDENTITY, reads).measured(current) - reads.sums
        return float((error**2).mean())


def _some(count: int, most: int) -> np.ndarray:
    """Up to so many indices at even distances."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
