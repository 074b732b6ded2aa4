"""Where a line of a binary layer's outputs can be folded: the batch norm behind it, past what lets lines through."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int64

from simcore.network.graph import NetworkGraph, Node, node_of
from simcore.network.operations import Operation, Shape
from simcore.network.operations.elementwise import Factor, Offset, Scale
from simcore.network.operations.layout import Flatten, Reshape
from simcore.network.operations.normalization import BatchNorm
from simcore.network.operations.window import AvgPool2d, BinaryConv2d, GlobalAvgPool, MaxPool2d


@dataclass(frozen=True)
class NormFold:
    """The way from a layer, or a block of it, to its norm.

    Attributes:
        between: nodes that the outputs pass.
        norm: the batch norm.
        channels: of the layer's node, all of its blocks.
        first: of them, that of the layer's first output.
        places: channels of the norm that the layer's outputs reach, those of one output side by side.
        outputs: which of them reaches each.
        scale: what the nodes between multiply by, of each of ``places``.
        offset: what they add.
    """

    between: list[str]
    norm: str
    channels: int
    first: int
    places: Int64[np.ndarray, " places"]
    outputs: Int64[np.ndarray, " places"]
    scale: Float64[np.ndarray, " places"]
    offset: Float64[np.ndarray, " places"]


@dataclass(frozen=True)
class _Values:
    """Of every element of a node's result: which output of the layer it comes from, and what it was multiplied by and
    what was added on the way."""

    outputs: np.ndarray
    scale: np.ndarray
    offset: np.ndarray


def norm_fold(graph: NetworkGraph, layer: str, tensors: Mapping[str, torch.Tensor]) -> NormFold | None:
    """Where a rising line of a layer's outputs can be folded.

    Max and average pools let it pass, but for means that count padded zeros; so do factors and offsets of whole
    channels, and a change of shape.

    Args:
        graph: of the network.
        layer: name of a binary layer, or of a block of a grouped convolution.
        tensors: of the network, ``node.tensor``; where one is left out it is taken to be all ones.

    Returns:
        None where something else follows, or several do, or something is multiplied by 0.
    """
    shapes = graph.shapes()
    name = node_of(layer)
    shape = shapes[name]
    if any(node.name == name and node.op == "binary_matmul" for node in graph.nodes):
        return None  # its outputs lie along another axis than a batch norm's channels
    values: _Values | None = _Values(_of_channels(np.arange(shape[0]), shape), np.ones(shape), np.zeros(shape))
    between: list[str] = []
    while values is not None:
        following = _only_follower(graph, name)
        if following is None:
            return None
        name, operation = following.name, following.operation()
        if isinstance(operation, BatchNorm):
            return _reached(graph, layer, between, name, values)
        values = _after(operation, values, shapes[name], tensors.get(f"{name}.weight"))
        between.append(name)
    return None


def unfolded(graph: NetworkGraph, layers: Iterable[str]) -> list[str]:
    """Those of some binary layers whose outputs' lines can be folded nowhere, whatever the network's tensors.

    Args:
        graph: of the network.
        layers: their names.
    """
    return [layer for layer in layers if norm_fold(graph, layer, {}) is None]


def _only_follower(graph: NetworkGraph, name: str) -> Node | None:
    following = [node for node in graph.nodes if name in node.inputs]
    return following[0] if len(following) == 1 else None


def _after(operation: Operation, values: _Values, shape: Shape, weight: torch.Tensor | None) -> _Values | None:
    """What comes out of an operation, or None where no line passes it."""
    match operation:
        case AvgPool2d(count_padding=True) if any(operation.padding):
            return None  # the zeros at the border keep their value whatever the line does
        case MaxPool2d() | AvgPool2d() | GlobalAvgPool():
            parts = [_per_channel(part) for part in (values.outputs, values.scale, values.offset)]
            if any(part is None for part in parts):
                return None
            return _Values(*(_of_channels(part, shape) for part in parts if part is not None))
        case Flatten() | Reshape():
            return _Values(*(part.reshape(shape) for part in (values.outputs, values.scale, values.offset)))
        case Scale() | Factor() | Offset() if values.outputs.shape == shape and _by_channel(operation, shape):
            factors = np.ones(shape) if weight is None else _factors(weight.numpy().astype(np.float64), shape)
            if isinstance(operation, Offset):
                return _Values(values.outputs, values.scale, values.offset + factors)
            return _Values(values.outputs, values.scale * factors, values.offset * factors)
    return None


def _by_channel(operation: Scale | Factor | Offset, shape: Shape) -> bool:
    """Whether a trained tensor is the same all over a channel."""
    if isinstance(operation, Scale) or math.prod(operation.shape) == 1:
        return True
    return len(operation.shape) == len(shape) and math.prod(operation.shape[1:]) == 1


def _factors(weight: np.ndarray, shape: Shape) -> np.ndarray:
    """A trained tensor, one value a channel or one for all, as its node multiplies or adds it."""
    return np.broadcast_to(weight.reshape(-1, *[1] * (len(shape) - 1)), shape)


def _reached(graph: NetworkGraph, layer: str, between: list[str], norm: str, values: _Values) -> NormFold | None:
    outputs, scale, offset = (_per_channel(part) for part in (values.outputs, values.scale, values.offset))
    if outputs is None or scale is None or offset is None or not scale.all():
        return None
    name = node_of(layer)
    operation = next(node.operation() for node in graph.nodes if node.name == name)
    blocks = operation.groups if isinstance(operation, BinaryConv2d) else 1
    channels = graph.shapes()[name][0]
    size = channels // blocks
    first = size * int(layer.partition("[")[2].rstrip("]") or 0)
    places = np.flatnonzero((outputs >= first) & (outputs < first + size))
    places = places[np.argsort(outputs[places], kind="stable")]
    return NormFold(between, norm, channels, first, places, outputs[places] - first, scale[places], offset[places])


def _per_channel(values: np.ndarray) -> np.ndarray | None:
    """Values that are the same all over a channel, one a channel; None where they are not."""
    flat = values.reshape(len(values), -1)
    return flat[:, 0] if (flat == flat[:, :1]).all() else None


def _of_channels(values: np.ndarray, shape: Shape) -> np.ndarray:
    """One value a channel, all over it."""
    return np.broadcast_to(values.reshape(-1, *[1] * (len(shape) - 1)), shape)
