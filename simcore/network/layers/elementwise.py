"""What happens to every value alone, or to two of one place, as PyTorch modules."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from simcore.network.operations import Shape
from simcore.network.operations import elementwise as ops
from simcore.network.training.straight_through import activation_sign, sign


class Scale(nn.Module):
    """x times a trained factor for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values * self.weight.view(-1, *[1] * (values.dim() - 2))


class Factor(nn.Module):
    """x times a trained tensor."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return _with_axes(values, self.weight.dim()) * self.weight


class Offset(nn.Module):
    """x plus a trained tensor."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return _with_axes(values, self.weight.dim()) + self.weight


class Sign(nn.Module):
    """Sign of every value, sign(0) = +1."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return activation_sign(values) if self.training else sign(values)


class Clamp(nn.Module):
    """x within limits."""

    def __init__(self, low: float | None, high: float | None) -> None:
        super().__init__()
        self.low, self.high = low, high

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values.clamp(self.low, self.high)


class Function(nn.Module):
    """A function of every value alone.

    Where it is no single operation of IEEE 754 it is computed in float64 and rounded: vector and scalar code of a
    processor differ in the last bits, so that a result would depend on where in the memory a value stands.
    """

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor], rounded: bool = True) -> None:
        super().__init__()
        self.function, self.rounded = function, rounded

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if self.rounded and not self.training:
            return self.function(values.double()).to(values.dtype)
        return self.function(values)


class Pair(nn.Module):
    """A function of two values, whose axes are as many before it is computed: the batches meet."""

    def __init__(self, function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        longest = max(first.dim(), second.dim())
        return self.function(_with_axes(first, longest - 1), _with_axes(second, longest - 1))


_FUNCTIONS: dict[type[ops.Operation], tuple[Callable[[torch.Tensor], torch.Tensor], bool]] = {
    ops.Abs: (torch.abs, False),
    ops.Sqrt: (torch.sqrt, False),
    ops.Round: (torch.round, False),
    ops.Floor: (torch.floor, False),
    ops.Sigmoid: (torch.sigmoid, True),
    ops.Tanh: (torch.tanh, True),
    ops.Silu: (functional.silu, True),
    ops.Exp: (torch.exp, True),
    ops.Log: (torch.log, True),
}
_PAIRS: dict[type[ops.Operation], Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    ops.Add: torch.add,
    ops.Subtract: torch.sub,
    ops.Multiply: torch.mul,
    ops.Divide: torch.div,
    ops.Maximum: torch.maximum,
    ops.Minimum: torch.minimum,
}


def build(operation: ops.Operation, shape: Shape) -> nn.Module | None:
    """The module of an operation of this family, else None; ``shape`` is that of its result."""
    match operation:
        case ops.Sign():
            return Sign()
        case ops.Hardtanh():
            return nn.Hardtanh()
        case ops.Clamp():
            return Clamp(operation.low, operation.high)
        case ops.Relu():
            return nn.ReLU()
        case ops.Prelu():
            return nn.PReLU(operation.channels)
        case ops.Scale():
            return Scale(operation.channels)
        case ops.Factor():
            return Factor(operation.shape)
        case ops.Offset():
            return Offset(operation.shape)
        case ops.Gelu():
            return Function(nn.GELU("tanh" if operation.approximate else "none"))
        case ops.Power():
            exponent = operation.exponent
            return Function(lambda values: values**exponent)
    if type(operation) in _FUNCTIONS:
        return Function(*_FUNCTIONS[type(operation)])
    if type(operation) in _PAIRS:
        return Pair(_PAIRS[type(operation)])
    return None


def _with_axes(values: torch.Tensor, axes: int) -> torch.Tensor:
    """Sizes of 1 between the batch and the other axes, until there are ``axes`` of them: the batch takes no part."""
    missing = axes - (values.dim() - 1)
    return values.reshape(values.shape[0], *[1] * missing, *values.shape[1:]) if missing > 0 else values
