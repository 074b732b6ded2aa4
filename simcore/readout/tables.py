"""The tables of the fused readout, from what a layer stores, its fast solver and its converters."""

from __future__ import annotations

import math

import numpy as np
import torch

from simcore.design import Design
from simcore.kernels.bit_counts import bytes_of, pack_columns, padded_columns
from simcore.mapping.tiling import LayerMapping, valid_inputs
from simcore.mitigation.stored import StoredGroup, digital_constants
from simcore.readout.adc import ConverterSettings
from simcore.readout.fused import ColumnTables, Converters, Digital, Inputs, ProductTables, ReadoutTables
from simcore.surrogate import second_order as fast
from simcore.surrogate.column_drops import pack_rows
from simcore.surrogate.fit import ColumnModel, GroupModel, ProductModel


def layer_tables(
    mapping: LayerMapping,
    stored: list[StoredGroup],
    models: list[GroupModel] | None,
    converters: ConverterSettings,
    design: Design,
    input_shape: torch.Size,
) -> ReadoutTables:
    """Tables of a layer whose input signs have ``input_shape``; without ``models`` currents are partial sums."""
    most_rows = max(group.rows for group in mapping.groups)
    ones, dense_ones = (np.zeros((len(stored), most_rows), dtype=np.float32) for _ in range(2))
    for index, (group, kept) in enumerate(zip(mapping.groups, stored, strict=True)):
        ones[index, : group.rows] = kept.bits.sum(axis=1)
        dense_ones[index, : group.rows] = mapping.weights[group.start : group.stop].sum(axis=1)
    valid = _valid_patterns(mapping, input_shape)
    patterns, place = np.unique(valid, axis=0, return_inverse=True)
    constants, _ = digital_constants(mapping, stored, patterns)
    inputs = Inputs(
        start=np.array([group.start for group in mapping.groups]),
        stop=np.array([group.stop for group in mapping.groups]),
        pattern=place.reshape(-1).astype(np.int64),
        valid=patterns.astype(np.uint8),
        flip=design.flips_activations,
        ones=ones,
        dense_ones=dense_ones,
    )
    codes = Converters(
        converters.gain, converters.offset, converters.step, converters.zero, float(converters.top),
        float(converters.noise), np.ones(mapping.weights.shape[1], dtype=np.float32),
    )  # fmt: skip
    signs = np.stack([np.where(kept.flips, -1, 1) for kept in stored]).astype(np.float32)
    packed = _packed(mapping, stored)
    columns = [model for model in models or () if isinstance(model, ColumnModel)]
    products = [model for model in models or () if isinstance(model, ProductModel)]
    cells = _column_tables(columns, packed) if columns else _product_tables(products, packed, mapping)
    return ReadoutTables(inputs, cells, codes, Digital(constants, signs))


def _packed(mapping: LayerMapping, stored: list[StoredGroup]) -> np.ndarray:
    """(G, bytes, M filled up) uint8 stored bits."""
    most_rows, columns = max(group.rows for group in mapping.groups), padded_columns(mapping.weights.shape[1])
    packed = np.zeros((len(stored), bytes_of(most_rows), columns), dtype=np.uint8)
    for index, kept in enumerate(stored):
        packed[index, : bytes_of(len(kept.bits))] = pack_columns(kept.bits, columns)
    return packed


def _column_tables(models: list[ColumnModel], packed: np.ndarray) -> ColumnTables:
    rows = [pack_rows(model.bits) for model in models]
    masks = np.zeros((len(models), max(len(part) for part in rows), rows[0].shape[1]), dtype=rows[0].dtype)
    for index, part in enumerate(rows):
        masks[index, : len(part)] = part
    return ColumnTables(
        packed,
        masks,
        np.stack([model.feed for model in models]),
        np.stack([model.fit.factors for model in models]),
        np.stack([model.fit.ranges for model in models]),
    )


def _product_tables(models: list[ProductModel], packed: np.ndarray, mapping: LayerMapping) -> ProductTables:
    """Without models, of arrays without a circuit."""
    groups, columns = len(mapping.groups), mapping.weights.shape[1]
    most_rows = max(group.rows for group in mapping.groups)
    modes = len(models[0].shared.eigenvalues) if models else 0
    corrected = bool(models) and models[0].corrections is not None
    width = (1 + modes) * columns if models else 0
    tables = ProductTables(
        packed=packed,
        matrices=np.zeros((groups, most_rows, width), dtype=np.float32),
        quadratic=np.zeros((groups, 1 + modes), dtype=np.float32),
        polynomial=np.zeros((groups, len(fast.EXPONENTS)), dtype=np.float32),
        ranges=np.ones((groups, 2), dtype=np.float32),
        corrections=np.zeros((groups, fast.correction_terms(modes) if corrected else 0, columns), dtype=np.float32),
        input_vectors=np.zeros((groups, most_rows, modes if corrected else 0), dtype=np.float32),
        cols=models[0].cols if models else columns,
        ideal=not models,
    )
    for index, (group, model) in enumerate(zip(mapping.groups, models, strict=False)):
        shared, polynomial = model.shared, model.polynomial
        parts = [model.currents] + [model.currents * vector[:, None] for vector in shared.eigenvectors.T]
        tables.matrices[index, : group.rows] = np.concatenate([summable(part) for part in parts], axis=1)
        tables.quadratic[index] = [shared.kappa, *shared.eigenvalues]
        tables.polynomial[index] = polynomial.coefficients
        tables.ranges[index] = [1 / polynomial.tau_max, 1 / polynomial.s_max]
        if model.corrections is not None:
            tables.corrections[index] = model.corrections
            tables.input_vectors[index, : group.rows] = fast.input_vectors(shared)
    return tables


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


def _valid_patterns(mapping: LayerMapping, input_shape: torch.Size) -> np.ndarray:
    if not mapping.is_conv:
        return np.ones((1, len(mapping.order)), dtype=bool)
    return valid_inputs(mapping, *input_shape[1:])
