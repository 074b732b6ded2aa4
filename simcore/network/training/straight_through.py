"""Signs that can be trained: exact signs forward, a useful gradient backward."""

from __future__ import annotations

import torch
from torch.autograd.function import BackwardCFunction, FunctionCtx


def sign(values: torch.Tensor) -> torch.Tensor:
    """+1 where ``values`` >= 0 (so sign(0) = +1), else -1, in the type of ``values`` (no NaN); no gradient."""
    # + 0.0 makes a negative zero a positive one, whose sign is copied
    return torch.copysign(torch.ones((), dtype=values.dtype), values.detach() + 0.0)


class _BoundedSign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, values: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(values)
        return sign(values)

    @staticmethod
    def backward(ctx: BackwardCFunction, gradient: torch.Tensor) -> torch.Tensor:
        (values,) = ctx.saved_tensors
        return torch.rsub(values.abs(), 2, alpha=2).clamp_min_(0).mul_(gradient)


class _PassedSign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, values: torch.Tensor) -> torch.Tensor:
        return sign(values)

    @staticmethod
    def backward(ctx: BackwardCFunction, gradient: torch.Tensor) -> torch.Tensor:
        return gradient


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
