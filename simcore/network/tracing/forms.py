"""Which values are signs, whatever they are written as.

Every value is followed as a sum of products, coefficient x atom + constant, where an atom is a sign, a comparison, or
the result of an operation that is not looked into. What a straight-through estimator adds and takes away again cancels,
and what is left of ``sign(x).detach() - soft(x).detach() + soft(x)`` is one sign. Whatever happens afterwards to a
value that depends on one sign alone is computed for +1 and for -1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import fx

from simcore.network.tracing.program import SAME, Argument, Program, keeps_values, operation_name, shape_of

_MOVING = frozenset(
    "view _unsafe_view reshape flatten unflatten squeeze unsqueeze permute transpose t slice select chunk split unbind "
    "split_with_sizes cat stack expand getitem pixel_unshuffle pixel_shuffle channel_shuffle".split()
)
"""Operations that put values elsewhere."""
_COMPARING: dict[str, tuple[int, int]] = {"ge": (1, 1), "gt": (-1, -1), "lt": (1, -1), "le": (-1, 1)}
"""x compared with t as (1 + b s) / 2, with s = +1 where a (x - t) >= 0: a, b."""
_ONE_BY_ONE = frozenset(
    "add sub rsub mul div neg where abs relu clamp clamp_min clamp_max hardtanh sign round floor pow sqrt sigmoid tanh "
    "logical_not bitwise_not ge gt lt le eq ne maximum minimum reciprocal exp logical_and logical_or".split()
)


@dataclass(frozen=True)
class SignOf:
    """+1 where ``direction`` x (value of ``source`` - ``threshold``) >= 0, else -1.

    Attributes:
        source: the value.
        threshold: bytes and shape of the threshold, so that equal ones are one.
        direction: 1 or -1.
        value: the threshold; None for 0.
        zero_is_zero: PyTorch's sign, which gives 0 for 0.
    """

    source: fx.Node
    threshold: tuple[bytes, tuple[int, ...]] = (b"", ())
    direction: int = 1
    value: torch.Tensor | None = field(default=None, compare=False)
    zero_is_zero: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class MovedSigns:
    """The signs of values that an operation puts elsewhere.

    Attributes:
        call: the operation.
        negative: what it takes are the signs times a negative number, which matters where it looks for the largest.
    """

    call: fx.Node
    negative: bool = False


Atom = SignOf | MovedSigns | fx.Node


@dataclass(frozen=True)
class Form:
    """Sum of coefficient x atom, plus a constant; shapes as the operations have them, batch first."""

    terms: dict[Atom, torch.Tensor]
    constant: torch.Tensor

    @property
    def sign(self) -> tuple[SignOf | MovedSigns, torch.Tensor, torch.Tensor] | None:
        """Atom, coefficient and constant where the value has two values, those of one sign; else None."""
        if len(self.terms) == 1:
            atom, coefficient = next(iter(self.terms.items()))
            if not isinstance(atom, fx.Node):
                return atom, coefficient, self.constant
        return None

    def same_as(self, node: fx.Node) -> fx.Node | None:
        """The node whose value this, the form of ``node``, is, if it is one: not repeated along an axis either."""
        if len(self.terms) == 1 and not bool(self.constant.any()):
            atom, coefficient = next(iter(self.terms.items()))
            if isinstance(atom, fx.Node) and bool((coefficient == 1).all()):
                has_value = "val" in node.meta  # an assertion of PyTorch's has none
                return atom if not has_value or shape_of(atom) == shape_of(node) else None
        return None


def shape_of_signs(atom: SignOf | MovedSigns) -> tuple[int, ...]:
    """Without the batch; thresholds may repeat the value that is compared with them."""
    if isinstance(atom, MovedSigns):
        return shape_of(atom.call)
    own = shape_of(atom.source)
    if atom.value is None or not own:
        return own
    return tuple(torch.broadcast_shapes(own, atom.value.shape[-len(own) :]))


_ZERO, _ONE = torch.zeros(()), torch.ones(())


def value_forms(program: Program) -> dict[fx.Node, Form]:
    """The form of every value that depends on the input."""
    forms = {program.input: Form({program.input: _ONE}, _ZERO)}
    same = _same_values(program)
    for call in program.calls():
        first = same[call]
        forms[call] = forms[first] if first is not call else _form(program, call, forms)
    return forms


def _same_values(program: Program) -> dict[fx.Node, fx.Node]:
    """For every node the first that does the same to the same values: an estimator may compute its soft part twice."""
    first: dict[object, fx.Node] = {}
    same: dict[fx.Node, fx.Node] = {}
    for node in program.graph.graph.nodes:
        given = fx.map_arg((node.args, node.kwargs), lambda before: same[before])
        same[node] = first.setdefault((node.op, node.target, repr(given)), node)
    return same


def uniform(values: torch.Tensor) -> bool:
    """Whether all values are one."""
    return bool((values == values.reshape(-1)[0]).all())


def _form(program: Program, call: fx.Node, forms: dict[fx.Node, Form]) -> Form:
    name = operation_name(call)
    before = [node for node in call.all_input_nodes if node not in program.constants]
    if name == "getitem" and operation_name(before[0]) not in _MOVING:
        return Form({call: _ONE}, _ZERO)
    if keeps_values(call):
        return forms[before[0]]
    if name in _MOVING or name in ("pad", "constant_pad_nd", "max_pool2d", "max_pool1d"):
        return _moved(program, call, {node: forms[node] for node in before}, name)
    arguments = program.arguments(call)
    signs = [forms[node].sign for node in before if forms[node].terms]
    if name in _ONE_BY_ONE | SAME and signs and all(found is not None and found[0] == signs[0][0] for found in signs):  # type: ignore[index]
        return _of_one_sign(call, forms, {node: program.constants.get(node) for node in call.all_input_nodes})
    truths = name == "add" and call.meta["val"].dtype == torch.bool  # one or the other: no sum
    linear = None if truths else _linear(name, arguments, partial(_as_form, forms))
    if linear is not None:
        return linear
    source = arguments.get("self")
    if not isinstance(source, fx.Node):
        return Form({call: _ONE}, _ZERO)
    found = _sign_of(program, forms[source].same_as(source) or source, name, arguments)
    return found if found is not None else Form({call: _ONE}, _ZERO)


def _as_form(forms: dict[fx.Node, Form], value: Argument) -> Form:
    if isinstance(value, fx.Node):
        return forms[value]
    return Form({}, torch.as_tensor(value, dtype=torch.float32))


def _linear(name: str, arguments: dict[str, Argument], form: Callable[[Argument], Form]) -> Form | None:
    """Of what adds, or multiplies by a constant."""
    if name in ("add", "sub", "rsub"):
        first, second = form(arguments["self"]), form(arguments["other"])
        alpha = float(arguments.get("alpha", 1))  # type: ignore[arg-type]
        if name == "rsub":
            first, second = second, first
        return _sum(first, second, alpha if name == "add" else -alpha)
    if name == "neg":
        return _scaled(form(arguments["self"]), torch.tensor(-1.0))
    if name in ("mul", "div"):
        first, second = form(arguments["self"]), form(arguments["other"])
        if name == "mul" and not first.terms:
            first, second = second, first
        if second.terms or (name == "div" and arguments.get("rounding_mode")):
            return None
        return _scaled(first, second.constant if name == "mul" else 1 / second.constant)
    if name == "where":
        condition, first, second = (form(arguments[key]) for key in ("condition", "self", "other"))
        if condition.sign is not None and not first.terms and not second.terms:
            return _sum(_scaled(condition, first.constant - second.constant), second, 1.0)
    return None


def _sum(first: Form, second: Form, factor: float) -> Form:
    terms = dict(first.terms)
    for atom, coefficient in second.terms.items():
        terms[atom] = terms[atom] + factor * coefficient if atom in terms else factor * coefficient
    left = {atom: coefficient for atom, coefficient in terms.items() if bool(coefficient.any())}
    return Form(left, first.constant + factor * second.constant)


def _scaled(form: Form, factor: torch.Tensor) -> Form:
    terms = {atom: coefficient * factor for atom, coefficient in form.terms.items()}
    return Form({a: c for a, c in terms.items() if bool(c.any())}, form.constant * factor)


def _of_one_sign(call: fx.Node, forms: dict[fx.Node, Form], constants: dict[fx.Node, torch.Tensor | None]) -> Form:
    """Of an operation whose inputs depend on one sign alone: its results for +1 and -1."""
    results = []
    atom: Any = None
    for value in (1, -1):

        def given(node: fx.Node, value: int = value) -> torch.Tensor:
            nonlocal atom
            known = constants[node]
            if known is not None:
                return known
            result, form = forms[node].constant, forms[node].sign
            if form is not None:
                atom, coefficient, constant = form
                result = constant + value * coefficient
            return result.to(node.meta["val"].dtype)

        arguments, keywords = fx.map_arg((call.args, call.kwargs), given)
        results.append(call.target(*arguments, **keywords).float())  # type: ignore[operator]
    coefficient, constant = (results[0] - results[1]) / 2, (results[0] + results[1]) / 2
    return Form({atom: coefficient} if bool(coefficient.any()) else {}, constant)


def _moved(program: Program, call: fx.Node, forms: dict[fx.Node, Form], name: str) -> Form:
    """Of an operation that moves values: signs stay signs where all of them are scaled alike, and none is repeated."""
    opaque = Form({call: _ONE}, _ZERO)
    signs = [form.sign for form in forms.values()]
    constants = [node for node in call.all_input_nodes if node in program.constants]
    if not signs or None in signs or constants:
        return opaque
    if any(shape_of_signs(form.sign[0]) != shape_of(node) for node, form in forms.items()):  # type: ignore[index]
        return opaque
    scales = {(float(c.reshape(-1)[0]), float(k.reshape(-1)[0])) for _, c, k in signs}  # type: ignore[misc]
    if len(scales) != 1 or not all(uniform(c) and uniform(k) for _, c, k in signs):  # type: ignore[misc]
        return opaque
    scale, constant = scales.pop()
    negative = name.startswith("max_pool") and scale < 0
    if "pad" in name:
        arguments = program.arguments(call)
        if arguments.get("mode", "constant") != "constant" or pad_sign(arguments, scale, constant) is None:
            return opaque
    return Form({MovedSigns(call, negative): torch.tensor(scale)}, torch.tensor(constant))


def pad_sign(arguments: dict[str, Argument], scale: float, constant: float) -> float | None:
    """The sign, +1 or -1, that the padding stands for beside values scale x sign + constant; None if neither."""
    value = float(arguments.get("value") or 0.0)  # type: ignore[arg-type]
    sign = (value - constant) / scale
    return sign if abs(sign) == 1 else None


def _sign_of(program: Program, source: fx.Node, name: str, arguments: dict[str, Argument]) -> Form | None:
    """Of PyTorch's sign, of a comparison with a constant, and of rounding to one of two whole numbers."""
    if name == "sign":
        zero = _half_of(program, source)
        if zero is not None:  # sign(relu(x)): 0 where x <= 0, else 1
            return _comparison(zero, torch.zeros(()), "gt")
        return Form({SignOf(source, zero_is_zero=True): _ONE}, _ZERO)
    if name in _COMPARING and not isinstance(arguments["other"], fx.Node):
        return _comparison(source, torch.as_tensor(arguments["other"], dtype=torch.float32), name)
    if name == "round" and not arguments.get("decimals"):
        limits = _limits(program, source)
        if limits is not None and limits[1] - limits[0] == 1 and limits[0] == int(limits[0]):
            low = limits[0]
            form = _comparison(_input_of(source), torch.tensor(low + 0.5), "gt" if low % 2 == 0 else "ge")
            return Form(form.terms, form.constant + low)
    return None


