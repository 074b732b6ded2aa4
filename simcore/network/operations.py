"""The operations a network graph may use: their attributes, and the shape each makes of its inputs.

Shapes leave out the batch: (C, H, W) for images and feature maps, (F,) for vectors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Shape = tuple[int, ...]

# Far above any network of interest; a file cannot make the loader ask for absurd memory.
_LARGEST = 1 << 16

Size = Annotated[int, Field(ge=1, le=_LARGEST)]
Padding = Annotated[int, Field(ge=0, le=_LARGEST)]


def _as_pair(value: object) -> object:
    """One number stands for both directions; JSON has lists where Python has tuples."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    return tuple(value) if isinstance(value, list) else value


SizePair = Annotated[tuple[Size, Size], BeforeValidator(_as_pair)]
PaddingPair = Annotated[tuple[Padding, Padding], BeforeValidator(_as_pair)]
PerChannel = Annotated[tuple[float, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)]


class Operation(BaseModel):
    """Attributes of one operation; ``arity`` is the number of its inputs."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    arity: ClassVar[int] = 1

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the result, without the batch; by default the shape of the one input.

        Args:
            inputs: shapes of the inputs, ``arity`` of them.

        Raises:
            ValueError: the inputs do not fit the attributes.
        """
        return inputs[0]


class _Window(Operation):
    """A window that slides over a feature map."""

    kernel: SizePair
    stride: SizePair = (1, 1)
    padding: PaddingPair = (0, 0)

    def slide(self, shape: Shape) -> tuple[int, int]:
        """Height and width of the result: floor((size + 2 padding - kernel) / stride) + 1."""
        _require_map(shape)
        height, width = (
            (size + 2 * padding - kernel) // stride + 1
            for size, kernel, stride, padding in zip(shape[1:], self.kernel, self.stride, self.padding, strict=True)
        )
        if height < 1 or width < 1:
            raise ValueError(f"a {self.kernel[0]}x{self.kernel[1]} window does not fit into {shape[1]}x{shape[2]}")
        return height, width


class _Convolution(_Window):
    in_channels: Size
    out_channels: Size

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        height, width = self.slide(inputs[0])
        _require_features(inputs[0], self.in_channels, "in_channels")
        return (self.out_channels, height, width)


class _Dense(Operation):
    in_features: Size
    out_features: Size

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        _require_vector(inputs[0])
        _require_features(inputs[0], self.in_features, "in_features")
        return (self.out_features,)


class _PerChannel(Operation):
    channels: Size

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        _require_features(inputs[0], self.channels, "channels")
        return inputs[0]


class Normalize(Operation):
    """(x / 255 - mean) / std for each channel of an image in 0..255."""

    mean: PerChannel
    std: PerChannel

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        _require_map(inputs[0])
        _require_features(inputs[0], len(self.mean), "mean")
        _require_features(inputs[0], len(self.std), "std")
        if min(self.std) <= 0:
            raise ValueError("std must be positive")
        return inputs[0]


class Conv2d(_Convolution):
    """Convolution in full precision, zero padding."""

    bias: bool = True


class Linear(_Dense):
    """Matrix product in full precision."""

    bias: bool = True


class BinaryConv2d(_Convolution):
    """Convolution of sign(input) with sign(weight), sign(0) = +1; no bias.

    Attributes:
        pad_value: what padded places hold: 0 contributes nothing, +1 and -1 are inputs like any other.
    """

    pad_value: Literal[-1, 0, 1] = 0


class BinaryLinear(_Dense):
    """Product of sign(input) with sign(weight), sign(0) = +1; no bias."""


class BatchNorm(_PerChannel):
    """(x - mean) / sqrt(variance + eps) * weight + bias for each channel."""

    eps: Annotated[float, Field(gt=0)] = 1e-5
    momentum: Annotated[float, Field(gt=0, le=1)] = 0.1


class Hardtanh(Operation):
    """x limited to [-1, 1]."""


class Relu(Operation):
    """max(x, 0)."""


class Prelu(_PerChannel):
    """x where positive, else x times a trained slope for each channel."""


class Scale(_PerChannel):
    """x times a trained factor for each channel."""


class MaxPool2d(_Window):
    """Largest value in each window; padded places never win."""

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        _require_pool_padding(self)
        return (inputs[0][0], *self.slide(inputs[0]))


class AvgPool2d(_Window):
    """Mean of each window; padded places count as zeros."""

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        _require_pool_padding(self)
        return (inputs[0][0], *self.slide(inputs[0]))


class GlobalAvgPool(Operation):
    """Mean of each channel: (C, H, W) -> (C,)."""

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        _require_map(inputs[0])
        return (inputs[0][0],)


class Flatten(Operation):
    """(C, H, W) -> (C H W,)."""

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return (math.prod(inputs[0]),)


class Add(Operation):
    """Sum of two values of one shape."""

    arity: ClassVar[int] = 2

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if inputs[0] != inputs[1]:
            raise ValueError(f"cannot add shapes {inputs[0]} and {inputs[1]}")
        return inputs[0]


OPERATIONS: dict[str, type[Operation]] = {
    "normalize": Normalize,
    "conv2d": Conv2d,
    "linear": Linear,
    "binary_conv2d": BinaryConv2d,
    "binary_linear": BinaryLinear,
    "batch_norm": BatchNorm,
    "hardtanh": Hardtanh,
    "relu": Relu,
    "prelu": Prelu,
    "scale": Scale,
    "max_pool2d": MaxPool2d,
    "avg_pool2d": AvgPool2d,
    "global_avg_pool": GlobalAvgPool,
    "flatten": Flatten,
    "add": Add,
}


def _require_map(shape: Shape) -> None:
    if len(shape) != 3:
        raise ValueError(f"expected an input of shape (channels, height, width), got {shape}")


def _require_vector(shape: Shape) -> None:
    if len(shape) != 1:
        raise ValueError(f"expected a flat input, got one of shape {shape}; put a flatten before it")


def _require_features(shape: Shape, expected: int, field: str) -> None:
    if shape[0] != expected:
        raise ValueError(f"{field} is made for {expected}, the input has {shape[0]}")


def _require_pool_padding(window: _Window) -> None:
    # A window that lies in the padding alone has no value; half a kernel is the most that rules it out.
    if any(2 * padding > kernel for padding, kernel in zip(window.padding, window.kernel, strict=True)):
        raise ValueError(f"padding {window.padding} is more than half of the kernel {window.kernel}")
