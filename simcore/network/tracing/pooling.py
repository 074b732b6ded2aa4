"""Pools, sums over axes and normalizations, as nodes."""

from __future__ import annotations

import torch
from torch import fx

from simcore.errors import InputError
from simcore.network.tracing.program import SAME, Argument, operation_name, shape_of, where
from simcore.network.tracing.translation import Arguments, Handler, Translation

_FAR_BELOW = -3e38
"""No value is lower; what a place without a value counts as where the largest is looked for."""


def _pool(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    op = "max_pool2d" if "max" in operation_name(call) else "avg_pool2d"
    name = as_map(tr, call, tr.value(arguments["self"]))
    shape = tr.shape(name)
    kernel = pair(arguments["kernel_size"], 1)
    given = arguments.get("stride")
    stride = pair(given, 1) if given else kernel
    padding = pair(arguments["padding"], 0)
    if arguments.get("divisor_override") or pair(arguments.get("dilation") or 1, 1) != (1, 1):
        raise InputError(
            f"'{operation_name(call)}' with dilation or a divisor of its own is not known here", where(call)
        )
    result = _result_shape(call)
    attrs: dict[str, object] = {"kernel": kernel, "stride": stride, "padding": padding}
    floor = [(s + 2 * p - k) // d + 1 for s, p, k, d in zip(shape[1:], padding, kernel, stride, strict=True)]
    if tuple(floor) != result[1:]:
        name = _reaching(tr, call, name, result, attrs, op)
    if arguments.get("count_include_pad") is False and any(padding):
        attrs["count_padding"] = False
    return tr.reshaped(call, tr.add(call, op, (name,), result, attrs), shape_of(call))


def _reaching(
    tr: Translation, call: fx.Node, name: str, result: tuple[int, ...], attrs: dict[str, object], op: str
) -> str:
    """A last window that reaches beyond the map (``ceil_mode``) finds nothing there."""
    if op != "max_pool2d":
        raise InputError("an average over windows that reach beyond the map (ceil_mode) is not known here", where(call))
    kernel, stride, padding = attrs["kernel"], attrs["stride"], attrs["padding"]
    shape = tr.shape(name)
    margins = tuple(
        (p, max(0, (out - 1) * d + k - size - p))
        for size, out, k, d, p in zip(shape[1:], result[1:], kernel, stride, padding, strict=True)  # type: ignore[call-overload]
    )
    attrs["padding"] = (0, 0)
    padded = (shape[0], *(size + sum(margin) for size, margin in zip(shape[1:], margins, strict=True)))
    return tr.add(call, "pad", (name,), padded, {"margins": margins, "value": _FAR_BELOW})


def _adaptive(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    op = "max" if "max" in operation_name(call) else "avg"
    name = as_map(tr, call, tr.value(arguments["self"]))
    shape = tr.shape(name)
    result = _result_shape(call)
    if any(size % out for size, out in zip(shape[1:], result[1:], strict=True)):
        raise InputError(
            f"'{operation_name(call)}' from {shape[1:]} to {result[1:]}: windows of different sizes are not known "
            "here; take a size that divides",
            where(call),
        )
    kernel = tuple(size // out for size, out in zip(shape[1:], result[1:], strict=True))
    if result[1:] == (1, 1):
        kind = "mean" if op == "avg" else "max"
        pooled = tr.add(call, "reduce", (name,), result, {"kind": kind, "axes": (1, 2)})
    else:
        pooled = tr.add(call, f"{op}_pool2d", (name,), result, {"kernel": kernel, "stride": kernel})
    return tr.reshaped(call, pooled, shape_of(call))


def reduced(kind: str) -> Handler:
    """Of a sum, mean, largest or smallest value over axes."""

    def handle(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
        given = arguments["self"]
        assert isinstance(given, fx.Node)  # noqa: S101
        dims = arguments.get("dim")
        if dims is None or dims == []:
            raise InputError(f"'{operation_name(call)}' over the whole batch; name the axes of one image", where(call))
        axes = reduced_axes(call, arguments)
        if axes[0] < 0:
            raise InputError(f"'{operation_name(call)}' over the axis of the batch", where(call))
        kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape_of(given)))
        reduced = tr.add(call, "reduce", (tr.value(given),), kept, {"kind": kind, "axes": tuple(axes)})
        shape = kept if arguments.get("keepdim") else tuple(s for axis, s in enumerate(kept) if axis not in axes)
        return tr.reshaped(call, reduced, shape)

    return handle


def reduced_axes(call: fx.Node, arguments: Arguments) -> list[int]:
    """The axes that are summed over, without the batch, which is -1; none where these are all."""
    given, dims = arguments["self"], arguments.get("dim")
    assert isinstance(given, fx.Node)  # noqa: S101
    listed = dims if isinstance(dims, list) else [] if dims is None else [dims]
    return sorted(int(dim) % (1 + len(shape_of(given))) - 1 for dim in listed)  # type: ignore[arg-type]


def _batch_norm(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    mean, variance = arguments.get("running_mean"), arguments.get("running_var")
    if not isinstance(mean, torch.Tensor) or not isinstance(variance, torch.Tensor) or arguments.get("training"):
        raise InputError(
            "a batch norm with the statistics of the batch: a result would depend on the other inputs; train it with "
            "track_running_stats and put the module into evaluation mode (.eval())",
            where(call),
        )
    channels = len(mean)
    weight, bias = arguments.get("weight"), arguments.get("bias")
    attrs: dict[str, object] = {"channels": channels, "eps": float(arguments["eps"])}  # type: ignore[arg-type]
    return tr.add(
        call,
        "batch_norm",
        (tr.value(arguments["input"]),),
        tr.shape(tr.value(arguments["input"])),
        attrs,
        running_mean=mean,
        running_var=variance,
        weight=weight if isinstance(weight, torch.Tensor) else torch.ones(channels),
        bias=bias if isinstance(bias, torch.Tensor) else torch.zeros(channels),
    )


def _layer_norm(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    given = arguments["normalized_shape"]
    assert isinstance(given, list)  # noqa: S101
    shape = tuple(int(size) for size in given)  # type: ignore[arg-type]
    weight, bias = arguments.get("weight"), arguments.get("bias")
    name = tr.value(arguments["input"])
    attrs: dict[str, object] = {"shape": shape, "eps": float(arguments["eps"])}  # type: ignore[arg-type]
    return tr.add(
        call,
        "layer_norm",
        (name,),
        tr.shape(name),
        attrs,
        weight=weight if isinstance(weight, torch.Tensor) else torch.ones(shape),
        bias=bias if isinstance(bias, torch.Tensor) else torch.zeros(shape),
    )


def _softmax(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    shape = shape_of(call)
    axis = int(arguments["dim"]) % (1 + len(shape)) - 1  # type: ignore[arg-type]
    if axis < 0:
        raise InputError("a softmax over the axis of the batch", where(call))
    name = tr.value(arguments["self"])
    if "log" not in operation_name(call):
        return tr.add(call, "softmax", (name,), shape, {"axis": axis})
    # x - largest - log(sum(exp(x - largest))): the logarithm of a softmax would be that of 0 far from the largest
    one = (*shape[:axis], 1, *shape[axis + 1 :])
    largest = tr.add(call, "reduce", (name,), one, {"kind": "max", "axes": (axis,)})
    below = tr.add(call, "subtract", (name, largest), shape)
    powers = tr.add(call, "exp", (below,), shape)
    total = tr.add(call, "reduce", (powers,), one, {"kind": "sum", "axes": (axis,)})
    return tr.add(call, "subtract", (below, tr.add(call, "log", (total,), one)), shape)


def _embedding(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    table = arguments["weight"]
    if not isinstance(table, torch.Tensor):
        raise InputError("an embedding whose table depends on the input is not known here", where(call))
    attrs: dict[str, object] = {"entries": len(table), "features": table.shape[1]}
    indices = tr.value(_tokens(tr, arguments["indices"]))
    return tr.add(call, "embedding", (indices,), shape_of(call), attrs, weight=table)


def _tokens(tr: Translation, given: Argument) -> Argument:
    """The network's input where ``given`` is it as whole numbers: what an embedding takes is checked there."""
    found = given
    while isinstance(found, fx.Node) and found is not tr.program.input and operation_name(found) in SAME:
        found = found.all_input_nodes[0]
    return found if found is tr.program.input else given


def as_map(tr: Translation, call: fx.Node, name: str) -> str:
    """A line (C, L) as (C, 1, L)."""
    shape = tr.shape(name)
    return tr.reshaped(call, name, (shape[0], 1, shape[1])) if len(shape) == 2 else name


def _result_shape(call: fx.Node) -> tuple[int, ...]:
    value = call.meta["val"]
    shape = tuple((value[0] if isinstance(value, tuple | list) else value).shape[1:])
    return (shape[0], 1, shape[1]) if len(shape) == 2 else shape


def pair(value: Argument, missing: int) -> tuple[int, int]:
    """Vertical and horizontal; a line has the horizontal one alone."""
    parts = [int(part) for part in value] if isinstance(value, list) else [int(value)] * 2  # type: ignore[arg-type]
    return (missing, parts[0]) if len(parts) == 1 else (parts[0], parts[1])


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d", "max_pool2d_with_indices"), _pool),
    **dict.fromkeys(
        ("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "_adaptive_avg_pool2d"), _adaptive
    ),
    "mean": reduced("mean"),
    "sum": reduced("sum"),
    "amax": reduced("max"),
    "amin": reduced("min"),
    "max": reduced("max"),
    "min": reduced("min"),
    **dict.fromkeys(("batch_norm", "_native_batch_norm_legit_no_training", "_native_batch_norm_legit"), _batch_norm),
    **dict.fromkeys(("layer_norm", "native_layer_norm"), _layer_norm),
    **dict.fromkeys(("softmax", "_softmax", "log_softmax", "_log_softmax"), _softmax),
    "embedding": _embedding,
}
