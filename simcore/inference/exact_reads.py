"""The readout with every column current solved exactly."""

from __future__ import annotations

import numpy as np

from simcore.inference.prepared import PreparedLayer
from simcore.mapping.column_share import column_share
from simcore.mapping.row_groups import RowGroup
from simcore.noise.base import Read, noise_of_read
from simcore.readout.totals import PARTIAL_SUM, STATISTICS, add_totals, merge


def read_exactly(
    layer: PreparedLayer, groups: list[RowGroup], vectors: np.ndarray, noise_seeds: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """As ``readout.fused.read_layer``.

    Args:
        layer: the layer.
        groups: its row groups.
        vectors: (B, P, K) int8 in {-1, 0, 1}, row order.
        noise_seeds: seeds the converter noise, one an image; none where there is no noise.

    Returns:
        (B, P, C) float32 shares of dot products, and the (len(STATISTICS),) int64 totals.

    Raises:
        UnsolvedError: a solve did not converge.
    """
    batch, positions, rows = vectors.shape
    flat = vectors.reshape(-1, rows)
    inputs, digital = layer.tables.inputs, layer.tables.digital
    pattern, each = np.tile(inputs.pattern, batch), layer.mapping.encoding.columns_a_conversion
    out = np.zeros((len(flat), layer.mapping.conversions), dtype=np.float64)
    statistics = np.zeros((len(groups), len(STATISTICS)), dtype=np.int64)
    for index, group in enumerate(groups):
        applied = group.apply(flat)
        current = group.exact_currents(applied.bits)
        sums, unhindered = group.partial_sums(applied.bits), applied.bits @ group.unhindered
        driven = applied.bits.sum(axis=1)
        met = group.met_by_converters(current, applied.bits)
        drawn = _noise(layer, met.shape, positions, index, noise_seeds)
        read_by = [
            Read(
                layer.converters.gain[index],
                current[:, kind::each],
                unhindered[:, kind::each],
                sums[:, kind::each],
                driven[:, None],
            )
            for kind in range(each)
        ]
        codes = layer.converters.codes(met, index, layer.converters.noise.in_codes(drawn, *read_by))
        converted = layer.converters.sums(codes, index, driven)
        signs = applied.signs[:, None] * digital.signs[index]
        counted = driven[:, None] * (each == 1)  # which cancel in a difference
        out += signs * column_share(converted, counted, digital.constants[index][pattern])
        beyond = (codes > layer.converters.top) | ((codes < 0) & (each > 1))
        for read, error in enumerate(converted - group.encoding.converted(sums)):
            squared, clipped = each * (error**2).sum(), float(each * beyond[read].sum())  # see ``kernels.pairs``
            add_totals(statistics[index], squared, np.abs(error).max(), current[read].sum(), clipped)
        dense = (group.inputs(flat) > 0).astype(np.float64) @ inputs.dense_ones[index, : group.rows]
        statistics[index, PARTIAL_SUM:] = [sums.sum(), dense.sum(), (applied.signs < 0).sum(), applied.bits.sum()]
    return out.reshape(batch, positions, -1).astype(np.float32), merge(statistics)


def _noise(layer: PreparedLayer, shape: tuple[int, ...], positions: int, group: int, seeds: list[int]) -> np.ndarray:
    """The noise that the fused readout draws."""
    noise = np.zeros(shape, dtype=np.float32)
    for image, seed in enumerate(seeds):
        for position in range(positions):
            row = noise[image * positions + position]
            noise_of_read(layer.tables.converters.noise, row, np.uint64(seed), position, group)
    return noise
