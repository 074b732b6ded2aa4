"""Convolutions and pools as PyTorch modules."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn
from torch.nn import functional

from simcore.network.operations import Shape
from simcore.network.operations import window as ops
from simcore.network.training.straight_through import activation_sign, sign, weight_sign


class BinaryConv2d(nn.Conv2d):
    """Convolution of signs. ``weight`` holds the latent values; outside training only their signs matter."""

    pad_value = 0

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if self.training:
            return self._signs_forward(activation_sign(input), weight_sign(self.weight), self.groups)
        with torch.autocast(input.device.type, enabled=False):
            return self.whole_products(sign(input.float()), sign(self.weight.detach()), self.groups)

    def block_products(self, signs: torch.Tensor, block: int) -> torch.Tensor:
        """Of one of the groups alone, for the signs of its inputs."""
        return self.whole_products(signs, sign(self.weight.detach().chunk(self.groups)[block]), 1)

    def whole_products(self, signs: torch.Tensor, weight: torch.Tensor, groups: int) -> torch.Tensor:
        """Whole numbers; inputs and weights are signs."""
        # round_: sums of +-1 are exact in float32 in any order, but a backend may choose a Winograd or Fourier
        # algorithm, whose error is far below one half.
        return self._signs_forward(signs, weight, groups).round_()

    def _signs_forward(self, signs: torch.Tensor, weight: torch.Tensor, groups: int) -> torch.Tensor:
        padding: tuple[int, ...] = tuple(map(int, self.padding))
        if self.pad_value:
            vertical, horizontal = padding
            signs = functional.pad(signs, (horizontal, horizontal, vertical, vertical), value=float(self.pad_value))
            padding = (0, 0)
        return functional.conv2d(signs, weight, None, self.stride, padding, self.dilation, groups)


class WindowSum2d(nn.Module):
    """Sum of signs over the windows of a convolution; the output channels of a group are alike."""

    def __init__(self, operation: ops.WindowSum2d) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        operation = self.operation
        ones = values.new_ones((operation.groups, operation.in_channels // operation.groups, *operation.kernel))
        signs = activation_sign(values) if self.training else sign(values)
        sums = functional.conv2d(
            signs, ones, None, operation.stride, operation.padding, operation.dilation, operation.groups
        )
        # round_: as of BinaryConv2d
        sums = sums if self.training else sums.round_()
        return sums.repeat_interleave(operation.out_channels // operation.groups, dim=1)


class GlobalAvgPool(nn.Module):
    """Mean over height and width."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values.mean(dim=(2, 3))


Convolution = TypeVar("Convolution", bound=nn.Conv2d)


def _convolution(kind: type[Convolution], operation: ops.Conv2d | ops.BinaryConv2d, bias: bool) -> Convolution:
    return kind(
        operation.in_channels, operation.out_channels, operation.kernel, operation.stride, operation.padding,
        operation.dilation, operation.groups, bias,
    )  # fmt: skip


def build(operation: ops.Operation, shape: Shape) -> nn.Module | None:
    """The module of an operation of this family, else None; ``shape`` is that of its result."""
    match operation:
        case ops.Conv2d():
            return _convolution(nn.Conv2d, operation, operation.bias)
        case ops.BinaryConv2d():
            layer = _convolution(BinaryConv2d, operation, False)
            layer.pad_value = operation.pad_value
            return layer
        case ops.WindowSum2d():
            return WindowSum2d(operation)
        case ops.MaxPool2d():
            return nn.MaxPool2d(operation.kernel, operation.stride, operation.padding)
        case ops.AvgPool2d():
            return nn.AvgPool2d(
                operation.kernel, operation.stride, operation.padding, count_include_pad=operation.count_padding
            )
        case ops.GlobalAvgPool():
            return GlobalAvgPool()
    return None
