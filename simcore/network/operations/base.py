"""What all operations share: attributes of limited size, shapes without the batch, and the checks of shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Shape = tuple[int, ...]

# Far above any network of interest; a file cannot make the loader ask for absurd memory.
_LARGEST = 1 << 16
_MOST_DIMENSIONS = 6
# 2^28 float32 values are 1 GiB for one image: no network of interest, but a typing error could ask for it.
LARGEST_ACTIVATION = 1 << 28


def _as_pair(value: object) -> object:
    """One number stands for both directions; JSON has lists where Python has tuples."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    return as_tuple(value)


def as_tuple(value: object) -> object:
    """JSON has lists where Python has tuples."""
    return tuple(value) if isinstance(value, list) else value


Size = Annotated[int, Field(ge=1, le=_LARGEST)]
Padding = Annotated[int, Field(ge=0, le=_LARGEST)]
Axis = Annotated[int, Field(ge=0, lt=_MOST_DIMENSIONS)]
"""Of a shape without the batch: 0 is what follows the batch."""
Positive = Annotated[float, Field(gt=0)]
SizePair = Annotated[tuple[Size, Size], BeforeValidator(_as_pair)]
PaddingPair = Annotated[tuple[Padding, Padding], BeforeValidator(_as_pair)]
PerChannel = Annotated[tuple[float, ...], BeforeValidator(as_tuple)]
Sizes = Annotated[tuple[Size, ...], BeforeValidator(as_tuple), Field(min_length=1, max_length=_MOST_DIMENSIONS)]
Axes = Annotated[tuple[Axis, ...], BeforeValidator(as_tuple), Field(min_length=1, max_length=_MOST_DIMENSIONS)]


class Operation(BaseModel):
    """Attributes of one operation; ``arity`` is the number of its inputs, None for one or more."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    arity: ClassVar[int | None] = 1

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the result, without the batch; by default the shape of the one input.

        Args:
            inputs: shapes of the inputs, ``arity`` of them.

        Raises:
            ValueError: the inputs do not fit the attributes.
        """
        return inputs[0]


def require_map(shape: Shape) -> None:
    """Raises ValueError for what is not (channels, height, width)."""
    if len(shape) != 3:
        raise ValueError(f"expected an input of shape (channels, height, width), got {shape}")


def require_features(shape: Shape, expected: int, field: str, axis: int = 0) -> None:
    """Raises ValueError where the input has another size along ``axis`` than ``field`` says."""
    if shape[axis] != expected:
        raise ValueError(f"{field} is made for {expected}, the input has {shape[axis]}")


def require_axes(shape: Shape, axes: Sequence[int]) -> None:
    """Raises ValueError for an axis that ``shape`` does not have, or one named twice."""
    if max(axes) >= len(shape) or len(set(axes)) != len(axes):
        raise ValueError(f"axes {tuple(axes)} are not axes of an input of shape {shape}")


def broadcast(first: Shape, second: Shape, what: str) -> Shape:
    """The shape of two values joined element by element, sizes of 1 repeated, last axes first (NumPy's rule).

    Args:
        first, second: without the batch.
        what: the verb of the message.

    Raises:
        ValueError: they do not fit.
    """
    longest = max(len(first), len(second))
    pairs = list(zip(_filled(first, longest), _filled(second, longest), strict=True))
    if any(a != b and 1 not in (a, b) for a, b in pairs):
        raise ValueError(f"cannot {what} shapes {first} and {second}")
    return tuple(max(pair) for pair in pairs)


def _filled(shape: Shape, length: int) -> Shape:
    return (1,) * (length - len(shape)) + shape
