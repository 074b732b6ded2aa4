"""An ONNX file as nodes and arrays, everything it claims checked against what it holds.

Nothing is executed, nothing outside the file's folder is read, and no array is larger than the bytes that are there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from simcore.errors import InputError

if TYPE_CHECKING:
    import onnx

Attribute: TypeAlias = int | float | str | tuple[int, ...] | tuple[float, ...] | np.ndarray

LARGEST_INPUT = 1 << 24
"""Values of one input. Judgement: an image of 4096 x 4096."""
_LARGEST_FILE = 1 << 31  # a protobuf message cannot be larger
_MOST_VALUES = 1 << 29  # of all initialisers: 2 GiB of float32. Judgement
_MOST_NODES = 20_000  # Judgement: the constants of a large network are a few thousand nodes
_OLDEST_OPSET = 7  # before it, binary operations broadcast by an attribute
_QUANTIZERS = ("onnx.brevitas", "qonnx.custom_op.general", "finn.custom_op.general")
"""Domains whose operations are those of QONNX."""
STANDARD = ("", "ai.onnx")
_LONGEST_NAME = 1000  # exporters write the path of a layer: a judgement
_FIRST_WITH_OPSETS = 3  # version of the file format


@dataclass(frozen=True)
class OnnxNode:
    """A node of the file's graph.

    Attributes:
        name: as the file has it; its place in the file where it has none.
        op: of which operation.
        opset: version of the operations' definitions; 0 for those of QONNX.
        inputs, outputs: names of values; empty for one that is left out.
        attributes: as numbers, texts and arrays.
    """

    name: str
    op: str
    opset: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]

    @property
    def place(self) -> str:
        """For messages."""
        return f"node '{self.name}' ({self.op})"


@dataclass(frozen=True)
class OnnxFile:
    """What a file holds.

    Attributes:
        path: where it was read.
        model: the message, its external data read into it.
        nodes: in the file's order.
        initializers: by name.
        input: name of the one input that is no initialiser.
        shape: of the input as declared, batch first; None where a size is open.
        whole_numbers: the input is of an integer type.
        outputs: names.
    """

    path: Path
    model: onnx.ModelProto
    nodes: tuple[OnnxNode, ...]
    initializers: Mapping[str, np.ndarray]
    input: str
    shape: tuple[int | None, ...]
    whole_numbers: bool
    outputs: tuple[str, ...]


def read_onnx(path: Path) -> OnnxFile:
    """Read and check a file.

    Args:
        path: NAME.onnx.

    Raises:
        InputError: no ONNX file, a damaged one, or one that claims what it does not hold.
    """
    where = str(path)
    model = _parsed(path)
    opset = _opset(model, where)
    graph = model.graph
    if len(graph.node) > _MOST_NODES:
        raise InputError(f"the graph has {len(graph.node)} nodes, at most {_MOST_NODES} are read", where)
    if not graph.node:
        raise InputError("no ONNX file, or one whose graph has no node", where)
    if model.functions:
        raise InputError(
            f"functions of its own ('{model.functions[0].name}') are not read; inline them (onnx.inliner)", where
        )
    if graph.sparse_initializer:
        raise InputError("sparse initialisers are not read; export them dense", where)
    _require_text(where, *(value.name for value in (*graph.input, *graph.output)))
    initializers = _initializers(graph.initializer, path)
    nodes = tuple(_node(node, number, opset, where) for number, node in enumerate(graph.node))
    given = [value for value in graph.input if value.name not in initializers]
    if len(given) != 1:
        names = ", ".join(f"'{value.name}'" for value in given) or "none"
        raise InputError(f"a network of one input is expected, the graph takes {names}", where)
    if not graph.output:
        raise InputError("the graph has no output", where)
    outputs = tuple(value.name for value in graph.output)
    shape, whole_numbers = _input(given[0], where)
    return OnnxFile(path, model, nodes, initializers, given[0].name, shape, whole_numbers, outputs)


def _parsed(path: Path) -> onnx.ModelProto:
    where = str(path)
    try:
        import onnx
    except ImportError:
        raise InputError('reading ONNX files needs the package onnx: pip install "binsparx[onnx]"', where) from None
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise InputError("no such file", where)
    if path.stat().st_size > _LARGEST_FILE:
        raise InputError("larger than 2 GiB, which no ONNX file can be (larger weights are external data)", where)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except (DecodeError, RecursionError, MemoryError, OSError):
        raise InputError("no ONNX file, or a damaged one: it cannot be decoded", where) from None
    return model


def _opset(model: onnx.ModelProto, where: str) -> int:
    """The version of the standard operations.

    Raises:
        InputError: none, two, one that is not known here, or operations of a domain that is not.
    """
    from onnx import defs

    newest = defs.onnx_opset_version()
    versions = {entry.version for entry in model.opset_import if entry.domain in STANDARD}
    if model.ir_version < _FIRST_WITH_OPSETS or len(versions) != 1:
        found = f"{len(versions)} versions" if model.ir_version >= _FIRST_WITH_OPSETS else "a file format without any"
        raise InputError(f"one version of the standard operations (opset) is expected, found {found}", where)
    version = versions.pop()
    if not _OLDEST_OPSET <= version <= newest:
        raise InputError(
            f"opset {version} is not known here; {_OLDEST_OPSET} to {newest} are: export the network again with "
            "opset_version=17, or convert it with onnx.version_converter",
            where,
        )
    return int(version)


def _input(value: onnx.ValueInfoProto, where: str) -> tuple[tuple[int | None, ...], bool]:
    from onnx import TensorProto

    place = f"{where} input '{value.name}'"
    kind = value.type.tensor_type
    integers = (TensorProto.INT64, TensorProto.INT32, TensorProto.INT16, TensorProto.INT8, TensorProto.UINT8)
    if kind.elem_type not in (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, *integers):
        raise InputError("a tensor of numbers is expected", place)
    shape = tuple(size.dim_value if size.dim_value > 0 else None for size in kind.shape.dim)
    if any(size.dim_value < 0 for size in kind.shape.dim):
        raise InputError(f"a size is negative: {[size.dim_value for size in kind.shape.dim]}", place)
    if math.prod(size or 1 for size in shape) > LARGEST_INPUT:
        raise InputError(f"its shape {shape} has more than {LARGEST_INPUT} values", place)
    return shape, kind.elem_type in integers


def _node(node: onnx.NodeProto, number: int, opset: int, where: str) -> OnnxNode:
    _require_text(where, node.name, node.op_type, node.domain, *node.input, *node.output)
    name = node.name or f"{node.op_type}_{number}"
    place = f"{where} node '{name}' ({node.op_type})"
    _require_text(place, *(attribute.name for attribute in node.attribute))
    if node.domain not in (*STANDARD, *_QUANTIZERS):
        raise InputError(
            f"operations of the domain '{node.domain}' are not known here; those of ONNX itself and of "
            f"{', '.join(_QUANTIZERS)} are",
            place,
        )
    attributes = {attribute.name: _attribute(attribute, place) for attribute in node.attribute}
    version = opset if node.domain in STANDARD else 0
    return OnnxNode(name, node.op_type, version, tuple(node.input), tuple(node.output), attributes)


def _require_text(where: str, *names: str | bytes) -> None:
    """Raises InputError for a name that is no text of one line: a damaged file's are bytes, or hold anything."""
    for name in names:
        if not isinstance(name, str) or not name.isprintable() or len(name) > _LONGEST_NAME:
            raise InputError(f"a damaged file: the name {name[:40]!r} is no text of one line", where)


