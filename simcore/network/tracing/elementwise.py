"""What PyTorch does to every value alone, or to two values of one place, as nodes."""

from __future__ import annotations

import torch
from torch import fx

from simcore.errors import InputError
from simcore.network.tracing.program import SAME, Argument, keeps_values, operation_name, shape_of, where
from simcore.network.tracing.translation import Arguments, Handler, Translation


def _function(op: str) -> Handler:
    """Of one value, without attributes."""

    def handle(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
        given = arguments["self"] if "self" in arguments else arguments["input"]
        return tr.add(call, op, (tr.value(given),), shape_of(call))

    return handle


def _same(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    name, shape = tr.value(arguments["self"] if "self" in arguments else arguments["input"]), shape_of(call)
    if keeps_values(call):
        return name
    if call.meta["val"].dtype not in (torch.int32, torch.int64):
        raise InputError(f"a conversion to {call.meta['val'].dtype} is not known here; use torch.where", where(call))
    # Whole numbers, towards 0: floor(relu(x)) - floor(relu(-x))
    sides = (name, tr.multiplied(call, name, torch.tensor([-1.0])))
    parts = tuple(tr.add(call, "floor", (tr.add(call, "relu", (side,), shape),), shape) for side in sides)
    return tr.add(call, "subtract", parts, shape)


def _pair(op: str) -> Handler:
    """Of two values, one of which may be a constant."""

    def handle(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
        names = tuple(tr.operand(call, arguments[key]) for key in ("self", "other"))
        return tr.add(call, op, names, shape_of(call))

    return handle


def _sum(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    first, second = arguments["self"], arguments["other"]
    if call.meta["val"].dtype == torch.bool:  # one or the other
        return tr.add(call, "maximum", (tr.operand(call, first), tr.operand(call, second)), shape_of(call))
    alpha = arguments.get("alpha", 1)
    assert isinstance(alpha, int | float)  # noqa: S101
    factors = {"add": (1, alpha), "sub": (1, -alpha), "rsub": (-alpha, 1)}[operation_name(call)]
    if factors == (1, -1) and isinstance(first, fx.Node) and isinstance(second, fx.Node):
        return tr.add(call, "subtract", (tr.value(first), tr.value(second)), shape_of(call))
    return _added(tr, call, _scaled_part(tr, call, first, factors[0]), _scaled_part(tr, call, second, factors[1]))


def _scaled_part(tr: Translation, call: fx.Node, value: Argument, factor: float) -> Argument | str:
    """A constant times a factor, or the name of the node that a value becomes."""
    if isinstance(value, fx.Node):
        return tr.multiplied(call, tr.value(value), torch.tensor([factor]))
    return torch.as_tensor(value) * factor


def _added(tr: Translation, call: fx.Node, first: Argument, second: Argument) -> str:
    names = [value if isinstance(value, str) else None for value in (first, second)]
    for place, value in enumerate((first, second)):
        if isinstance(value, fx.Node):
            names[place] = tr.value(value)
    if names[0] is not None and names[1] is not None:
        return tr.add(call, "add", (names[0], names[1]), shape_of(call))
    name, constant = (names[0], second) if names[0] is not None else (names[1], first)
    assert name is not None  # noqa: S101
    return tr.shifted(call, name, tr.without_batch(call, constant))


def _product(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    first, second = arguments["self"], arguments["other"]
    if not isinstance(first, fx.Node):
        first, second = second, first
    if isinstance(second, fx.Node):
        return tr.add(call, "multiply", (tr.value(first), tr.value(second)), shape_of(call))
    return tr.multiplied(call, tr.value(first), tr.without_batch(call, second))


def _quotient(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    if arguments.get("rounding_mode"):
        raise InputError("a division that rounds is not known here; use torch.floor", where(call))
    first, second = arguments["self"], arguments["other"]
    if isinstance(second, int | float) and isinstance(first, fx.Node) and _is_power(second):
        return tr.multiplied(call, tr.value(first), torch.tensor([1.0 / second]))
    return tr.add(call, "divide", (tr.operand(call, first), tr.operand(call, second)), shape_of(call))


def _is_power(value: float) -> bool:
    """Of two: multiplying by its inverse is dividing, to the bit."""
    return torch.frexp(torch.tensor(float(value))).mantissa.abs().item() == 0.5


def _negative(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    return tr.multiplied(call, tr.value(arguments["self"]), torch.tensor([-1.0]))


def _clamp(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    low, high = (
        next((arguments[key] for key in keys if arguments.get(key) is not None), None)
        for keys in (("min", "min_val"), ("max", "max_val"))
    )
    limits = {}
    name = tr.value(arguments["self"])
    for key, op, limit in (("low", "maximum", low), ("high", "minimum", high)):
        if isinstance(limit, int | float):
            limits[key] = float(limit)
        elif limit is not None:
            name = tr.add(call, op, (name, tr.operand(call, limit)), shape_of(call))
    if limits == {"low": -1.0, "high": 1.0}:
        return tr.add(call, "hardtanh", (name,), shape_of(call))
    return tr.add(call, "clamp", (name,), shape_of(call), dict(limits)) if limits else name


def _round(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    if arguments.get("decimals"):
        raise InputError(
            "rounding to decimals is not known here; multiply by a power of ten, round, and divide again", where(call)
        )
    return tr.add(call, "round", (tr.value(arguments["self"]),), shape_of(call))


def _prelu(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    slope = arguments["weight"] if "weight" in arguments else arguments["negative_slope"]
    if isinstance(slope, fx.Node):
        raise InputError("a slope that depends on the input is not known here", where(call))
    channels = shape_of(call)[0]
    slopes = torch.as_tensor(slope, dtype=torch.float32).reshape(-1).expand(channels)
    return tr.add(call, "prelu", (tr.value(arguments["self"]),), shape_of(call), {"channels": channels}, weight=slopes)


def _gelu(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    attrs: dict[str, object] = {"approximate": True} if arguments["approximate"] == "tanh" else {}
    return tr.add(call, "gelu", (tr.value(arguments["self"]),), shape_of(call), attrs)


def _power(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    exponent = {"rsqrt": -0.5, "reciprocal": -1.0, "square": 2.0}.get(operation_name(call), arguments.get("exponent"))
    if not isinstance(exponent, int | float):
        raise InputError("a power whose exponent is no plain number is not known here", where(call))
    name = tr.value(arguments["self"])
    if exponent == 2:
        return tr.add(call, "multiply", (name, name), shape_of(call))
    return tr.add(call, "power", (name,), shape_of(call), {"exponent": float(exponent)})


def _hard(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    """hardsigmoid(x) = clamp(x + 3, 0, 6) / 6, hardswish(x) = x times that."""
    name, shape = tr.value(arguments["self"]), shape_of(call)
    shifted = tr.shifted(call, name, torch.tensor([3.0]))
    limited = tr.add(call, "clamp", (shifted,), shape, {"low": 0.0, "high": 6.0})
    if operation_name(call) == "hardswish":
        limited = tr.add(call, "multiply", (name, limited), shape)
    return tr.multiplied(call, limited, torch.tensor([1 / 6]))


def _where(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    """b + (a - b) c of a condition c that is 0 or 1."""
    condition, first, second = (tr.operand(call, arguments[key]) for key in ("condition", "self", "other"))
    shape = shape_of(call)
    apart = tr.add(call, "subtract", (first, second), shape)
    return tr.add(call, "add", (second, tr.add(call, "multiply", (apart, condition), shape)), shape)


def _sign(tr: Translation, call: fx.Node, arguments: Arguments) -> str:
    raise InputError(
        f"'{operation_name(call)}' compares two activations, or an activation in a way that is no sign; compare with a "
        "constant",
        where(call),
    )


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(SAME, _same),
    **{op: _function(op) for op in ("abs", "relu", "sigmoid", "tanh", "silu", "exp", "log", "sqrt", "floor")},
    "round": _round,
    "add": _sum,
    "sub": _sum,
    "rsub": _sum,
    "mul": _product,
    "div": _quotient,
    "neg": _negative,
    "maximum": _pair("maximum"),
    "minimum": _pair("minimum"),
    "clamp": _clamp,
    "clamp_min": _clamp,
    "clamp_max": _clamp,
    "hardtanh": _clamp,
    "prelu": _prelu,
    "leaky_relu": _prelu,
    "gelu": _gelu,
    "pow": _power,
    "rsqrt": _power,
    "reciprocal": _power,
    "square": _power,
    "hardsigmoid": _hard,
    "hardswish": _hard,
    "where": _where,
    **dict.fromkeys(("ge", "gt", "le", "lt", "eq", "ne", "sign"), _sign),
}
