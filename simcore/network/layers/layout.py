"""Where values stand, as PyTorch modules."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from simcore.network.operations import Shape
from simcore.network.operations import layout as ops


class Reshape(nn.Module):
    """The same values in another shape."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values.reshape(values.shape[0], *self.shape)


class Permute(nn.Module):
    """The axes in another order; contiguous, so that what follows adds up in one order."""

    def __init__(self, order: tuple[int, ...]) -> None:
        super().__init__()
        self.order = order

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values.permute(0, *(1 + axis for axis in self.order)).contiguous()


class Slice(nn.Module):
    """Places along an axis."""

    def __init__(self, operation: ops.Slice) -> None:
        super().__init__()
        self.axis = 1 + operation.axis
        self.places = slice(operation.start, operation.stop, operation.step)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values[(slice(None),) * self.axis + (self.places,)].contiguous()


class Concat(nn.Module):
    """One after another along an axis."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = 1 + axis

    def forward(self, *values: torch.Tensor) -> torch.Tensor:
        return torch.cat(values, dim=self.axis)


class Pad(nn.Module):
    """A margin of one value."""

    def __init__(self, operation: ops.Pad) -> None:
        super().__init__()
        self.margins = [places for margin in reversed(operation.margins) for places in margin]
        self.value = operation.value

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return functional.pad(values, self.margins, value=self.value)


class Constant(nn.Module):
    """A trained tensor, the same for every image."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.weight.expand(values.shape[0], *self.weight.shape)


def build(operation: ops.Operation, shape: Shape) -> nn.Module | None:
    """The module of an operation of this family, else None; ``shape`` is that of its result."""
    match operation:
        case ops.Flatten():
            return nn.Flatten()
        case ops.Reshape():
            return Reshape(operation.shape)
        case ops.Permute():
            return Permute(operation.order)
        case ops.Slice():
            return Slice(operation)
        case ops.Concat():
            return Concat(operation.axis)
        case ops.Pad():
            return Pad(operation)
        case ops.Constant():
            return Constant(operation.shape)
    return None
