"""Signs, comparisons, choices, and types."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from simcore.network.importers.onnx.operations.base import Call, Importer, Result, given

Inputs = Sequence[torch.Tensor | None]

_FLOATS, _WHOLE, _BOOL = (1, 10, 11, 16), (2, 3, 4, 5, 6, 7, 12, 13), 9
"""Numbers of ONNX's types (``onnx.TensorProto.DataType``)."""


def _compared(function: Callable[[torch.Tensor, float], torch.Tensor]) -> Importer:
    """Of the difference with zero, which is exact, whichever of the two is the constant, if one is."""

    def compute(call: Call, inputs: Inputs) -> Result:
        first, second = given(inputs, 0), given(inputs, 1)
        if torch.bool in (first.dtype, second.dtype):
            first, second = first.float(), second.float()
        return function(first - second, 0)

    return Importer(compute, 2, 2)


def truth(value: torch.Tensor) -> torch.Tensor:
    """As a truth value."""
    return value if value.dtype == torch.bool else value != 0


def _logical(function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Importer:
    return Importer(lambda call, inputs: function(truth(given(inputs, 0)), truth(given(inputs, 1))), 2, 2)


def _where(call: Call, inputs: Inputs) -> Result:
    first, second = given(inputs, 1), given(inputs, 2)
    if first.dtype != second.dtype:
        first, second = first.float(), second.float()
    return torch.where(truth(given(inputs, 0)), first, second)


def toward_zero(value: torch.Tensor) -> torch.Tensor:
    """What is left without the digits behind the point."""
    return torch.where(value >= 0, torch.floor(value), -torch.floor(-value))


def _cast(call: Call, inputs: Inputs) -> Result:
    value, to = given(inputs, 0), call.whole("to", 0)
    if to in _FLOATS:
        return value.float()
    if to == _BOOL:
        return truth(value)
    if to not in _WHOLE:
        raise ValueError(f"type {to} is not known here; float, whole numbers and bool are")
    if not call.images:  # lengths and places, which are computed as whole numbers
        return value.long()
    return toward_zero(value) if value.is_floating_point() else value.float()


OPERATIONS: dict[str, Importer] = {
    "Sign": Importer(lambda call, inputs: torch.sign(given(inputs, 0)), 1, 1),
    "Greater": _compared(torch.gt),
    "GreaterOrEqual": _compared(torch.ge),
    "Less": _compared(torch.lt),
    "LessOrEqual": _compared(torch.le),
    "Equal": _compared(torch.eq),
    "And": _logical(torch.logical_and),
    "Or": _logical(torch.logical_or),
    "Xor": _logical(torch.ne),
    "Not": Importer(lambda call, inputs: torch.logical_not(truth(given(inputs, 0))), 1, 1),
    "Where": Importer(_where, 3, 3),
    "Cast": Importer(_cast, 1, 1, attributes=("to", "saturate", "round_mode")),
}
