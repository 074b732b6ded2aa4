"""What happens to every value alone, or to two values of one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simcore.network.operations.base import Operation, Shape, Size, Sizes, broadcast, require_features


class _PerChannel(Operation):
    channels: Size

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        require_features(inputs[0], self.channels, "channels")
        return inputs[0]


class Sign(Operation):
    """+1 where x >= 0, else -1: for signs that no binary layer takes."""


class Hardtanh(Operation):
    """x limited to [-1, 1]."""


class Clamp(Operation):
    """x limited to [low, high], either of which may be left out."""

    low: float | None = None
    high: float | None = None

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if self.low is None and self.high is None:
            raise ValueError("expected low, high or both")
        return inputs[0]


class Relu(Operation):
    """max(x, 0)."""


class Abs(Operation):
    """Size of x."""


class Sigmoid(Operation):
    """1 / (1 + exp(-x))."""


class Tanh(Operation):
    """Hyperbolic tangent."""


class Gelu(Operation):
    """x times the normal distribution function at x, or its usual approximation by tanh."""

    approximate: bool = False


class Silu(Operation):
    """x times its sigmoid."""


class Exp(Operation):
    """e to the power of x."""


class Log(Operation):
    """Natural logarithm."""


class Sqrt(Operation):
    """Square root."""


class Power(Operation):
    """x to a fixed power."""

    exponent: float


class Round(Operation):
    """Nearest whole number, the even one of two."""


class Floor(Operation):
    """Largest whole number that is not larger."""


class Prelu(_PerChannel):
    """x where positive, else x times a trained slope for each channel."""


class Scale(_PerChannel):
    """x times a trained factor for each channel."""


class _Tensor(Operation):
    """With a trained tensor of this shape, sizes of 1 repeated."""

    shape: Sizes
    verb: ClassVar[str]

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return broadcast(inputs[0], self.shape, self.verb)


class Factor(_Tensor):
    """x times a trained tensor: a scale for a layer (1,), a channel (C, 1, 1) or a place."""

    verb = "multiply"


class Offset(_Tensor):
    """x plus a trained tensor: a bias or the shift before a sign (C, 1, 1), the embedding of positions (T, F)."""

    verb = "add"


class _Pair(Operation):
    """Of two values of one shape; sizes of 1 are repeated."""

    arity: ClassVar[int | None] = 2
    verb: ClassVar[str]

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return broadcast(inputs[0], inputs[1], self.verb)


class Add(_Pair):
    """Sum of two values of one shape; sizes of 1 are repeated."""

    verb = "add"


class Subtract(_Pair):
    """First less second."""

    verb = "subtract"


class Multiply(_Pair):
    """Product of two values."""

    verb = "multiply"


class Divide(_Pair):
    """First over second."""

    verb = "divide"


class Maximum(_Pair):
    """The larger of two values: Maxout."""

    verb = "compare"


class Minimum(_Pair):
    """The smaller of two values."""

    verb = "compare"
