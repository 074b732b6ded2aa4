"""What an operation of ONNX is here: a function of tensors, and what it may be given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

from simcore.network.importers.onnx.reading import Attribute

LARGEST_SIZE = 1 << 16
"""Of a kernel, a stride, a margin: that of the operations of a network graph."""

_MOST_PRODUCTS = 1 << 37  # multiplications of one layer for one input: a judgement; all of ResNet-50 are 2^32


@dataclass(frozen=True)
class Call:
    """One node, as its operation sees it.

    Attributes:
        opset: version of the operations' definitions; 0 for those of QONNX.
        attributes: of the node.
        fixed: values of the inputs that an operation wants known, by place.
        outputs: how many it has.
        images: of the batch for which shapes in the file hold; 0 where the result does not depend on the input.
    """

    opset: int
    attributes: Mapping[str, Attribute]
    fixed: Mapping[int, np.ndarray]
    outputs: int = 1
    images: int = 0

    def number(self, name: str, default: float) -> float:
        """A floating point attribute.

        Raises:
            ValueError: it is of another kind.
        """
        value = self.attributes.get(name, default)
        if not isinstance(value, int | float):
            raise ValueError(f"attribute '{name}' is no number")
        return float(value)

    def whole(self, name: str, default: int) -> int:
        """A whole number among the attributes.

        Raises:
            ValueError: it is of another kind.
        """
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise ValueError(f"attribute '{name}' is no whole number")
        return value

    def text(self, name: str, default: str) -> str:
        """A text among the attributes.

        Raises:
            ValueError: it is of another kind.
        """
        value = self.attributes.get(name, default)
        if not isinstance(value, str):
            raise ValueError(f"attribute '{name}' is no text")
        return value

    def wholes(self, name: str, place: int | None = None) -> tuple[int, ...] | None:
        """Whole numbers from an attribute, or from the input at ``place``, where newer definitions have them.

        Raises:
            ValueError: they are of another kind.
        """
        if place is not None and place in self.fixed:
            return self.wholes_of(place)
        value = self.attributes.get(name)
        if value is not None and not (isinstance(value, tuple) and all(isinstance(part, int) for part in value)):
            raise ValueError(f"attribute '{name}' is no list of whole numbers")
        return value  # type: ignore[return-value]

    def wholes_of(self, place: int) -> tuple[int, ...]:
        """The whole numbers that a known input holds.

        Raises:
            ValueError: it holds others.
        """
        values = self.fixed[place]
        if values.ndim > 1 or values.size > _MOST_ENTRIES or not np.array_equal(values, np.rint(values)):
            raise ValueError(f"input {place} of shape {values.shape} is no short list of whole numbers")
        return tuple(int(value) for value in values.reshape(-1))

    def limit(self, name: str, place: int) -> float | None:
        """One number from an attribute, or from the input at ``place``; None where neither is given.

        Raises:
            ValueError: it is none.
        """
        if place in self.fixed:
            if self.fixed[place].size != 1:
                raise ValueError(f"input {place} of shape {self.fixed[place].shape} is not one number")
            return float(self.fixed[place].reshape(()))
        return self.number(name, 0.0) if name in self.attributes else None


Result: TypeAlias = "torch.Tensor | tuple[torch.Tensor, ...]"
Compute: TypeAlias = "Callable[[Call, Sequence[torch.Tensor | None]], Result]"
"""The result for inputs; None stands for inputs that are left out, or are among ``Call.fixed``."""
_MOST_ENTRIES = 4096  # of a list such as the sizes of a shape or the places of a gather: a judgement


@dataclass(frozen=True)
class Importer:
    """An operation.

    Attributes:
        compute: what it does.
        least, most: numbers of inputs.
        fixed: places of inputs that must be known, such as shapes; they are given as ``Call.fixed``.
        weights: places of inputs that must be known and are given as tensors.
        attributes: those that it has; any other is refused.
        shape_only: the result depends on nothing but the shape of its input.
    """

    compute: Compute
    least: int
    most: int
    fixed: tuple[int, ...] = ()
    weights: tuple[int, ...] = ()
    attributes: tuple[str, ...] = ()
    shape_only: bool = False


def given(inputs: Sequence[torch.Tensor | None], place: int) -> torch.Tensor:
    """An input that has to be there.

    Raises:
        ValueError: it is left out.
    """
    value = inputs[place] if place < len(inputs) else None
    if value is None:
        raise ValueError(f"its input {place} is left out")
    return value


def require_bounded(products: int) -> None:
    """Raises ValueError for a layer of so many multiplications that a small file keeps a machine busy for hours."""
    if products > _MOST_PRODUCTS:
        raise ValueError(f"{products} multiplications, at most {_MOST_PRODUCTS} are computed")


def optional(inputs: Sequence[torch.Tensor | None], place: int) -> torch.Tensor | None:
    """An input, or None where it is left out."""
    return inputs[place] if place < len(inputs) else None


def axis_of(axis: int, dimensions: int) -> int:
    """An axis counted from the first.

    Raises:
        ValueError: there is none.
    """
    if not -dimensions <= axis < dimensions:
        raise ValueError(f"axis {axis} of a value of {dimensions} axes")
    return axis % dimensions


def sizes(values: Sequence[int] | None, count: int, default: int, least: int = 1) -> tuple[int, ...]:
    """Kernel, strides, dilations or margins, ``count`` of them.

    Raises:
        ValueError: another number of them, or one out of range.
    """
    found = tuple(values) if values is not None else (default,) * count
    if len(found) != count or any(not least <= value <= LARGEST_SIZE for value in found):
        raise ValueError(f"{count} sizes from {least} to {LARGEST_SIZE} are expected, found {list(found)}")
    return found
