"""Products of two activations' signs: digital, or one of both written to arrays for every image, as the user says."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import fx

from simcore.network.tracing.forms import shape_of_signs, uniform
from simcore.network.tracing.program import Argument, shape_of
from simcore.network.tracing.translation import Multiplications, Translation

_OTHERS = "a product of two activations; the arrays hold weights that are written once"
_SIGNS = "a product of two activations' signs; on arrays if named as written"
_WRITTEN = "signs of two activations; the right one is written for every image"


@dataclass(frozen=True)
class SignOperand:
    """An activation that is scale x sign + offset, both the same all over.

    Attributes:
        node: that has its value.
        scale, offset: of it.
    """

    node: fx.Node
    scale: float
    offset: float

    def signs(self, tr: Translation) -> str:
        """Draft name of a node with its signs."""
        source = tr.signs(self.node)
        assert source is not None  # noqa: S101
        return source


def _sign_operand(tr: Translation, given: Argument) -> SignOperand | None:
    """None where it is no sign, or not scaled alike all over."""
    sign = tr.forms[given].sign if isinstance(given, fx.Node) and given in tr.forms else None
    if sign is None or not isinstance(given, fx.Node):
        return None
    atom, scale, offset = sign
    if not (uniform(scale) and uniform(offset)) or shape_of_signs(atom) != shape_of(given):
        return None
    return SignOperand(given, float(scale.reshape(-1)[0]), float(offset.reshape(-1)[0]))


def sign_operands(tr: Translation, left: Argument, right: Argument) -> tuple[SignOperand, SignOperand] | None:
    """Both operands of a product, or None where arrays could not hold the right one: one of them is no sign, or they
    have other blocks."""
    first, second = _sign_operand(tr, left), _sign_operand(tr, right)
    if first is None or second is None or shape_of(first.node)[:-2] != shape_of(second.node)[:-2]:
        return None
    return first, second


def kept_digital(operands: tuple[SignOperand, SignOperand] | None) -> Multiplications:
    """What is said of a product that stays digital, by what ``sign_operands`` finds."""
    return Multiplications(False, _OTHERS if operands is None else _SIGNS, could_be_written=operands is not None)


def written_product(
    tr: Translation, call: fx.Node, operands: tuple[SignOperand, SignOperand], sources: tuple[str, str]
) -> str:
    """(a s + b) @ (c t + d) = a c (s @ t) + a d sum(s) + b c sum(t) + K b d; the arrays compute s @ t.

    Args:
        tr: the graph in the making.
        call: the operation.
        operands: left and right.
        sources: draft names of nodes with their signs, (..., P, K) and (..., K, M).
    """
    (left, right), (first, second) = operands, sources
    (*blocks, reads, inputs), outputs = tr.shape(first), tr.shape(second)[-1]
    shape = (*blocks, reads, outputs)
    product = tr.add(call, "binary_matmul", (first, second), shape)
    tr.layers[product] = Multiplications(True, _WRITTEN)
    total = tr.multiplied(call, product, torch.tensor([left.scale * right.scale]))
    sums = (
        (first, len(shape) - 1, (*blocks, reads, 1), left.scale * right.offset),
        (second, len(shape) - 2, (*blocks, 1, outputs), left.offset * right.scale),
    )
    for source, axis, size, factor in sums:
        if factor:
            signs = tr.add(call, "sign", (source,), tr.shape(source))
            summed = tr.add(call, "reduce", (signs,), size, {"kind": "sum", "axes": (axis,)})
            total = tr.add(call, "add", (total, tr.multiplied(call, summed, torch.tensor([factor]))), shape)
    return tr.shifted(call, total, torch.tensor([inputs * left.offset * right.offset]))
