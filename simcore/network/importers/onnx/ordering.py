"""Which nodes the result depends on, in an order in which they can be computed."""

from __future__ import annotations

from collections import deque

from simcore.errors import InputError, nearest_name
from simcore.network.importers.onnx.reading import OnnxFile, OnnxNode

_CHOOSING = ("ArgMax", "TopK")
"""Operations that take the logits and give the class."""


def logits_of(file: OnnxFile, wanted: str | None) -> tuple[str, str]:
    """The value that holds the logits, and what the user may want to know about it.

    Args:
        file: what was read.
        wanted: the user's choice; else the one output of the file.

    Raises:
        InputError: several outputs and no choice, a choice that is no value of the graph, or no node before the one
            that chooses the class.
    """
    makers = _makers(file)
    if wanted is None and len(file.outputs) > 1:
        raise InputError(
            f"the graph has {len(file.outputs)} outputs: {', '.join(file.outputs)}; choose the logits with --logits",
            str(file.path),
        )
    name = wanted if wanted is not None else file.outputs[0]
    if name not in makers:
        near = nearest_name(name, makers)
        hint = f"; did you mean '{near}'?" if near else ""
        raise InputError(f"no node gives a value '{name}'{hint}", f"{file.path} output")
    maker = makers[name]
    if maker.op in _CHOOSING and maker.inputs:
        if maker.inputs[0] not in makers:
            raise InputError(
                f"it chooses the class of '{maker.inputs[0]}', which no node gives; logits are expected before it",
                f"{file.path} {maker.place}",
            )
        return maker.inputs[0], f"the file's last node, {maker.place}, chooses the class: its input are the logits"
    return name, ""


def in_order(file: OnnxFile, result: str) -> list[OnnxNode]:
    """The nodes that a value depends on, each after those that it needs.

    Raises:
        InputError: a value that nothing gives, two that are one, or a cycle.
    """
    makers = _makers(file)
    needed, waiting = {id(makers[result]): makers[result]}, [makers[result]]
    while waiting:
        node = waiting.pop()
        for name in node.inputs:
            if not name or name == file.input or name in file.initializers:
                continue
            if name not in makers:
                raise InputError(
                    f"it takes '{name}', which is neither the input nor an initialiser nor given by a node",
                    f"{file.path} {node.place}",
                )
            if id(makers[name]) not in needed:
                needed[id(makers[name])] = makers[name]
                waiting.append(makers[name])
    return _sorted([node for node in file.nodes if id(node) in needed], makers, file)


def _sorted(nodes: list[OnnxNode], makers: dict[str, OnnxNode], file: OnnxFile) -> list[OnnxNode]:
    before = {
        id(node): {id(makers[name]) for name in node.inputs if name in makers and name not in file.initializers}
        for node in nodes
    }
    after: dict[int, list[OnnxNode]] = {id(node): [] for node in nodes}
    for node in nodes:
        for maker in before[id(node)]:
            after[maker].append(node)
    missing = {number: len(makers_before) for number, makers_before in before.items()}
    ready = deque(node for node in nodes if not missing[id(node)])
    order = []
    while ready:
        node = ready.popleft()
        order.append(node)
        for later in after[id(node)]:
            missing[id(later)] -= 1
            if not missing[id(later)]:
                ready.append(later)
    if len(order) < len(nodes):
        stuck = next(node for node in nodes if missing[id(node)])
        raise InputError(
            "it is part of a cycle, or depends on one: the graph cannot be computed", f"{file.path} {stuck.place}"
        )
    return order


def _makers(file: OnnxFile) -> dict[str, OnnxNode]:
    """The node that gives each value."""
    makers: dict[str, OnnxNode] = {}
    for node in file.nodes:
        for name in node.outputs:
            if not name:
                continue
            if name in makers or name == file.input or name in file.initializers:
                raise InputError(f"it gives '{name}', which is there already", f"{file.path} {node.place}")
            makers[name] = node
    return makers
