"""A row group: the rows of a tile that are read together, what they store, and what a read of them gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from jaxtyping import Float64, Integer, UInt8

from simcore.crossbar import Circuit, Solution, Status, solve
from simcore.crossbar.cells import Cells
from simcore.encodings import Encoding
from simcore.errors import BinsparxError
from simcore.mapping.tiling import LayerMapping, RowSpan

_CURRENT_TOLERANCE = 1e-7


class UnsolvedError(BinsparxError):
    """An exact solve that a design depends on did not converge."""


@dataclass(frozen=True)
class StoredBits:
    """What a row group stores, and what the digital side has to know about it; N rows, M columns.

    Attributes:
        bits: (N, M) uint8 as stored.
        digital: (N, M) uint8 whose sums the digital side keeps: as stored, but for what was pruned.
        flips: (M,) bool, columns stored complemented.
        expected: (N, M) float64, expected applied bit of every pruned cell, 0 elsewhere.
        flip_above: share of ones above which a sub-vector is applied complemented; infinite where it never is.
        counted_every: one row of so many is counted for that decision, from the first on.
        reference: a column of OFF cells stands beside them, whose current is taken from that of every column.
    """

    bits: np.ndarray
    digital: np.ndarray
    flips: np.ndarray
    expected: np.ndarray
    flip_above: float = np.inf
    counted_every: int = 1
    reference: bool = False

    @classmethod
    def plain(cls, weights: np.ndarray) -> StoredBits:
        """(N, M) bits stored as they are."""
        return cls(weights, weights, np.zeros(weights.shape[1], dtype=bool), np.zeros(weights.shape))

    def reordered(self, permutation: np.ndarray) -> StoredBits:
        """With what was row ``permutation[i]`` as row i."""
        bits, digital, expected = (part[permutation] for part in (self.bits, self.digital, self.expected))
        return replace(self, bits=bits, digital=digital, expected=expected)

    @property
    def most_applied(self) -> float:
        """The largest share of rows that can be on."""
        if self.flip_above >= 1:
            return 1.0
        counted = 1 / self.counted_every  # of the others all may be on
        return max(self.flip_above, 1 - self.flip_above) * counted + (1 - counted)

    def most_on(self, rows: int) -> int:
        """How many of so many rows can be on: the largest number that is not above ``flip_above`` of those counted, or
        all others of the smallest that is; those not counted may all be on."""
        if self.flip_above >= 1:
            return rows
        counted = -(-rows // self.counted_every)
        kept = int(np.float32(self.flip_above) * np.float32(counted))  # in float32, as ``applied_inputs`` decides it
        return max(kept, counted - kept - 1) + rows - counted

    def apply(self, vectors: np.ndarray) -> Applied:
        """The group's (B, N) inputs in {-1, 0, 1} (0: padding) as they drive its rows."""
        return applied_inputs(vectors, self.flip_above, self.counted_every)


@dataclass(frozen=True)
class Applied:
    """Sub-vectors as they drive the rows.

    Attributes:
        bits: X', 1 where a row is driven.
        signs: -1 where a sub-vector is applied complemented, else 1.
    """

    bits: UInt8[np.ndarray, "reads rows"]
    signs: Float64[np.ndarray, " reads"]


@dataclass(frozen=True)
class TileRow:
    """The tiles side by side that hold the same rows of a layer.

    Attributes:
        circuit: of every tile.
        bits: (R, M) uint8, states of the cells; rows not in use store 0.
        width: columns of a tile.
        device: where they are solved exactly (see ``simcore.crossbar.solve``).
        factors: (R, M), what multiplies the cells' currents (see ``crossbar.cells``); None where all are nominal.
    """

    circuit: Circuit
    bits: np.ndarray
    width: int
    device: str | None = None
    factors: np.ndarray | None = None

    def tiles(self) -> Iterator[slice]:
        """The columns of each tile."""
        columns = self.bits.shape[1]
        for start in range(0, columns, self.width):
            yield slice(start, min(start + self.width, columns))

    def draw(self, rng: np.random.Generator) -> slice:
        """The columns of one tile, drawn at random."""
        tiles = list(self.tiles())
        return tiles[int(rng.integers(len(tiles)))]


