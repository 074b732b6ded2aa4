"""A module as the list of PyTorch operations that it runs, by ``torch.export`` in the user's own process.

What depends on parameters and buffers alone is computed here: weights come out binary however they were made so.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import fx, nn

from simcore.errors import InputError

Argument: TypeAlias = "torch.Tensor | fx.Node | int | float | bool | str | torch.dtype | list[Argument] | None"
"""What an operation takes: constants, and nodes where the value depends on the input."""

_CALLS = ("call_function", "call_method")
_BATCH_AXIS = "batch_axis"
SAME = frozenset(
    "detach clone alias contiguous to _to_copy type_as dropout lift_fresh_copy lift_fresh positive alpha_dropout "
    "feature_dropout float double".split()
)
"""Operations that change no value (in evaluation mode), but for what becomes whole numbers (``keeps_values``)."""
_WRITTEN_OUT = {torch.ops.aten.relu6.default: lambda values: torch.ops.aten.hardtanh(values, 0.0, 6.0)}
"""Operations whose limits are in their name alone, as the one that has them as arguments."""


@dataclass(frozen=True)
class Program:
    """The operations of a module.

    Attributes:
        graph: with its parameters and buffers (``torch.fx``).
        input: its node.
        output: the node that gives the logits.
        constants: values of nodes that do not depend on the input.
        batch: how many images it was traced with; they stay apart along the first axis of every value.
    """

    graph: fx.GraphModule
    input: fx.Node
    output: fx.Node
    constants: dict[fx.Node, torch.Tensor]
    batch: int

    def calls(self) -> Iterator[fx.Node]:
        """The operations that depend on the input, in the order in which they run."""
        for node in self.graph.graph.nodes:
            if node.op in _CALLS and node not in self.constants:
                yield node

    def arguments(self, call: fx.Node) -> dict[str, Argument]:
        """Of an operation by name, defaults filled in, constants in place of their nodes."""
        schema = call.target._schema  # type: ignore[union-attr]
        found: dict[str, Argument] = {}
        for place, argument in enumerate(schema.arguments):
            if place < len(call.args):
                value = call.args[place]
            else:
                value = call.kwargs.get(argument.name, argument.default_value)
            found[argument.name] = self._known(value)
        return found

    def _known(self, value: object) -> Argument:
        if isinstance(value, fx.Node):
            return self.constants.get(value, value)
        if isinstance(value, list | tuple):
            return [self._known(part) for part in value]
        return value  # type: ignore[return-value]


def trace(module: nn.Module, batch: torch.Tensor) -> Program:
    """Trace a module in evaluation mode.

    Args:
        module: any module of one tensor that gives logits (B, classes), alone, first of a tuple, or as ``logits``.
        batch: what it is given, (B, ...) with B of at least 2.

    Raises:
        InputError: it cannot be traced, its result is something else, or an operation mixes the images of a batch.
    """
    graph = _exported(module, batch)
    inputs = [node for node in graph.graph.nodes if node.op == "placeholder"]
    if len(inputs) != 1:
        raise InputError(f"the module takes {len(inputs)} tensors, one is expected", where(inputs[-1]))
    constants = _constants(graph)
    program = Program(graph, inputs[0], _logits(graph), constants, len(batch))
    for call in program.calls():
        call.meta[_BATCH_AXIS] = axis = _batch_axis(program, call)
        shape = _shape(call)
        if shape is not None and (axis is None or len(shape) <= axis or shape[axis] != program.batch):
            raise InputError(
                f"'{operation_name(call)}' gives shape {tuple(shape)} for {program.batch} inputs: it mixes the inputs "
                "of a batch, or moves their axis where it is not followed; leave the first axis to them",
                where(call),
            )
    return program


def operation_name(call: fx.Node) -> str:
    """Of the operation without overload: ``conv2d`` of ``aten.conv2d.default``. ``torch.max`` and ``min`` of two values
    are ``maximum`` and ``minimum``, which is what they do."""
    text = str(call.target)
    if text in ("aten.max.other", "aten.min.other"):
        return f"{text.split('.')[1]}imum"
    return text.split(".")[1] if text.startswith("aten.") else getattr(call.target, "__name__", text)


def keeps_values(call: fx.Node) -> bool:
    """Whether an operation changes no value: one of ``SAME`` that makes no whole numbers of others."""
    if operation_name(call) not in SAME:
        return False
    becomes, was = (node.meta["val"].dtype for node in (call, call.all_input_nodes[0]))
    return bool(becomes.is_floating_point or not was.is_floating_point)


def module_path(node: fx.Node) -> str:
    """The nested module in which an operation runs, ``layers.0.conv``; empty for the outermost."""
    stack = node.meta.get("nn_module_stack") or {}
    path = str(next(reversed(stack.values()))[0]) if stack else ""
    return re.sub(r"\W+", ".", path).strip(".")


def layer_path(call: fx.Node) -> str:
    """The nested module that a layer's weights belong to, where that is one; else the one in which it runs."""
    found, seen = set(), list(call.all_input_nodes)
    while seen:
        node = seen.pop()
        if node.op == "get_attr" and str(node.target).endswith(".weight"):
            found.add(str(node.target).removesuffix(".weight"))
        elif node.op != "placeholder" and _BATCH_AXIS not in node.meta:  # of constants alone
            seen += node.all_input_nodes
    return re.sub(r"\W+", ".", found.pop()) if len(found) == 1 else module_path(call)


