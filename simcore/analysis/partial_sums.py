"""How far flips lower partial sums, layer by layer, and what of the network makes them do so: no circuit, no converter.

A read of N rows has partial sum PS = sum_i X_i W_i. Summed over all input vectors v and columns c of a row group,

    sum_vc PS_vc = sum_i (sum_v X_vi) (sum_c W_ic),

so the totals of every sparsity level are products of row and column counts: exact, and cheap for any number of images.

How much the flips find to do is the imbalance of what they cover: |sum_i x_i| / N, its mean over sub-vectors for the
inputs, |sum_i w_i| / N over stored columns for the weights. Where the two have nothing to do with each other the mean
partial sum is N (1 - imbalance of inputs) (1 - imbalance of weights) / 4.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, UInt8

from simcore.encodings import ENCODINGS
from simcore.inference.stored_layers import binary_input_signs, order_rows
from simcore.mapping.row_groups import applied_inputs
from simcore.mapping.tiling import LayerMapping, input_vectors, map_layer
from simcore.mitigation.row_order import ROW_ORDERS
from simcore.mitigation.sets import SPARSITY_LEVELS, store_group
from simcore.network.checkpoint import Checkpoint
from simcore.network.modules import BinaryLayer

LEVELS = tuple(SPARSITY_LEVELS)


@dataclass(frozen=True)
class LayerStatistics:
    """One layer in one row order, so many rows read together; sums over all its reads of the images measured.

    Attributes:
        layer: its name in the network.
        inputs: rows that it fills.
        columns: columns that it fills, one an output.
        row_order: how its inputs were put on the rows.
        rows_read_together: rows of one read.
        column_reads: reads of a column.
        partial_sums: sum of PS, by sparsity level.
        padded_reads: column reads whose sub-vector holds padding.
        interior_partial_sums: as ``partial_sums``, over the output positions whose window holds no padding at all.
        input_imbalance: mean of |sum x| / N over sub-vectors, N the rows that are no padding.
        weight_imbalance: mean of |sum w| / N over stored columns of all row groups.
        input_bias: mean of |E x_i| over the inputs, E over the input vectors: how far single inputs lean.
        ones_applied: share of +1 among inputs that are no padding.
        ones_stored: share of +1 among weights.
    """

    layer: str
    inputs: int
    columns: int
    row_order: str
    rows_read_together: int
    column_reads: int
    partial_sums: dict[str, int]
    padded_reads: int
    interior_partial_sums: dict[str, int]
    input_imbalance: float
    weight_imbalance: float
    input_bias: float
    ones_applied: float
    ones_stored: float


def reduction(partial_sums: dict[str, int], level: str) -> float:
    """How much lower the partial sums of a sparsity level are than the dense ones, a fraction of these.

    Args:
        partial_sums: sum of PS, by sparsity level.
        level: one of ``LEVELS``.

    Returns:
        1 - sum of partial sums at ``level`` / the dense sum; 0 where there is nothing to lower.
    """
    return 1 - partial_sums[level] / partial_sums["dense"] if partial_sums["dense"] else 0.0


def coin_flip_imbalance(rows: int) -> float:
    """Mean of |sum of N independent fair signs| / N: (M / N) binomial(M, M/2) / 2^M, M the even one of N and N + 1.

    Two sub-vectors of coin flips are read with a mean partial sum lower by 1 - (1 - this)^2: what flips gain where a
    network has no structure at all.

    Args:
        rows: N, at least 1.

    Example:
        Of 16 rows that are coin flips the majority is 60 %:

        >>> round(coin_flip_imbalance(16), 3)
        0.196
    """
    even = rows + rows % 2
    return even / rows * math.comb(even, even // 2) / 2**even


def measure_network(
    checkpoint: Checkpoint,
    calibration: Float32[torch.Tensor, "seen channels height width"],
    images: Float32[torch.Tensor, "images channels height width"],
    rows_read_together: list[int],
    row_orders: list[str],
) -> Iterator[LayerStatistics]:
    """Statistics of every binary layer, for every number of rows and every row order.

    Args:
        checkpoint: the network.
        calibration: pixels in 0..255 that decide the ``grouped`` order.
        images: pixels in 0..255 that are measured.
        rows_read_together: rows of one read, all values to be measured.
        row_orders: row orders to be measured.

    Yields:
        Layer by layer, order by order, one for each number of rows.
    """
    network = checkpoint.network
    layers = {layer.name: layer for layer in network.binary_layers()}
    known = binary_input_signs(network, calibration, set(layers))
    measured = binary_input_signs(network, images, set(layers))
    for place, (name, layer) in enumerate(layers.items()):
        for order in row_orders:
            for rows in rows_read_together:
                rng = np.random.default_rng([0, place])
                plain = map_layer(layer, ENCODINGS["zero_one"], rows, rows)
                mapping, _ = order_rows(plain, (ROW_ORDERS[order],), known[name], rng)
                yield measure_layer(layer, mapping, order, rows, measured[name])


def measure_layer(
    layer: BinaryLayer, mapping: LayerMapping, row_order: str, rows: int, signs: torch.Tensor
) -> LayerStatistics:
    """Statistics of one mapped layer.

    Args:
        layer: the layer.
        mapping: how it is laid out on rows.
        row_order: the name of that layout, for the result.
        rows: rows of one read, for the result.
        signs: (images, ...) the layer's inputs, -1 or +1, in the shape that the network gives them.
    """
    vectors = input_vectors(mapping, signs)
    flat = vectors.reshape(-1, vectors.shape[2])
    valid = flat != 0
    interior = valid.all(axis=1)
    columns = mapping.columns
    sums, inside = dict.fromkeys(LEVELS, 0), dict.fromkeys(LEVELS, 0)
    padded = 0
    input_imbalance, weight_imbalance = [], []
    for span in mapping.spans:
        part = flat[:, span.start : span.stop]
        dense = mapping.weights[span.start : span.stop]
        stored = {level: store_group(dense, passes, part) for level, passes in SPARSITY_LEVELS.items()}
        applied = {above: applied_inputs(part, above).bits for above in {kept.flip_above for kept in stored.values()}}
        # (all positions, those without padding) x rows: how often each input is on.
        counts = {above: _counts(bits, interior) for above, bits in applied.items()}
        for level, kept in stored.items():
            everywhere, within = counts[kept.flip_above] @ kept.bits.sum(axis=1, dtype=np.int64)
            sums[level] += int(everywhere)
            inside[level] += int(within)
        here = valid[:, span.start : span.stop].sum(axis=1, dtype=np.int64)
        padded += int((here < span.rows).sum()) * columns
        some = here > 0  # a sub-vector that is padding alone leans nowhere
        flips = stored["binsparx"]
        flipped = applied[flips.flip_above].sum(axis=1, dtype=np.int64)
        input_imbalance.append(1 - 2 * (flipped[some] / here[some]))
        weight_imbalance.append(1 - 2 * flips.bits.mean(axis=0))
    seen = np.maximum(valid.sum(axis=0), 1)
    return LayerStatistics(
        layer=layer.name,
        inputs=len(mapping.order),
        columns=columns,
        row_order=row_order,
        rows_read_together=rows,
        column_reads=len(flat) * len(mapping.spans) * columns,
        partial_sums=sums,
        padded_reads=padded,
        interior_partial_sums=inside,
        input_imbalance=float(np.concatenate(input_imbalance).mean()),
        weight_imbalance=float(np.concatenate(weight_imbalance).mean()),
        input_bias=float(np.abs(flat.sum(axis=0, dtype=np.int64) / seen).mean()),
        ones_applied=float((flat > 0).sum() / max(int(valid.sum()), 1)),
        ones_stored=float(mapping.weights.mean()),
    )


def _counts(bits: UInt8[np.ndarray, "reads rows"], interior: Bool[np.ndarray, " reads"]) -> Int64[np.ndarray, "2 rows"]:
    """How often each row is on: in all reads, and in those that ``interior`` names."""
    return np.stack([bits.sum(axis=0, dtype=np.int64), bits[interior].sum(axis=0, dtype=np.int64)])
