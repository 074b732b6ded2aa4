"""The fused readout: flips, column currents, conversion and digital reconstruction of a mapped layer, block by block.

A block of output positions goes through all row groups while its numbers are in cache: apply bits (flipped or not),
count those that meet stored ones, currents from the fast solver's fit, the converter, and the digital sum
of the layer's encoding, its sign undone where column or sub-vector is complemented. Gate-driven columns need no more
than their bits (``readout.columns``); elsewhere currents and projections are a matrix product (``readout.products``).
Blocks are the same for any number of threads, and totals are whole numbers (``readout.totals``), so results depend on
neither.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any, NamedTuple

import numba
import numpy as np
from threadpoolctl import ThreadpoolController

from simcore.kernels.bit_counts import pack_bits
from simcore.kernels.threads import run_in_threads
from simcore.noise.base import Noise, add_noise
from simcore.readout.bends import Bends
from simcore.readout.columns import read_columns
from simcore.readout.products import read_products
from simcore.readout.totals import DENSE_PARTIAL_SUM, FLIPS, ONES, PARTIAL_SUM, STATISTICS, merge
from simcore.surrogate.column_drops import LANES, of_group

BLOCK = 64  # output positions: fills the matrix product's tiles, and 64 x (1 + m) x 512 floats stay in L2

EXACT_SUMS = 2**24  # whole numbers up to here are exact in float32; a read's rows x outputs may not be more


class Inputs(NamedTuple):
    """What the rows of a layer are given; G groups, N_max rows of the largest group.

    Attributes:
        start, stop: (G,) ranges of the ordered inputs.
        pattern: (P,) index of each output position's padding pattern.
        valid: (patterns, K) uint8.
        flip_above: (G,) float32: share of ones above which a sub-vector is applied complemented.
        counted_every: (G,) int64: one row of so many is counted for that.
        ones, dense_ones: (G, N_max) float32: stored ones of each row, with and without flips (and pruning).
    """

    start: np.ndarray
    stop: np.ndarray
    pattern: np.ndarray
    valid: np.ndarray
    flip_above: np.ndarray
    counted_every: np.ndarray
    ones: np.ndarray
    dense_ones: np.ndarray


class Converters(NamedTuple):
    """From a current to a partial sum, less its curves; C conversions of a read, one a column or one of two.

    Attributes:
        gain, offset: (G, C) float32, code = clip(round(gain I + offset + noise), 0, top).
        step, zero: (G, C) float32, partial sum = zero + step code.
        top: largest code.
        noise: its source.
        used: (C,) float32, 0 in columns that only fill up.
    """

    gain: np.ndarray
    offset: np.ndarray
    step: np.ndarray
    zero: np.ndarray
    top: float
    noise: Noise
    used: np.ndarray


class Curves(NamedTuple):
    """Of the converters; see ``adc.ConverterSettings``.

    Attributes:
        thresholds: ``Bends`` of the row groups, before the rounding.
        grid: (G, 2) float32, a place and the distance of those that thresholds may take; distance 0: any.
        levels: ``Bends`` after the rounding.
        level_of: (G, 3) int64, which of them, by the rows that are on: the first, how many rows share one, the last.
        per_row: (G,) float32, what every row that is on adds to a partial sum.
        reference: (G, N_max + 1) float32, LSB that are taken from every current, by the rows that are on.
    """

    thresholds: Bends
    grid: np.ndarray
    levels: Bends
    level_of: np.ndarray
    per_row: np.ndarray
    reference: np.ndarray


class Digital(NamedTuple):
    """The digital side.

    Attributes:
        constants: (G, patterns, C) float32: N - 2 sum W', and what pruned cells are expected to contribute.
        signs: (G, C) float32: -1 for a complemented column.
        pairs: 2 where a conversion reads the difference of two columns; None where it reads one.
    """

    constants: np.ndarray
    signs: np.ndarray
    pairs: int | None


class ColumnTables(NamedTuple):
    """Gate-driven columns and their fast solver; see ``surrogate.column_drops`` and ``surrogate.column_fit``. Of those
    that are subtracted all first ones lie before all second ones, each kind filled up by itself.

    Attributes:
        packed: (G, bytes, M filled up) uint8: the bits that are meant to be stored, by rows.
        masks: (G, N_max, vectors): states of the cells, by columns.
        currents: (G, N_max, vectors, LANES) float32, of the cells in LSB; None where all are nominal.
        feed: (G, FEED).
        factors: (G, terms).
        ranges: (G, RANGES); float32.
    """

    packed: np.ndarray
    masks: np.ndarray
    currents: np.ndarray | None
    feed: np.ndarray
    factors: np.ndarray
    ranges: np.ndarray


class ProductTables(NamedTuple):
    """Columns whose currents are a matrix product, and their fast solver; m projections.

    Attributes:
        packed: (G, bytes, M filled up) uint8 stored bits.
        matrices: (G, N_max, (1 + m) M) float32: blocks of M columns, first-order currents in LSB and their
            projections, rounded so that sums over rows are exact. Where cells are noisy one more,
            ``RowGroup.unhindered``.
        quadratic: (G, 1 + m) float32: kappa and eigenvalues.
        polynomial: (G, terms) float32.
        ranges: (G, 2) float32: 1 / tau_max, 1 / s_max.
        corrections: (G, terms or 0, M) float32 of the columns' own corrections.
        input_vectors: (G, N_max, m or 0) float32, for the projections of the inputs that corrections look at.
        cols: columns of a tile.
        ideal: no circuit: the current of a column is its partial sum.
    """

    packed: np.ndarray
    matrices: np.ndarray
    quadratic: np.ndarray
    polynomial: np.ndarray
    ranges: np.ndarray
    corrections: np.ndarray
    input_vectors: np.ndarray
    cols: int
    ideal: bool


class Block(NamedTuple):
    """Scratch for the sub-vectors of one block: bits, packed bits, sum X', signs, padding patterns, converter noise;
    the partial sums of a read, the rows that are on in it, and the sums of its drops."""

    bits: np.ndarray
    packed: np.ndarray
    applied: np.ndarray
    input_sign: np.ndarray
    place: np.ndarray
    noise: np.ndarray
    counts: np.ndarray
    listed: np.ndarray
    gaps: np.ndarray
    sums: np.ndarray


class Reads(NamedTuple):
    """The reads of a block of output positions on one row group.

    Attributes:
        first: index of the first read among those of all images.
        number: how many they are.
        group: index of the row group.
        rows: N.
    """

    first: int
    number: int
    group: int
    rows: int


class ReadoutTables(NamedTuple):
    """Everything the readout of one layer needs."""

    inputs: Inputs
    cells: ColumnTables | ProductTables
    converters: Converters
    curves: Curves
    digital: Digital


def read_layer(tables: ReadoutTables, vectors: np.ndarray, noise_seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Dot products of all output positions of some images.

    Args:
        vectors: (B, P, K) int8 in {-1, 0, 1}, row order.
        noise_seed: seeds the converter noise of these images.

    Returns:
        (B, P, C) float32 shares of dot products, and the (len(STATISTICS),) int64 totals.
    """
    batch, positions, inputs = vectors.shape
    flat = vectors.reshape(batch * positions, inputs)
    blocks = -(-len(flat) // BLOCK)
    columns = tables.digital.signs.shape[1]
    # Gate-driven columns are filled up to whole vectors; what is added conducts, but is neither read nor counted.
    gate_driven = isinstance(tables.cells, ColumnTables)
    filled = tables.cells.packed.shape[2] // (tables.digital.pairs or 1) if gate_driven else columns
    out = np.zeros((len(flat), filled), dtype=np.float32)
    statistics = np.zeros((blocks, len(STATISTICS)), dtype=np.int64)
    fixed: ReadoutTables = _read_only(tables)
    kernel = _read_products
    if gate_driven:
        kernel = _read_columns
        fixed = fixed._replace(
            converters=_in_vectors(fixed.converters, filled), digital=_in_vectors(fixed.digital, filled)
        )
    vectors_only, seed = _view(flat), np.uint64(noise_seed)
    # The blocks run in threads of ours; a matrix product that starts threads of its own inside would fight them.
    with single_threaded_blas():
        run_in_threads(lambda first, last: kernel(first, last, vectors_only, fixed, seed, out, statistics), blocks)
    return np.ascontiguousarray(out[:, :columns]).reshape(batch, positions, columns), merge(statistics)


def _in_vectors(part: Any, columns: int) -> Any:
    """The arrays of a part with zeros after their last column, up to ``columns``, and columns as (vectors, LANES)."""

    def filled(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        padded = np.pad(value, [(0, 0)] * (value.ndim - 1) + [(0, columns - value.shape[-1])])
        return _view(padded.reshape(*value.shape[:-1], columns // LANES, LANES))

    return type(part)(*(filled(value) for value in part))


def single_threaded_blas() -> AbstractContextManager[object]:
    """Matrix products and factorisations inside take one thread: with several they add up in another order."""
    return _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def _view(array: np.ndarray) -> np.ndarray:
    """A read-only view: tables from a shared object store are read-only, and one kind needs one kernel."""
    view = array.view()
    view.flags.writeable = False
    return view


def _read_only(part: Any) -> Any:
    """The part with its arrays read-only and its numbers as float32."""
    kinds = {float: np.float32, np.float32: np.float32, int: np.int64, bool: bool}

    def fixed(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, np.ndarray):
            return _view(value)
        return _read_only(value) if isinstance(value, tuple) else kinds[type(value)](value)

    return type(part)(*map(fixed, part))


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"}, forceinline=True)
def _apply_bits(vectors, reads, inputs, block, totals):  # type: ignore[no-untyped-def]
    """Input bits of the sub-vectors of some reads, complemented where that applies fewer ones.

    Args:
        vectors: (positions, K) int8 of +1, -1, 0 (padding).
        reads: ``Reads``.
        block: bits, sums and signs are written.
        totals: (STATISTICS,) int64, increased.
    """
    group, first, rows, start = reads.group, reads.first, reads.rows, inputs.start[reads.group]
    stored_ones, dense_ones, bits = inputs.ones[group], inputs.dense_ones[group], block.bits
    flip_above, every = inputs.flip_above[group], inputs.counted_every[group]
    for read in range(reads.number):
        pattern = block.place[read]
        ones, rows_valid = np.int32(0), np.int32(0)
        for i in range(rows):
            bits[read, i] = np.uint8(vectors[first + read, start + i] > 0)
            ones += np.int32(bits[read, i])
            rows_valid += np.int32(inputs.valid[pattern, start + i])
        counted, most = ones, rows_valid
        if every > 1:
            counted, most = np.int32(0), np.int32(0)
            for i in range(0, rows, every):
                counted += np.int32(bits[read, i])
                most += np.int32(inputs.valid[pattern, start + i])
        flipped = np.float32(counted) > flip_above * np.float32(most)
        # Sums of whole numbers up to EXACT_SUMS: exact in float32 in any order.
        stored, dense = np.float32(0), np.float32(0)
        for i in range(rows):
            dense += np.float32(bits[read, i]) * dense_ones[i]
        if flipped:
            for i in range(rows):
                bits[read, i] = inputs.valid[pattern, start + i] - bits[read, i]
        for i in range(rows):
            stored += np.float32(bits[read, i]) * stored_ones[i]
        for i in range(rows, bits.shape[1]):
            bits[read, i] = 0
        block.applied[read] = np.float32(rows_valid - ones if flipped else ones)
        block.input_sign[read] = np.float32(-1 if flipped else 1)
        totals[PARTIAL_SUM] += np.int64(stored)
        totals[DENSE_PARTIAL_SUM] += np.int64(dense)
        totals[FLIPS] += 1 if flipped else 0
        totals[ONES] += np.int64(block.applied[read])


@numba.njit(cache=True, error_model="numpy", forceinline=True)
def _new_block(rows, most_bytes, columns, noisy_columns):  # type: ignore[no-untyped-def]
    """Scratch of a thread."""
    return Block(
        np.zeros((BLOCK, -(-rows // 8) * 8), np.uint8),
        np.zeros((BLOCK, most_bytes), np.uint8),
        np.zeros(BLOCK, np.float32),
        np.zeros(BLOCK, np.float32),
        np.zeros(BLOCK, np.int64),
        np.zeros((BLOCK if noisy_columns > 0 else 1, columns), np.float32),
        np.zeros(columns, np.float32),
        np.zeros(rows, np.int32),
        np.zeros(rows, np.float32),
        np.zeros((5, columns // LANES, LANES), np.float32),
    )


@numba.njit(cache=True, error_model="numpy", forceinline=True)
def _start_block(number, vectors, inputs, block):  # type: ignore[no-untyped-def]
    """First read and number of reads of a block, whose padding patterns are written."""
    first = number * BLOCK
    count = min(first + BLOCK, len(vectors)) - first
    for read in range(count):
        block.place[read] = inputs.pattern[(first + read) % len(inputs.pattern)]
    return first, count


@numba.njit(cache=True, error_model="numpy", forceinline=True)
def _start_group(vectors, reads, tables, noisy_columns, seed, block, totals):  # type: ignore[no-untyped-def]
    """Bits and converter noise of a block's sub-vectors of one row group."""
    _apply_bits(vectors, reads, tables.inputs, block, totals)
    pack_bits(block.bits, reads.number, block.packed)
    if noisy_columns > 0:
        block.noise[:] = 0
        for read in range(reads.number):
            values = block.noise[read, :noisy_columns]
            add_noise(tables.converters.noise, values, seed, reads.first + read, reads.group)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _read_columns(first, last, vectors, tables, seed, out, statistics):  # type: ignore[no-untyped-def]
    """Blocks first .. last-1 of a layer of gate-driven columns."""
    inputs, converters, packed = tables.inputs, tables.converters, tables.cells.packed
    filled, vectors_out = packed.shape[2], out.shape[1] // LANES
    noisy = np.int64(converters.used.sum()) if converters.noise.scale > 0 else 0
    block = _new_block(tables.cells.masks.shape[1], packed.shape[1], filled, noisy)
    by_lanes = Block(
        block.bits, block.packed, block.applied, block.input_sign, block.place,
        block.noise.reshape((len(block.noise), filled // LANES, LANES)), block.counts, block.listed, block.gaps,
        block.sums,
    )  # fmt: skip
    for number in range(first, last):
        low, count = _start_block(number, vectors, inputs, block)
        results = out[low : low + count].reshape((count, vectors_out, LANES))
        for group in range(len(inputs.start)):
            reads = Reads(low, count, group, inputs.stop[group] - inputs.start[group])
            _start_group(vectors, reads, tables, noisy, seed, block, statistics[number])
            currents = of_group(tables.cells.currents, group)
            read_columns(reads, by_lanes, tables, currents, results, statistics[number])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _read_products(first, last, vectors, tables, seed, out, statistics):  # type: ignore[no-untyped-def]
    """Blocks first .. last-1 of a layer whose currents are matrix products."""
    inputs, cells, rows = tables.inputs, tables.cells, tables.cells.matrices.shape[1]
    noisy = tables.digital.signs.shape[1] if tables.converters.noise.scale > 0 else 0
    block = _new_block(rows, cells.packed.shape[1], cells.packed.shape[2], noisy)
    factors = np.zeros((BLOCK, rows), np.float32)
    products = np.zeros((BLOCK, cells.matrices.shape[2]), np.float32)
    for number in range(first, last):
        low, count = _start_block(number, vectors, inputs, block)
        for group in range(len(inputs.start)):
            reads = Reads(low, count, group, inputs.stop[group] - inputs.start[group])
            _start_group(vectors, reads, tables, noisy, seed, block, statistics[number])
            if not cells.ideal:
                factors[:] = block.bits[:, :rows]
                np.dot(factors, cells.matrices[group], products)
            read_products(reads, block, products, tables, out[low : low + count], statistics[number])
