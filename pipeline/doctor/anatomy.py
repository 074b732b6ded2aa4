"""A network taken apart: its nodes with their shapes, which of them arrays hold, and what each would cost there."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.doctor.array import Array, usual_costs
from simcore.cost import CostSettings, DigitalLayer, LayerActivity, design_cost, digital_cost, digital_layers
from simcore.cost.totals import DesignCost
from simcore.design import Design
from simcore.encodings import ENCODINGS
from simcore.mapping.tiling import map_layer
from simcore.network.checkpoint import Checkpoint
from simcore.network.graph import NetworkGraph, Node
from simcore.network.modules import BinaryLayer, WrittenProduct
from simcore.network.operations import Shape

DRIVEN = 0.5
"""Share of inputs that are +1, where no data say how many: a judgement."""
_ON_ARRAYS = {
    "binary_conv2d": "signs of inputs and weights",
    "binary_linear": "signs of inputs and weights",
    "binary_matmul": "signs of two activations, the right one written for every image",
}
_REASONS = {
    "conv2d": "weights and inputs in full precision",
    "linear": "weights and inputs in full precision",
    "matmul": "a product of two activations",
    "window_sum2d": "a sum of signs, without weights",
    "embedding": "rows of a table",
}
_OTHER = "value by value, or values moved: no product with weights"


@dataclass(frozen=True)
class NodeAnatomy:
    """One node.

    Attributes:
        name: of the node.
        op: its operation.
        inputs: names of nodes, or ``input``.
        shape: of its result, without the batch.
        parameters: trained numbers that it holds.
        mapped: it is on arrays.
        reason: why, in words.
        tiles: arrays that it fills; 0 of a digital node.
        energy_J, latency_s, area_m2: of an image; None where nothing is counted.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    shape: Shape
    parameters: int
    mapped: bool
    reason: str
    tiles: int
    energy_J: float | None
    latency_s: float | None
    area_m2: float | None


@dataclass(frozen=True)
class Anatomy:
    """A network on an array.

    Attributes:
        nodes: in execution order.
        energy_J, latency_s, area_m2: of the whole network, leakage and digital layers included.
        tiles: of the whole network.
    """

    nodes: list[NodeAnatomy]
    energy_J: float
    latency_s: float
    area_m2: float
    tiles: int


def anatomy(checkpoint: Checkpoint, array: Array) -> Anatomy:
    """The network on an array, each binary layer mapped, dense.

    Currents are those of the layer's own weights with half of its inputs driven, and of cells that lose nothing to
    wires: what an image really draws, only a run knows.

    Args:
        checkpoint: the network.
        array: that its binary layers are mapped on.

    Raises:
        InputError: no such device or corner, or one whose costs are not known.
    """
    design, tile, settings = array.design(), array.tile(), usual_costs()
    graph, layers = checkpoint.network.graph, checkpoint.network.on_arrays()
    shapes = graph.shapes()
    activities = [
        _written(layer, design)
        if isinstance(layer, WrittenProduct)
        else _activity(layer, design, _positions(shapes[layer.node], layer))
        for layer in layers
    ]
    digital = digital_layers(graph, [layer.name for layer in layers])
    whole = design_cost(tile, activities, settings, digital)
    costs = _costs_of_nodes(layers, whole) | {layer.name: _digital(layer, settings) for layer in digital}
    return Anatomy(
        [_node(checkpoint, graph, node, shapes, costs.get(node.name)) for node in graph.nodes],
        whole.total_energy_J,
        whole.latency_s,
        whole.total_area_m2,
        whole.mapped.tiles,
    )


_Costs = tuple[int, float, float, float | None]
"""Tiles, joules, seconds, square metres."""


def _positions(shape: Shape, layer: BinaryLayer) -> int:
    """Output positions of a layer: places of a map, tokens of a product."""
    return math.prod(shape[1:] if layer.kind == "conv2d" else shape[:-1])


def _activity(layer: BinaryLayer, design: Design, positions: int) -> LayerActivity:
    """What an image does in a layer, without any data."""
    mapping = map_layer(layer, ENCODINGS[design.encoding], design.rows, design.rows_read_together)
    on_cells = int(mapping.weights.sum())
    off_cells = mapping.weights.size - on_cells
    circuit = design.circuit
    current = DRIVEN * (on_cells * circuit.on_current() + off_cells * circuit.off_current())
    rows, reads = len(mapping.order), positions * len(mapping.signs)
    return LayerActivity(
        inputs=rows,
        columns=mapping.columns,
        groups=len(mapping.spans),
        positions=reads,
        column_current_A=reads * current,
        driven_rows=DRIVEN * reads * rows,
        flipped_sub_vectors=0,
        flipped_columns=0,
    )


def _written(layer: WrittenProduct, design: Design) -> LayerActivity:
    """What an image does in a product whose right operand is written, half of its signs +1."""
    operand = np.ones((layer.outputs, layer.inputs), np.int8)
    operand[:, ::2] = -1
    weights = BinaryLayer(layer.name, "linear", operand, (1, 1), (0, 0))
    return replace(_activity(weights, design, layer.reads), written=True)


def _costs_of_nodes(layers: Sequence[BinaryLayer | WrittenProduct], whole: DesignCost) -> dict[str, _Costs]:
    """Of mapped nodes, the blocks of a grouped convolution together."""
    parts = defaultdict(list)
    for layer, cost in zip(layers, whole.layers, strict=True):
        parts[layer.node].append(cost)
    return {
        name: (
            sum(cost.tiles for cost in costs),
            math.fsum(cost.total_energy_J for cost in costs),
            math.fsum(cost.latency_s for cost in costs),
            math.fsum(cost.total_area_m2 for cost in costs),
        )
        for name, costs in parts.items()
    }


def _digital(layer: DigitalLayer, settings: CostSettings) -> _Costs:
    """Of a digital layer; the multipliers are shared by all, so that no area is a layer's own."""
    cost = digital_cost([layer], settings)
    return 0, cost.total_energy_J, cost.latency_s, None


def _node(
    checkpoint: Checkpoint, graph: NetworkGraph, node: Node, shapes: dict[str, Shape], costs: _Costs | None
) -> NodeAnatomy:
    mapped = node.op in _ON_ARRAYS
    reason = _ON_ARRAYS.get(node.op, "") or _REASONS.get(node.op, _OTHER)
    tiles, energy, latency, area = costs or (0, None, None, None)
    held = dict(checkpoint.network.named_layers())[node.name].state_dict(keep_vars=True)
    parameters = sum(tensor.numel() for name, tensor in held.items() if name != "num_batches_tracked")
    return NodeAnatomy(
        node.name, node.op, node.inputs, shapes[node.name], parameters, mapped, reason, tiles, energy, latency, area
    )
