"""The nodes of a file as steps of known shape: what depends on no input is computed here, within a bound of memory.

Every node is computed without memory first (PyTorch's ``meta`` device), so that what a small file claims to be large is
refused before anything is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from simcore.errors import InputError, nearest_name
from simcore.network.importers.onnx.operations import OPERATIONS, TABLE, Call, Importer
from simcore.network.importers.onnx.ordering import in_order
from simcore.network.importers.onnx.reading import LARGEST_INPUT, OnnxFile, OnnxNode

_OPEN_BATCH = 7
"""Images for which shapes are found where the file leaves their number open: a size that no other axis has."""
_MOST_STEPS = 4096  # nodes of a network graph
_LARGEST_VALUE = 1 << 24  # values of one result, for one image: 64 MiB. Judgement
_MOST_OF_AN_IMAGE = 1 << 27  # values of all results, for one image: 512 MiB. Judgement
_LEAST_CONSTANTS = 1 << 26  # values that constants of any file may have
_OF_THE_FILE = 16  # times the values of the file's initialisers that its constants may have, where that is more


@dataclass(frozen=True)
class Step:
    """A node whose result depends on the input.

    Attributes:
        node: of the file.
        importer: its operation.
        call: what that is told.
        inputs: names of values that depend on the input, and tensors of those that do not; None for one that is left
            out or among ``call.fixed``.
    """

    node: OnnxNode
    importer: Importer
    call: Call
    inputs: tuple[str | torch.Tensor | None, ...]


@dataclass(frozen=True)
class OnnxProgram:
    """What is computed of an input.

    Attributes:
        steps: in execution order.
        input, result: names of the input and of the logits.
        shape: of the input, without the batch.
        images: for which the file declares its shapes; another number where it leaves them open.
        table: entries of the smallest table that the input looks up; 0 for none.
        tokens: the input itself, of whatever type, looks it up.
    """

    steps: tuple[Step, ...]
    input: str
    result: str
    shape: tuple[int, ...]
    images: int
    table: int
    tokens: bool


def onnx_program(file: OnnxFile, result: str, shape: tuple[int, ...]) -> OnnxProgram:
    """The steps from the input to a result.

    Args:
        file: what was read.
        result: name of the value that holds the logits.
        shape: of the input, without the batch.

    Raises:
        InputError: an operation that is not known, cannot be expressed, or asks for too much.
    """
    images = file.shape[0] if file.shape and file.shape[0] else _OPEN_BATCH
    if images > _LARGEST_VALUE or images * np.prod(shape, dtype=float) > LARGEST_INPUT:
        raise InputError(f"a batch of {images} inputs of shape {shape} is too large", f"{file.path} input")
    values = _Values(file, images)
    values.shapes[file.input] = torch.empty((images, *shape), device="meta")
    values.unchanged.add(file.input)
    steps = []
    for node in in_order(file, result):
        step = values.taken(node)
        if step is not None:
            steps.append(step)
        if len(steps) > _MOST_STEPS:
            raise InputError(
                f"more than {_MOST_STEPS} nodes depend on the input, which is the most a network has", str(file.path)
            )
    if result not in values.shapes:
        raise InputError("the logits do not depend on the input", f"{file.path} output '{result}'")
    found = values.shapes[result]
    if found.dim() < 2 or found.shape[0] != images:
        raise InputError(
            f"logits (batch, classes) are expected, it has shape {tuple(found.shape)}", f"{file.path} output '{result}'"
        )
    return OnnxProgram(tuple(steps), file.input, result, shape, images, values.table, values.tokens)


@dataclass
class _Values:
    """What is known of the values of a graph, node by node.

    Attributes:
        file: that is read.
        images: of the batch for which shapes hold.
        constants: values that do not depend on the input.
        shapes: those that do, without memory.
        counted: constants that were made of the number of images.
        table, tokens: as of a program.
        unchanged: the input, and what is that in another type.
    """

    file: OnnxFile
    images: int
    constants: dict[str, torch.Tensor] = field(default_factory=dict)
    shapes: dict[str, torch.Tensor] = field(default_factory=dict)
    counted: set[str] = field(default_factory=set)
    table: int = 0
    tokens: bool = False
    unchanged: set[str] = field(default_factory=set)
    _constant_values: int = 0
    _image_values: int = 0

    def taken(self, node: OnnxNode) -> Step | None:
        """Compute a node's shape, and its value where that is constant; else it is a step."""
        place = f"{self.file.path} {node.place}"
        importer = self._importer(node, place)
        try:
            return self._taken(node, importer)
        except (ValueError, TypeError, LookupError, RuntimeError, ArithmeticError, AttributeError) as error:
            reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            raise InputError(f"it cannot be expressed here: {reason}", place) from None

    def _importer(self, node: OnnxNode, place: str) -> Importer:
        if node.op not in OPERATIONS:
            near = nearest_name(node.op, OPERATIONS)
            hint = f" (the nearest that is: {near})" if near else ""
            raise InputError(
                f"the operation '{node.op}' is not known here{hint}; compute it in front of the network, or write it "
                "with the operations of docs/networks.md",
                place,
            )
        looks_up = node.op == "Gather" and len(node.inputs) == 2 and node.inputs[1] in self.shapes
        importer = TABLE if looks_up else OPERATIONS[node.op]
        if not importer.least <= len(node.inputs) <= importer.most:
            raise InputError(f"{len(node.inputs)} inputs, {importer.least} to {importer.most} are expected", place)
        for name in node.attributes:
            if name not in importer.attributes:
                raise InputError(f"attribute '{name}' is not known here", place)
        for number in (*importer.fixed, *importer.weights):
            if number < len(node.inputs) and node.inputs[number] in self.shapes:
                what = "weights or statistics" if number in importer.weights else "a shape, places or limits"
                raise InputError(
                    f"'{node.inputs[number]}' depends on the input; {what} have to be known: export the network with "
                    "fixed shapes, or make it an initialiser",
                    place,
                )
        return importer

    def _taken(self, node: OnnxNode, importer: Importer) -> Step | None:
        depends = any(name in self.shapes for name in node.inputs) and not importer.shape_only
        known = [number for number in importer.fixed if number < len(node.inputs) and node.inputs[number]]
        fixed = {number: self._constant(node.inputs[number]).numpy() for number in known}
        call = Call(node.opset, node.attributes, fixed, len(node.outputs), self.images if depends else 0)
        given = [name and number not in importer.fixed for number, name in enumerate(node.inputs)]
        plain = [self._plain(name) if there else None for name, there in zip(node.inputs, given, strict=True)]
        results = _as_tuple(importer.compute(call, plain))
        for result in results:
            self._count(result, depends)
        if depends:
            self._keep_shapes(node, results)
            if importer is TABLE:
                entries = self._constant(node.inputs[0]).shape[0]
                self.table = min(self.table or entries, entries)
                self.tokens |= node.inputs[1] in self.unchanged
            elif node.op in ("Cast", "Identity") and node.inputs[0] in self.unchanged:
                self.unchanged.add(node.outputs[0])
            inputs = [self._operand(name) if there else None for name, there in zip(node.inputs, given, strict=True)]
            return Step(node, importer, call, tuple(inputs))
        self._keep_constants(node, importer, call, given)
        return None

    def _keep_shapes(self, node: OnnxNode, results: Sequence[torch.Tensor]) -> None:
        firsts = {self.shapes[name].shape[:1] for name in node.inputs if name in self.shapes}
        for name, result in zip(node.outputs, results, strict=False):
            if node.op != "Transpose" and firsts == {(self.images,)} and result.shape[:1] != (self.images,):
                raise ValueError(
                    f"it gives shape {tuple(result.shape)} for a batch of {self.images}: it mixes the inputs of a batch"
                )
            self.shapes[name] = result

    def _keep_constants(self, node: OnnxNode, importer: Importer, call: Call, given: Sequence[object]) -> None:
        inputs = [
            None if not there else self.shapes[name] if name in self.shapes else self._constant(name)
            for name, there in zip(node.inputs, given, strict=True)
        ]
        with np.errstate(all="ignore"):
            results = _as_tuple(importer.compute(call, inputs))
        for name, result in zip(node.outputs, results, strict=False):
            if result.is_floating_point() and bool(result.isnan().any()):
                raise ValueError("its result is not a number")
            self.constants[name] = result
            if importer.shape_only or any(before in self.counted for before in node.inputs):
                self.counted.add(name)

    def _constant(self, name: str) -> torch.Tensor:
        if name not in self.constants:
            self.constants[name] = torch.from_numpy(np.array(self.file.initializers[name]))
        return self.constants[name]

    def _plain(self, name: str) -> torch.Tensor:
        """Without memory."""
        return self.shapes[name] if name in self.shapes else self._constant(name).to("meta")

    def _operand(self, name: str) -> str | torch.Tensor:
        if name in self.shapes:
            return name
        value = self._constant(name)
        if name in self.counted and value.dim() > 1 and len(value) == self.images and bool((value == value[:1]).all()):
            return value[:1]  # one for each image, all alike
        return value

    def _count(self, result: torch.Tensor, depends: bool) -> None:
        """Raises ValueError where results become too large."""
        values = result.numel()
        if depends:
            if not values:
                raise ValueError(f"it gives shape {tuple(result.shape)}, which holds nothing")
            values = -(-values // self.images)
            self._image_values += values
            if values > _LARGEST_VALUE or self._image_values > _MOST_OF_AN_IMAGE:
                raise ValueError(
                    f"its result of shape {tuple(result.shape)} is too large: {_LARGEST_VALUE} values for one input, "
                    f"and {_MOST_OF_AN_IMAGE} with all before it, are the most"
                )
            return
        self._constant_values += values
        most = max(_LEAST_CONSTANTS, _OF_THE_FILE * sum(array.size for array in self.file.initializers.values()))
        if self._constant_values > most:
            raise ValueError(
                f"its result of shape {tuple(result.shape)} is too large: constants of {most} values are the most that "
                "are made of this file"
            )


def _as_tuple(result: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


def initial_shapes(file: OnnxFile, shape: Sequence[int] | None) -> tuple[int, ...]:
    """The shape of the input without the batch: the file's, or the user's where the file leaves sizes open.

    Raises:
        InputError: sizes are open and none are given, or those given are not the file's.
    """
    place = f"{file.path} input '{file.input}'"
    declared = file.shape[1:]
    if shape is None:
        if not declared or None in declared:
            raise InputError(
                f"its shape {_text(file.shape)} leaves sizes open; say them with --input-shape, such as 3x32x32", place
            )
        return tuple(size for size in declared if size is not None)
    fits = not file.shape or (
        len(declared) == len(shape) and all(own in (None, size) for own, size in zip(declared, shape, strict=True))
    )
    if not fits:
        raise InputError(f"the file declares {_text(file.shape)}, the first of them the batch", "--input-shape")
    return tuple(shape)


def _text(shape: Sequence[int | None]) -> str:
    return "x".join("?" if size is None else str(size) for size in shape) or "(none)"
