"""Matrix products: with weights, of two activations, and the table of an embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simcore.network.operations.base import Operation, Shape, Size, broadcast, require_features


class _Dense(Operation):
    """A product over the last axis: (F,), or (T, F) with each of T tokens alike."""

    in_features: Size
    out_features: Size

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs[0]) > 2:
            raise ValueError(
                f"expected an input of shape (features,) or (tokens, features), got one of shape {inputs[0]}; "
                "put a flatten before it"
            )
        require_features(inputs[0], self.in_features, "in_features", axis=-1)
        return (*inputs[0][:-1], self.out_features)


class Linear(_Dense):
    """Matrix product in full precision."""

    bias: bool = True


class BinaryLinear(_Dense):
    """Product of sign(input) with sign(weight), sign(0) = +1; no bias."""


class Matmul(Operation):
    """Matrix product of two values over the last axis of the first and the last but one of the second; axes before
    these run along. Both are activations: it is computed digitally (of signs, ``BinaryMatmul`` is not)."""

    arity: ClassVar[int | None] = 2

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        first, second = inputs
        if min(len(first), len(second)) < 2 or first[-1] != second[-2]:
            raise ValueError(f"cannot multiply matrices of shapes {first} and {second}")
        return (*broadcast(first[:-2], second[:-2], "multiply matrices of"), first[-2], second[-1])


class BinaryMatmul(Operation):
    """Product of the signs of two activations, sign(0) = +1: that of sign(query) with sign(key) of an attention. Arrays
    hold the right one, written anew for every image, and read the rows of the left one. Axes before the last two, such
    as heads, are blocks: each has arrays of its own."""

    arity: ClassVar[int | None] = 2

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        first, second = inputs
        if min(len(first), len(second)) < 2 or first[-1] != second[-2]:
            raise ValueError(f"cannot multiply matrices of shapes {first} and {second}")
        if first[:-2] != second[:-2]:
            raise ValueError(
                f"the axes before the last two are blocks, as many of both operands; got shapes {first} and {second}"
            )
        return (*first[:-1], second[-1])


class Embedding(Operation):
    """Row x of a table for every whole number x: (T,) -> (T, features)."""

    entries: Size
    features: Size

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return (*inputs[0], self.features)
