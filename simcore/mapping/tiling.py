"""Layer to tiles: inputs and weights encoded as rows of cells, the order of the rows, tiles, and row groups."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numba
import numpy as np
import torch
import torch.nn.functional as functional

from simcore.encodings import Encoding
from simcore.kernels.threads import run_in_threads
from simcore.network.modules import BinaryLayer


@dataclass(frozen=True)
class RowSpan:
    """The place of a row group, the rows that are read together.

    Attributes:
        start, stop: range of the layer's ordered rows.
        offset: row of the tile at which the group begins.
    """

    start: int
    stop: int
    offset: int

    @property
    def rows(self) -> int:
        """Rows in use."""
        return self.stop - self.start

    @property
    def tile_start(self) -> int:
        """The first of the layer's ordered rows in the same tile; it names the tile."""
        return self.start - self.offset


@dataclass(frozen=True)
class LayerMapping:
    """One binary layer cut into tiles; its encoding makes K rows and M columns of it.

    Attributes:
        name: layer name.
        encoding: of products of signs as cells and driven rows.
        weights: (K, M) uint8 bits of the cells, neither flipped nor pruned, in row order.
        order: (K,) index of each row's input in (channel, kernel y, kernel x) order.
        signs: (reads, K) int8: the sign with which each row is given its input, in every read of an output position.
        spans: places of the row groups, in row order. Last tiles are part-filled from row 0; unused rows stay off.
        kernel, stride, padding, dilation: (y, x) of a convolution;
        is_conv: it is one.
        pad_value: what padded places hold. Rows of a 0 stay off and are in no sum; +1 and -1 are inputs like others.
    """

    name: str
    encoding: Encoding
    weights: np.ndarray
    order: np.ndarray
    signs: np.ndarray
    spans: tuple[RowSpan, ...]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    is_conv: bool
    pad_value: int
    dilation: tuple[int, int] = (1, 1)

    @property
    def columns(self) -> int:
        """M."""
        return int(self.weights.shape[1])

    @property
    def conversions(self) -> int:
        """Conversions of a read."""
        return self.columns // self.encoding.columns_a_conversion

    @property
    def most_rows(self) -> int:
        """Rows of the largest row group."""
        return max(span.rows for span in self.spans)


def map_layer(layer: BinaryLayer, encoding: Encoding, rows: int, rows_read_together: int) -> LayerMapping:
    """Cut a layer into tiles, its inputs channel by channel; ``reordered`` puts them elsewhere.

    Args:
        layer: with weights of ±1.
        encoding: of the products.
        rows: rows of a tile.
        rows_read_together: rows of a row group.
    """
    weight = layer.weight
    is_conv = weight.ndim == 4
    inputs = int(np.prod(weight.shape[1:]))
    kernel = (int(weight.shape[2]), int(weight.shape[3])) if is_conv else (1, 1)
    bits = encoding.stored_bits((weight.reshape(weight.shape[0], inputs).T > 0).astype(np.uint8))
    order, signs = encoding.row_inputs(inputs)
    spans = []
    for tile_start in range(0, len(bits), rows):
        tile_stop = min(tile_start + rows, len(bits))
        for start in range(tile_start, tile_stop, rows_read_together):
            spans.append(RowSpan(start, min(start + rows_read_together, tile_stop), start - tile_start))
    return LayerMapping(
        layer.name, encoding, np.ascontiguousarray(bits), order, signs, tuple(spans), kernel, layer.stride,
        layer.padding, is_conv, layer.pad_value, layer.dilation,
    )  # fmt: skip


def reordered(mapping: LayerMapping, permutation: np.ndarray) -> LayerMapping:
    """The same layer with what was row ``permutation[i]`` as row i."""
    return replace(
        mapping,
        weights=np.ascontiguousarray(mapping.weights[permutation]),
        order=mapping.order[permutation],
        signs=mapping.signs[:, permutation],
    )


