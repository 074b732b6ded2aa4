"""The tables of the fused readout, from what a layer stores, its fast solver and its converters."""

from __future__ import annotations

import math

import numpy as np
import torch

from simcore.kernels.bit_counts import bytes_of, pack_columns, padded_columns
from simcore.mapping.column_share import SUM_FACTOR, share_constants
from simcore.mapping.row_groups import RowGroup
from simcore.mapping.tiling import LayerMapping, valid_rows
from simcore.noise.cell_reads import CellReads
from simcore.readout.adc import ConverterSettings
from simcore.readout.fused import ColumnTables, Converters, Curves, Digital, Inputs, ProductTables, ReadoutTables
from simcore.surrogate import second_order
from simcore.surrogate.base import Surrogate
from simcore.surrogate.column_drops import LANES, in_lanes, pack_rows
from simcore.surrogate.columns import ColumnModel
from simcore.surrogate.products import ProductModel


def layer_tables(
    mapping: LayerMapping,
    groups: list[RowGroup],
    models: list[Surrogate] | None,
    converters: ConverterSettings,
    input_shape: torch.Size,
) -> ReadoutTables:
    """Tables of a layer.

    Args:
        mapping: the layer.
        groups: its row groups as stored.
        models: their fast solvers; without any, currents are partial sums.
        converters: of the row groups.
        input_shape: of the layer's input signs.
    """
    ones, dense_ones = (np.zeros((len(groups), mapping.most_rows), dtype=np.float32) for _ in range(2))
    for index, group in enumerate(groups):
        ones[index, : group.rows] = group.stored.bits.sum(axis=1)
        dense_ones[index, : group.rows] = group.dense.sum(axis=1)
    patterns, place = np.unique(valid_rows(mapping, input_shape), axis=0, return_inverse=True)
    inputs = Inputs(
        start=np.array([group.span.start for group in groups]),
        stop=np.array([group.span.stop for group in groups]),
        pattern=place.reshape(-1).astype(np.int64),
        valid=patterns.astype(np.uint8),
        flip_above=np.array([group.stored.flip_above for group in groups], dtype=np.float32),
        counted_every=np.array([group.stored.counted_every for group in groups], dtype=np.int64),
        ones=ones,
        dense_ones=dense_ones,
    )
    codes = Converters(
        converters.gain, converters.offset, converters.step, converters.zero, float(converters.top),
        converters.noise, np.ones(mapping.conversions, dtype=np.float32),
    )  # fmt: skip
    each = mapping.encoding.columns_a_conversion
    flips = np.stack([group.stored.flips[::each] for group in groups])
    digital = Digital(
        digital_constants(groups, patterns), np.where(flips, -1, 1).astype(np.float32), each if each > 1 else None
    )
    columns = [model for model in models or () if isinstance(model, ColumnModel)]
    products = [model for model in models or () if isinstance(model, ProductModel)]
    cells = _column_tables(columns, groups, mapping) if columns else _product_tables(products, groups, mapping)
    if isinstance(cells, ProductTables) and products and isinstance(converters.noise, CellReads):
        cells = _with_unhindered(cells, groups)
    curves = Curves(
        converters.curve, converters.grid, converters.levels, converters.level_of, converters.per_row,
        _references(columns, mapping),
    )  # fmt: skip
    return ReadoutTables(inputs, cells, codes, curves, digital)


def digital_constants(groups: list[RowGroup], valid: np.ndarray) -> np.ndarray:
    """Constants of the digital sum for every padding pattern.

    Args:
        groups: the row groups of a layer.
        valid: (patterns, K) bool.

    Returns:
        (G, patterns, C) float32: N - 2 sum W' over valid rows, and what pruned cells are expected to contribute,
        rounded to an integer; what is left of both in a difference.
    """
    constants = np.empty((len(groups), len(valid), groups[0].conversions), dtype=np.float32)
    for index, group in enumerate(groups):
        mask = group.inputs(valid).astype(np.float64)
        pruned = np.rint(SUM_FACTOR * (mask @ group.stored.expected))
        constants[index] = group.encoding.converted(share_constants(mask, group.stored.digital) + pruned)
    return constants


def _references(models: list[ColumnModel], mapping: LayerMapping) -> np.ndarray:
    """(G, N_max + 1) float32 currents of the reference columns in LSB, by the rows that are on."""
    found = np.zeros((len(mapping.spans), mapping.most_rows + 1), dtype=np.float32)
    for index, model in enumerate(models):
        found[index, : len(model.references)] = model.references[: mapping.most_rows + 1]
    return found


def _packed(bits: list[np.ndarray], most_rows: int) -> np.ndarray:
    """(G, bytes, M filled up) uint8 of (N, M) stored bits."""
    columns = padded_columns(bits[0].shape[1])
    packed = np.zeros((len(bits), bytes_of(most_rows), columns), dtype=np.uint8)
    for index, stored in enumerate(bits):
        packed[index, : bytes_of(len(stored))] = pack_columns(stored, columns)
    return packed


