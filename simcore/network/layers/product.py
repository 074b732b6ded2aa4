"""Matrix products as PyTorch modules."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from simcore.errors import InputError
from simcore.network.layers.elementwise import Pair
from simcore.network.operations import Shape
from simcore.network.operations import product as ops
from simcore.network.training.straight_through import activation_sign, sign, weight_sign


class BinaryLinear(nn.Linear):
    """Product of signs. ``weight`` holds the latent values; outside training only their signs matter."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if self.training:
            return functional.linear(activation_sign(input), weight_sign(self.weight))
        with torch.autocast(input.device.type, enabled=False):
            return functional.linear(sign(input.float()), sign(self.weight.detach())).round_()


class Matmul(Pair):
    """Matrix product of two activations."""

    def __init__(self) -> None:
        super().__init__(torch.matmul)


class BinaryMatmul(nn.Module):
    """Matrix product of the signs of two activations."""

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        if self.training:
            return activation_sign(first) @ activation_sign(second)
        with torch.autocast(first.device.type, enabled=False):
            return (sign(first.float()) @ sign(second.float())).round_()


class Embedding(nn.Embedding):
    """Rows of a table, of whole numbers that come as float32 like every input. ``where`` is the node, for messages."""

    where = ""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        require_rows(input, self.num_embeddings, self.where)
        return super().forward(input.long())


def require_rows(values: torch.Tensor, entries: int, where: str) -> None:
    """Refuse values that name no row of a table.

    Args:
        values: of any shape.
        entries: rows of the table.
        where: which it is, for messages.

    Raises:
        InputError: one is no whole number from 0 to ``entries`` - 1.
    """
    wrong = values[(values != values.floor()) | (values < 0) | (values >= entries)]
    if len(wrong):
        raise InputError(
            f"its table has {entries} rows, so it takes whole numbers from 0 to {entries - 1}, not {wrong[0]:.9g}",
            where,
        )


def build(operation: ops.Operation, shape: Shape) -> nn.Module | None:
    """The module of an operation of this family, else None; ``shape`` is that of its result."""
    match operation:
        case ops.Linear():
            return nn.Linear(operation.in_features, operation.out_features, operation.bias)
        case ops.BinaryLinear():
            return BinaryLinear(operation.in_features, operation.out_features, False)
        case ops.Matmul():
            return Matmul()
        case ops.BinaryMatmul():
            return BinaryMatmul()
        case ops.Embedding():
            return Embedding(operation.entries, operation.features)
    return None
