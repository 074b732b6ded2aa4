"""Normalizations, and sums over axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from simcore.network.operations.base import (
    Axes,
    Axis,
    Operation,
    PerChannel,
    Positive,
    Shape,
    Size,
    Sizes,
    require_axes,
    require_features,
    require_map,
)


class Normalize(Operation):
    """(x / 255 - mean) / std for each channel of an image in 0..255."""

    mean: PerChannel
    std: PerChannel

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        require_map(inputs[0])
        require_features(inputs[0], len(self.mean), "mean")
        require_features(inputs[0], len(self.std), "std")
        if min(self.std) <= 0:
            raise ValueError("std must be positive")
        return inputs[0]


class BatchNorm(Operation):
    """(x - mean) / sqrt(variance + eps) * weight + bias for each channel."""

    channels: Size
    eps: Positive = 1e-5
    momentum: Annotated[float, Field(gt=0, le=1)] = 0.1

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        require_features(inputs[0], self.channels, "channels")
        return inputs[0]


class LayerNorm(Operation):
    """(x - mean) / sqrt(variance + eps) * weight + bias over the last axes, which have the shape ``shape``."""

    shape: Sizes
    eps: Positive = 1e-5

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if inputs[0][-len(self.shape) :] != self.shape:
            raise ValueError(f"shape {self.shape} is not that of the last axes of an input of shape {inputs[0]}")
        return inputs[0]


class Softmax(Operation):
    """exp(x) over its sum along an axis."""

    axis: Axis

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        require_axes(inputs[0], (self.axis,))
        return inputs[0]


class Reduce(Operation):
    """Mean, sum, largest or smallest value along axes, which stay with size 1 or (``keep`` false) go."""

    kind: Literal["mean", "sum", "max", "min"]
    axes: Axes
    keep: bool = True

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        require_axes(inputs[0], self.axes)
        sizes = [1 if axis in self.axes else size for axis, size in enumerate(inputs[0])]
        if self.keep:
            return tuple(sizes)
        left = tuple(size for axis, size in enumerate(sizes) if axis not in self.axes)
        if not left:
            raise ValueError("no axis is left; keep one")
        return left
