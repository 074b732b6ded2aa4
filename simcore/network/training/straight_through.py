"""Signs that can be trained: exact signs forward, a useful gradient backward."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch

from simcore.kernels import cache as kernel_cache  # noqa: F401  (before the first cached kernel)
from simcore.network.training.bfloat16 import memory_of, narrowed, widened


def sign(values: torch.Tensor) -> torch.Tensor:
    """+1 where ``values`` >= 0 (so sign(0) = +1), else -1, in the type of ``values``; no gradient."""
    return (values >= 0).to(values.dtype).mul_(2).sub_(1)


class _BoundedSign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(values)
        return _sign_in_one_pass(values)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        (values,) = ctx.saved_tensors
        (gradient,) = gradients
        if not _in_cpu_memory(values, gradient):
            slope = torch.rsub(values.abs(), 2, alpha=2).clamp_min_(0)
            return slope.mul_(gradient)
        result = torch.empty_like(values)
        _times_slope(_flat(values), _flat(gradient), _flat(result))
        return result


class _PassedSign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        return _sign_in_one_pass(values)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return gradients[0]


def activation_sign(values: torch.Tensor) -> torch.Tensor:
    """Sign with the gradient max(0, 2 - 2|x|), the slope of the piecewise polynomial of Bi-Real Net
    (Liu et al., ECCV 2018, eq. 5-6); it vanishes outside [-1, 1]."""
    result: torch.Tensor = _BoundedSign.apply(values)
    return result


def weight_sign(latent: torch.Tensor) -> torch.Tensor:
    """Sign whose gradient passes straight through to the latent weight (Courbariaux et al., arXiv 1602.02830);
    the training clips latent weights to [-1, 1]."""
    result: torch.Tensor = _PassedSign.apply(latent)
    return result


def _sign_in_one_pass(values: torch.Tensor) -> torch.Tensor:
    """``sign`` with less traffic to memory, where there is a way."""
    if values.device.type != "cpu":
        return _chosen_sign(values)
    if not _in_cpu_memory(values):
        return sign(values)
    result = torch.empty_like(values)
    _signs(_flat(values), _flat(result))
    return result


def _chosen_sign(values: torch.Tensor) -> torch.Tensor:
    """``sign`` in two passes instead of four; on a CPU slower all the same."""
    one = values.new_ones(())
    return torch.where(values >= 0, one, -one)


def _in_cpu_memory(*tensors: torch.Tensor) -> bool:
    """Whether the tensors are on the CPU, float32 or bfloat16, dense and in one order: then one pass over the memory
    does it."""
    first = tensors[0]
    dense = first.is_contiguous() or first.is_contiguous(memory_format=torch.channels_last)
    known = first.device.type == "cpu" and first.dtype in (torch.float32, torch.bfloat16)
    return (
        dense
        and known
        and all(
            tensor.device == first.device and tensor.dtype == first.dtype and tensor.stride() == first.stride()
            for tensor in tensors
        )
    )


def _flat(values: torch.Tensor) -> np.ndarray:
    """The memory of a dense tensor, in its own order; that of bfloat16 as its bits."""
    return memory_of(values.detach().as_strided((values.numel(),), (1,)))


@numba.njit(parallel=True, cache=True)
def _signs(values: np.ndarray, result: np.ndarray) -> None:
    for n in numba.prange(values.size):
        result[n] = narrowed(np.float32(1) if widened(values[n]) >= 0 else np.float32(-1), result)


@numba.njit(parallel=True, cache=True)
def _times_slope(values: np.ndarray, gradient: np.ndarray, result: np.ndarray) -> None:
    """result = max(0, 2 - 2 |values|) * gradient, rounded after each operation as torch does."""
    for n in numba.prange(values.size):
        slope = np.float32(2) - np.float32(2) * abs(widened(values[n]))
        slope = widened(narrowed(max(slope, np.float32(0)), result))
        result[n] = narrowed(slope * widened(gradient[n]), result)
