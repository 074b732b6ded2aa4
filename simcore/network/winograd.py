"""3x3 convolutions on a CPU with a quarter of the multiplications: Winograd's F(4x4, 3x3), for training.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4.3: a 4x4 tile of the result
is A^T [(G g G^T) * (B^T d B)] A, with d the 6x6 tile of the input around it and g the 3x3 kernel. The products in
brackets, summed over channels, are 36 matrix products. The gradient with respect to the input is a convolution with
the turned kernel; the one with respect to the kernel is G^T [(B^T d B)(A y A^T)] G with y the result's gradient.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch

from simcore import kernel_cache  # noqa: F401  (before the first cached kernel)

_B = np.array(
    [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
     [0, 4, 0, -5, 0, 1]], np.float32,
)  # fmt: skip
_G = torch.tensor(
    [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6],
     [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]], dtype=torch.float32,
)  # fmt: skip
_A = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float32)


def suits(values: torch.Tensor, weight: torch.Tensor, stride: Any, padding: Any) -> bool:
    """Whether ``convolution`` can compute this convolution and is the quicker way to."""
    return (
        values.device.type == "cpu"
        and values.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and tuple(weight.shape[2:]) == (3, 3)
        and tuple(stride) == tuple(padding) == (1, 1)
        and values.shape[2] % 4 == 0
        and values.shape[3] % 4 == 0
        and min(weight.shape[:2]) >= 32
    )


def convolution(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Convolution of float32 (B, C, H, W) with (K, C, 3, 3), stride 1, zero padding 1, with gradients.

    H and W are multiples of 4. The error is about 1e-6 of the sum of the terms' sizes. The result is channels-last.
    """
    numba.set_num_threads(min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    result: torch.Tensor = _Winograd.apply(values, weight)
    return result


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        transformed = _input_tiles(values)
        ctx.save_for_backward(transformed, weight)
        return _result(transformed, weight, values.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        transformed, weight = ctx.saved_tensors
        (gradient,) = gradients
        to_values = to_weight = None
        if ctx.needs_input_grad[0]:
            turned = weight.flip(2, 3).transpose(0, 1)
            to_values = _result(_input_tiles(gradient), turned, gradient.shape)
        if ctx.needs_input_grad[1]:
            spread = torch.from_numpy(_tiles(_channels_last(gradient), _A.T.copy(), 0))
            products = torch.bmm(spread.transpose(1, 2), transformed).view(6, 6, *weight.shape[:2])
            to_weight = torch.einsum("ia,jb,ijkc->kcab", _G, _G, products)
        return to_values, to_weight


def _input_tiles(values: torch.Tensor) -> torch.Tensor:
    """B^T d B of every tile: (36, tiles, C)."""
    return torch.from_numpy(_tiles(_channels_last(values), _B, 1))


def _result(transformed: torch.Tensor, weight: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """The convolution from its input's tiles: (B, K, H, W), channels-last."""
    kernels = torch.einsum("ia,jb,kcab->ijck", _G, _G, weight).reshape(36, weight.shape[1], weight.shape[0])
    products = torch.bmm(transformed, kernels)
    count, _, height, width = shape
    result = np.empty((count, height, width, weight.shape[0]), np.float32)
    _assemble(products.numpy(), _A, result)
    return torch.from_numpy(result).permute(0, 3, 1, 2)


def _channels_last(values: torch.Tensor) -> np.ndarray:
    """(B, C, H, W) as an array (B, H, W, C) that is contiguous."""
    return values.detach().permute(0, 2, 3, 1).contiguous().numpy()


def _tiles(values: np.ndarray, matrix: np.ndarray, border: int) -> np.ndarray:
    count, height, width, channels = values.shape
    result = np.empty((36, count * (height // 4) * (width // 4), channels), np.float32)
    _transform(values, matrix, border, result)
    return result


@numba.njit(parallel=True, fastmath=True, cache=True)
def _transform(values: np.ndarray, matrix: np.ndarray, border: int, result: np.ndarray) -> None:
    """result[6 i + j, tile] = (M d M^T)[i, j] for each tile d that starts ``border`` before a multiple of 4.

    ``values`` (B, H, W, C), zero outside; ``matrix`` M (6, size of d); ``result`` (36, tiles, C).
    """
    count, height, width, channels = values.shape
    size = matrix.shape[1]
    across = width // 4
    for number in numba.prange(count * (height // 4)):
        strip = np.int64(number)  # numba counts unsigned, and signed minus unsigned would be a float
        image, tile_row = strip // (height // 4), strip % (height // 4)
        tile = np.zeros((6, 6, channels), np.float32)
        half = np.zeros((6, 6, channels), np.float32)
        for tile_column in range(across):
            for a in range(size):
                row = 4 * tile_row + a - border
                for b in range(size):
                    column = 4 * tile_column + b - border
                    if 0 <= row < height and 0 <= column < width:
                        tile[a, b, :] = values[image, row, column, :]
                    else:
                        tile[a, b, :] = 0.0
            for i in range(6):
                for b in range(size):
                    _combine(matrix[i], tile[:, b, :], half[i, b, :])
            for i in range(6):
                for j in range(6):
                    _combine(matrix[j], half[i], result[6 * i + j, strip * across + tile_column, :])


@numba.njit(parallel=True, fastmath=True, cache=True)
def _assemble(products: np.ndarray, matrix: np.ndarray, result: np.ndarray) -> None:
    """Each 4x4 tile of ``result`` (B, H, W, K) is M p M^T of ``products`` (36, tiles, K); ``matrix`` is M (4, 6)."""
    count, height, width, channels = result.shape
    across = width // 4
    for number in numba.prange(count * (height // 4)):
        strip = np.int64(number)  # numba counts unsigned, and signed minus unsigned would be a float
        image, tile_row = strip // (height // 4), strip % (height // 4)
        half = np.empty((4, 6, channels), np.float32)
        for tile_column in range(across):
            place = strip * across + tile_column
            for i in range(4):
                for j in range(6):
                    _combine(matrix[i], products[j::6, place, :], half[i, j, :])
            for i in range(4):
                for j in range(4):
                    _combine(matrix[j], half[i], result[image, 4 * tile_row + i, 4 * tile_column + j, :])


@numba.njit(fastmath=True, cache=True)
def _combine(factors: np.ndarray, rows: np.ndarray, result: np.ndarray) -> None:
    """result = factors @ rows, with four or six factors."""
    if factors.shape[0] == 6:
        f0, f1, f2, f3, f4, f5 = factors[0], factors[1], factors[2], factors[3], factors[4], factors[5]
        for c in range(result.shape[0]):
            low = f0 * rows[0, c] + f1 * rows[1, c] + f2 * rows[2, c]
            result[c] = low + f3 * rows[3, c] + f4 * rows[4, c] + f5 * rows[5, c]
    else:
        f0, f1, f2, f3 = factors[0], factors[1], factors[2], factors[3]
        for c in range(result.shape[0]):
            result[c] = f0 * rows[0, c] + f1 * rows[1, c] + f2 * rows[2, c] + f3 * rows[3, c]
