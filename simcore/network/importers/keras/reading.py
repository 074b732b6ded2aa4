"""A Keras HDF5 file as layers and arrays. Nothing is executed: layers and quantizers are known by their names alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simcore.errors import InputError, unknown_name

if TYPE_CHECKING:
    import h5py

_MOST_LAYERS = 4096
_LONGEST_NAME = 1000
_NETWORKS = ("Sequential", "Functional", "Model")
_OTHERWISE = "docs/networks.md says how to go by ONNX"
_PACKAGES = ("", "keras", "larq")
_MODULES = ("", "keras", "tf_keras", "larq")


@dataclass(frozen=True)
class KerasLayer:
    """A layer of the file.

    Attributes:
        name: as the file has it.
        kind: its class (``class_name``).
        config: its settings.
        inputs: names of the layers whose results it takes.
        weights: by their last name in Keras 2, ``kernel`` and so on, as the file has them (outputs last).
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    inputs: tuple[str, ...]
    weights: Mapping[str, np.ndarray]

    @property
    def place(self) -> str:
        """For messages."""
        return f"layer '{self.name}' ({self.kind})"


@dataclass(frozen=True)
class KerasFile:
    """What a file holds: layers in its order, the name of the one input and of the one output."""

    path: Path
    layers: tuple[KerasLayer, ...]
    input: str
    output: str
    shape: tuple[int | None, ...]


def class_name(described: object) -> str:
    """The name of a class: short where it is Keras's or larq's, else with its package, in which it may mean anything.

    Args:
        described: a name, ``PACKAGE>NAME`` of what is registered with a package; or settings with that and a module.
    """
    settings = described if isinstance(described, dict) else {"class_name": described}
    registered = str(settings.get("registered_name") or settings["class_name"])
    package, _, name = registered.rpartition(">")
    module = str(settings.get("module") or "")
    if package.lower() not in _PACKAGES:
        return registered
    return name if module.partition(".")[0] in _MODULES else f"{module}.{name}"


def read_keras(path: Path) -> KerasFile:
    """Read and check a file.

    Args:
        path: NAME.h5, written by ``model.save("NAME.h5")``.

    Raises:
        InputError: no such file, a damaged one, one of weights alone, or one that reaches into others.
    """
    where = str(path)
    try:
        import h5py
    except ImportError:
        raise InputError('reading Keras files needs the package h5py: pip install "binsparx[keras]"', where) from None
    if not path.is_file():
        raise InputError("no such file", where)
    try:
        with h5py.File(path, "r") as file:
            config = _model_config(file, where)
            stored = _group(file, "model_weights", where)
            return _network(path, config, lambda name: _weights(stored, name, f"{where} layer '{name}'"))
    except (OSError, LookupError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"no Keras HDF5 file, or a damaged one: {reason[0][:200]}", where) from None


def _model_config(file: h5py.File, where: str) -> dict[str, Any]:
    text = file.attrs.get("model_config")
    if text is None:
        raise InputError(
            'it has no network (model_config), weights alone perhaps: write it with model.save("NAME.h5"), not with '
            "save_weights",
            where,
        )
    config = json.loads(text)
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise InputError("its model_config is no Keras network", where)
    if config.get("class_name") not in _NETWORKS:
        raise unknown_name("kind of network", ascii(config.get("class_name"))[:60], _NETWORKS, where)
    return config


def _network(path: Path, config: dict[str, Any], weights: Any) -> KerasFile:
    where = str(path)
    described = config["config"]["layers"]
    if not isinstance(described, list) or not 2 <= len(described) <= _MOST_LAYERS:
        raise InputError(f"2 to {_MOST_LAYERS} layers are expected", where)
    sequential = config["class_name"] == "Sequential"
    layers: list[KerasLayer] = []
    shape: tuple[int | None, ...] | None = None
    for number, layer in enumerate(described):
        settings = layer["config"]
        name = str(settings.get("name") or layer.get("name") or f"layer_{number}")
        kind = class_name(layer)
        if not (name + kind).isprintable() or len(name + kind) > _LONGEST_NAME:
            raise InputError(f"the name {name[:40]!r} of a layer is no text of one line", where)
        given = settings.get("batch_input_shape") or settings.get("batch_shape")
        if given is not None and shape is None:
            shape = _shape(given, f"{where} layer '{name}'")
            if kind != "InputLayer":
                layers.append(KerasLayer("input", "InputLayer", {}, (), {}))
        before = (layers[-1].name,) if sequential and layers else tuple(_inputs(layer, where))
        own = {} if kind == "InputLayer" else weights(name)
        if (
            kind.endswith("DepthwiseConv2D") and "kernel" in own
        ):  # so Keras 3 calls what was depthwise_kernel in Keras 2
            own["depthwise_kernel"] = own.pop("kernel")
        layers.append(KerasLayer(name, kind, settings, before, own))
    starts = [layer.name for layer in layers if layer.kind == "InputLayer"]
    if len(starts) != 1 or shape is None:
        raise InputError(f"a network of one input of known shape is expected, found {len(starts)} inputs", where)
    names = [layer.name for layer in layers]
    if len(set(names)) != len(names):
        raise InputError("two layers have one name", where)
    end = layers[-1].name if sequential else _output(config["config"], where)
    return KerasFile(path, tuple(layers), starts[0], end, shape)