def _attribute(attribute: onnx.AttributeProto, place: str) -> Attribute:
    from onnx import AttributeProto

    kinds = AttributeProto
    if attribute.ref_attr_name:
        raise InputError(f"attribute '{attribute.name}' refers to a function's", place)
    if attribute.type in (kinds.GRAPH, kinds.GRAPHS):
        raise InputError(
            f"it has a graph of its own ('{attribute.name}'); networks here have neither branches nor loops: export "
            "the network by tracing it on an example",
            place,
        )
    if attribute.type == kinds.FLOAT:
        return float(attribute.f)
    if attribute.type == kinds.INT:
        return int(attribute.i)
    if attribute.type == kinds.STRING:
        return bytes(attribute.s).decode("utf-8", "replace")
    if attribute.type == kinds.FLOATS:
        return tuple(attribute.floats)
    if attribute.type == kinds.INTS:
        return tuple(attribute.ints)
    if attribute.type == kinds.TENSOR:
        _require_held(attribute.t, f"{place} attribute '{attribute.name}'")
        return _array(attribute.t, place)
    raise InputError(f"attribute '{attribute.name}' is of a kind that is not read here", place)


def _initializers(tensors: Iterable[onnx.TensorProto], path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    total = 0
    for tensor in tensors:
        _require_text(str(path), tensor.name)
        place = f"{path} initialiser '{tensor.name}'"
        if tensor.name in found:
            raise InputError("there are two of this name", place)
        total += max(0, math.prod(tensor.dims))
        if total > _MOST_VALUES:
            raise InputError(f"with it, the initialisers have more than {_MOST_VALUES} values", place)
        if tensor.data_location == tensor.EXTERNAL:
            _take_in(tensor, path.parent, place)
        _require_held(tensor, place)
        found[tensor.name] = _array(tensor, place)
    return found


def _take_in(tensor: onnx.TensorProto, folder: Path, place: str) -> None:
    """Read external data into the message.

    Raises:
        InputError: a file outside the folder, one that is not there, or fewer bytes than the shape needs.
    """
    from onnx import helper

    _require_text(place, *(text for entry in tensor.external_data for text in (entry.key, entry.value)))
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    file = Path(location)
    inside = location and not file.is_absolute() and ".." not in file.parts and "\\" not in location
    target = (folder / file) if inside and "\0" not in location else None
    if target is None or not target.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"its data are said to be in '{location}', outside the file's folder; nothing is read", place)
    if not target.is_file():
        raise InputError(f"its data are said to be in '{location}', which is not there", place)
    numbers = [entries.get(key, "0") for key in ("offset", "length")]
    if not all(number.isascii() and number.isdigit() and len(number) < 20 for number in numbers):
        raise InputError(f"offset and length of its data are no whole numbers: {numbers}", place)
    offset, length = map(int, numbers)
    try:
        item = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except (KeyError, ValueError, TypeError):
        raise InputError(_unreadable(tensor), place) from None
    needed = math.prod(tensor.dims) * item
    there = target.stat().st_size - offset
    if needed < 0 or there < needed or (length and length != needed):
        raise InputError(f"its shape needs {needed} bytes, '{location}' holds {max(0, there)} from {offset}", place)
    with target.open("rb") as opened:
        opened.seek(offset)
        tensor.raw_data = opened.read(needed)
    del tensor.external_data[:]
    tensor.data_location = tensor.DEFAULT


