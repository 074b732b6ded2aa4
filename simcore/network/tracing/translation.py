"""The graph that a traced module becomes, node by node."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import fx

from simcore.errors import InputError
from simcore.network.graph import INPUT
from simcore.network.tracing.forms import Form, MovedSigns, SignOf, shape_of_signs
from simcore.network.tracing.program import Argument, Program, operation_name, shape_of, where

Arguments: TypeAlias = dict[str, Argument]
Handler: TypeAlias = "Callable[[Translation, fx.Node, Arguments], str]"
"""Adds the nodes that an operation becomes, and returns the name of the one that has its value."""


@dataclass(frozen=True)
class Draft:
    """A node before it has its final name.

    Attributes:
        op, inputs, attrs: as of a node; inputs by draft names.
        tensors: by name, ``weight`` and so on.
        call: the operation that it comes from.
        shape: of its value, without the batch.
    """

    op: str
    inputs: tuple[str, ...]
    attrs: dict[str, object]
    tensors: dict[str, torch.Tensor]
    call: fx.Node
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Multiplications:
    """Where the multiplications of a layer are done, and why.

    Attributes:
        arrays: on arrays; else digitally.
        why: the reason.
        could_be_written: digital, but arrays could hold one operand, written for every image.
    """

    arrays: bool
    why: str
    could_be_written: bool = False


@dataclass
class Translation:
    """A graph in the making.

    Attributes:
        program: what is translated.
        forms: of its values.
        handlers: what operations become, by name.
        written: operations whose product of two activations' signs goes on arrays.
        drafts: nodes by draft name, in execution order; operations that turn out to be of no use among them.
        layers: of the drafts with multiplications, where these are done.
        reading_signs: an operation that moves values is added on their signs, with -1 on these turned round; else 0.
    """

    program: Program
    forms: dict[fx.Node, Form]
    handlers: dict[str, Handler]
    written: frozenset[fx.Node] = frozenset()
    drafts: dict[str, Draft] = field(default_factory=dict)
    layers: dict[str, Multiplications] = field(default_factory=dict)
    reading_signs: int = 0
    _values: dict[fx.Node, str | InputError] = field(default_factory=dict)
    _signs: dict[SignOf | MovedSigns, str] = field(default_factory=dict)
    _known: dict[bytes, str] = field(default_factory=dict)

    def translate(self) -> str:
        """All operations in their order; the draft name of the logits.

        Raises:
            InputError: an operation that the logits depend on cannot be expressed.
        """
        for call in self.program.calls():
            try:
                self._values[call] = self._translated(call)
            except InputError as error:  # which matters only if something depends on it
                self._values[call] = error
        return self.value(self.program.output)

    def value(self, node: Argument) -> str:
        """Draft name of the node that has the value of a traced one, or its signs while ``reading_signs``."""
        assert isinstance(node, fx.Node)  # noqa: S101
        if self.reading_signs:
            direction = self.reading_signs
            with self._reading(0):
                source = self._source(self.forms[node].sign[0])  # type: ignore[index]
            return source if direction > 0 else self._negated(node, source)
        if node is self.program.input:
            return INPUT
        found = self._values[node]
        if isinstance(found, InputError):
            raise found from None
        return found

    def operand(self, call: fx.Node, value: Argument) -> str:
        """Draft name of a value, or of the constant that it is beside values of the batch."""
        return self.value(value) if isinstance(value, fx.Node) else self.constant(call, self.without_batch(call, value))

    def signs(self, node: fx.Node) -> str | None:
        """Draft name of a node with the signs of a value of two values; None where it has more."""
        sign = self.forms[node].sign if node in self.forms else None
        return None if sign is None else self._source(sign[0])

    def add(
        self,
        call: fx.Node,
        op: str,
        inputs: tuple[str, ...],
        shape: tuple[int, ...],
        attrs: dict[str, object] | None = None,
        **tensors: torch.Tensor,
    ) -> str:
        """A node, or the one there is already that does the same to the same.

        Args:
            call: the operation it comes from.
            op, inputs, attrs, tensors: of the node.
            shape: of its value, without the batch.
        """
        kept = {key: tensor.detach().float().contiguous() for key, tensor in tensors.items()}
        known = hashlib.sha256(repr((op, inputs, attrs, shape)).encode())
        for key, tensor in kept.items():
            known.update(f"{key} {tuple(tensor.shape)}".encode() + tensor.numpy().tobytes())
        name = self._known.setdefault(known.digest(), f"{len(self.drafts)}")
        if name not in self.drafts:
            self.drafts[name] = Draft(op, inputs, attrs or {}, kept, call, shape)
        return name

    def shape(self, name: str) -> tuple[int, ...]:
        """Of a draft's value."""
        return shape_of(self.program.input) if name == INPUT else self.drafts[name].shape

    def reshaped(self, call: fx.Node, name: str, shape: tuple[int, ...]) -> str:
        """The value in another shape; nothing is added where it has that shape, or had it before."""
        while name != INPUT and self.shape(name) != shape and self.drafts[name].op == "reshape":
            name = self.drafts[name].inputs[0]
        if self.shape(name) == shape:
            return name
        return self.add(call, "reshape", (name,), shape, {"shape": shape})

    def multiplied(self, call: fx.Node, name: str, factor: torch.Tensor) -> str:
        """Times a constant, of the shape of the value or one that is repeated; nothing is added for 1, unless it
        repeats the value."""
        return self._with_tensor(call, "factor", name, factor, neutral=1)

    def shifted(self, call: fx.Node, name: str, offset: torch.Tensor) -> str:
        """Plus a constant; nothing is added for 0, unless it repeats the value."""
        return self._with_tensor(call, "offset", name, offset, neutral=0)

    def constant(self, call: fx.Node, value: torch.Tensor) -> str:
        """A constant as a node of its own."""
        shape = tuple(value.shape)
        return self.add(call, "constant", (INPUT,), shape, {"shape": shape}, weight=value)

    def without_batch(self, call: fx.Node, value: Argument, dimensions: int | None = None) -> torch.Tensor:
        """A constant beside values of ``dimensions`` axes (those of the operation's result), the batch among them.

        Raises:
            InputError: it differs from image to image.
        """
        tensor = torch.as_tensor(value, dtype=torch.float32)
        if dimensions is None:
            dimensions = 1 + len(shape_of(call))
        if tensor.dim() >= dimensions:
            if not bool((tensor == tensor[:1]).all()):
                raise InputError(f"'{operation_name(call)}' with a constant that differs in a batch", where(call))
            tensor = tensor[0]
        return tensor.reshape(1) if tensor.dim() == 0 else tensor

    def _with_tensor(self, call: fx.Node, op: str, name: str, tensor: torch.Tensor, neutral: int) -> str:
        shape = tuple(torch.broadcast_shapes(self.shape(name), tensor.shape))
        if math.prod(shape) == math.prod(self.shape(name)) and bool((tensor == neutral).all()):
            return name
        return self.add(call, op, (name,), shape, {"shape": tuple(tensor.shape)}, weight=tensor)

    def _translated(self, call: fx.Node) -> str:
        form = self.forms[call]
        same = form.same_as(call)
        if same is not None and same is not call:
            return self.value(same)
        if not form.terms:
            return self.constant(call, self.without_batch(call, form.constant).expand(shape_of(call)))
        if form.sign is not None:
            atom, coefficient, constant = form.sign
            plain = self.add(call, "sign", (self._source(atom),), shape_of_signs(atom))
            scaled = self.multiplied(call, plain, self.without_batch(call, coefficient))
            shifted = self.shifted(call, scaled, self.without_batch(call, constant))
            # Fewer values are there where what repeats the signs was added and cancels: then the call itself is taken.
            if math.prod(self.shape(shifted)) == math.prod(shape_of(call)):
                return shifted
        return self._handled(call)

    def _handled(self, call: fx.Node) -> str:
        name = operation_name(call)
        if name not in self.handlers:
            raise InputError(
                f"the operation '{name}' of PyTorch is not known here; compute it in front of the network, or write it "
                "with the operations of docs/networks.md",
                where(call),
            )
        arguments = {} if name == "getitem" else self.program.arguments(call)
        return self.handlers[name](self, call, arguments)

    def _source(self, atom: SignOf | MovedSigns) -> str:
        """Draft name of a node that has the signs of an atom (and any size)."""
        if atom not in self._signs:
            self._signs[atom] = self._compared(atom) if isinstance(atom, SignOf) else self._moved(atom)
        return self._signs[atom]

    def _compared(self, atom: SignOf) -> str:
        source, call = self.value(atom.source), atom.source
        if atom.value is not None:
            source = self.shifted(call, source, -self.without_batch(call, atom.value))
        return source if atom.direction > 0 else self._negated(call, source)

    def _moved(self, atom: MovedSigns) -> str:
        with self._reading(-1 if atom.negative else 1):
            moved = self._handled(atom.call)
        return self._negated(atom.call, moved) if atom.negative else moved

    def _negated(self, call: fx.Node, name: str) -> str:
        draft = self.drafts.get(name)
        if draft is not None and draft.op == "factor" and bool((draft.tensors["weight"] == -1).all()):
            return draft.inputs[0]
        return self.multiplied(call, name, torch.tensor([-1.0]))

    @contextmanager
    def _reading(self, signs: int) -> Iterator[None]:
        before, self.reading_signs = self.reading_signs, signs
        try:
            yield
        finally:
            self.reading_signs = before
