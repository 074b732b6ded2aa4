"""Which weights are binary, whatever they were made from: two values for each output."""

from __future__ import annotations

from dataclasses import dataclass

import torch

_TOLERANCE = 1e-4
"""Of the distance of both values: a straight-through estimator leaves weights of float32 1e-6 apart. Judgement."""


@dataclass(frozen=True)
class BinaryWeights:
    """weight = scale x sign + offset for each output.

    Attributes:
        signs: +1 or -1, in the shape of the weights, outputs first.
        scale, offset: (outputs,).
    """

    signs: torch.Tensor
    scale: torch.Tensor
    offset: torch.Tensor


def binary_weights(weight: torch.Tensor) -> BinaryWeights | str:
    """The signs of weights that have two values for each output; else why they are not binary.

    Args:
        weight: (outputs, ...).
    """
    flat = weight.detach().double().reshape(len(weight), -1)
    low, high = flat.min(dim=1, keepdim=True).values, flat.max(dim=1, keepdim=True).values
    above = flat > (low + high) / 2
    one = (high - low) <= _TOLERANCE * torch.maximum(low.abs(), high.abs())  # all weights of an output alike
    counts = above.sum(dim=1, keepdim=True)
    upper = torch.where(one, flat.mean(dim=1, keepdim=True), (flat * above).sum(1, keepdim=True) / counts)
    lower = torch.where(one, upper, (flat * ~above).sum(1, keepdim=True) / (flat.shape[1] - counts))
    apart = (flat - torch.where(above, upper, lower)).abs()
    close = torch.maximum(upper - lower, upper.abs() * one) * _TOLERANCE
    if bool((apart > close).any()):
        return _why_not(weight, apart > close)
    scale, offset = (upper - lower) / 2, (upper + lower) / 2
    balanced = offset.abs() <= _TOLERANCE * scale
    scale = torch.where(one, upper.abs(), torch.where(balanced, (upper.abs() + lower.abs()) / 2, scale))
    offset = torch.where(balanced | one, 0.0, offset)
    signs = torch.where(torch.where(one, upper >= 0, above), 1.0, -1.0)
    return BinaryWeights(signs.float().reshape(weight.shape), scale.flatten().float(), offset.flatten().float())


def _why_not(weight: torch.Tensor, apart: torch.Tensor) -> str:
    zeros = int((weight == 0).sum())
    output = int(apart.any(dim=1).nonzero()[0])
    values = torch.unique(weight[output])
    if len(values) == 3 and zeros:
        return f"{zeros} of its weights are 0 beside two other values (torch.sign(0) is 0)"
    return f"its weights are not of two values for each output (output {output} has {len(values)})"
