"""Normalizations, and sums over axes, as PyTorch modules."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from simcore.errors import InputError
from simcore.network.operations import Shape
from simcore.network.operations import normalization as ops


def numbers_of_channels(
    normalize: tuple[Sequence[float], Sequence[float]], shape: Sequence[int]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel; one number is that of all.

    Args:
        normalize: means and standard deviations.
        shape: of the input without the batch.

    Raises:
        InputError: numbers for other channels than the input has.
    """
    means, stds = (tuple(float(value) for value in part) for part in normalize)
    for part in (means, stds):
        if len(shape) != 3 or len(part) not in (1, shape[0]):
            raise InputError(
                f"numbers for {len(part)} channels, the input has shape {tuple(shape)}; maps of as many are needed",
                "mean and standard deviation",
            )
    return (means * shape[0])[: shape[0]], (stds * shape[0])[: shape[0]]


class Normalize(nn.Module):
    """(x / 255 - mean) / std for each channel, as one product and one sum."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        means, stds = np.array(mean, np.float64), np.array(std, np.float64)
        self.factor = (1 / (255 * stds)).tolist()
        self.offset = (-means / stds).tolist()
        self._placed: dict[torch.device, tuple[torch.Tensor, torch.Tensor]] = {}

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        factor, offset = self._on(images.device)
        return torch.addcmul(offset, images, factor)

    def _on(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Factor and offset, (C, 1, 1) each, on ``device``; kept there, for a copy to a GPU makes the host wait."""
        if device not in self._placed:
            factor, offset = (
                torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]
                for values in (self.factor, self.offset)
            )
            self._placed[device] = (factor, offset)
        return self._placed[device]


class BatchNormND(nn.BatchNorm1d):
    """Of values with more axes than those of a map, which PyTorch takes for one line a channel."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return super().forward(values.flatten(2)).reshape(values.shape)


class Reduce(nn.Module):
    """Mean, sum, largest or smallest value along axes."""

    def __init__(self, operation: ops.Reduce) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return _REDUCTIONS[self.operation.kind](values, [1 + axis for axis in self.operation.axes], self.operation.keep)


_REDUCTIONS: dict[str, Callable[[torch.Tensor, list[int], bool], torch.Tensor]] = {
    "mean": torch.mean,
    "sum": torch.sum,
    "max": torch.amax,
    "min": torch.amin,
}


def build(operation: ops.Operation, shape: Shape) -> nn.Module | None:
    """The module of an operation of this family, else None; ``shape`` is that of its result."""
    match operation:
        case ops.Normalize():
            return Normalize(operation.mean, operation.std)
        case ops.BatchNorm():
            kind = {1: nn.BatchNorm1d, 2: nn.BatchNorm1d, 3: nn.BatchNorm2d}.get(len(shape), BatchNormND)
            return kind(operation.channels, eps=operation.eps, momentum=operation.momentum)
        case ops.LayerNorm():
            return nn.LayerNorm(operation.shape, eps=operation.eps)
        case ops.Softmax():
            return nn.Softmax(1 + operation.axis)
        case ops.Reduce():
            return Reduce(operation)
    return None
