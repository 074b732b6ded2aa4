"""The graph as a PyTorch module: ideal arithmetic, training, and a hook that lets a circuit do the binary products."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import nn

from simcore.network.graph import INPUT, NetworkGraph, node_of
from simcore.network.layers import ADDING_UP, build
from simcore.network.layers.product import BinaryLinear, BinaryMatmul, Embedding
from simcore.network.layers.window import BinaryConv2d
from simcore.network.training.straight_through import sign


class BinaryDot(Protocol):
    """What does the binary products of a network."""

    def __call__(self, name: str, signs: torch.Tensor, written: torch.Tensor | None = None, /) -> torch.Tensor:
        """The integer products of a layer, float32: (B, C_out, OH, OW), (B, F_out) or (B, tokens, F_out).

        Args:
            name: of a binary layer, or of a product with a written operand.
            signs: of its input, float32 +-1 before padding; (B, C, H, W), (B, F) or (B, tokens, F).
            written: of a written operand, float32 +-1, (B, F, F_out); None of a layer of weights.
        """
        ...


@dataclass(frozen=True)
class BinaryLayer:
    """The part of a network that a crossbar can hold: a binary node of the graph, or one block of a grouped
    convolution, whose blocks see neither each other's inputs nor outputs.

    Attributes:
        name: of the node, or ``NODE[BLOCK]``.
        kind: ``conv2d`` or ``linear``.
        weight: int8 +-1, (C_out, C_in, kh, kw) for ``conv2d`` and (F_out, F_in) for ``linear``.
        stride, padding, dilation: (vertical, horizontal); (1, 1), (0, 0) and (1, 1) for ``linear``.
        pad_value: what padded places hold: -1, 0 or +1.
    """

    name: str
    kind: Literal["conv2d", "linear"]
    weight: np.ndarray
    stride: tuple[int, int]
    padding: tuple[int, int]
    pad_value: int = 0
    dilation: tuple[int, int] = (1, 1)

    @property
    def node(self) -> str:
        """Name of the graph's node."""
        return node_of(self.name)


@dataclass(frozen=True)
class WrittenProduct:
    """A product of the signs of two activations, or one block of it: a crossbar can hold the right operand, which is
    written for every image, and read the rows of the left one.

    Attributes:
        name: of the node, or ``NODE[BLOCK]``.
        reads: rows of the left operand.
        inputs: their length, the rows of the right operand.
        outputs: its columns.
    """

    name: str
    reads: int
    inputs: int
    outputs: int

    @property
    def node(self) -> str:
        """Name of the graph's node."""
        return node_of(self.name)


class GraphNetwork(nn.Module):
    """A network graph with its tensors. In training mode the binary layers use straight-through gradients; in
    evaluation mode their products are exact integers in float32."""

    def __init__(self, graph: NetworkGraph) -> None:
        super().__init__()
        self.graph = graph
        shapes = graph.shapes()
        self.layers = nn.ModuleList()
        for node in graph.nodes:
            layer = build(node.operation(), shapes[node.name])
            if isinstance(layer, Embedding):
                layer.where = f"node '{node.name}'"
            self.layers.append(layer)
        self._finished = _finished_after(graph)

    def forward(self, images: torch.Tensor, dot: BinaryDot | None = None) -> torch.Tensor:
        """Logits, float32 (B, classes), of ``images``, float32 (B, C, H, W) in 0..255.

        ``dot`` takes the place of the binary products (evaluation mode only: it has no gradient). Everything else
        is computed here, once, and let go as soon as no later node needs it. With ``dot`` an image's logits do not
        depend on the images beside it: layers that add up, in an order that may change with an image's place in the
        batch, take one image at a time.
        """
        values = {INPUT: images}
        for node, layer, finished in zip(self.graph.nodes, self.layers, self._finished, strict=True):
            operands = [values[name] for name in node.inputs]
            for name in finished:
                del values[name]
            if dot is not None and isinstance(layer, BinaryConv2d | BinaryLinear):
                values[node.name] = _products(node.name, layer, sign(operands[0]), dot)
            elif dot is not None and isinstance(layer, BinaryMatmul):
                values[node.name] = _written_products(node.name, sign(operands[0]), sign(operands[1]), dot)
            elif dot is not None and isinstance(layer, ADDING_UP):
                # each in memory of its own: BLAS adds up in another order where an address is no multiple of 64
                one_by_one = zip(*(map(torch.clone, operand.split(1)) for operand in operands), strict=True)
                values[node.name] = torch.cat([layer(*image) for image in one_by_one])
            else:
                values[node.name] = layer(*operands)
        return values[self.graph.nodes[-1].name]

    def binary_layers(self) -> list[BinaryLayer]:
        """The binary layers in execution order, with the signs of their weights."""
        found = []
        for name, layer in self.named_layers():
            if isinstance(layer, BinaryConv2d):
                stride, padding = _pair(layer.stride), _pair(layer.padding)
                blocks = np.split(_weight_signs(layer.weight), layer.groups)
                for block, weight in zip(_block_names(name, layer), blocks, strict=True):
                    window = stride, padding, layer.pad_value, _pair(layer.dilation)
                    found.append(BinaryLayer(block, "conv2d", weight, *window))
            elif isinstance(layer, BinaryLinear):
                found.append(BinaryLayer(name, "linear", _weight_signs(layer.weight), (1, 1), (0, 0)))
        return found

    def written_products(self) -> list[WrittenProduct]:
        """The products of two activations' signs in execution order."""
        found, shapes = [], self.graph.shapes()
        for node in self.graph.nodes:
            if node.op == "binary_matmul":
                (*blocks, reads, inputs), outputs = shapes[node.inputs[0]], shapes[node.name][-1]
                names = _numbered(node.name, math.prod(blocks))
                found += [WrittenProduct(name, reads, inputs, outputs) for name in names]
        return found

    def on_arrays(self) -> list[BinaryLayer | WrittenProduct]:
        """All that arrays can hold, in execution order."""
        places = {name: place for place, (name, _) in enumerate(self.named_layers())}
        return sorted([*self.binary_layers(), *self.written_products()], key=lambda layer: places[layer.node])

    def named_layers(self) -> Iterator[tuple[str, nn.Module]]:
        """(node name, module) in execution order."""
        return zip((node.name for node in self.graph.nodes), self.layers, strict=True)

    def named_tensors(self) -> dict[str, torch.Tensor]:
        """Every parameter and statistic the result depends on, as ``node.tensor``, detached but not copied."""
        return {
            f"{name}.{key}": value.detach()
            for name, layer in self.named_layers()
            for key, value in layer.state_dict(keep_vars=True).items()
            if key != "num_batches_tracked"
        }

    def binary_tensor_names(self) -> set[str]:
        """Those of ``named_tensors`` of which only the signs matter."""
        return {
            f"{name}.weight" for name, layer in self.named_layers() if isinstance(layer, BinaryConv2d | BinaryLinear)
        }


