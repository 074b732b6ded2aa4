"""The layers of Keras and larq as functions of tensors: maps (B, C, H, W) here, (B, H, W, C) there.

Sizes on which margins depend are those of the map, so that ``same`` pads as TensorFlow does, one place more at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch.nn import functional

from simcore.network.importers.keras.quantizers import quantizer, signs
from simcore.network.importers.keras.reading import KerasLayer, class_name
from simcore.network.importers.windows import avg_pool, convolution, max_pool, same_margins

Weights: TypeAlias = "dict[str, torch.Tensor]"
Compute: TypeAlias = "Callable[..., torch.Tensor]"
"""What a layer does, as a function of its weights (tensors by name) and its inputs."""

_ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "linear": lambda values: values,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "hard_tanh": functional.hardtanh,
    "softmax": lambda values: functional.softmax(values, 1),
    "ste_sign": signs,
    "approx_sign": signs,
    "swish_sign": signs,
}


def weights_of(layer: KerasLayer) -> Weights:
    """A layer's weights, quantized and with the outputs first, as PyTorch has them.

    Raises:
        ValueError: a quantizer that is not known, or weights of another shape.
    """
    return {name: _placed(layer, name, torch.from_numpy(values)) for name, values in layer.weights.items()}


def build(layer: KerasLayer) -> Compute:
    """What a layer does.

    Raises:
        ValueError: it is not known here, or not with its settings.
    """
    if layer.kind not in _LAYERS:
        raise ValueError(f"the layer '{layer.kind}' is not known here")
    if layer.config.get("data_format", "channels_last") != "channels_last":
        raise ValueError("data_format 'channels_first' is not known here")
    return _LAYERS[layer.kind](layer.config)


def _placed(layer: KerasLayer, name: str, values: torch.Tensor) -> torch.Tensor:
    if "kernel" not in name:
        return values
    part = "depthwise" if name == "depthwise_kernel" else "pointwise" if name == "pointwise_kernel" else "kernel"
    values = quantizer(layer.config.get(f"{part}_quantizer"))(values)
    if values.dim() == 2:
        return values.t()
    if values.dim() != 4:
        raise ValueError(f"its {name} of shape {tuple(values.shape)}")
    if part == "depthwise":  # (kh, kw, channels, times) -> (channels times, 1, kh, kw)
        return values.permute(2, 3, 0, 1).flatten(0, 1)[:, None]
    return values.permute(3, 2, 0, 1)


def _activation(config: Mapping[str, Any]) -> Callable[[torch.Tensor], torch.Tensor]:
    name = class_name(config.get("activation") or "linear")
    if name not in _ACTIVATIONS:
        raise ValueError(f"the activation '{name[:60]}' is not known here ({', '.join(_ACTIVATIONS)} are)")
    return _ACTIVATIONS[name]


def _conv(config: Mapping[str, Any], kernel: str = "kernel") -> Compute:
    stride, dilation = _pair(config.get("strides", 1)), _pair(config.get("dilation_rate", 1))
    padding, value = str(config.get("padding", "valid")), float(config.get("pad_values") or 0.0)
    given, after = quantizer(config.get("input_quantizer")), _activation(config)
    groups = int(config.get("groups", 1))

    def compute(weights: Weights, values: torch.Tensor) -> torch.Tensor:
        weight = weights[kernel]
        values = given(values)
        margins = _margins(padding, values, weight.shape[2:], stride, dilation)
        if value and padding == "same":
            (top, bottom), (left, right) = margins
            values, margins = functional.pad(values, (left, right, top, bottom), value=value), [(0, 0), (0, 0)]
        parts = values.shape[1] if kernel == "depthwise_kernel" else groups
        bias = _declared(config, "use_bias", weights, "bias")
        if "pointwise_kernel" in weights:
            result = convolution(values, weight, None, stride, margins, dilation, parts)
            return after(functional.conv2d(result, weights["pointwise_kernel"], bias))
        return after(convolution(values, weight, bias, stride, margins, dilation, parts))

    return compute


def _depthwise(config: Mapping[str, Any]) -> Compute:
    return _conv(config, "depthwise_kernel")


def _dense(config: Mapping[str, Any]) -> Compute:
    given, after = quantizer(config.get("input_quantizer")), _activation(config)

    def compute(weights: Weights, values: torch.Tensor) -> torch.Tensor:
        if values.dim() != 2:
            raise ValueError("its input is a map; flatten it first")
        bias = _declared(config, "use_bias", weights, "bias")
        return after(functional.linear(given(values), weights["kernel"], bias))

    return compute


def _norm(config: Mapping[str, Any]) -> Compute:
    eps = float(config.get("epsilon", 1e-3))
    if not 0 < eps < 1:
        raise ValueError(f"an epsilon of {eps}")

    def compute(weights: Weights, values: torch.Tensor) -> torch.Tensor:
        _require_last_axis(config, values)
        mean, variance = weights["moving_mean"], weights["moving_variance"]
        gamma, beta = _declared(config, "scale", weights, "gamma"), _declared(config, "center", weights, "beta")
        return functional.batch_norm(values, mean, variance, gamma, beta, False, 0.0, eps)

    return compute


def _pool(kind: str) -> Callable[[Mapping[str, Any]], Compute]:
    def made(config: Mapping[str, Any]) -> Compute:
        kernel = _pair(config["pool_size"])
        stride, padding = _pair(config.get("strides") or kernel), str(config.get("padding", "valid"))

        def compute(weights: Weights, values: torch.Tensor) -> torch.Tensor:
            margins = _margins(padding, values, kernel, stride, (1, 1))
            if kind == "max":
                return max_pool(values, kernel, stride, margins)
            return avg_pool(values, kernel, stride, margins, count_margins=False)

        return compute

    return made


def _global(kind: str) -> Callable[[Mapping[str, Any]], Compute]:
    def made(config: Mapping[str, Any]) -> Compute:
        keep = bool(config.get("keepdims", False))
        if kind == "max":
            return lambda weights, values: values.amax((2, 3), keepdim=keep)
        return lambda weights, values: values.mean((2, 3), keepdim=keep)

    return made


def _flatten(config: Mapping[str, Any]) -> Compute:
    """In the order of Keras, channels last: so the weights of the layer after it have their inputs."""
    return lambda weights, values: (values.permute(0, 2, 3, 1) if values.dim() == 4 else values).flatten(1)


def _reshape(config: Mapping[str, Any]) -> Compute:
    shape = config["target_shape"]
    if len(shape) not in (1, 3) or not all(type(size) is int for size in shape) or list(shape).count(-1) > 1:
        raise ValueError(f"the shape {str(shape)[:60]}; a vector or a map is expected")

    def compute(weights: Weights, values: torch.Tensor) -> torch.Tensor:
        plain = values.permute(0, 2, 3, 1) if values.dim() == 4 else values
        result = plain.reshape(len(values), *shape)
        return result.permute(0, 3, 1, 2) if result.dim() == 4 else result

    return compute


def _zero_padding(config: Mapping[str, Any]) -> Compute:
    padding = config["padding"]
    (top, bottom), (left, right) = (
        _pair(part, least=0) for part in (padding if isinstance(padding, list) else [padding] * 2)
    )
    return lambda weights, values: functional.pad(values, (left, right, top, bottom))


def _prelu(config: Mapping[str, Any]) -> Compute:
    def compute(weights: Weights, values: torch.Tensor) -> torch.Tensor:
        slope = weights["alpha"]
        if slope.shape != (1,) * (values.dim() - 2) + (values.shape[1],):
            raise ValueError(
                f"slopes of shape {tuple(slope.shape)}; one for each channel (shared_axes=[1, 2]) is known"
            )
        return functional.prelu(values, slope.reshape(-1))

    return compute


def _relu(config: Mapping[str, Any]) -> Compute:
    slope, top = float(config.get("negative_slope") or 0.0), config.get("max_value")
    if slope or float(config.get("threshold") or 0.0):
        raise ValueError("a ReLU with a slope or a threshold is not known here")
    return lambda weights, values: values.clamp(0.0, None if top is None else float(top))


def _leaky(config: Mapping[str, Any]) -> Compute:
    slope = float(config.get("alpha", config.get("negative_slope", 0.3)))
    return lambda weights, values: functional.leaky_relu(values, slope)


def _concatenate(config: Mapping[str, Any]) -> Compute:
    def compute(weights: Weights, *values: torch.Tensor) -> torch.Tensor:
        _require_last_axis(config, values[0])
        return torch.cat(values, 1)

    return compute


def _softmax(config: Mapping[str, Any]) -> Compute:
    def compute(weights: Weights, values: torch.Tensor) -> torch.Tensor:
        _require_last_axis(config, values)
        return functional.softmax(values, 1)

    return compute


def _joined(function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Callable[[Mapping[str, Any]], Compute]:
    def compute(weights: Weights, *values: torch.Tensor) -> torch.Tensor:
        total = values[0]
        for value in values[1:]:
            total = function(total, value)
        return total

    return lambda config: compute


def _alone(function: Callable[[torch.Tensor], torch.Tensor]) -> Compute:
    return lambda weights, values: function(values)


def _same(config: Mapping[str, Any]) -> Compute:
    return lambda weights, values: values


def _declared(config: Mapping[str, Any], setting: str, weights: Weights, name: str) -> torch.Tensor | None:
    """An array that a layer has if a setting says so; Keras's default is that it does."""
    declared = bool(config.get(setting, True))
    if declared != (name in weights):
        raise ValueError(f"{setting} is {declared}, but it holds {'no' if declared else 'a'} {name}")
    return weights.get(name)


