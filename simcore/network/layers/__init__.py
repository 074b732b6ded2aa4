"""The operations of ``simcore.network.operations`` as PyTorch modules, in the files of the same families."""

from __future__ import annotations

from torch import nn

from simcore.network.layers import elementwise, layout, normalization, product, window
from simcore.network.operations import Operation, Shape

_FAMILIES = (window, product, normalization, elementwise, layout)

ADDING_UP = (
    nn.Conv2d,
    nn.Linear,
    nn.AvgPool2d,
    nn.LayerNorm,
    nn.Softmax,
    window.GlobalAvgPool,
    product.Matmul,
    normalization.Reduce,
)
"""Modules that add up, in an order that may change with an image's place in the batch."""


def build(operation: Operation, shape: Shape) -> nn.Module:
    """The module of an operation with fresh tensors.

    Args:
        operation: its attributes.
        shape: of its result, without the batch.
    """
    found = (family.build(operation, shape) for family in _FAMILIES)
    return next(module for module in found if module is not None)
