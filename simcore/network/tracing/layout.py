"""What moves values, as nodes; on their signs where these are all that is wanted of them."""

from __future__ import annotations

import torch
from torch import fx

from simcore.errors import InputError
from simcore.network.tracing.forms import pad_sign, uniform
from simcore.network.tracing.program import Argument, axis_order, operation_name, own_axis, shape_of, where
from simcore.network.tracing.translation import Arguments, Handler, Translation


def _reshape(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    return tr.reshaped(call, tr.value(arguments["self"]), shape_of(call))


def _permute(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    given = arguments["self"]
    assert isinstance(given, fx.Node)  # noqa: S101
    axes = axis_order(call, arguments, 1 + len(shape_of(given)))
    order = [axis for axis in (own_axis(given, axis) for axis in axes) if axis is not None]
    name = tr.value(given)
    if order == sorted(order):
        return name
    return tr.add(call, "permute", (name,), shape_of(call), {"order": tuple(order)})


def _slice(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    given = arguments["self"]
    assert isinstance(given, fx.Node)  # noqa: S101
    axis = _axis(call, arguments, given)
    size = shape_of(given)[axis]
    if operation_name(call) == "select":
        index = int(arguments["index"]) % size  # type: ignore[arg-type]
        cut = _cut(tr, call, tr.value(given), axis, slice(index, index + 1))
        return tr.reshaped(call, cut, shape_of(call))
    start, stop, step = (arguments.get(key) for key in ("start", "end", "step"))
    return _cut(tr, call, tr.value(given), axis, slice(*slice(start, stop, step).indices(size)))


def _part(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    """One of the results of an operation with several."""
    whole, index = call.args
    assert isinstance(whole, fx.Node) and isinstance(index, int)  # noqa: S101
    name = operation_name(whole)
    given = tr.program.arguments(whole)
    if name not in ("chunk", "split", "split_with_sizes", "unbind"):
        if index:
            raise InputError(f"the second result of '{name}' is not known here", where(call))
        return tr.value(whole)
    source = given["self"]
    assert isinstance(source, fx.Node)  # noqa: S101
    axis = _axis(whole, given, source)
    if name == "unbind":
        cut = _cut(tr, call, tr.value(source), axis, slice(index, index + 1))
        return tr.reshaped(call, cut, shape_of(call))
    dim = int(given["dim"] or 0)  # type: ignore[arg-type]
    sizes = [value.shape[dim] for value in whole.meta["val"]]
    start = sum(sizes[:index])
    return _cut(tr, call, tr.value(source), axis, slice(start, start + sizes[index]))


def _several(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    """Nothing yet: every one of its results is a node of its own."""
    return tr.value(arguments["self"])


def _concat(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    parts = arguments["tensors"]
    assert isinstance(parts, list)  # noqa: S101
    names = [_operand(tr, call, part) for part in parts]
    dimensions = 1 + len(shape_of(call))
    axis = int(arguments["dim"]) % dimensions - 1  # type: ignore[arg-type]
    if axis < 0:
        raise InputError(f"'{operation_name(call)}' joins along the axis of the batch", where(call))
    if operation_name(call) == "stack":
        frame = list(shape_of(call))
        frame[axis] = 1
        names = [tr.reshaped(call, name, tuple(frame)) for name in names]
    return tr.add(call, "concat", tuple(names), shape_of(call), {"axis": axis})


def _operand(tr: Translation, call: fx.Node, part: Argument) -> str:
    if isinstance(part, fx.Node):
        return tr.value(part)
    assert isinstance(part, torch.Tensor)  # noqa: S101
    return tr.constant(call, tr.without_batch(call, part, part.dim()))


def _expand(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    name = tr.value(arguments["self"])
    if tr.shape(name) == shape_of(call):
        return name
    zeros = torch.zeros(shape_of(call))
    return tr.add(call, "offset", (name,), shape_of(call), {"shape": shape_of(call)}, weight=zeros)


def _pad(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    if arguments.get("mode", "constant") != "constant":
        raise InputError(f"padding by '{arguments['mode']}' is not known here; pad with a constant", where(call))
    given, sides = arguments["self"], arguments["pad"]
    assert isinstance(given, fx.Node) and isinstance(sides, list)  # noqa: S101
    margins = [(int(a), int(b)) for a, b in zip(sides[::2], sides[1::2], strict=True)][::-1]  # type: ignore[arg-type]
    if min(map(min, margins)) < 0 or len(margins) > len(shape_of(given)):
        raise InputError("padding that cuts off, or that adds to the batch, is not known here", where(call))
    value = float(arguments.get("value") or 0.0)  # type: ignore[arg-type]
    if tr.reading_signs:
        _, scale, constant = tr.forms[given].sign  # type: ignore[misc]
        assert uniform(scale) and uniform(constant)  # noqa: S101
        value = pad_sign(arguments, float(scale.reshape(-1)[0]), float(constant.reshape(-1)[0])) or 0.0
    return tr.add(call, "pad", (tr.value(given),), shape_of(call), {"margins": tuple(margins), "value": value})


def _shuffle(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    """Channels in groups, read group by group."""
    (channels, *rest), groups = shape_of(call), int(arguments["groups"])  # type: ignore[arg-type]
    grouped = tr.reshaped(call, tr.value(arguments["self"]), (groups, channels // groups, *rest))
    order = (1, 0, *range(2, 2 + len(rest)))
    swapped = tr.add(call, "permute", (grouped,), (channels // groups, groups, *rest), {"order": order})
    return tr.reshaped(call, swapped, shape_of(call))


def _unshuffle(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    """Neighbouring places as channels, or (``pixel_shuffle``) channels as neighbouring places."""
    given = arguments["self"]
    assert isinstance(given, fx.Node)  # noqa: S101
    (channels, height, width), down = shape_of(given), operation_name(call) == "pixel_unshuffle"
    f = int(arguments["downscale_factor" if down else "upscale_factor"])  # type: ignore[arg-type]
    frame = (channels, height // f, f, width // f, f) if down else (channels // f**2, f, f, height, width)
    order = (0, 2, 4, 1, 3) if down else (0, 3, 1, 4, 2)
    spread = tr.reshaped(call, tr.value(given), frame)
    moved = tr.add(call, "permute", (spread,), tuple(frame[axis] for axis in order), {"order": order})
    return tr.reshaped(call, moved, shape_of(call))


def _axis(call: fx.Node, arguments: Arguments, given: fx.Node) -> int:
    axis = own_axis(given, int(arguments.get("dim") or 0))  # type: ignore[arg-type]
    if axis is None:
        raise InputError(f"'{operation_name(call)}' takes inputs out of the batch", where(call))
    return axis


def _cut(tr: Translation, call: fx.Node, name: str, axis: int, places: slice) -> str:
    shape = tr.shape(name)
    length = len(range(*places.indices(shape[axis])))
    if length == shape[axis]:
        return name
    attrs: dict[str, object] = {"axis": axis, "start": places.start, "stop": places.stop}
    if places.step not in (None, 1):
        attrs["step"] = places.step
    return tr.add(call, "slice", (name,), (*shape[:axis], length, *shape[axis + 1 :]), attrs)


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "_unsafe_view"), _reshape),
    **dict.fromkeys(("permute", "transpose"), _permute),
    **dict.fromkeys(("slice", "select"), _slice),
    **dict.fromkeys(("chunk", "split", "split_with_sizes", "unbind"), _several),
    "getitem": _part,
    "cat": _concat,
    "stack": _concat,
    "expand": _expand,
    "pad": _pad,
    "constant_pad_nd": _pad,
    "channel_shuffle": _shuffle,
    "pixel_unshuffle": _unshuffle,
    "pixel_shuffle": _unshuffle,
}
