"""Trained networks on disk: one safetensors file, graph and provenance in its header, binary weights as bits.

Nothing in a file is ever executed, and what its header declares is checked against the graph before any memory is
asked for. The digest covers the graph and the content of the tensors, not the way they are stored, nor the metadata.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from simcore.errors import InputError, is_wrong_path, unknown_name
from simcore.network.graph import NetworkGraph
from simcore.network.modules import BinaryLayer, GraphNetwork, WrittenProduct

_FORMAT = "binsparx-network"
_VERSION = "1"
_MODELS = Path(__file__).parent / "models"
_STORED_TYPES = {"F32": 4, "F16": 2}


@dataclass(frozen=True)
class Checkpoint:
    """A loaded network.

    Attributes:
        network: in evaluation mode on the CPU, without gradients.
        name: from its metadata, else the file's stem.
        digest: sha256 (hex) of its graph and tensors (``network_digest``).
        metadata: what its maker says of it, for example recipe, epochs, accuracy and dataset digest.
    """

    network: GraphNetwork
    name: str
    digest: str
    metadata: dict[str, Any]

    def recorded_accuracies(self) -> list[dict[str, Any]]:
        """What its maker measured, as far as it can be read: ``correct`` of ``images`` of a ``dataset``, its digest."""
        listed = self.metadata.get("accuracies")
        return [one for one in listed if _is_accuracy(one)] if isinstance(listed, list) else []

    def binary_layers(self, where: str) -> list[BinaryLayer | WrittenProduct]:
        """What a crossbar can hold of the network, in execution order: binary layers, and products of two activations'
        signs, of which it holds one.

        Args:
            where: where the user named the network, for messages.

        Raises:
            InputError: it has none, and so nothing to simulate.
        """
        layers = self.network.on_arrays()
        if not layers:
            raise InputError(f"network '{self.name}' has no binary layer", where)
        return layers

    def layers_of_weights(self, where: str) -> list[BinaryLayer]:
        """The network's binary layers with weights, in execution order.

        Args:
            where: where the user named the network, for messages.

        Raises:
            InputError: it has none.
        """
        layers = self.network.binary_layers()
        if not layers:
            raise InputError(f"network '{self.name}' has no binary layer of weights", where)
        return layers


def _is_accuracy(one: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(one.get("dataset"), str):
        return False
    correct, images = one.get("correct"), one.get("images")
    return isinstance(correct, int) and isinstance(images, int) and 0 <= correct <= images > 0


def save_checkpoint(path: str | Path, network: GraphNetwork, metadata: Mapping[str, Any]) -> str:
    """Write ``network`` atomically and return its digest.

    Args:
        path: the file; an existing one is replaced only once the new one is complete.
        network: its binary layers keep one bit a weight; other tensors float16 where that is exact, else float32.
        metadata: JSON-able provenance (``name``, recipe, epochs, accuracy, dataset digest).

    Returns:
        The network's digest.

    Raises:
        InputError: the file cannot be written there, or a tensor holds what no network computes with (NaN, infinity, a
            negative variance).
    """
    _require_usable(network, str(path))
    digest = network_digest(network)
    binary = network.binary_tensor_names()
    stored = {
        name: _packed(tensor) if name in binary else _smallest_exact(tensor)
        for name, tensor in network.named_tensors().items()
    }
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "graph": network.graph.to_json(),
        "metadata": json.dumps(dict(metadata), sort_keys=True, allow_nan=False),
        "digest": digest,
    }
    write_atomically(Path(path), save(stored, metadata=header))
    return digest


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read and verify a network; nothing in the file is executed.

    Args:
        path: a file made by ``save_checkpoint``.

    Raises:
        InputError: a missing, truncated or foreign file, a graph that is not valid, tensors that do not fit it or hold
            NaN, infinity or a negative variance, or a digest that does not match the content.
    """
    path = Path(path)
    where = str(path)
    if not path.is_file():
        raise InputError("no such file", where)
    try:
        with safe_open(path, framework="numpy") as file:
            header = _checked_header(file.metadata(), where)
            network = _empty_network(NetworkGraph.from_json(header["graph"], where))
            _require_matching(network, file, where)
            state = _read_tensors(network, file)
    except (SafetensorError, OSError) as error:
        raise InputError(f"not a complete safetensors file: {error}", where) from None
    for name, layer in network.named_layers():
        wanted = [key for key in layer.state_dict() if key != "num_batches_tracked"]
        tensors = {key: state[f"{name}.{key}"] for key in wanted}
        layer.load_state_dict(_with_counter(layer, tensors), assign=True)
    digest = network_digest(network)
    if digest != header["digest"]:
        raise InputError("the digest does not match the content: the file was damaged or altered", where)
    _require_usable(network, where)
    metadata = json.loads(header["metadata"])
    name = metadata.get("name") or path.stem
    return Checkpoint(network.eval().requires_grad_(False), str(name), digest, metadata)


def is_checkpoint(path: str | Path) -> bool:
    """Whether the file says it is a network saved by ``save_checkpoint`` (it may still turn out to be damaged)."""
    try:
        with safe_open(path, framework="numpy") as file:
            return (file.metadata() or {}).get("format") == _FORMAT
    except (SafetensorError, OSError):
        return False


def model_names() -> list[str]:
    """Names of the networks that ship with the package, sorted."""
    return sorted(path.stem for path in _MODELS.glob("*.safetensors"))


