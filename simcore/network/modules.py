"""The graph as a PyTorch module: ideal arithmetic, training, and a hook that lets a circuit do the binary products."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from simcore.network import operations as ops
from simcore.network.graph import INPUT, NetworkGraph
from simcore.network.operations import Shape
from simcore.network.training.straight_through import activation_sign, sign, weight_sign

BinaryDot = Callable[[str, torch.Tensor], torch.Tensor]
"""Given a node's name and the signs of its input (float32 +-1 before padding; (B, C, H, W) or (B, F)), the integer
products as float32: (B, C_out, OH, OW) or (B, F_out)."""


@dataclass(frozen=True)
class BinaryLayer:
    """The part of a network that a crossbar can hold.

    ``weight`` is int8 +-1, (C_out, C_in, kh, kw) for ``conv2d`` and (F_out, F_in) for ``linear``; ``stride`` and
    ``padding`` are (vertical, horizontal), (1, 1) and (0, 0) for ``linear``. Padded places hold ``pad_value``: -1, 0 or
    +1.
    """

    name: str
    kind: Literal["conv2d", "linear"]
    weight: np.ndarray
    stride: tuple[int, int]
    padding: tuple[int, int]
    pad_value: int = 0


class BinaryConv2d(nn.Conv2d):
    """Convolution of signs. ``weight`` holds the latent values; outside training only their signs matter."""

    pad_value = 0

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if self.training:
            return self._signs_forward(activation_sign(input), weight_sign(self.weight))
        # round_: sums of +-1 are exact in float32 in any order, but a backend may choose a Winograd or Fourier
        # algorithm, whose error is far below one half.
        with torch.autocast(input.device.type, enabled=False):
            return self._signs_forward(sign(input.float()), sign(self.weight.detach())).round_()

    def _signs_forward(self, signs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        if not self.pad_value:
            return self._conv_forward(signs, weight, None)
        vertical, horizontal = _pair(self.padding)
        padded = functional.pad(signs, (horizontal, horizontal, vertical, vertical), value=float(self.pad_value))
        return functional.conv2d(padded, weight, stride=self.stride)


class BinaryLinear(nn.Linear):
    """Product of signs. ``weight`` holds the latent values; outside training only their signs matter."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if self.training:
            return functional.linear(activation_sign(input), weight_sign(self.weight))
        with torch.autocast(input.device.type, enabled=False):
            return functional.linear(sign(input.float()), sign(self.weight.detach())).round_()


class Normalize(nn.Module):
    """(x / 255 - mean) / std for each channel, as one product and one sum."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        means, stds = np.array(mean, np.float64), np.array(std, np.float64)
        self.factor = (1 / (255 * stds)).tolist()
        self.offset = (-means / stds).tolist()
        self._placed: dict[torch.device, tuple[torch.Tensor, torch.Tensor]] = {}

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        factor, offset = self._on(images.device)
        return torch.addcmul(offset, images, factor)

    def _on(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Factor and offset, (C, 1, 1) each, on ``device``; kept there, for a copy to a GPU makes the host wait."""
        if device not in self._placed:
            factor, offset = (
                torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]
                for values in (self.factor, self.offset)
            )
            self._placed[device] = (factor, offset)
        return self._placed[device]


class Scale(nn.Module):
    """x times a trained factor for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values * self.weight.view(-1, *[1] * (values.dim() - 2))


class GlobalAvgPool(nn.Module):
    """Mean over height and width."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values.mean(dim=(2, 3))


class Add(nn.Module):
    """Sum of two values."""

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return first + second


Convolution = TypeVar("Convolution", bound=nn.Conv2d)
_ADDING_UP = (nn.Conv2d, nn.Linear, nn.AvgPool2d, GlobalAvgPool)


def _batch_norm(operation: ops.BatchNorm, shape: Shape) -> nn.Module:
    kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
    return kind(operation.channels, eps=operation.eps, momentum=operation.momentum)


def _convolution(kind: type[Convolution], operation: ops.Conv2d | ops.BinaryConv2d, bias: bool) -> Convolution:
    return kind(
        operation.in_channels, operation.out_channels, operation.kernel, operation.stride, operation.padding, bias=bias
    )


def _binary_convolution(operation: ops.BinaryConv2d) -> nn.Module:
    layer = _convolution(BinaryConv2d, operation, False)
    layer.pad_value = operation.pad_value
    return layer


_BUILDERS: dict[type[ops.Operation], Callable[[Any, Shape], nn.Module]] = {
    ops.Normalize: lambda op, shape: Normalize(op.mean, op.std),
    ops.Conv2d: lambda op, shape: _convolution(nn.Conv2d, op, op.bias),
    ops.Linear: lambda op, shape: nn.Linear(op.in_features, op.out_features, op.bias),
    ops.BinaryConv2d: lambda op, shape: _binary_convolution(op),
    ops.BinaryLinear: lambda op, shape: BinaryLinear(op.in_features, op.out_features, False),
    ops.BatchNorm: _batch_norm,
    ops.Hardtanh: lambda op, shape: nn.Hardtanh(),
    ops.Relu: lambda op, shape: nn.ReLU(),
    ops.Prelu: lambda op, shape: nn.PReLU(op.channels),
    ops.Scale: lambda op, shape: Scale(op.channels),
    ops.MaxPool2d: lambda op, shape: nn.MaxPool2d(op.kernel, op.stride, op.padding),
    ops.AvgPool2d: lambda op, shape: nn.AvgPool2d(op.kernel, op.stride, op.padding),
    ops.GlobalAvgPool: lambda op, shape: GlobalAvgPool(),
    ops.Flatten: lambda op, shape: nn.Flatten(),
    ops.Add: lambda op, shape: Add(),
}


class GraphNetwork(nn.Module):
    """A network graph with its tensors. In training mode the binary layers use straight-through gradients; in
    evaluation mode their products are exact integers in float32."""

    def __init__(self, graph: NetworkGraph) -> None:
        super().__init__()
        self.graph = graph
        shapes = graph.shapes()
        self.layers = nn.ModuleList()
        for node in graph.nodes:
            operation = node.operation()
            self.layers.append(_BUILDERS[type(operation)](operation, shapes[node.name]))
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
                values[node.name] = dot(node.name, sign(operands[0]))
            elif dot is not None and isinstance(layer, _ADDING_UP):
                values[node.name] = torch.cat([layer(image) for image in operands[0].split(1)])
            else:
                values[node.name] = layer(*operands)
        return values[self.graph.nodes[-1].name]

    def binary_layers(self) -> list[BinaryLayer]:
        """The binary layers in execution order, with the signs of their weights."""
        found = []
        for name, layer in self.named_layers():
            if isinstance(layer, BinaryConv2d):
                stride, padding = _pair(layer.stride), _pair(layer.padding)
                weight = _weight_signs(layer.weight)
                found.append(BinaryLayer(name, "conv2d", weight, stride, padding, layer.pad_value))
            elif isinstance(layer, BinaryLinear):
                found.append(BinaryLayer(name, "linear", _weight_signs(layer.weight), (1, 1), (0, 0)))
        return found

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

    def dot(name: str, signs: torch.Tensor) -> torch.Tensor:
        product: torch.Tensor = layers[name](signs)
        return product

    return dot


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