def _require_held(tensor: onnx.TensorProto, place: str) -> None:
    """Raises InputError where the message does not hold what the shape says."""
    from onnx import TensorProto, helper

    if tensor.data_location == tensor.EXTERNAL:
        raise InputError("its data are in another file, which is read for initialisers alone", place)
    if tensor.data_type not in _read_types(TensorProto):
        raise InputError(_unreadable(tensor), place)
    if any(size < 0 for size in tensor.dims):
        raise InputError(f"a size is negative: {list(tensor.dims)}", place)
    count = math.prod(tensor.dims)
    if tensor.HasField("raw_data"):
        held, unit = len(tensor.raw_data), "bytes"
        count *= helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    else:
        held, unit = len(getattr(tensor, helper.tensor_dtype_to_field(tensor.data_type))), "values"
    if held != count:
        raise InputError(f"its shape {list(tensor.dims)} needs {count} {unit}, the file holds {held}", place)


def _read_types(kinds: type[onnx.TensorProto]) -> tuple[int, ...]:
    return (
        kinds.FLOAT, kinds.DOUBLE, kinds.FLOAT16, kinds.BFLOAT16, kinds.INT64, kinds.INT32, kinds.INT16, kinds.INT8,
        kinds.UINT8, kinds.UINT16, kinds.BOOL,
    )  # fmt: skip


def _unreadable(tensor: onnx.TensorProto) -> str:
    from onnx import TensorProto

    names = {number: name for name, number in TensorProto.DataType.items()}
    kind = names.get(tensor.data_type, tensor.data_type)
    return f"its type {kind} is not read here; float, int64, int32, int16, int8, uint8, uint16 and bool are"


def _array(tensor: onnx.TensorProto, place: str) -> np.ndarray:
    """Floating point as float32, whole numbers as int64, truth values as such."""
    from onnx import numpy_helper

    try:
        values = np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"its values cannot be decoded: {str(error).splitlines()[0]}", place) from None
    if values.dtype == np.bool_:
        return values
    if np.issubdtype(values.dtype, np.integer):
        return values.astype(np.int64)
    single = values.astype(np.float32)
    if not np.isfinite(single).all() and not _is_limit(single):
        raise InputError("it holds a value that is not a finite number", place)
    return single


def _is_limit(values: np.ndarray) -> bool:
    """A single infinity stands for no limit (Clip)."""
    return values.size == 1 and not np.isnan(values).any()
