"""Convolutions and pools."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from simcore.network.importers.onnx.operations.base import (
    LARGEST_SIZE,
    Call,
    Importer,
    Result,
    axis_of,
    given,
    optional,
    require_bounded,
    sizes,
)
from simcore.network.importers.windows import avg_pool, convolution, max_pool, same_margins

Inputs = Sequence[torch.Tensor | None]
_MOST_UNFOLDED = 1 << 28  # values that all windows of an image hold together: a judgement


def _conv(call: Call, inputs: Inputs) -> Result:
    values, weight, bias = given(inputs, 0), given(inputs, 1), optional(inputs, 2)
    axes = _axes(values)
    if weight.dim() != axes + 2:
        raise ValueError(f"weights of shape {tuple(weight.shape)} for an input of shape {tuple(values.shape)}")
    kernel = sizes(weight.shape[2:], axes, 1)
    if call.wholes("kernel_shape") not in (None, kernel):
        raise ValueError(f"kernel_shape {call.wholes('kernel_shape')} is not that of its weights, {kernel}")
    stride, dilation = sizes(call.wholes("strides"), axes, 1), sizes(call.wholes("dilations"), axes, 1)
    margins = _margins(call, values, kernel, stride, dilation)
    groups = call.whole("group", 1)
    if not 1 <= groups <= LARGEST_SIZE:
        raise ValueError(f"{groups} groups")
    unfolded = _require_bounded(values, kernel, stride, margins)
    require_bounded(unfolded * len(weight) // groups)
    return convolution(values, weight, bias, stride, margins, dilation, groups)


def _max_pool(call: Call, inputs: Inputs) -> Result:
    values, kernel, stride, margins = _pool(call, inputs)
    if call.whole("storage_order", 0):
        raise ValueError("storage_order is not known here")
    return max_pool(values, kernel, stride, margins)


def _avg_pool(call: Call, inputs: Inputs) -> Result:
    values, kernel, stride, margins = _pool(call, inputs)
    count = bool(call.whole("count_include_pad", 0))
    if call.whole("ceil_mode", 0) and any(margin != (0, 0) for margin in margins):
        raise ValueError("an average with ceil_mode and margins is not known here; export it with ceil_mode=0")
    return avg_pool(values, kernel, stride, margins, count)


def _pool(call: Call, inputs: Inputs) -> tuple[torch.Tensor, tuple[int, ...], tuple[int, ...], list[tuple[int, int]]]:
    """Input, kernel, stride and margins of a pool."""
    values = given(inputs, 0)
    axes = _axes(values)
    kernel, stride = sizes(call.wholes("kernel_shape"), axes, 1), sizes(call.wholes("strides"), axes, 1)
    if any(value != 1 for value in call.wholes("dilations") or ()):
        raise ValueError("a pool with dilations is not known here")
    margins = _margins(call, values, kernel, stride, (1,) * axes)
    if call.whole("ceil_mode", 0):
        margins = [
            (before, after + _missing(size + before + after, k, step, size + before))
            for (before, after), size, k, step in zip(margins, values.shape[2:], kernel, stride, strict=True)
        ]
    _require_bounded(values, kernel, stride, margins)
    return values, kernel, stride, margins


def _missing(padded: int, kernel: int, stride: int, begins_before: int) -> int:
    """Places by which a last window that begins on the map reaches beyond its margins (``ceil_mode``)."""
    windows = -(-(padded - kernel) // stride) + 1
    if (windows - 1) * stride >= begins_before:
        windows -= 1
    return max(0, (windows - 1) * stride + kernel - padded)


def _margins(
    call: Call, values: torch.Tensor, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    axes, way = len(kernel), call.text("auto_pad", "NOTSET")
    if way in ("SAME_UPPER", "SAME_LOWER"):
        return same_margins(values.shape[2:], kernel, stride, dilation, way == "SAME_LOWER")
    if way not in ("NOTSET", "VALID"):
        raise ValueError(f"auto_pad '{way}' is not known here")
    pads = sizes(call.wholes("pads"), 2 * axes, 0, least=0) if way == "NOTSET" else (0,) * (2 * axes)
    return list(zip(pads[:axes], pads[axes:], strict=True))


def _axes(values: torch.Tensor) -> int:
    axes = values.dim() - 2
    if axes not in (1, 2):
        raise ValueError(f"an input of shape {tuple(values.shape)}: maps (N, C, H, W) or lines (N, C, L) are expected")
    return axes


def _require_bounded(
    values: torch.Tensor, kernel: Sequence[int], stride: Sequence[int], margins: Sequence[tuple[int, int]]
) -> int:
    """The values that all windows of an image hold together."""
    unfolded = values.shape[1]
    for size, k, step, margin in zip(values.shape[2:], kernel, stride, margins, strict=True):
        unfolded *= k * max(1, (size + sum(margin)) // step)
    if unfolded > _MOST_UNFOLDED:
        raise ValueError(f"its windows hold {unfolded} values, at most {_MOST_UNFOLDED} are computed")
    return int(unfolded)


def _over_all(kind: str) -> Importer:
    def compute(call: Call, inputs: Inputs) -> Result:
        values = given(inputs, 0)
        axes = list(range(2, values.dim()))
        return values.mean(axes, keepdim=True) if kind == "mean" else values.amax(axes, keepdim=True)

    return Importer(compute, 1, 1)


def _reduced(kind: str) -> Importer:
    """Over the axes of an attribute or, in newer definitions, of an input."""

    def compute(call: Call, inputs: Inputs) -> Result:
        values = given(inputs, 0)
        axes = call.wholes("axes", 1)
        if not axes:
            if call.whole("noop_with_empty_axes", 0):
                return values
            axes = tuple(range(values.dim()))
        places = sorted(axis_of(axis, values.dim()) for axis in axes)
        if call.images and 0 in places:
            raise ValueError("over the axis of the batch: it mixes the inputs of a batch")
        return _REDUCTIONS[kind](values, places, bool(call.whole("keepdims", 1)))

    return Importer(compute, 1, 2, fixed=(1,), attributes=("axes", "keepdims", "noop_with_empty_axes"))


_REDUCTIONS = {
    "mean": lambda values, axes, keep: values.float().mean(axes, keepdim=keep),
    "sum": lambda values, axes, keep: values.sum(axes, keepdim=keep),
    "max": lambda values, axes, keep: values.amax(axes, keepdim=keep),
    "min": lambda values, axes, keep: values.amin(axes, keepdim=keep),
}
_WINDOW = ("auto_pad", "kernel_shape", "pads", "strides", "dilations")

OPERATIONS: dict[str, Importer] = {
    "Conv": Importer(_conv, 2, 3, weights=(1, 2), attributes=(*_WINDOW, "group")),
    "MaxPool": Importer(_max_pool, 1, 1, attributes=(*_WINDOW, "ceil_mode", "storage_order")),
    "AveragePool": Importer(_avg_pool, 1, 1, attributes=(*_WINDOW, "ceil_mode", "count_include_pad")),
    "GlobalAveragePool": _over_all("mean"),
    "GlobalMaxPool": _over_all("max"),
    "ReduceMean": _reduced("mean"),
    "ReduceSum": _reduced("sum"),
    "ReduceMax": _reduced("max"),
    "ReduceMin": _reduced("min"),
}