def plain_dot(network: GraphNetwork) -> BinaryDot:
    """The binary products of ``network`` in ideal arithmetic: whole numbers, exact in any batch."""
    layers = dict(network.named_layers())

    def dot(name: str, signs: torch.Tensor, written: torch.Tensor | None = None, /) -> torch.Tensor:
        layer = layers[node_of(name)]
        product: torch.Tensor
        if written is not None:
            product = layer(signs, written)
        elif isinstance(layer, BinaryConv2d) and layer.groups > 1:
            product = layer.block_products(signs, int(name.partition("[")[2].rstrip("]")))
        else:
            product = layer(signs)
        return product

    return dot


def _products(name: str, layer: BinaryConv2d | BinaryLinear, signs: torch.Tensor, dot: BinaryDot) -> torch.Tensor:
    """Of one node by ``dot``, block by block."""
    if isinstance(layer, BinaryLinear):
        return dot(name, signs)
    names = _block_names(name, layer)
    parts = [dot(*block) for block in zip(names, signs.chunk(layer.groups, dim=1), strict=True)]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def _written_products(name: str, first: torch.Tensor, second: torch.Tensor, dot: BinaryDot) -> torch.Tensor:
    """Of one node by ``dot``, block by block."""
    firsts, seconds = (part.flatten(1, -3) if part.dim() > 3 else part[:, None] for part in (first, second))
    names = _numbered(name, firsts.shape[1])
    blocks = zip(names, firsts.unbind(1), seconds.unbind(1), strict=True)
    parts = [dot(block, signs.contiguous(), written.contiguous()) for block, signs, written in blocks]
    return torch.stack(parts, dim=1).reshape(*first.shape[:-1], second.shape[-1])


def _block_names(name: str, layer: BinaryConv2d) -> list[str]:
    return _numbered(name, layer.groups)


def _numbered(name: str, blocks: int) -> list[str]:
    return [name] if blocks == 1 else [f"{name}[{block}]" for block in range(blocks)]


def _finished_after(graph: NetworkGraph) -> list[list[str]]:
    """For each node, the values that no later node needs."""
    last_use: dict[str, int] = {}
    for position, node in enumerate(graph.nodes):
        for name in node.inputs:
            last_use[name] = position
    finished: list[list[str]] = [[] for _ in graph.nodes]
    for name, position in last_use.items():
        finished[position].append(name)
    return finished


def _weight_signs(weight: torch.Tensor) -> np.ndarray:
    return np.where(weight.detach().cpu().numpy() >= 0, 1, -1).astype(np.int8)


def _pair(value: Any) -> tuple[int, int]:
    return (int(value[0]), int(value[1]))