def find_model(reference: str | Path, where: str = "") -> Path:
    """The file of a network.

    Args:
        reference: name of a network that ships, or the path of a file.
        where: where the user wrote this, for messages.

    Raises:
        InputError: neither; the nearest shipped name is offered.
    """
    if str(reference) in model_names():
        return _MODELS / f"{reference}.safetensors"
    path = Path(reference)
    if path.is_file():
        return path
    if path.suffix == ".safetensors" or len(path.parts) > 1:
        raise InputError(f"no such network file: {path}", where)
    raise unknown_name("network", str(reference), model_names(), where)


def network_digest(network: GraphNetwork) -> str:
    """sha256 (hex) of what a network computes with, however it is stored.

    Over the canonical graph and, by name, the shape and content of each tensor: the sign bits of binary weights,
    little-endian float32 of the others.
    """
    digest = hashlib.sha256(network.graph.to_json().encode())
    binary = network.binary_tensor_names()
    for name, tensor in sorted(network.named_tensors().items()):
        content = _packed(tensor) if name in binary else _as_numpy(tensor).astype("<f4")
        digest.update(f"\n{name} {list(tensor.shape)} ".encode())
        digest.update(content.tobytes())
    return digest.hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: under a temporary name beside it, then renamed.

    Raises:
        InputError: it cannot be written there.
        OSError: the machine failed, for example a full disk; names ``path``.
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if is_wrong_path(error):
            raise InputError(f"cannot write: {error.strerror or error}", str(path)) from None
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)


def _as_numpy(tensor: torch.Tensor) -> np.ndarray:
    # contiguous: a channels-last tensor must give the same bytes as any other.
    return tensor.detach().to(device="cpu", dtype=torch.float32).contiguous().numpy()


def _packed(tensor: torch.Tensor) -> np.ndarray:
    """One bit a weight in C order, 1 for +1, the last byte filled up with zeros."""
    return np.packbits(_as_numpy(tensor).reshape(-1) >= 0)


def _unpacked(bits: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    signs = np.unpackbits(bits, count=math.prod(shape)).astype(np.float32)
    return (2 * signs - 1).reshape(shape)


def _smallest_exact(tensor: torch.Tensor) -> np.ndarray:
    values = _as_numpy(tensor)
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), values) else values


def _empty_network(graph: NetworkGraph) -> GraphNetwork:
    """The network without memory behind its tensors."""
    with torch.device("meta"):
        return GraphNetwork(graph)


def _checked_header(header: dict[str, str] | None, where: str) -> dict[str, str]:
    if not header or header.get("format") != _FORMAT:
        raise InputError("not a network saved by binsparx", where)
    if header.get("version") != _VERSION:
        raise InputError(f"format version {header.get('version')}, this program reads version {_VERSION}", where)
    missing = {"graph", "metadata", "digest"} - set(header)
    if missing:
        raise InputError(f"the file's header has no field '{sorted(missing)[0]}'", where)
    try:
        usable = isinstance(json.loads(header["metadata"]), dict)
    except (ValueError, RecursionError):
        usable = False
    if not usable:
        raise InputError("the header's metadata is not a JSON object", where)
    return header


def _require_matching(network: GraphNetwork, file: safe_open, where: str) -> None:
    """The file holds exactly the tensors of the graph, each of its shape."""
    tensors = network.named_tensors()
    names = set(file.keys())
    different = sorted(names ^ set(tensors))
    if different:
        state = "in the file, but not in the graph" if different[0] in names else "in the graph, but not in the file"
        raise InputError(f"tensor '{different[0]}' is {state}", where)
    binary = network.binary_tensor_names()
    for name, tensor in tensors.items():
        part = file.get_slice(name)
        shape, kind = tuple(part.get_shape()), part.get_dtype()
        expected = (math.ceil(tensor.numel() / 8),) if name in binary else tuple(tensor.shape)
        fits = kind == "U8" if name in binary else kind in _STORED_TYPES
        if shape != expected or not fits:
            wanted = f"U8 {expected} (a bit a weight)" if name in binary else f"F32 or F16 {expected}"
            raise InputError(f"tensor '{name}' is {kind} {shape}, the graph needs {wanted}", where)


def _require_usable(network: GraphNetwork, where: str) -> None:
    """Every tensor is finite, and no variance of a BatchNorm is negative."""
    for name, tensor in network.named_tensors().items():
        if not bool(torch.isfinite(tensor).all()):
            raise InputError(f"tensor '{name}' holds a value that is not a finite number", where)
        if name.endswith(".running_var") and bool((tensor < 0).any()):
            raise InputError(f"tensor '{name}' holds a negative variance", where)


def _read_tensors(network: GraphNetwork, file: safe_open) -> dict[str, torch.Tensor]:
    binary = network.binary_tensor_names()
    state = {}
    for name, tensor in network.named_tensors().items():
        values = file.get_tensor(name)
        restored = _unpacked(values, tuple(tensor.shape)) if name in binary else values.astype(np.float32)
        state[name] = torch.from_numpy(restored)
    return state


def _with_counter(layer: torch.nn.Module, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """BatchNorm's count of batches plays no part with a fixed momentum; PyTorch wants it all the same."""
    if isinstance(layer, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
        return {**tensors, "num_batches_tracked": torch.zeros((), dtype=torch.int64)}
    return tensors