def _one_after_another(values: np.ndarray, mapping: LayerMapping) -> np.ndarray:
    """(N, M) values of columns with the first ones that conversions read before all second ones, each kind filled up to
    whole vectors, so that a difference is one of vectors. These columns do not see each other."""
    each = mapping.encoding.columns_a_conversion
    if each == 1:
        return values
    filled = padded_columns(mapping.conversions)
    kinds = [np.pad(values[:, kind::each], ((0, 0), (0, filled - mapping.conversions))) for kind in range(each)]
    return np.concatenate(kinds, axis=1)


def _column_tables(models: list[ColumnModel], groups: list[RowGroup], mapping: LayerMapping) -> ColumnTables:
    packed = _packed([_one_after_another(group.stored.bits, mapping) for group in groups], mapping.most_rows)
    rows = [pack_rows(_one_after_another(model.bits, mapping)) for model in models]
    masks = np.zeros((len(models), max(len(part) for part in rows), rows[0].shape[1]), dtype=rows[0].dtype)
    for index, part in enumerate(rows):
        masks[index, : len(part)] = part
    return ColumnTables(
        packed,
        masks,
        _currents(models, mapping, masks.shape),
        np.stack([model.feed for model in models]),
        np.stack([model.fit.factors for model in models]),
        np.stack([model.fit.ranges for model in models]),
    )


def _currents(models: list[ColumnModel], mapping: LayerMapping, shape: tuple[int, ...]) -> np.ndarray | None:
    """Of the cells, in lanes; ``shape`` is that of the masks."""
    if models[0].currents is None:
        return None
    currents = np.zeros((*shape, LANES), dtype=np.float32)
    for index, model in enumerate(models):
        if model.currents is not None:
            currents[index, : len(model.currents)] = in_lanes(_one_after_another(model.currents, mapping))
    return currents


def _product_tables(models: list[ProductModel], stored: list[RowGroup], mapping: LayerMapping) -> ProductTables:
    """Without models, of arrays without a circuit."""
    packed = _packed([group.stored.bits for group in stored], mapping.most_rows)
    groups, columns, most_rows = len(mapping.spans), mapping.columns, mapping.most_rows
    modes = len(models[0].shared.eigenvalues) if models else 0
    corrected = bool(models) and models[0].corrections is not None
    terms = second_order.correction_terms(modes) if corrected else 0
    width = (1 + modes) * columns if models else 0
    tables = ProductTables(
        packed=packed,
        matrices=np.zeros((groups, most_rows, width), dtype=np.float32),
        quadratic=np.zeros((groups, 1 + modes), dtype=np.float32),
        polynomial=np.zeros((groups, len(second_order.EXPONENTS)), dtype=np.float32),
        ranges=np.ones((groups, 2), dtype=np.float32),
        corrections=np.zeros((groups, terms, columns), dtype=np.float32),
        input_vectors=np.zeros((groups, most_rows, modes if corrected else 0), dtype=np.float32),
        cols=models[0].cols if models else columns,
        ideal=not models,
    )
    for index, (group, model) in enumerate(zip(mapping.spans, models, strict=False)):
        shared, polynomial = model.shared, model.polynomial
        parts = [model.currents] + [model.currents * vector[:, None] for vector in shared.eigenvectors.T]
        tables.matrices[index, : group.rows] = np.concatenate([summable(part) for part in parts], axis=1)
        tables.quadratic[index] = [shared.kappa, *shared.eigenvalues]
        tables.polynomial[index] = polynomial.coefficients
        tables.ranges[index] = [1 / polynomial.tau_max, 1 / polynomial.s_max]
        if model.corrections is not None:
            tables.corrections[index] = model.corrections
            tables.input_vectors[index, : group.rows] = second_order.input_vectors(shared)
    return tables


def _with_unhindered(tables: ProductTables, groups: list[RowGroup]) -> ProductTables:
    more = np.zeros((*tables.matrices.shape[:2], groups[0].columns), dtype=np.float32)
    for index, group in enumerate(groups):
        more[index, : group.rows] = summable(group.unhindered)
    return tables._replace(matrices=np.concatenate([tables.matrices, more], axis=2))


def summable(matrix: np.ndarray) -> np.ndarray:
    """(N, M) values rounded so that sums over any of their rows are exact in float32, in any order.

    A library may add up in another order wherever a row stands in a block; all are multiples of one power of two, and
    no sum exceeds 2^24 of it.
    """
    largest = float(np.abs(matrix).sum(axis=0).max(initial=0.0))
    if largest == 0:
        return matrix
    unit = 2.0 ** math.ceil(math.log2(largest / (2**24 - len(matrix))))
    return np.rint(matrix / unit) * unit
