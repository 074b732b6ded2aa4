"""Where values stand: flattened, reshaped, cut, joined, filled up. Nothing is computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from simcore.network.operations.base import Axes, Axis, Operation, Padding, Shape, Size, Sizes, as_tuple, require_axes


def _as_pairs(value: object) -> object:
    return tuple(as_tuple(pair) for pair in value) if isinstance(value, list | tuple) else value


class Flatten(Operation):
    """(C, H, W) -> (C H W,)."""

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return (math.prod(inputs[0]),)


class Reshape(Operation):
    """The same values in the same order in another shape."""

    shape: Sizes

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if math.prod(self.shape) != math.prod(inputs[0]):
            raise ValueError(f"shape {self.shape} does not hold the values of an input of shape {inputs[0]}")
        return self.shape


class Permute(Operation):
    """The axes in another order: axis i of the result is axis ``order[i]`` of the input."""

    order: Axes

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if sorted(self.order) != list(range(len(inputs[0]))):
            raise ValueError(f"order {self.order} does not name every axis of an input of shape {inputs[0]} once")
        return tuple(inputs[0][axis] for axis in self.order)


class Slice(Operation):
    """Every ``step``-th place from ``start`` to before ``stop`` along an axis."""

    axis: Axis
    start: Padding
    stop: Size
    step: Size = 1

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        require_axes(inputs[0], (self.axis,))
        size = inputs[0][self.axis]
        if not self.start < self.stop <= size:
            raise ValueError(f"there is nothing from {self.start} to {self.stop} along an axis of size {size}")
        length = -(-(self.stop - self.start) // self.step)
        return (*inputs[0][: self.axis], length, *inputs[0][self.axis + 1 :])


class Concat(Operation):
    """One after another along an axis: feature maps along axis 0 of (C, H, W)."""

    arity: ClassVar[int | None] = None
    axis: Axis = 0

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        require_axes(inputs[0], (self.axis,))
        frames = {(*shape[: self.axis], *shape[self.axis + 1 :]) for shape in inputs}
        if len(frames) != 1 or len({len(shape) for shape in inputs}) != 1:
            raise ValueError(f"cannot join shapes {', '.join(map(str, inputs))} along axis {self.axis}")
        total = sum(shape[self.axis] for shape in inputs)
        return (*inputs[0][: self.axis], total, *inputs[0][self.axis + 1 :])


class Pad(Operation):
    """A margin of one value: places before and after along each of the last axes, last axes last. A binary layer
    without padding behind it meets the sign of ``value`` there."""

    margins: Annotated[
        tuple[Annotated[tuple[Padding, Padding], BeforeValidator(as_tuple)], ...],
        BeforeValidator(_as_pairs),
        Field(min_length=1),
    ]
    value: float = 0.0

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        shape, count = inputs[0], len(self.margins)
        if count > len(shape):
            raise ValueError(f"margins of {count} axes for an input of shape {shape}")
        padded = (size + sum(margin) for size, margin in zip(shape[-count:], self.margins, strict=True))
        return (*shape[:-count], *padded)


class Constant(Operation):
    """A trained tensor that does not depend on the input, such as the class token of a transformer."""

    shape: Sizes

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return self.shape
