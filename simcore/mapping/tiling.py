"""Layer to tiles: the order of inputs on the rows, tiles, and the row groups that are read together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numba
import numpy as np
import torch
import torch.nn.functional as functional

from simcore.kernels import cache as kernel_cache  # noqa: F401  (before the first cached kernel)
from simcore.kernels.threads import run_in_threads
from simcore.network.modules import BinaryLayer


@dataclass(frozen=True)
class RowGroup:
    """Rows that are read together.

    Attributes:
        start, stop: range of the layer's ordered inputs.
        offset: row of the tile at which the group begins.
    """

    start: int
    stop: int
    offset: int

    @property
    def rows(self) -> int:
        """Rows in use."""
        return self.stop - self.start


@dataclass(frozen=True)
class LayerMapping:
    """One binary layer cut into tiles.

    Attributes:
        name: layer name.
        weights: (K, M) uint8 bits, inputs in row order.
        order: (K,) index of each row's input in (channel, kernel y, kernel x) order.
        groups: the row groups, in row order. Last tiles are part-filled from row 0; unused rows stay off.
    """

    name: str
    weights: np.ndarray
    order: np.ndarray
    groups: tuple[RowGroup, ...]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    is_conv: bool


def map_layer(layer: BinaryLayer, rows: int, rows_read_together: int, row_order: str) -> LayerMapping:
    """Cut a layer into tiles of ``rows`` rows, read ``rows_read_together`` rows at a time.

    Args:
        row_order: ``channel`` keeps a channel's kernel taps together, ``spatial`` a tap's channels. ``grouped`` needs
            calibration inputs: map by ``channel`` and use ``reordered``.
    """
    weight = layer.weight
    is_conv = weight.ndim == 4
    inputs = int(np.prod(weight.shape[1:]))
    order = np.arange(inputs)
    kernel = (int(weight.shape[2]), int(weight.shape[3])) if is_conv else (1, 1)
    if is_conv and row_order == "spatial":
        order = order.reshape(weight.shape[1], -1).T.ravel()
    bits = (weight.reshape(weight.shape[0], inputs).T[order] > 0).astype(np.uint8)
    groups = []
    for tile_start in range(0, inputs, rows):
        tile_stop = min(tile_start + rows, inputs)
        for start in range(tile_start, tile_stop, rows_read_together):
            groups.append(RowGroup(start, min(start + rows_read_together, tile_stop), start - tile_start))
    return LayerMapping(
        layer.name, np.ascontiguousarray(bits), order, tuple(groups), kernel, layer.stride, layer.padding, is_conv
    )


def reordered(mapping: LayerMapping, permutation: np.ndarray) -> LayerMapping:
    """The same layer with the input that was on row ``permutation[i]`` on row i."""
    return replace(
        mapping,
        weights=np.ascontiguousarray(mapping.weights[permutation]),
        order=mapping.order[permutation],
    )


def input_vectors(mapping: LayerMapping, signs: torch.Tensor) -> np.ndarray:
    """The layer's input vectors in row order.

    Args:
        signs: (B, C, H, W) or (B, F) of ±1.

    Returns:
        (B, P, K) int8 with P output positions; +1, -1, or 0 for a padded input.
    """
    bits = signs.to(torch.int8)
    if not mapping.is_conv:
        return np.ascontiguousarray(bits.numpy()[:, None, mapping.order])
    (ky, kx), (sy, sx), (py, px) = mapping.kernel, mapping.stride, mapping.padding
    height, width = output_shape(mapping, signs.shape[2], signs.shape[3])
    padded = functional.pad(bits, (px, px, py, py)).contiguous().numpy()
    batch, _, padded_height, padded_width = padded.shape
    channel, tap = np.divmod(mapping.order, ky * kx)
    offsets = (channel * padded_height + tap // kx) * padded_width + tap % kx
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


def as_layer_output(mapping: LayerMapping, values: np.ndarray, input_shape: torch.Size) -> torch.Tensor:
    """Dot products (B, P, M) as the layer hands them on: (B, M), or (B, M, OH, OW) of inputs (B, C, H, W)."""
    result = torch.from_numpy(values)
    if not mapping.is_conv:
        return result[:, 0]
    height, width = output_shape(mapping, *input_shape[2:])
    # Contiguous, as plain PyTorch has it: with other strides later layers add up in another order.
    return result.transpose(1, 2).reshape(input_shape[0], -1, height, width).contiguous()


def output_shape(mapping: LayerMapping, height: int, width: int) -> tuple[int, int]:
    """(OH, OW) of a convolution on (height, width) inputs."""
    (ky, kx), (sy, sx), (py, px) = mapping.kernel, mapping.stride, mapping.padding
    return (height + 2 * py - ky) // sy + 1, (width + 2 * px - kx) // sx + 1


def valid_inputs(mapping: LayerMapping, channels: int, height: int, width: int) -> np.ndarray:
    """(P, K) bool: which inputs of each output position are real and not padding, in row order."""
    ones = torch.ones(1, channels, height, width)
    return input_vectors(mapping, ones)[0] != 0
