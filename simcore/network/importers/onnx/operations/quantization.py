"""The quantizers of QONNX (github.com/fastmachinelearning/qonnx, docs/qonnx-custom-ops), and dequantized weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from simcore.network.importers.onnx.operations.base import Call, Importer, Result, given, optional
from simcore.network.importers.onnx.operations.comparison import toward_zero

Inputs = Sequence[torch.Tensor | None]
_MOST_THRESHOLDS = 255  # those of 8 bits
_MOST_BITS = 24  # that float32 holds exactly
_AXES_OF_ALL_VERSIONS = (2, 4)
"""Numbers of axes of which every version of QONNX has taken the second for the channels."""


def _bipolar(call: Call, inputs: Inputs) -> Result:
    return _signs(given(inputs, 0)) * given(inputs, 1)


def _signs(value: torch.Tensor) -> torch.Tensor:
    return torch.where(value >= 0, 1.0, -1.0)


def _quant(call: Call, inputs: Inputs) -> Result:
    value, scale, zero = (given(inputs, place) for place in range(3))
    bits, signed, narrow = call.limit("bitwidth", 3), call.whole("signed", 1), call.whole("narrow", 1)
    if bits is None or bits != int(bits) or not 1 <= bits <= _MOST_BITS:
        raise ValueError(f"a width of {bits} bits; a whole number from 1 to {_MOST_BITS} is expected")
    steps = value / scale + zero
    if bits == 1 and signed:
        whole = _signs(steps)
    else:
        mode = call.text("rounding_mode", "ROUND").upper()
        if mode not in _ROUNDING:
            raise ValueError(f"rounding_mode '{mode}' is not known here; {', '.join(sorted(_ROUNDING))} are")
        half = 2 ** (int(bits) - 1)
        low, high = (-half + narrow, half - 1) if signed else (0, 2 * half - 1 - narrow)
        whole = _ROUNDING[mode](steps.clamp(float(low), float(high)))
    return (whole - zero) * scale


def _on_size(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda value: torch.where(value >= 0, function(value.abs()), -function(value.abs()))


_ROUNDING: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "ROUND": torch.round,
    "HALF_EVEN": torch.round,
    "FLOOR": torch.floor,
    "CEIL": lambda value: -torch.floor(-value),
    "DOWN": toward_zero,
    "UP": _on_size(lambda value: -torch.floor(-value)),
    "HALF_UP": _on_size(lambda value: torch.floor(value + 0.5)),
    "HALF_DOWN": _on_size(lambda value: -torch.floor(0.5 - value)),
}


def _multi_threshold(call: Call, inputs: Inputs) -> Result:
    """Scale x (number of thresholds that the value reaches) + bias; thresholds (channels or 1, steps)."""
    value, thresholds = given(inputs, 0), given(inputs, 1)
    layout = call.text("data_layout", "")
    channel = -1 if layout.endswith("C") else 1
    if thresholds.dim() != 2 or thresholds.shape[1] > _MOST_THRESHOLDS or channel >= value.dim():
        raise ValueError(
            f"thresholds of shape {tuple(thresholds.shape)}; (channels, at most {_MOST_THRESHOLDS}) are expected"
        )
    if len(thresholds) > 1 and not layout and value.dim() not in _AXES_OF_ALL_VERSIONS:
        raise ValueError(
            f"thresholds for {len(thresholds)} channels of {value.dim()} axes without data_layout: the channels are "
            "the last axis in QONNX before 2025 and the second since; say which, such as data_layout NWC or NCW"
        )
    if len(thresholds) not in (1, value.shape[channel]):
        raise ValueError(f"thresholds for {len(thresholds)} channels, its input has {value.shape[channel]}")
    shape = [1] * value.dim()
    shape[channel] = len(thresholds)
    reached = [(value >= steps.reshape(shape)).float() for steps in thresholds.unbind(1)]
    count = reached[0]
    for more in reached[1:]:
        count = count + more
    return call.number("out_scale", 1.0) * count + call.number("out_bias", 0.0)


def _dequantized(call: Call, inputs: Inputs) -> Result:
    value, scale, zero = given(inputs, 0), given(inputs, 1), optional(inputs, 2)
    shape = [1] * value.dim()
    if scale.dim() == 1 and scale.numel() > 1:
        shape[call.whole("axis", 1)] = scale.numel()
    elif scale.numel() != 1:
        raise ValueError("one scale, or one for each place of an axis is expected")
    shifted = value.float() if zero is None else value.float() - zero.float().reshape(shape)
    return shifted * scale.reshape(shape)


_QUANT = Importer(_quant, 4, 4, fixed=(3,), weights=(1, 2), attributes=("signed", "narrow", "rounding_mode"))

OPERATIONS: dict[str, Importer] = {
    "BipolarQuant": Importer(_bipolar, 2, 2, weights=(1,)),
    "Quant": _QUANT,
    "IntQuant": _QUANT,
    "MultiThreshold": Importer(
        _multi_threshold, 2, 2, weights=(1,), attributes=("out_dtype", "out_scale", "out_bias", "data_layout")
    ),
    "DequantizeLinear": Importer(
        _dequantized, 2, 3, weights=(0, 1, 2), attributes=("axis", "block_size", "output_dtype")
    ),
}
