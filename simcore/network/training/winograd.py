"""3x3 convolutions on a CPU with a quarter of the multiplications: Winograd's F(4x4, 3x3), for training.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4.3: a 4x4 tile of the result
is A^T [(G g G^T) * (B^T d B)] A, with d the 6x6 tile of the input around it and g the 3x3 kernel. The products in
brackets, summed over channels, are 36 matrix products. The gradient with respect to the input is a convolution with
the turned kernel; the one with respect to the kernel is G^T [(B^T d B)(A y A^T)] G with y the result's gradient.

Images are taken in groups whose tiles stay in the processor's cache from one step to the next; nothing but the input
is kept for the way back.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch

from simcore.kernels import cache as kernel_cache  # noqa: F401  (before the first cached kernel)
from simcore.kernels.simd import lanes_of, load, store

_G = np.array(
    [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6],
     [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]], np.float32,
)  # fmt: skip
_LANES = lanes_of(np.float32)
_GROUP_BYTES = 8 << 20


def suits(values: torch.Tensor, weight: torch.Tensor, stride: Any, padding: Any) -> bool:
    """Whether ``convolution`` can compute this convolution and is the quicker way to."""
    return (
        values.device.type == "cpu"
        and values.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and tuple(weight.shape[2:]) == (3, 3)
        and tuple(stride) == tuple(padding) == (1, 1)
        and min(values.shape[2:]) >= 3
        and min(weight.shape[:2]) >= 32
        and weight.shape[0] % _LANES == weight.shape[1] % _LANES == 0
    )


def convolution(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Convolution of float32 (B, C, H, W) with (K, C, 3, 3), stride 1, zero padding 1, with gradients.

    C and K are multiples of the 16 lanes of a vector. The error is about 1e-6 of the sum of the terms' sizes. The
    result is channels-last. Tiles that reach beyond the image are computed whole, so sides that are multiples of 4
    are the cheapest.
    """
    result: torch.Tensor = _Winograd.apply(values, weight)
    return result


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(values, weight)
        return _convolve(_lanes(values), _channels_last(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        values, weight = ctx.saved_tensors
        gradient = _lanes(gradients[0])
        to_values = to_weight = None
        if ctx.needs_input_grad[0]:
            to_values = _convolve(gradient, _channels_last(weight.flip(2, 3).transpose(0, 1)))
        if ctx.needs_input_grad[1]:
            to_weight = _kernel_gradient(_lanes(values), gradient)
        return to_values, to_weight


def _convolve(values: np.ndarray, kernels: np.ndarray) -> torch.Tensor:
    """The convolution (B, K, H, W), channels-last, of lanes (B, H, W, C/16, 16) with kernels (K, 3, 3, C)."""
    count, height, width, _, _ = values.shape
    outputs, inputs = kernels.shape[0], kernels.shape[3]
    transformed = np.empty((36, outputs, inputs), np.float32)
    _transform_kernels(kernels, _G, transformed)
    right = torch.from_numpy(transformed).transpose(1, 2)
    result = np.empty((count, height, width, outputs // _LANES, _LANES), np.float32)
    for group, (tiles, products) in _groups(values.shape, (inputs, outputs)):
        _transform_input(values[group], _as_lanes(tiles))
        torch.bmm(torch.from_numpy(tiles), right, out=torch.from_numpy(products))
        _assemble(_as_lanes(products), result[group])
    return torch.from_numpy(result.reshape(count, height, width, outputs)).permute(0, 3, 1, 2)


def _kernel_gradient(values: np.ndarray, gradient: np.ndarray) -> torch.Tensor:
    """The gradient (K, C, 3, 3) with respect to the kernels, of lanes of the input and of the result's gradient."""
    inputs, outputs = values.shape[3] * _LANES, gradient.shape[3] * _LANES
    summed = torch.zeros(36, outputs, inputs)
    for group, (tiles, spread) in _groups(values.shape, (inputs, outputs)):
        _transform_input(values[group], _as_lanes(tiles))
        _spread(gradient[group], _as_lanes(spread))
        torch.baddbmm(summed, torch.from_numpy(spread).transpose(1, 2), torch.from_numpy(tiles), out=summed)
    result = np.empty((outputs, 3, 3, inputs), np.float32)
    _reduce_kernels(summed.numpy(), _G, result)
    return torch.from_numpy(result).permute(0, 3, 1, 2)


def _groups(shape: tuple[int, ...], channels: tuple[int, int]) -> Any:
    """(slice of the images, arrays (36, tiles, channels) to fill, one for each of ``channels``) group by group."""
    count, height, width = shape[:3]
    tiles = _tiles_along(height) * _tiles_along(width)
    images = max(1, _GROUP_BYTES // (36 * tiles * max(channels) * 4))
    for first in range(0, count, images):
        group = slice(first, min(first + images, count))
        wanted = (group.stop - group.start) * tiles
        if first == 0 or group.stop - group.start < images:
            arrays = [np.empty((36, wanted, n), np.float32) for n in channels]
        yield group, arrays


def _lanes(values: torch.Tensor) -> np.ndarray:
    """(B, C, H, W) as a contiguous array (B, H, W, C/16, 16)."""
    return _as_lanes(_channels_last(values))


@numba.njit(inline="always")
def _tiles_along(side: int) -> int:
    return (side + 3) // 4


def _as_lanes(values: np.ndarray) -> np.ndarray:
    return values.reshape(*values.shape[:-1], values.shape[-1] // _LANES, _LANES)


def _channels_last(values: torch.Tensor) -> np.ndarray:
    """(A, B, H, W) as a contiguous array (A, H, W, B)."""
    return values.detach().permute(0, 2, 3, 1).contiguous().numpy()


@numba.njit(inline="always")
def _input_side(d0, d1, d2, d3, d4, d5):  # type: ignore[no-untyped-def]
    """B^T d."""
    even, odd = d4 - 4 * d2, d3 - 4 * d1
    near, far = d4 - d2, 2 * (d3 - d1)
    return d4 + 4 * d0 - 5 * d2, even + odd, even - odd, near + far, near - far, d5 + 4 * d1 - 5 * d3


@numba.njit(inline="always")
def _result_side(p0, p1, p2, p3, p4, p5):  # type: ignore[no-untyped-def]
    """A^T p."""
    sum12, sum34, difference12, difference34 = p1 + p2, p3 + p4, p1 - p2, p3 - p4
    return p0 + sum12 + sum34, difference12 + 2 * difference34, sum12 + 4 * sum34, difference12 + 8 * difference34 + p5


@numba.njit(inline="always")
def _gradient_side(y0, y1, y2, y3):  # type: ignore[no-untyped-def]
    """A y."""
    even, odd, even4, odd2 = y0 + y2, y1 + y3, y0 + 4 * y2, 2 * y1 + 8 * y3
    return y0, even + odd, even - odd, even4 + odd2, even4 - odd2, y3


@numba.njit(parallel=True, cache=True)
def _transform_input(values: np.ndarray, result: np.ndarray) -> None:
    """result[6 i + j, tile] = (B^T d B)[i, j] of the 6x6 tiles d that start one before each multiple of 4.

    ``values`` (B, H, W, C/16, 16), zero outside; ``result`` (36, tiles, C/16, 16).
    """
    count, height, width, blocks, lanes = values.shape
    down, across = _tiles_along(height), _tiles_along(width)
    for number in numba.prange(count * down):
        strip = np.int64(number)  # numba counts unsigned, and signed minus unsigned would be a float
        image, top, first = strip // down, 4 * (strip % down) - 1, strip * across
        tile, half = np.zeros((6, 6, lanes), np.float32), np.empty((6, 6, lanes), np.float32)
        nothing = np.zeros((1, lanes), np.float32)
        for column in range(across):
            left = 4 * column - 1
            for block in range(blocks):
                for b in range(6):
                    if not 0 <= left + b < width:
                        for i in range(6):
                            store(half, (i, b), load(nothing, (0,)))
                        continue
                    for a in range(6):
                        if 0 <= top + a < height:
                            store(tile, (a, b), load(values, (image, top + a, left + b, block)))
                    h0, h1, h2, h3, h4, h5 = _input_side(
                        load(tile, (0, b)), load(tile, (1, b)), load(tile, (2, b)),
                        load(tile, (3, b)), load(tile, (4, b)), load(tile, (5, b)),
                    )  # fmt: skip
                    store(half, (0, b), h0)
                    store(half, (1, b), h1)
                    store(half, (2, b), h2)
                    store(half, (3, b), h3)
                    store(half, (4, b), h4)
                    store(half, (5, b), h5)
                _finish_tile(half, result, first + column, block)


@numba.njit(inline="always")
def _finish_tile(half, result, tile, block):  # type: ignore[no-untyped-def]
    """result[6 i + j, tile] = (h B)[i, j]."""
    for i in range(6):
        t0, t1, t2, t3, t4, t5 = _input_side(
            load(half, (i, 0)), load(half, (i, 1)), load(half, (i, 2)),
            load(half, (i, 3)), load(half, (i, 4)), load(half, (i, 5)),
        )  # fmt: skip
        store(result, (6 * i, tile, block), t0)
        store(result, (6 * i + 1, tile, block), t1)
        store(result, (6 * i + 2, tile, block), t2)
        store(result, (6 * i + 3, tile, block), t3)
        store(result, (6 * i + 4, tile, block), t4)
        store(result, (6 * i + 5, tile, block), t5)


@numba.njit(parallel=True, cache=True)
def _spread(gradient: np.ndarray, result: np.ndarray) -> None:
    """result[6 i + j, tile] = (A y A^T)[i, j] of the 4x4 tiles y of ``gradient`` (B, H, W, K/16, 16)."""
    count, height, width, blocks, lanes = gradient.shape
    down, across = _tiles_along(height), _tiles_along(width)
    for number in numba.prange(count * down):
        strip = np.int64(number)
        image, top, first = strip // down, 4 * (strip % down), strip * across
        tile, half = np.zeros((4, lanes), np.float32), np.zeros((6, 4, lanes), np.float32)
        nothing = np.zeros((1, lanes), np.float32)
        for column in range(across):
            for block in range(blocks):
                for b in range(4):
                    if 4 * column + b >= width:
                        for i in range(6):
                            store(half, (i, b), load(nothing, (0,)))
                        continue
                    for a in range(min(4, height - top)):
                        store(tile, (a,), load(gradient, (image, top + a, 4 * column + b, block)))
                    h0, h1, h2, h3, h4, h5 = _gradient_side(
                        load(tile, (0,)), load(tile, (1,)), load(tile, (2,)), load(tile, (3,))
                    )
                    store(half, (0, b), h0)
                    store(half, (1, b), h1)
                    store(half, (2, b), h2)
                    store(half, (3, b), h3)
                    store(half, (4, b), h4)
                    store(half, (5, b), h5)
                for i in range(6):
                    t0, t1, t2, t3, t4, t5 = _gradient_side(
                        load(half, (i, 0)), load(half, (i, 1)), load(half, (i, 2)), load(half, (i, 3))
                    )
                    store(result, (6 * i, first + column, block), t0)
                    store(result, (6 * i + 1, first + column, block), t1)
                    store(result, (6 * i + 2, first + column, block), t2)
                    store(result, (6 * i + 3, first + column, block), t3)
                    store(result, (6 * i + 4, first + column, block), t4)
                    store(result, (6 * i + 5, first + column, block), t5)


@numba.njit(parallel=True, cache=True)
def _assemble(products: np.ndarray, result: np.ndarray) -> None:
    """Each 4x4 tile of ``result`` (B, H, W, K/16, 16) is A^T p A of ``products`` (36, tiles, K/16, 16)."""
    count, height, width, blocks, lanes = result.shape
    down, across = _tiles_along(height), _tiles_along(width)
    for number in numba.prange(count * down):
        strip = np.int64(number)
        image, top, first = strip // down, 4 * (strip % down), strip * across
        half = np.empty((4, 6, lanes), np.float32)
        for column in range(across):
            for block in range(blocks):
                tile = first + column
                for j in range(6):
                    h0, h1, h2, h3 = _result_side(
                        load(products, (j, tile, block)), load(products, (6 + j, tile, block)),
                        load(products, (12 + j, tile, block)), load(products, (18 + j, tile, block)),
                        load(products, (24 + j, tile, block)), load(products, (30 + j, tile, block)),
                    )  # fmt: skip
                    store(half, (0, j), h0)
                    store(half, (1, j), h1)
                    store(half, (2, j), h2)
                    store(half, (3, j), h3)
                for i in range(min(4, height - top)):
                    r0, r1, r2, r3 = _result_side(
                        load(half, (i, 0)), load(half, (i, 1)), load(half, (i, 2)),
                        load(half, (i, 3)), load(half, (i, 4)), load(half, (i, 5)),
                    )  # fmt: skip
                    left = 4 * column
                    store(result, (image, top + i, left, block), r0)
                    if left + 1 < width:
                        store(result, (image, top + i, left + 1, block), r1)
                    if left + 2 < width:
                        store(result, (image, top + i, left + 2, block), r2)
                    if left + 3 < width:
                        store(result, (image, top + i, left + 3, block), r3)


@numba.njit(parallel=True, fastmath=True, cache=True)
def _transform_kernels(kernels: np.ndarray, matrix: np.ndarray, result: np.ndarray) -> None:
    """result[6 i + j, k] = (G g G^T)[i, j] of kernels (K, 3, 3, C); ``matrix`` is G, ``result`` (36, K, C)."""
    outputs, _, _, inputs = kernels.shape
    for k in numba.prange(outputs):
        half = np.empty((3, inputs), np.float32)
        for i in range(6):
            for b in range(3):
                for c in range(inputs):
                    half[b, c] = (
                        matrix[i, 0] * kernels[k, 0, b, c]
                        + matrix[i, 1] * kernels[k, 1, b, c]
                        + matrix[i, 2] * kernels[k, 2, b, c]
                    )
            for j in range(6):
                for c in range(inputs):
                    result[6 * i + j, k, c] = (
                        matrix[j, 0] * half[0, c] + matrix[j, 1] * half[1, c] + matrix[j, 2] * half[2, c]
                    )


@numba.njit(parallel=True, fastmath=True, cache=True)
def _reduce_kernels(products: np.ndarray, matrix: np.ndarray, result: np.ndarray) -> None:
    """result[k, a, b] = (G^T p G)[a, b] of products (36, K, C); ``matrix`` is G, ``result`` (K, 3, 3, C)."""
    outputs, _, _, inputs = result.shape
    for k in numba.prange(outputs):
        half = np.empty((6, inputs), np.float32)
        for a in range(3):
            half[:] = 0
            for i in range(6):
                for j in range(6):
                    for c in range(inputs):
                        half[j, c] += matrix[i, a] * products[6 * i + j, k, c]
            for b in range(3):
                result[k, a, b, :] = 0
                for j in range(6):
                    for c in range(inputs):
                        result[k, a, b, c] += matrix[j, b] * half[j, c]
