"""A network as data: named nodes in execution order, each an operation on earlier nodes. No code in files."""

from __future__ import annotations

import json
import math
import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from simcore.errors import InputError, unknown_name
from simcore.network.operations import OPERATIONS, Operation, Shape
from simcore.network.operations.base import LARGEST_ACTIVATION, Sizes
from simcore.network.validation import first_error, validated

INPUT = "input"
"""The name by which nodes refer to the images."""


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


_NODE_NAME = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")
_LONGEST_NAME = 200


def _node_name(name: str) -> str:
    if not _NODE_NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ValueError(
            f"expected at most {_LONGEST_NAME} letters, digits and '_', with dots between, such as 'layers.0.conv'"
        )
    return name


class Node(BaseModel):
    """One operation, applied to the results of earlier nodes.

    Args:
        name: letters, digits and ``_``, with dots between as PyTorch has them (``layers.0.conv``), unique in the graph;
            its tensors are called ``NAME.weight`` and so on.
        op: a name of ``OPERATIONS``.
        inputs: names of earlier nodes, or ``"input"``.
        attrs: attributes of the operation.

    Raises:
        InputError: a field is missing, unknown or not of its type.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, AfterValidator(_node_name)]
    op: str
    inputs: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
    attrs: dict[str, object] = Field(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _in_words(cls, content: Any, check: ModelWrapValidatorHandler[Node]) -> Node:
        """A node is also made by hand, where no caller would translate what pydantic says."""
        try:
            return check(content)
        except ValidationError as error:
            name = content.get("name") if isinstance(content, dict) else None
            raise first_error(error, cls, f"node '{name}'" if name else "node") from None

    def operation(self) -> Operation:
        """The checked attributes.

        Raises:
            InputError: an unknown operation, or attributes it does not take.
        """
        where = f"node '{self.name}'"
        if self.op not in OPERATIONS:
            raise unknown_name("operation", self.op, OPERATIONS, where)
        known = OPERATIONS[self.op].model_fields
        for name in self.attrs:
            if name not in known:
                raise unknown_name(f"attribute of {self.op}", name, known, where)
        return validated(OPERATIONS[self.op], self.attrs, where)


class NetworkGraph(BaseModel):
    """Nodes in execution order; the last one gives the logits, shape (classes,).

    Args:
        nodes: each may use ``"input"`` and any node before it.
        input_shape: (channels, height, width) of images; (features,), (channels, length) or (tokens,) of other data.
        classes: number of logits.

    Raises:
        InputError: nodes that do not fit together, naming the node. (``from_content`` and ``from_json`` turn fields
            of a wrong type into InputError too.)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    nodes: Annotated[tuple[Node, ...], BeforeValidator(_as_tuple), Field(min_length=1, max_length=4096)]
    input_shape: Sizes
    classes: Annotated[int, Field(ge=2, le=1 << 16)]

    def model_post_init(self, context: object) -> None:
        final = self.shapes()[self.nodes[-1].name]
        if final != (self.classes,):
            raise InputError(
                f"the last node gives shape {final}, {self.classes} classes need ({self.classes},)",
                f"node '{self.nodes[-1].name}'",
            )

    @classmethod
    def from_content(cls, content: object, where: str = "") -> NetworkGraph:
        """A graph from plain lists and dictionaries.

        Args:
            content: fields of ``NetworkGraph``.
            where: where they were read, for messages.

        Raises:
            InputError: not a valid graph.
        """
        return validated(cls, content, where)

    @classmethod
    def from_json(cls, text: str, where: str = "") -> NetworkGraph:
        """A graph from its JSON text.

        Args:
            text: what ``to_json`` gives.
            where: where it was read, for messages.

        Raises:
            InputError: not JSON, or not a valid graph.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"not a network graph in JSON: {error}", where) from None
        return cls.from_content(content, where)

    def to_json(self) -> str:
        """The canonical JSON text: equal graphs give equal text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), allow_nan=False)

    def shapes(self) -> dict[str, Shape]:
        """The shape of every node's result, without the batch: (C, H, W) of a feature map, (F,) of a vector.

        Raises:
            InputError: a name used twice or not defined before its use, a wrong number of inputs, shapes that do not
                fit, attributes an operation does not take.
        """
        shapes: dict[str, Shape] = {INPUT: self.input_shape}
        for node in self.nodes:
            where = f"node '{node.name}'"
            if node.name in shapes:
                raise InputError(f"an earlier node has this name too ('{INPUT}' is that of the images)", where)
            operation = node.operation()
            if len(node.inputs) != operation.arity and (operation.arity is not None or not node.inputs):
                raise InputError(
                    f"{node.op} takes {operation.arity or 'one or more'} input(s), {len(node.inputs)} given", where
                )
            for name in node.inputs:
                if name not in shapes:
                    raise unknown_name("input", name, shapes, where)
            try:
                shape = operation.output_shape([shapes[name] for name in node.inputs])
            except ValueError as error:
                raise InputError(str(error), where) from None
            if math.prod(shape) > LARGEST_ACTIVATION:
                raise InputError(f"its result of shape {shape} has more than {LARGEST_ACTIVATION} values", where)
            shapes[node.name] = shape
        return shapes


def node_of(layer: str) -> str:
    """The node that a binary layer is, ``NODE``, or is a block of, ``NODE[BLOCK]``: a grouped convolution is mapped
    block by block."""
    return layer.partition("[")[0]
