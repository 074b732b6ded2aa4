"""PReLU with gradients in one pass over the memory each way: torch's own writes the slopes' gradient at full size."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from simcore.kernels import cache as kernel_cache  # noqa: F401  (before the first cached kernel)
from simcore.network.training.bfloat16 import memory_of, narrowed, widened


class Prelu(nn.PReLU):
    """x where x >= 0, else x times its channel's slope (He et al., ICCV 2015, eq. 1)."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if not (self.training and _suits(input)):
            return functional.prelu(input, self.weight.to(input.dtype))
        result: torch.Tensor = _Prelu.apply(input, self.weight)
        return result


def _suits(values: torch.Tensor) -> bool:
    return (
        values.device.type == "cpu"
        and values.dim() == 4
        and values.dtype in (torch.float32, torch.bfloat16)
        and values.is_contiguous(memory_format=torch.channels_last)
    )


class _Prelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(values, slopes)
        result = torch.empty_like(values)
        _forward(_pixels(values), slopes.detach().numpy(), _pixels(result))
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values, slopes = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        result = torch.empty_like(values)
        of_slopes = torch.empty((len(values), len(slopes)))
        _backward(_pixels(values), slopes.detach().numpy(), _pixels(gradient), _pixels(result), of_slopes.numpy())
        return result, of_slopes.sum(0)


def _pixels(values: torch.Tensor) -> np.ndarray:
    """(B, C, H, W), channels-last, as an array (B, H W, C); that of bfloat16 as its bits."""
    return memory_of(values.detach().permute(0, 2, 3, 1).flatten(1, 2))


@numba.njit(parallel=True, cache=True)
def _forward(values: np.ndarray, slopes: np.ndarray, result: np.ndarray) -> None:
    images, pixels, channels = values.shape
    for image in numba.prange(images):
        for pixel in range(pixels):
            for channel in range(channels):
                value = widened(values[image, pixel, channel])
                result[image, pixel, channel] = narrowed(value if value >= 0 else value * slopes[channel], result)


@numba.njit(parallel=True, cache=True)
def _backward(
    values: np.ndarray, slopes: np.ndarray, gradient: np.ndarray, result: np.ndarray, of_slopes: np.ndarray
) -> None:
    """``of_slopes`` (images, channels): what each image adds, for a sum in one order on any number of threads."""
    images, pixels, channels = values.shape
    for image in numba.prange(images):
        of_slopes[image] = 0
        for pixel in range(pixels):
            for channel in range(channels):
                value, slope = widened(values[image, pixel, channel]), widened(gradient[image, pixel, channel])
                negative = value < 0
                result[image, pixel, channel] = narrowed(slope * slopes[channel] if negative else slope, result)
                of_slopes[image, channel] += slope * value if negative else np.float32(0)
