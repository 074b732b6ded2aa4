"""Normalizations and softmax."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn import functional

from simcore.network.importers.onnx.operations.base import Call, Importer, Result, axis_of, given, optional

Inputs = Sequence[torch.Tensor | None]
_AXIS_ALONE = 13  # opset; before it, a softmax runs over all axes from the given one on


def _batch_norm(call: Call, inputs: Inputs) -> Result:
    training = call.whole("training_mode", 0) or call.outputs > 1  # which says it before opset 14
    if training or not call.whole("spatial", 1):
        raise ValueError("a batch norm with statistics of the batch or of each place; export it in evaluation mode")
    values, weight, bias, mean, variance = (given(inputs, place) for place in range(5))
    for part in (weight, bias, mean, variance):
        if values.dim() < 2 or part.shape != values.shape[1:2]:
            raise ValueError(
                f"statistics of shape {tuple(part.shape)} for an input of shape {tuple(values.shape)}; one for each "
                "channel is expected"
            )
    eps = call.number("epsilon", 1e-5)
    if not 0 < eps < math.inf:
        raise ValueError(f"epsilon of {eps}")
    return functional.batch_norm(values, mean, variance, weight, bias, False, 0.0, eps)


def _layer_norm(call: Call, inputs: Inputs) -> Result:
    values = given(inputs, 0)
    shape = values.shape[axis_of(call.whole("axis", -1), values.dim()) :]
    if call.images and len(shape) == values.dim():
        raise ValueError("it runs over the batch")
    eps = call.number("epsilon", 1e-5)
    return functional.layer_norm(values, list(shape), given(inputs, 1), optional(inputs, 2), eps)


def _softmax(call: Call, inputs: Inputs) -> Result:
    return _normalized(call, given(inputs, 0), logarithm=False)


def _log_softmax(call: Call, inputs: Inputs) -> Result:
    return _normalized(call, given(inputs, 0), logarithm=True)


def _normalized(call: Call, values: torch.Tensor, logarithm: bool) -> torch.Tensor:
    axis = axis_of(call.whole("axis", -1 if call.opset >= _AXIS_ALONE else 1), values.dim())
    if call.images and axis == 0:
        raise ValueError("it runs over the batch")
    function = functional.log_softmax if logarithm else functional.softmax
    if call.opset >= _AXIS_ALONE or axis == values.dim() - 1:
        return function(values, axis)
    if axis != 1:
        raise ValueError("a softmax over several axes is known from axis 1 on alone")
    return function(values.flatten(1), 1).reshape(values.shape)


OPERATIONS: dict[str, Importer] = {
    "BatchNormalization": Importer(
        _batch_norm, 5, 5, weights=(1, 2, 3, 4), attributes=("epsilon", "momentum", "training_mode", "spatial")
    ),
    "LayerNormalization": Importer(_layer_norm, 2, 3, weights=(1, 2), attributes=("axis", "epsilon", "stash_type")),
    "Softmax": Importer(_softmax, 1, 1, attributes=("axis",)),
    "LogSoftmax": Importer(_log_softmax, 1, 1, attributes=("axis",)),
}