@dataclass(frozen=True)
class RowGroup:
    """A row group as a design stores it.

    Attributes:
        layer: name of the layer.
        span: its rows of the layer.
        dense: (N, M) uint8, the weights' bits, neither flipped nor pruned.
        stored: what it stores.
        tile: all rows of the tiles that it is part of: where rows are not gated the cells of the other groups conduct
            too, so they belong to the circuit.
        encoding: says what converters are given of its columns.
    """

    layer: str
    span: RowSpan
    dense: np.ndarray
    stored: StoredBits
    tile: TileRow
    encoding: Encoding

    @property
    def rows(self) -> int:
        """N."""
        return self.span.rows

    @property
    def columns(self) -> int:
        """M."""
        return int(self.dense.shape[1])

    @property
    def cells(self) -> Cells:
        """Its cells as they are on the chip, (N, M) each: states and factors."""
        rows = slice(self.span.offset, self.span.offset + self.rows)
        tile = self.tile
        return Cells(tile.bits[rows], None if tile.factors is None else tile.factors[rows])

    @property
    def unhindered(self) -> np.ndarray:
        """(N, M) what its cells, as they are on the chip, would carry in LSB without wires."""
        circuit, cells = self.tile.circuit, self.cells
        leak = circuit.off_current() / circuit.on_current()
        currents: np.ndarray = np.where(cells.states == 1, 1.0, leak)
        return currents if cells.factors is None else currents * cells.factors

    @property
    def conversions(self) -> int:
        """C of a read."""
        return self.columns // self.encoding.columns_a_conversion

    def columns_of(self, conversions: np.ndarray) -> np.ndarray:
        """The columns, side by side, that some conversions read."""
        each = self.encoding.columns_a_conversion
        return (each * conversions[:, None] + np.arange(each)).ravel()

    def conversions_of(self, columns: slice) -> np.ndarray:
        """The conversions that read some columns, all of each."""
        each = self.encoding.columns_a_conversion
        return np.arange(columns.start // each, columns.stop // each)

    @cached_property
    def largest_sums(self) -> np.ndarray:
        """(C,) the largest partial sum that each conversion can read; where it reads a difference, the largest in
        size."""
        most = self.stored.most_on(self.rows)
        ones = self.stored.bits.sum(axis=0, dtype=np.int64).reshape(self.conversions, -1).max(axis=1)
        return np.minimum(ones, most)

    def inputs(self, vectors: np.ndarray) -> np.ndarray:
        """(B, N) of the layer's (B, K) vectors in {-1, 0, 1}."""
        return vectors[:, self.span.start : self.span.stop]

    def apply(self, vectors: np.ndarray) -> Applied:
        """The layer's (B, K) vectors in {-1, 0, 1} (0: padding) as they drive these rows."""
        return self.stored.apply(self.inputs(vectors))

    def partial_sums(self, bits: np.ndarray, columns: slice | np.ndarray = slice(None)) -> np.ndarray:
        """(B, M) whole float64 sums of the stored bits that (B, N) applied bits meet."""
        sums: np.ndarray = bits.astype(np.float64) @ self.stored.bits[:, columns]
        return sums

    def driven(self, bits: np.ndarray) -> np.ndarray:
        """(B, R) uint8 rows of the whole tile that (B, N) applied bits drive."""
        driven = np.zeros((len(bits), len(self.tile.bits)), dtype=np.uint8)
        driven[:, self.span.offset : self.span.offset + self.rows] = bits
        return driven

    def solve(
        self, bits: np.ndarray, columns: slice | np.ndarray, tol: float, dtype: npt.DTypeLike = np.float64
    ) -> Solution:
        """Reads solved exactly, the other rows of the tile off.

        Args:
            bits: (B, N) applied bits.
            columns: some of one tile; of any tiles where columns do not see each other.
            tol, dtype: as in ``simcore.crossbar.solve``.
        """
        tile = self.tile
        factors = None if tile.factors is None else tile.factors[:, columns]
        return solve(
            tile.circuit, tile.bits[:, columns], self.driven(bits), tol, dtype, device=tile.device, factors=factors
        )

    def reference_currents(self, bits: np.ndarray, tol: float = _CURRENT_TOLERANCE) -> np.ndarray:
        """(B,) currents in LSB of the column of OFF cells beside the others, for (B, N) applied bits; zero where there
        is none.

        Raises:
            UnsolvedError: a solve did not converge.
        """
        if not self.stored.reference:
            return np.zeros(len(bits))
        tile = self.tile
        off = np.zeros((len(tile.bits), 1), dtype=np.uint8)
        found = self.in_lsb(solve(tile.circuit, off, self.driven(bits), tol, np.float64, device=tile.device))
        return found[:, 0]

    def sums_of_conversions(self, bits: np.ndarray, columns: slice | np.ndarray = slice(None)) -> np.ndarray:
        """(B, C) whole float64, what the converters should deliver for (B, N) applied bits."""
        return self.encoding.converted(self.partial_sums(bits, columns))

    def met_by_converters(self, currents: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """(B, C) currents in LSB that converters are given, less that of the column of OFF cells where there is one.

        Args:
            currents: (B, M) what the columns deliver, LSB; M may be some of them, all of a conversion.
            bits: (B, N) applied bits.

        Raises:
            UnsolvedError: a solve did not converge.
        """
        return self.encoding.converted(currents - self.reference_currents(bits)[:, None])

    def exact_currents(self, bits: np.ndarray, tol: float = _CURRENT_TOLERANCE) -> np.ndarray:
        """(B, M) column currents in LSB for (B, N) applied bits.

        Raises:
            UnsolvedError: a solve did not converge.
        """
        # A read's currents do not depend on the others', and images share many reads: of empty corners, above all.
        reads, of_read = np.unique(bits, axis=0, return_inverse=True)
        currents = np.empty((len(reads), self.columns))
        for columns in self.tile.tiles():
            currents[:, columns] = self.in_lsb(self.solve(reads, columns, tol))
        return currents[of_read.reshape(-1)]

    def in_lsb(self, solution: Solution) -> np.ndarray:
        """Sink currents that others may rest on, float64 in LSB, the current of a lone ON cell.

        Raises:
            UnsolvedError: a solve did not converge.
        """
        if not solution.converged:
            unsolved = int((solution.status != Status.CONVERGED).sum())
            raise UnsolvedError(
                f"layer {self.layer}: {unsolved} crossbar solves did not converge, of {solution.status.size}: "
                f"{Status.NOT_CONVERGED.text}"
            )
        currents: np.ndarray = solution.sink_currents.astype(np.float64) / self.tile.circuit.on_current()
        return currents


def applied_inputs(vectors: Integer[np.ndarray, "reads rows"], flip_above: float, counted_every: int = 1) -> Applied:
    """Sub-vectors as applied: those with many +1s among their valid rows complemented.

    Args:
        vectors: the inputs of a row group in {-1, 0, 1}; 0 is padding, whose row stays off.
        flip_above: share of +1 above which a sub-vector is complemented; infinite where it never is.
        counted_every: one row of so many is counted for that.

    Example:
        Of the first read two of three rows are +1, of the second one of two valid rows:

        >>> applied = applied_inputs(np.array([[1, 1, -1], [1, -1, 0]], np.int8), flip_above=0.5)
        >>> applied.bits.tolist(), applied.signs.tolist()
        ([[0, 0, 1], [1, 0, 0]], [-1.0, 1.0])
    """
    bits, valid = (vectors > 0).astype(np.uint8), vectors != 0
    if np.isinf(flip_above):
        return Applied(bits, np.ones(len(bits)))
    # In float32, as the fused readout decides it.
    counted = slice(None, None, counted_every)
    most = np.float32(flip_above) * valid[:, counted].sum(axis=1).astype(np.float32)
    flips = bits[:, counted].sum(axis=1, dtype=np.int64) > most
    return Applied(np.where(flips[:, None], valid & (bits == 0), bits).astype(np.uint8), np.where(flips, -1.0, 1.0))


def assemble(
    mapping: LayerMapping, stored: list[StoredBits], circuit: Circuit, rows: int, width: int, device: str | None = None
) -> list[RowGroup]:
    """The row groups of a layer, those of one tile sharing its bits.

    Args:
        mapping: the layer.
        stored: what each of its row groups stores.
        circuit, rows, width, device: of a tile.
    """
    tiles: dict[int, np.ndarray] = {}
    for span, kept in zip(mapping.spans, stored, strict=True):
        bits = tiles.setdefault(span.tile_start, np.zeros((rows, mapping.columns), dtype=np.uint8))
        bits[span.offset : span.offset + span.rows] = kept.bits
    tile_rows = {start: TileRow(circuit, bits, width, device) for start, bits in tiles.items()}
    return [
        RowGroup(
            mapping.name,
            span,
            mapping.weights[span.start : span.stop],
            kept,
            tile_rows[span.tile_start],
            mapping.encoding,
        )
        for span, kept in zip(mapping.spans, stored, strict=True)
    ]