def _comparison(source: fx.Node, threshold: torch.Tensor, name: str) -> Form:
    """1 where it holds, else 0."""
    direction, factor = _COMPARING[name]
    known = (threshold.contiguous().numpy().tobytes(), tuple(threshold.shape)) if bool(threshold.any()) else (b"", ())
    atom = SignOf(source, known, direction, threshold if known[0] else None)
    return Form({atom: torch.tensor(factor / 2)}, torch.tensor(0.5))


def _input_of(call: fx.Node) -> fx.Node:
    return call.all_input_nodes[0]


def _half_of(program: Program, node: fx.Node) -> fx.Node | None:
    """The value of which ``node`` keeps what is above zero, if it does that."""
    if node.op == "placeholder" or node in program.constants:
        return None
    if operation_name(node) == "relu":
        return _input_of(node)
    limits = _limits(program, node)
    return _input_of(node) if limits is not None and limits[0] == 0 and limits[1] > 0 else None


def _limits(program: Program, node: fx.Node) -> tuple[float, float] | None:
    """Between which a value is limited by the operation that makes it."""
    if node.op == "placeholder" or node in program.constants:
        return None
    low, high = {"hardtanh": ("min_val", "max_val"), "clamp": ("min", "max"), "clamp_min": ("min", ""),
                 "clamp_max": ("", "max")}.get(operation_name(node), ("", ""))  # fmt: skip
    if not low and not high:
        return None
    given = program.arguments(node)
    limits = given.get(low), given.get(high)
    if any(isinstance(limit, fx.Node) for limit in limits):
        return None
    found = [
        default if limit is None else torch.as_tensor(limit)
        for limit, default in zip(limits, (torch.tensor(-torch.inf), torch.tensor(torch.inf)), strict=True)
    ]
    return (float(found[0]), float(found[1])) if all(limit.numel() == 1 for limit in found) else None