def input_vectors(mapping: LayerMapping, signs: torch.Tensor) -> np.ndarray:
    """What the layer's rows are given in every read.

    Args:
        mapping: the layer.
        signs: (B, C, H, W), (B, F) or (B, tokens, F) of ±1.

    Returns:
        (B, P, K) int8 with P reads, those of an output position side by side; +1, -1, or 0 for a padded input that
        counts in no sum.
    """
    vectors = _gathered(mapping, signs)
    if len(mapping.signs) == 1 and (mapping.signs > 0).all():
        return vectors
    batch, positions, rows = vectors.shape
    return (vectors[:, :, None] * mapping.signs).reshape(batch, positions * len(mapping.signs), rows)


def _gathered(mapping: LayerMapping, signs: torch.Tensor) -> np.ndarray:
    """(B, P, K) int8: the input of every row at every output position."""
    bits = signs.to(torch.int8)
    if not mapping.is_conv:
        tokens = bits.numpy().reshape(len(bits), -1, bits.shape[-1])
        return np.ascontiguousarray(tokens[:, :, mapping.order])
    (_, kx), (sy, sx), (py, px), (dy, dx) = mapping.kernel, mapping.stride, mapping.padding, mapping.dilation
    height, width = output_shape(mapping, signs.shape[2], signs.shape[3])
    padded = functional.pad(bits, (px, px, py, py), value=mapping.pad_value).contiguous().numpy()
    batch, _, padded_height, padded_width = padded.shape
    channel, tap = np.divmod(mapping.order, mapping.kernel[0] * kx)
    offsets = (channel * padded_height + tap // kx * dy) * padded_width + tap % kx * dx
    corners = (np.arange(height)[:, None] * sy * padded_width + np.arange(width) * sx).ravel()
    vectors = np.empty((batch, len(corners), len(offsets)), dtype=np.int8)
    flat = padded.reshape(batch, -1)
    run_in_threads(lambda first, last: _gather(first, last, flat, corners, offsets, vectors), batch)
    return vectors


@numba.njit(cache=True, nogil=True)
def _gather(first, last, images, corners, offsets, vectors):  # type: ignore[no-untyped-def]
    """vectors[b, p, k] = images[b, corners[p] + offsets[k]] for images first .. last-1."""
    for image in range(first, last):
        for position in range(len(corners)):
            window = images[image, corners[position] :]
            for k in range(len(offsets)):
                vectors[image, position, k] = window[offsets[k]]


def as_layer_output(mapping: LayerMapping, shares: np.ndarray, input_shape: torch.Size) -> torch.Tensor:
    """Dot products as the layer hands them on: (B, outputs), (B, tokens, outputs), or (B, outputs, OH, OW) of inputs
    (B, C, H, W).

    Args:
        mapping: the layer.
        shares: (B, P, C) of all conversions in all reads, summed over row groups.
        input_shape: of the layer's inputs.
    """
    result = torch.from_numpy(mapping.encoding.combine(shares))
    if not mapping.is_conv:
        return result if len(input_shape) > 2 else result[:, 0]
    height, width = output_shape(mapping, *input_shape[2:])
    # Contiguous, as plain PyTorch has it: with other strides later layers add up in another order.
    return result.transpose(1, 2).reshape(input_shape[0], -1, height, width).contiguous()


def output_shape(mapping: LayerMapping, height: int, width: int) -> tuple[int, int]:
    """(OH, OW) of a convolution on (height, width) inputs."""
    (ky, kx), (sy, sx), (py, px), (dy, dx) = mapping.kernel, mapping.stride, mapping.padding, mapping.dilation
    return (height + 2 * py - (ky - 1) * dy - 1) // sy + 1, (width + 2 * px - (kx - 1) * dx - 1) // sx + 1


def valid_rows(mapping: LayerMapping, input_shape: torch.Size) -> np.ndarray:
    """(P, K) bool: which rows of each read have an input, not a padding of 0, for inputs (B, C, H, W), (B, F) or
    (B, tokens, F)."""
    return input_vectors(mapping, torch.ones(1, *input_shape[1:]))[0] != 0
