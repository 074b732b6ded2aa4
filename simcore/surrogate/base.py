"""What the fast solver of a row group gives, and the reads that it is fitted to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from simcore.mapping.row_groups import RowGroup

FIT_GROUPS = 16  # row groups drawn for what several share
FIT_READS = 64
_SYNTHETIC_SHARE = 0.25  # reads of random density beside the real ones, so that the fit covers what calibration did not


class Surrogate(ABC):
    """The fast solver of one row group."""

    @abstractmethod
    def evaluate(self, bits: np.ndarray, columns: slice | np.ndarray = slice(None)) -> np.ndarray:
        """(B, M) column currents in LSB for (B, N) applied bits."""

    def reference(self, applied: np.ndarray) -> np.ndarray:
        """What is taken from the columns' currents before conversion, in reads with so many rows on: the current of the
        reference column in LSB."""
        return np.zeros(len(applied))

    @abstractmethod
    def on_cells(self, group: RowGroup) -> Surrogate:
        """The fast solver with the cells that a row group has on a chip: fitted to nominal cells, for wires take from a
        cell what its neighbours draw together, and of these the spread averages out."""


@dataclass(frozen=True)
class Calibration:
    """What fits are made from.

    Attributes:
        vectors: (B, K) int8 input vectors of the layer in row order.
        rng: draws among them.
    """

    vectors: np.ndarray
    rng: np.random.Generator

    def draw(self, population: int, count: int) -> np.ndarray:
        """Up to ``count`` different indices in rising order."""
        return np.sort(self.rng.choice(population, size=min(count, population), replace=False))

    def bits(self, group: RowGroup, reads: int) -> np.ndarray:
        """(reads, N) applied bits: calibration inputs, half of them as they come and half from the emptiest to the
        fullest, and a share of synthetic ones: random bits of every density, crowded at either end of the columns, and
        unions of two calibration inputs. Of real ones the first vectors are taken more often than the last: the fewer
        reads, the more are the ideal network's and the fewer the design's own."""
        rng, rows = self.rng, group.rows
        synthetic = round(reads * _SYNTHETIC_SHARE)
        applied = group.apply(self.vectors).bits
        chosen = self.draw(len(applied), reads - synthetic)
        spread = _spread(applied.sum(axis=1), len(chosen) // 2)
        real = applied[np.concatenate([spread, chosen[: len(chosen) - len(spread)]])]
        density = group.stored.most_applied * rng.random((synthetic, 1))
        slope = 2 * rng.random((synthetic, 1)) - 1
        density = density * (1 + slope * np.linspace(-1, 1, rows))
        drawn = (rng.random((synthetic, rows)) < density).astype(np.uint8)
        unions = rng.integers(len(applied), size=(2, synthetic // 2))
        drawn[: synthetic // 2] = applied[unions[0]] | applied[unions[1]]
        return np.concatenate([real, drawn])


def _spread(values: np.ndarray, count: int) -> np.ndarray:
    """Up to ``count`` different indices whose values lie evenly between the least and the largest."""
    order = np.argsort(values, kind="stable")
    wanted = np.linspace(values.min(), values.max(), count)
    return order[np.unique(np.searchsorted(values[order], wanted))]
