"""Windows that slide over a feature map, (C, H, W): convolutions and pools."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from simcore.network.operations.base import (
    LARGEST_ACTIVATION,
    Operation,
    PaddingPair,
    Shape,
    Size,
    SizePair,
    require_features,
    require_map,
)

_MOST_WEIGHTS = 1 << 32
"""Of a convolution: those of the largest matrix, 65,536 x 65,536."""


class _Window(Operation):
    """A window that slides over a feature map."""

    kernel: SizePair
    stride: SizePair = (1, 1)
    padding: PaddingPair = (0, 0)

    @property
    def extent(self) -> tuple[int, int]:
        """Height and width that the window spans."""
        return self.kernel

    def slide(self, shape: Shape) -> tuple[int, int]:
        """Height and width of the result: floor((size + 2 padding - extent) / stride) + 1."""
        require_map(shape)
        padded = [size + 2 * padding for size, padding in zip(shape[1:], self.padding, strict=True)]
        if shape[0] * math.prod(padded) > LARGEST_ACTIVATION:
            raise ValueError(
                f"padded to {shape[0]}x{padded[0]}x{padded[1]} it takes more than {LARGEST_ACTIVATION} values"
            )
        height, width = (
            (size - extent) // stride + 1 for size, extent, stride in zip(padded, self.extent, self.stride, strict=True)
        )
        if height < 1 or width < 1:
            raise ValueError(f"a {self.extent[0]}x{self.extent[1]} window does not fit into {shape[1]}x{shape[2]}")
        return height, width


class _Convolution(_Window):
    """A window of weights; its channels in ``groups`` that do not see each other, its taps ``dilation`` apart."""

    in_channels: Size
    out_channels: Size
    dilation: SizePair = (1, 1)
    groups: Size = 1

    @property
    def extent(self) -> tuple[int, int]:
        (high, wide), (down, across) = self.kernel, self.dilation
        return (high - 1) * down + 1, (wide - 1) * across + 1

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        height, width = self.slide(inputs[0])
        require_features(inputs[0], self.in_channels, "in_channels")
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise ValueError(
                f"{self.groups} groups do not divide {self.in_channels} input and {self.out_channels} output channels"
            )
        weights = self.out_channels * self.in_channels // self.groups * math.prod(self.kernel)
        if weights > _MOST_WEIGHTS:
            raise ValueError(f"it has {weights} weights, more than {_MOST_WEIGHTS}")
        return (self.out_channels, height, width)


class Conv2d(_Convolution):
    """Convolution in full precision, zero padding."""

    bias: bool = True


class BinaryConv2d(_Convolution):
    """Convolution of sign(input) with sign(weight), sign(0) = +1; no bias.

    Attributes:
        pad_value: what padded places hold: 0 contributes nothing, +1 and -1 are inputs like any other.
    """

    pad_value: Literal[-1, 0, 1] = 0


class WindowSum2d(_Convolution):
    """Sum of sign(input) over each window of a convolution: what the offset of its weights is multiplied by. Padded
    places contribute nothing."""


class MaxPool2d(_Window):
    """Largest value in each window; padded places never win."""

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        _require_pool_padding(self)
        return (inputs[0][0], *self.slide(inputs[0]))


class AvgPool2d(_Window):
    """Mean of each window; padded places count as zeros, or not at all where ``count_padding`` is false."""

    count_padding: bool = True

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        _require_pool_padding(self)
        return (inputs[0][0], *self.slide(inputs[0]))


class GlobalAvgPool(Operation):
    """Mean of each channel: (C, H, W) -> (C,)."""

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        require_map(inputs[0])
        return (inputs[0][0],)


def _require_pool_padding(window: _Window) -> None:
    # A window that lies in the padding alone has no value; half a kernel is the most that rules it out.
    if any(2 * padding > kernel for padding, kernel in zip(window.padding, window.kernel, strict=True)):
        raise ValueError(f"padding {window.padding} is more than half of the kernel {window.kernel}")