def _shape(given: object, place: str) -> tuple[int | None, ...]:
    if not isinstance(given, list) or not all(size is None or type(size) is int and size > 0 for size in given):
        raise InputError(f"its input shape {str(given)[:60]} is none", place)
    return tuple(given[1:])


def _inputs(layer: Mapping[str, Any], where: str) -> Iterator[str]:
    """The layers that are named in ``inbound_nodes``, as Keras 2 and Keras 3 write them."""
    nodes = layer.get("inbound_nodes") or []
    if len(nodes) > 1:
        raise InputError("it is used several times, which is not known here", f"{where} layer '{layer.get('name')}'")
    for node in nodes:
        for name, value in _other_arguments(node):
            if value is not None and value is not False:  # False: training, of a network that is only used
                raise InputError(
                    f"it is called with {str(name)[:40]!r}, which is not known here",
                    f"{where} layer '{layer.get('name')}'",
                )
        yield from _histories(node)


def _other_arguments(node: object) -> Iterator[tuple[object, object]]:
    """What a layer is called with beside its inputs, by name: in Keras 2 behind each of these, in Keras 3 once."""
    if isinstance(node, dict):
        yield from (("an argument without a name", value) for value in (node.get("args") or [])[1:])
        yield from ((name, value) for name, value in (node.get("kwargs") or {}).items() if name != "inputs")
    elif isinstance(node, list):
        if _is_history(node):
            yield from ((node[3] if len(node) > 3 else None) or {}).items()
        else:
            for part in node:
                yield from _other_arguments(part)


def _is_history(part: list[object]) -> bool:
    """Name of a layer, and which of its uses and results, as Keras 2 writes them."""
    return len(part) >= 3 and isinstance(part[0], str) and isinstance(part[1], int) and isinstance(part[2], int)


def _histories(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        history = part.get("keras_history")
        if history:
            yield str(history[0])
        else:
            for value in part.values():
                yield from _histories(value)
    elif isinstance(part, list):
        if _is_history(part):
            yield str(part[0])
        else:
            for value in part:
                yield from _histories(value)


def _output(config: Mapping[str, Any], where: str) -> str:
    found = config["output_layers"]
    found = [found] if found and isinstance(found[0], str) else found
    if len(found) != 1:
        raise InputError(f"a network of one output is expected, found {len(found)}", where)
    return str(found[0][0])


def _group(parent: h5py.Group, name: str, where: str) -> h5py.Group:
    found = _own(parent, name, where)
    if not hasattr(found, "keys"):
        raise InputError(f"'{name}' is no group", where)
    return found


def _own(parent: h5py.Group, path: str, where: str) -> Any:
    """What is in the file itself under a path: links lead anywhere, other files among it.

    Raises:
        InputError: it is not there, or behind a link.
    """
    import h5py

    found: Any = parent
    for part in path.split("/"):
        if not isinstance(found, h5py.Group) or part not in found:
            raise InputError(f"it holds no '{path}'", where)
        if not isinstance(found.get(part, getlink=True), h5py.HardLink):
            raise InputError(f"'{path}' is a link, which Keras does not write; nothing is read through it", where)
        found = found[part]
    return found


def _weights(stored: h5py.Group, name: str, place: str) -> dict[str, np.ndarray]:
    if name not in stored:
        return {}
    group = _group(stored, name, place)
    names = [text.decode() if isinstance(text, bytes) else str(text) for text in group.attrs.get("weight_names", [])]
    return {path.rpartition("/")[2].partition(":")[0]: _array(group, path, place) for path in names}


def _array(group: h5py.Group, path: str, place: str) -> np.ndarray:
    import h5py

    found = _own(group, path, place)
    if not isinstance(found, h5py.Dataset) or found.dtype.kind != "f":
        raise InputError(f"weight '{path}' is no array of floating point numbers", place)
    if found.is_virtual or found.external or found.id.get_storage_size() != found.nbytes:
        raise InputError(f"weight '{path}' says it has {found.nbytes} bytes, which the file does not hold", place)
    values = np.asarray(found[()], np.float32)
    if not np.isfinite(values).all():
        raise InputError(f"weight '{path}' holds a value that is not a finite number", place)
    return values


def refused(message: str, layer: KerasLayer, path: Path) -> InputError:
    """A message about a layer that cannot be expressed."""
    return InputError(f"{message}; {_OTHERWISE}", f"{path} {layer.place}")
