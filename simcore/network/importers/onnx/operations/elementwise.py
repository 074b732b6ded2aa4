"""What ONNX does to every value alone, or to two values of one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import torch
from torch.nn import functional

from simcore.network.importers.onnx.operations.base import Call, Importer, Result, given
from simcore.network.importers.onnx.operations.comparison import toward_zero

Inputs = Sequence[torch.Tensor | None]


def _alone(function: Callable[[torch.Tensor], torch.Tensor]) -> Importer:
    return Importer(lambda call, inputs: function(given(inputs, 0)), 1, 1)


def _of_two(function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Importer:
    return Importer(lambda call, inputs: function(given(inputs, 0), given(inputs, 1)), 2, 2)


def _of_all(function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Importer:
    def compute(call: Call, inputs: Inputs) -> Result:
        return reduce(function, (given(inputs, place) for place in range(len(inputs))))

    return Importer(compute, 1, 1 << 10)


def _divided(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    if first.is_floating_point() and second.is_floating_point():
        return first / second
    if first.is_floating_point() or second.is_floating_point():  # whole numbers: those of activations come as float32
        return toward_zero(first / second)
    if not second.is_meta and bool((second == 0).any()):
        raise ValueError("it divides by zero")
    return torch.div(first, second, rounding_mode="trunc")


def _power(call: Call, inputs: Inputs) -> Result:
    exponent = call.limit("exponent", 1)
    if exponent is None:
        raise ValueError("its exponent is left out")
    return given(inputs, 0) ** exponent


def _clip(call: Call, inputs: Inputs) -> Result:
    low, high = call.limit("min", 1), call.limit("max", 2)
    value = given(inputs, 0)
    if low is None and high is None:
        return value
    return value.clamp(low, high)


def _prelu(call: Call, inputs: Inputs) -> Result:
    value, slope = given(inputs, 0), given(inputs, 1)
    channels = value.shape[1] if value.dim() > 1 else 1
    if slope.numel() not in (1, channels):
        raise ValueError(f"slopes of shape {tuple(slope.shape)}; one, or one for each channel is expected")
    return functional.prelu(value, slope.reshape(-1))


def _leaky(call: Call, inputs: Inputs) -> Result:
    return functional.leaky_relu(given(inputs, 0), call.number("alpha", 0.01))


def _hard_sigmoid(call: Call, inputs: Inputs) -> Result:
    return (call.number("alpha", 0.2) * given(inputs, 0) + call.number("beta", 0.5)).clamp(0, 1)


def _gelu(call: Call, inputs: Inputs) -> Result:
    return functional.gelu(given(inputs, 0), approximate=call.text("approximate", "none"))


OPERATIONS: dict[str, Importer] = {
    "Add": _of_two(torch.add),
    "Sub": _of_two(torch.sub),
    "Mul": _of_two(torch.mul),
    "Div": _of_two(_divided),
    "Pow": Importer(_power, 2, 2, fixed=(1,)),
    "Sum": _of_all(torch.add),
    "Max": _of_all(torch.maximum),
    "Min": _of_all(torch.minimum),
    "Neg": _alone(torch.neg),
    "Abs": _alone(torch.abs),
    "Relu": _alone(torch.relu),
    "Sigmoid": _alone(torch.sigmoid),
    "Tanh": _alone(torch.tanh),
    "Exp": _alone(torch.exp),
    "Log": _alone(torch.log),
    "Sqrt": _alone(torch.sqrt),
    "Reciprocal": _alone(torch.reciprocal),
    "Floor": _alone(torch.floor),
    "Ceil": _alone(lambda value: -torch.floor(-value)),
    "Round": _alone(torch.round),
    "HardSwish": _alone(functional.hardswish),
    "Clip": Importer(_clip, 1, 3, fixed=(1, 2), attributes=("min", "max")),
    "PRelu": Importer(_prelu, 2, 2, weights=(1,)),
    "LeakyRelu": Importer(_leaky, 1, 1, attributes=("alpha",)),
    "HardSigmoid": Importer(_hard_sigmoid, 1, 1, attributes=("alpha", "beta")),
    "Gelu": Importer(_gelu, 1, 1, attributes=("approximate",)),
}
