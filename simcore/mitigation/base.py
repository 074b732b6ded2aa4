"""What every training-free mitigation may do, one pass a file."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int8, Integer, UInt8

from simcore.cost import Added, CostSettings, LayerActivity, Tile
from simcore.mapping.row_groups import RowGroup, StoredBits
from simcore.mapping.tiling import LayerMapping
from simcore.mitigation.transfer import Curve, ScopeReads, Transfer


class StoredRows(NamedTuple):
    """A layer as some passes store it.

    Attributes:
        mapping: the layer in the order of rows that they give it.
        vectors: (B, K) int8 calibration inputs in {-1, 0, 1}, in that order.
        groups: its row groups.
    """

    mapping: LayerMapping
    vectors: np.ndarray
    groups: list[RowGroup]


StoredWithout = Callable[[frozenset[str]], StoredRows]


@dataclass(frozen=True)
class Spacing:
    """Codes that do not lie at equal distances.

    Attributes:
        codes: from what is measured, in partial sums, to the code before it is rounded.
        levels: from a code to partial sums.
    """

    codes: Curve
    levels: Curve


@dataclass(frozen=True)
class SumTable:
    """Partial sums of codes, by the rows that are on.

    Attributes:
        curves: from what codes stand for to partial sums, of few rows on first.
        rows_each: so many rows share a curve; the last serves all beyond.
    """

    curves: tuple[Curve, ...]
    rows_each: int

    def in_units(self, zero: float, step: float) -> tuple[Curve, ...]:
        """The curves with both axes counted in ``step`` from ``zero`` on."""
        return tuple(curve.in_units(zero, step) for curve in self.curves)


@dataclass(frozen=True)
class OutputLine:
    """What every output of a layer is multiplied by, and what is added then."""

    scale: Float32[np.ndarray, " outputs"]
    shift: Float32[np.ndarray, " outputs"]

    def of(self, outputs: torch.Tensor) -> torch.Tensor:
        """The line of a layer's (B, M) or (B, M, OH, OW) outputs."""
        scale, shift = (
            torch.from_numpy(values).view(-1, *[1] * (outputs.dim() - 2)) for values in (self.scale, self.shift)
        )
        return outputs * scale + shift


class Mitigation(ABC):
    """A pass over a layer. Each of its hooks leaves things as they are unless a pass says otherwise; so does its cost.

    They act in this order: ``order`` when the layer is mapped, ``left_out`` and ``store`` when its row groups are
    written (what is done to inputs at run time is set there too: ``StoredBits.flip_above``), ``order_around_faults``
    and ``around_faults`` when a chip is written whose faults are known, ``sense``, ``space`` and ``tabulate`` when the
    converters are set, ``afterwards`` when calibration images have passed the layer. All that is learnt is learnt on
    calibration images, without labels.

    Attributes:
        name: as designs call it.
    """

    name: str

    @property
    def finer_bits(self) -> int | None:
        """Bits by which the places that bent thresholds may take are finer than codes; None where it says nothing."""
        return None

    @property
    def reference_step(self) -> float | None:
        """Distance in LSB of the currents that the ends of a converter's range may have; None where it says nothing."""
        return None

    def order(
        self, mapping: LayerMapping, vectors: Int8[np.ndarray, "reads rows"]
    ) -> Integer[np.ndarray, " rows"] | None:
        """In which order rows take the layer's inputs.

        Args:
            mapping: the layer, its inputs as the passes before leave them.
            vectors: calibration inputs in {-1, 0, 1}, in the mapping's order.

        Returns:
            A permutation, or None where the order stays.
        """
        return None

    def store(self, stored: StoredBits, vectors: Int8[np.ndarray, "reads rows"]) -> StoredBits:
        """What a row group stores.

        Args:
            stored: what the passes before leave.
            vectors: calibration inputs of the group in {-1, 0, 1}.
        """
        return stored

    def left_out(self, stored_without: StoredWithout) -> frozenset[str]:
        """Names of passes that a layer does without.

        Args:
            stored_without: the layer as stored without some passes, by their names.
        """
        return frozenset()

    def order_around_faults(
        self, bits: UInt8[np.ndarray, "rows columns"], held: Int8[np.ndarray, "rows columns"]
    ) -> Integer[np.ndarray, " rows"] | None:
        """In which order the rows of a group of one chip take its inputs.

        Args:
            bits: to be stored, in the order that the passes before leave.
            held: as ``around_faults`` has it.

        Returns:
            A permutation, or None where the order stays.
        """
        return None

    def around_faults(self, stored: StoredBits, held: Int8[np.ndarray, "rows columns"]) -> StoredBits:
        """What a row group of one chip stores, where some of its cells do not take what is written.

        Args:
            stored: what the passes before leave.
            held: the state that a cell keeps whatever is written, -1 where it takes either.
        """
        return stored

    def sense(self, transfer: Transfer, reads: ScopeReads) -> Transfer:
        """How partial sums are told from currents.

        Args:
            transfer: what the passes before leave.
            reads: calibration reads of all that is set together.
        """
        return transfer

    def space(
        self, measured: Float[np.ndarray, "reads columns"], target: Float[np.ndarray, "reads columns"], codes: int
    ) -> Spacing | None:
        """Where codes lie, or None where they lie at equal distances.

        Args:
            measured: in partial sums, of calibration reads.
            target: what it should be.
            codes: how many there are.
        """
        return None

    def tabulate(self, measured: Float[np.ndarray, "reads columns"], reads: ScopeReads) -> SumTable | None:
        """What codes stand for in reads with more or fewer rows on, or None where that is the same in all.

        Args:
            measured: in partial sums, of calibration reads.
            reads: the same reads.
        """
        return None

    def afterwards(
        self, delivered: Float[np.ndarray, "reads outputs"], wanted: Float[np.ndarray, "reads outputs"]
    ) -> OutputLine | None:
        """What is done to a layer's dot products.

        Args:
            delivered: by the arrays, of calibration images.
            wanted: by the ideal network, of the same images.
        """
        return None

    def cost(self, tile: Tile, layer: LayerActivity, settings: CostSettings) -> Added:
        """What the pass adds to a layer, beside what the tile's own properties say of it.

        Args:
            tile: array, cell and converter of the design.
            layer: what the layer did.
            settings: who pays for what, and the numbers of the periphery.
        """
        return Added()
