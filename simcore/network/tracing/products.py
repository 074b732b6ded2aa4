"""Convolutions and matrix products: onto arrays where weights and inputs are binary, else digital, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import fx
from torch.nn import functional

from simcore.errors import InputError
from simcore.network.tracing.binary_weights import BinaryWeights, binary_weights
from simcore.network.tracing.forms import shape_of_signs, uniform
from simcore.network.tracing.pooling import as_map, pair, reduced, reduced_axes
from simcore.network.tracing.program import Argument, operation_name, shape_of, where
from simcore.network.tracing.translation import Arguments, Handler, Multiplications, Translation
from simcore.network.tracing.written import kept_digital, sign_operands, written_product


@dataclass(frozen=True)
class _Window:
    """A convolution in two dimensions."""

    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int

    def attrs(self, weight: torch.Tensor) -> dict[str, object]:
        usual = {"dilation": (1, 1), "groups": 1}
        attrs = {
            "in_channels": weight.shape[1] * self.groups,
            "out_channels": len(weight),
            "kernel": tuple(weight.shape[2:]),
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
        }
        return {key: value for key, value in attrs.items() if usual.get(key) != value}

    def convolve(self, image: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = functional.conv2d(
            image[None], weight, None, self.stride, self.padding, self.dilation, self.groups
        )[0]
        return result


@dataclass(frozen=True)
class _Binary:
    """A product of inputs = scale x sign + offset, the scales of which are part of the weights.

    Attributes:
        weights: scaled as the inputs are.
        source: draft name of a node that has the signs of the inputs.
        offset: of the inputs, (channels or features,).
    """

    weights: BinaryWeights
    source: str
    offset: torch.Tensor


def _convolution(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    weight, bias = _weights(call, arguments)
    given = arguments["input"]
    line = weight.dim() == 3
    if line:  # as one of two dimensions, of height 1
        weight = weight[:, :, None]
    window = _window(tr, call, arguments, weight)
    shape = shape_of(call)
    shape = (shape[0], 1, shape[1]) if line else shape
    found = _binary(tr, given, weight, window.groups)
    if isinstance(found, str):
        source = as_map(tr, call, tr.value(given))
        attrs = {**window.attrs(weight), "bias": bias is not None}
        tensors = {"weight": weight} | ({"bias": bias} if bias is not None else {})
        result = tr.add(call, "conv2d", (source,), shape, attrs, **tensors)
        tr.layers[result] = Multiplications(False, found)
    else:
        result = _binary_convolution(tr, call, found, window, weight, bias)
    return tr.reshaped(call, result, shape_of(call))


def _binary_convolution(
    tr: Translation,
    call: fx.Node,
    found: _Binary,
    window: _Window,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
) -> str:
    shape = shape_of(call) if len(shape_of(call)) == 3 else (shape_of(call)[0], 1, shape_of(call)[1])
    signs = found.weights.signs
    source = as_map(tr, call, found.source)
    alpha, beta = (part[:, None, None] for part in (found.weights.scale, found.weights.offset))
    product = tr.add(call, "binary_conv2d", (source,), shape, window.attrs(signs), weight=signs)
    tr.layers[product] = Multiplications(True, _what(found, window.groups))
    total = tr.multiplied(call, product, alpha)
    if bool(beta.any()):  # the offset of weights meets the sum of the inputs' signs
        sums = window.attrs(signs)
        sums["out_channels"] = window.groups if window.groups == 1 else len(signs)
        size = (sums["out_channels"], *shape[1:])
        summed = tr.add(call, "window_sum2d", (source,), size, sums)  # type: ignore[arg-type]
        total = tr.add(call, "add", (total, tr.multiplied(call, summed, beta)), shape)
    constant = torch.zeros(()) if bias is None else bias[:, None, None]
    if bool(found.offset.any()):  # the offset of inputs meets weights alone: a constant map, for padding has no offset
        constant = constant + window.convolve(found.offset[:, None, None].expand(tr.shape(source)), weight)
    if bool(constant.any()):
        same = constant == constant[..., :1, :1] if constant.dim() else torch.ones(1)
        total = tr.shifted(call, total, constant[..., :1, :1] if constant.dim() and bool(same.all()) else constant)
    return total


def _linear(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    weight, bias = _weights(call, arguments)
    return _product(tr, call, arguments["input"], weight, bias)


def _addmm(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    weight, bias = arguments["mat2"], arguments["self"]
    factors = (arguments.get("beta"), arguments.get("alpha"))
    if not isinstance(weight, torch.Tensor) or not isinstance(bias, torch.Tensor) or factors != (1, 1):
        raise InputError("'addmm' of something else than an input, weights and a bias", where(call))
    return _product(tr, call, arguments["mat1"], weight.t(), bias)


def _matmul(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    first = arguments["self"]
    second = arguments["other"] if "other" in arguments else arguments["mat2"]
    if isinstance(first, fx.Node) and isinstance(second, torch.Tensor) and second.dim() == 2:
        return _product(tr, call, first, second.t(), None)
    operands = sign_operands(tr, first, second)
    if operands is not None and call in tr.written:
        return written_product(tr, call, operands, (operands[0].signs(tr), operands[1].signs(tr)))
    result = tr.add(call, "matmul", (tr.operand(call, first), tr.operand(call, second)), shape_of(call))
    tr.layers[result] = kept_digital(operands)
    return result


def _product(tr: Translation, call: fx.Node, given: Argument, weight: torch.Tensor, bias: torch.Tensor | None) -> str:
    found = _binary(tr, given, weight, 1)
    attrs: dict[str, object] = {"in_features": weight.shape[1], "out_features": len(weight)}
    if isinstance(found, str):
        source = _as_tokens(tr, call, tr.value(given))
        shape = (*tr.shape(source)[:-1], len(weight))
        tensors = {"weight": weight} | ({"bias": bias} if bias is not None else {})
        total = tr.add(call, "linear", (source,), shape, {**attrs, "bias": bias is not None}, **tensors)
        tr.layers[total] = Multiplications(False, found)
        return tr.reshaped(call, total, shape_of(call))
    source, weights = _as_tokens(tr, call, found.source), found.weights
    shape = (*tr.shape(source)[:-1], len(weight))
    product = tr.add(call, "binary_linear", (source,), shape, attrs, weight=weights.signs)
    tr.layers[product] = Multiplications(True, _what(found, 1))
    total = tr.multiplied(call, product, weights.scale)
    if bool(weights.offset.any()):
        signs = tr.add(call, "sign", (source,), tr.shape(source))
        size = (*shape[:-1], 1)
        summed = tr.add(call, "reduce", (signs,), size, {"kind": "sum", "axes": (len(shape) - 1,)})
        total = tr.add(call, "add", (total, tr.multiplied(call, summed, weights.offset)), shape)
    constant = torch.zeros(()) if bias is None else bias
    if bool(found.offset.any()):
        constant = constant + weight @ found.offset
    return tr.reshaped(call, tr.shifted(call, total, constant), shape_of(call))


def _sum_of_signs(kind: str) -> Handler:
    """The sum of signs times weights, XNOR and popcount value by value, is a product; any other a sum."""
    otherwise = reduced(kind)

    def handle(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
        given = arguments["self"]
        assert isinstance(given, fx.Node)  # noqa: S101
        shape, form = shape_of(given), tr.forms[given].sign if given in tr.forms else None
        if form is None or tr.reading_signs or len(shape) != 2 or reduced_axes(call, arguments) != [1]:
            return otherwise(tr, call, arguments)
        source = tr.signs(given)
        assert source is not None  # noqa: S101
        weight, offset = (tr.without_batch(call, part, 3).expand(shape) for part in form[1:])
        weights = binary_weights(weight)
        across = tr.shape(source) in ((1, shape[1]), (shape[1],))
        if isinstance(weights, str) or bool(weights.offset.any()) or not across or shape[0] == 1:
            return otherwise(tr, call, arguments)
        signs = tr.reshaped(call, source, (shape[1],))
        attrs: dict[str, object] = {"in_features": shape[1], "out_features": shape[0]}
        found = _Binary(weights, signs, torch.zeros(1))
        product = tr.add(call, "binary_linear", (signs,), shape[:1], attrs, weight=weights.signs)
        tr.layers[product] = Multiplications(True, _what(found, 1))
        total = tr.shifted(call, tr.multiplied(call, product, weights.scale), offset.sum(1))
        if kind == "mean":
            total = tr.multiplied(call, total, torch.tensor([1 / shape[1]]))
        return tr.reshaped(call, total, shape_of(call))

    return handle


def _attention(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    if arguments.get("enable_gqa"):
        raise InputError("attention with grouped queries is not known here", where(call))
    query, key, value = (tr.operand(call, arguments[name]) for name in ("query", "key", "value"))
    (*heads, queries, width), (*key_heads, keys, _) = tr.shape(query), tr.shape(key)
    swapped = (*key_heads, width, keys)
    order = (*range(len(key_heads)), len(key_heads) + 1, len(key_heads))
    heads = list(torch.broadcast_shapes(heads, key_heads))  # a constant may have one for all
    operands = sign_operands(tr, arguments["query"], arguments["key"])
    if operands is not None and call in tr.written:
        turned = tr.add(call, "permute", (operands[1].signs(tr),), swapped, {"order": order})
        scores = written_product(tr, call, operands, (operands[0].signs(tr), turned))
    else:
        turned = tr.add(call, "permute", (key,), swapped, {"order": order})
        scores = tr.add(call, "matmul", (query, turned), (*heads, queries, keys))
        tr.layers[scores] = kept_digital(operands)
    given = arguments.get("scale")
    scale = float(given) if isinstance(given, int | float) else width**-0.5
    scores_scaled = tr.multiplied(call, scores, torch.tensor([scale]))
    mask = arguments.get("attn_mask")
    if isinstance(mask, fx.Node):
        raise InputError("attention with a mask that depends on the input is not known here", where(call))
    if arguments.get("is_causal"):
        mask = torch.ones(queries, keys, dtype=torch.bool).tril()
    if isinstance(mask, torch.Tensor):
        masked = torch.where(mask, 0.0, -1e30) if mask.dtype == torch.bool else mask.clamp(min=-1e30)
        scores_scaled = tr.shifted(call, scores_scaled, tr.without_batch(call, masked))
    shape = (*heads, queries, keys)
    shares = tr.add(call, "softmax", (scores_scaled,), shape, {"axis": len(shape) - 1})
    result = tr.add(call, "matmul", (shares, value), shape_of(call))
    tr.layers[result] = kept_digital(None)
    return result


def _weights(call: fx.Node, arguments: Arguments) -> tuple[torch.Tensor, torch.Tensor | None]:
    weight, bias = arguments["weight"], arguments.get("bias")
    if not isinstance(weight, torch.Tensor) or isinstance(bias, fx.Node):
        raise InputError(
            f"the weights of '{operation_name(call)}' depend on the input; arrays and files hold fixed weights: make "
            "them constants, or multiply the result instead",
            where(call),
        )
    return weight.float(), bias.float() if isinstance(bias, torch.Tensor) else None


def _window(tr: Translation, call: fx.Node, arguments: Arguments, weight: torch.Tensor) -> _Window:
    stride, dilation = pair(arguments["stride"], 1), pair(arguments["dilation"], 1)
    padding = arguments["padding"]
    if isinstance(padding, str):
        total = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        if padding == "same" and any(size % 2 for size in total):
            raise InputError(
                f"padding 'same' of a kernel of {tuple(weight.shape[2:])} is not the same on both sides; pad with "
                "torch.nn.functional.pad in front of the convolution",
                where(call),
            )
        padding = [size // 2 if padding == "same" else 0 for size in total]
    if arguments.get("transposed"):
        raise InputError("a transposed convolution is not known here", where(call))
    # Of a line: (1, length), height 1 without stride, padding and dilation.
    pads = pair(padding, 0)
    groups = arguments["groups"]
    assert isinstance(groups, int)  # noqa: S101
    return _Window(stride, pads, dilation, groups)


def _binary(tr: Translation, given: Argument, weight: torch.Tensor, groups: int) -> _Binary | str:
    """The product as one of signs, or why it is none."""
    sign = tr.forms[given].sign if isinstance(given, fx.Node) else None
    if sign is None:
        weights = binary_weights(weight)
        if isinstance(weights, str):
            return "full precision, inputs and weights"
        return "binary weights, but inputs of more than two values: no sign before it"
    assert isinstance(given, fx.Node)  # noqa: S101
    if shape_of_signs(sign[0]) != shape_of(given):
        return "its inputs are signs that are repeated along an axis; repeat what they are made of instead"
    channels = weight.shape[1] * groups
    scale, offset = (_per_channel(part, given, channels, weight.dim() == 4) for part in sign[1:])
    if scale is None or offset is None:
        return "its inputs are signs that are scaled place by place; scale the result instead"
    per_output = scale.reshape(groups, -1).repeat_interleave(len(weight) // groups, dim=0)
    weights = binary_weights(weight * per_output.reshape(*per_output.shape, *[1] * (weight.dim() - 2)))
    if isinstance(weights, str):
        return weights if uniform(scale) else f"with the scales of its inputs, {weights}"
    source = tr.signs(given)
    assert source is not None  # noqa: S101
    return _Binary(weights, source, offset)


def _per_channel(values: torch.Tensor, given: fx.Node, channels: int, is_map: bool) -> torch.Tensor | None:
    """(channels,) coefficients of an input; None where they differ from place to place."""
    if uniform(values):
        return values.reshape(-1)[:1].expand(channels)
    if not is_map:
        return values.reshape(-1) if values.numel() == values.shape[-1] == channels else None
    axis = values.dim() - len(shape_of(given))  # that of the channels, beside those of height and width
    return values.reshape(-1) if axis >= 0 and values.numel() == values.shape[axis] == channels else None


def _what(found: _Binary, groups: int) -> str:
    """What is binary about a layer, in words."""
    parts = ["signs of inputs and weights"]
    if groups > 1:
        parts.append(f"{groups} blocks")
    parts += ["scaled digitally"] * bool((found.weights.scale != 1).any())
    parts += ["offset of the weights times a digital sum of signs"] * bool(found.weights.offset.any())
    parts += ["offset of the inputs as a constant"] * bool(found.offset.any())
    return ", ".join(parts)


def _as_tokens(tr: Translation, call: fx.Node, name: str) -> str:
    """Any axes before the features as one of tokens."""
    shape = tr.shape(name)
    return tr.reshaped(call, name, (math.prod(shape[:-1]), shape[-1])) if len(shape) > 2 else name


HANDLERS: dict[str, Handler] = {
    "conv1d": _convolution,
    "conv2d": _convolution,
    "convolution": _convolution,
    "linear": _linear,
    "addmm": _addmm,
    "matmul": _matmul,
    "mm": _matmul,
    "bmm": _matmul,
    "scaled_dot_product_attention": _attention,
    "sum": _sum_of_signs("sum"),
    "mean": _sum_of_signs("mean"),
}