def where(node: fx.Node) -> str:
    """The place of an operation for messages: module, and line of the user's code where it is known."""
    module = f"module '{module_path(node)}'" if module_path(node) else "the outermost module"
    lines = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    own = [f"{file.rsplit('/', 1)[-1]}:{line}" for file, line in lines if "/torch/" not in file]
    return f"{module} ({own[-1]})" if own else module


def _exported(module: nn.Module, batch: torch.Tensor) -> fx.GraphModule:
    with torch.no_grad(), _quiet():
        try:
            program = torch.export.export(module, (batch,), strict=False)
            return program.run_decompositions(_WRITTEN_OUT).module()  # in-place operations become ordinary ones
        except Exception as error:  # noqa: BLE001 (the user's own code runs here: anything may be raised)
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            raise InputError(
                f"torch.export cannot trace it: {reason}; what depends on values (if x.sum() > 0, .item()) or assigns "
                "to .data has to be written with torch.where and ordinary operations",
                type(module).__name__,
            ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """PyTorch's own advice on its internals is none for the user."""
    logger = logging.getLogger("torch")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            logger.setLevel(level)


def _constants(graph: fx.GraphModule) -> dict[fx.Node, torch.Tensor]:
    """Values of the nodes that do not depend on the input."""
    values: dict[fx.Node, torch.Tensor] = {}
    with torch.no_grad():
        for node in graph.graph.nodes:
            if node.op == "get_attr":
                values[node] = _attribute(graph, str(node.target))
            elif node.op in _CALLS and all(before in values for before in _looked_at(node)):
                given = fx.map_arg((node.args, node.kwargs), lambda before: _known_or_empty(values, before))
                values[node] = node.target(*given[0], **given[1])
    return values


def _looked_at(node: fx.Node) -> list[fx.Node]:
    """The inputs of an operation of which more than shape and type matter."""
    name = operation_name(node)
    if name in ("ones_like", "zeros_like", "full_like") or name.startswith("new_"):
        return []
    return node.all_input_nodes[:1] if name in ("type_as", "expand_as", "view_as") else node.all_input_nodes


def _known_or_empty(values: dict[fx.Node, torch.Tensor], node: fx.Node) -> torch.Tensor:
    if node in values:
        return values[node]
    given = node.meta["val"]
    return torch.empty(given.shape, dtype=given.dtype)


def _attribute(graph: fx.GraphModule, path: str) -> torch.Tensor:
    found: object = graph
    for part in path.split("."):
        found = getattr(found, part)
    assert isinstance(found, torch.Tensor)  # noqa: S101 (parameters, buffers and constants are all that is lifted)
    return found.detach()


def _logits(graph: fx.GraphModule) -> fx.Node:
    output = next(node for node in graph.graph.nodes if node.op == "output")
    tensors = [node for node in output.all_input_nodes if _shape(node) is not None]
    two_axes = [node for node in tensors if len(_shape(node) or ()) == 2]
    if not two_axes:
        raise InputError("the module gives no logits of shape (batch, classes)", "its result")
    return two_axes[0]


def _shape(node: fx.Node) -> torch.Size | None:
    value = node.meta.get("val")
    return value.shape if isinstance(value, torch.Tensor) else None


def shape_of(node: fx.Node) -> tuple[int, ...]:
    """Of a node's value (the first of several), without the batch."""
    value = node.meta["val"]
    value = value[0] if isinstance(value, list | tuple) else value
    return tuple(int(size) for axis, size in enumerate(value.shape) if axis != batch_axis(node))


def batch_axis(node: fx.Node) -> int:
    """The axis of a node's value that is that of the batch; the first but for what goes on to take it apart."""
    return node.meta.get(_BATCH_AXIS) or 0


def own_axis(node: fx.Node, axis: int) -> int | None:
    """An axis of a node's value without the batch; None for that of the batch."""
    axis %= 1 + len(shape_of(node))
    return None if axis == batch_axis(node) else axis - (axis > batch_axis(node))


def axis_order(call: fx.Node, arguments: dict[str, Argument], axes: int) -> list[int]:
    """The axes of its input in the order that ``permute`` or ``transpose`` gives them."""
    order = list(range(axes))
    if operation_name(call) == "permute":
        return [order[axis] for axis in arguments["dims"]]  # type: ignore[union-attr,index,misc]
    first, second = (int(arguments[key]) for key in ("dim0", "dim1"))  # type: ignore[arg-type]
    order[first], order[second] = order[second], order[first]
    return order


def _batch_axis(program: Program, call: fx.Node) -> int | None:
    """Of the result of an operation; None where it is lost."""
    before = [node for node in call.all_input_nodes if node not in program.constants]
    axes = {batch_axis(node) for node in before}
    name = operation_name(call)
    if len(axes) != 1:
        return None
    axis = axes.pop()
    if name in ("permute", "transpose"):
        return axis_order(call, program.arguments(call), 1 + len(shape_of(before[0]))).index(axis)
    if name in ("select", "unbind"):
        taken = int(program.arguments(call)["dim"]) % (1 + len(shape_of(before[0])))  # type: ignore[arg-type]
        return None if taken == axis else axis - (taken < axis)
    return axis if axis == 0 or name in SAME or name == "getitem" else None