def _require_last_axis(config: Mapping[str, Any], values: torch.Tensor) -> None:
    axis = config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if axis not in (-1, values.dim() - 1):
        raise ValueError(f"it runs along axis {str(axis)[:60]}; the last, that of the channels, is known")


def _margins(
    padding: str, values: torch.Tensor, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    if padding not in ("same", "valid"):
        raise ValueError(f"padding '{padding[:40]}' is not known here")
    if values.dim() != 4:
        raise ValueError("its input is no map (height, width, channels)")
    return same_margins(values.shape[2:], kernel, stride, dilation) if padding == "same" else [(0, 0), (0, 0)]


def _pair(value: Any, least: int = 1) -> tuple[int, int]:
    parts = list(value) if isinstance(value, list | tuple) else [value] * 2
    if len(parts) != 2 or not all(type(part) is int and least <= part <= 1 << 16 for part in parts):
        raise ValueError(f"the sizes {str(value)[:60]}; two whole numbers are expected")
    return parts[0], parts[1]


_LAYERS: dict[str, Callable[[Mapping[str, Any]], Compute]] = {
    **dict.fromkeys(("Conv2D", "QuantConv2D"), _conv),
    **dict.fromkeys(("DepthwiseConv2D", "QuantDepthwiseConv2D"), _depthwise),
    **dict.fromkeys(("SeparableConv2D", "QuantSeparableConv2D"), _depthwise),
    **dict.fromkeys(("Dense", "QuantDense"), _dense),
    "BatchNormalization": _norm,
    "MaxPooling2D": _pool("max"),
    "AveragePooling2D": _pool("mean"),
    "GlobalAveragePooling2D": _global("mean"),
    "GlobalMaxPooling2D": _global("max"),
    "Flatten": _flatten,
    "Reshape": _reshape,
    "ZeroPadding2D": _zero_padding,
    "Activation": lambda config: _alone(_activation(config)),
    "ReLU": _relu,
    "LeakyReLU": _leaky,
    "PReLU": _prelu,
    "Softmax": _softmax,
    "Add": _joined(torch.add),
    "Multiply": _joined(torch.mul),
    "Maximum": _joined(torch.maximum),
    "Subtract": _joined(torch.sub),
    "Concatenate": _concatenate,
    **dict.fromkeys(("Dropout", "SpatialDropout2D", "GaussianNoise", "ActivityRegularization"), _same),
}
