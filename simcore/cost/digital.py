"""The layers that no array holds: their multiplications, and the array of multipliers that they share.

S x S multipliers, output-stationary: a cycle takes one input of S output positions and the weights of S outputs, so
that S positions share every weight that is read and S outputs every input. Blocks of a grouped convolution have
no input in common and are done one after another. One engine does all digital layers of a network.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simcore.cost import energy
from simcore.cost.leakage import SRAM_BIT_FINS, Leaking
from simcore.cost.settings import CostSettings
from simcore.network.graph import node_of
from simcore.network.operations.product import BinaryLinear, BinaryMatmul, Linear, Matmul
from simcore.network.operations.window import BinaryConv2d, Conv2d

if TYPE_CHECKING:
    from simcore.network.graph import NetworkGraph

OPERAND_BITS = 8
"""Of weights and inputs of layers in full precision. Judgement: the usual quantisation of first and last layers."""
_BINARY = ("binary_conv2d", "binary_linear", "binary_matmul")


@dataclass(frozen=True)
class DigitalLayer:
    """One layer outside the arrays.

    Attributes:
        name: of the node in the network's graph.
        inputs: inputs K of an output.
        outputs: M.
        positions: output positions P, 1 of a matrix product.
        bits: of its operands, ``OPERAND_BITS`` or 1.
        blocks: B, the groups of a convolution or heads of a product; each of M / B outputs has its inputs to itself.
    """

    name: str
    inputs: int
    outputs: int
    positions: int
    bits: int
    blocks: int = 1

    @property
    def macs(self) -> int:
        """Multiplications of an image, K M P; those with padding are done like any other."""
        return self.weights * self.positions

    @property
    def weights(self) -> int:
        """Weights that are kept beside the multipliers, K M."""
        return self.inputs * self.outputs

    def turns(self, side: int) -> int:
        """Of at most ``side`` outputs that share their inputs, until all outputs are done."""
        return self.blocks * math.ceil(self.outputs // self.blocks / side)


@dataclass(frozen=True)
class DigitalCost:
    """Of one image on the engine, all digital layers together; nothing where there are none.

    Attributes:
        mac_J: multiplying and adding.
        memory_J: reading weights and inputs.
        latency_s: one layer after another.
        area_m2: multipliers and the memory of the weights.
        leakage_W: of both.
        powered_s: seconds that they leak for an image.
        macs: multiplications.
    """

    mac_J: float = 0.0
    memory_J: float = 0.0
    latency_s: float = 0.0
    area_m2: float = 0.0
    leakage_W: float = 0.0
    powered_s: float = 0.0
    macs: int = 0

    @property
    def leakage_J(self) -> float:
        return self.leakage_W * self.powered_s

    @property
    def total_energy_J(self) -> float:
        return math.fsum((self.mac_J, self.memory_J, self.leakage_J))


def digital_layers(graph: NetworkGraph, mapped: Collection[str]) -> tuple[DigitalLayer, ...]:
    """The layers with multiplications that no array holds: those in full precision, products of activations, and
    binary layers left out.

    Args:
        graph: the network.
        mapped: names of the layers that arrays hold.
    """
    shapes, held = graph.shapes(), {node_of(name) for name in mapped}
    found = []
    for node in graph.nodes:
        if node.name in held:
            continue
        operation, shape = node.operation(), shapes[node.name]
        bits = 1 if node.op in _BINARY else OPERAND_BITS
        match operation:
            case Conv2d() | BinaryConv2d():
                inputs = operation.in_channels // operation.groups * math.prod(operation.kernel)
                positions = math.prod(shape[1:])
                found.append(DigitalLayer(node.name, inputs, shape[0], positions, bits, operation.groups))
            case Linear() | BinaryLinear():
                found.append(DigitalLayer(node.name, operation.in_features, shape[-1], math.prod(shape[:-1]), bits))
            case Matmul() | BinaryMatmul():
                left, right = (shapes[name] for name in node.inputs)
                heads = math.prod(right[:-2])
                positions = math.prod(shape[:-1]) // heads
                found.append(DigitalLayer(node.name, left[-1], heads * shape[-1], positions, bits, heads))
    return tuple(found)


def digital_cost(layers: Iterable[DigitalLayer], settings: CostSettings) -> DigitalCost:
    """Energy, time and area of the digital layers, one after another on one engine that leaks while it works.

    Args:
        layers: what ``digital_layers`` finds.
        settings: ``digital_array`` and the numbers of multipliers and memory; nothing is counted where
            ``digital_layers`` is off.
    """
    layers = tuple(layers) if settings.digital_layers else ()
    if not layers:
        return DigitalCost()
    seconds = math.fsum(cycles(layer, settings.digital_array) for layer in layers) * settings.digital_cycle_time
    multipliers = settings.digital_array**2 * settings.digital_mac_area
    weight_bits = sum(layer.weights * layer.bits for layer in layers)
    return DigitalCost(
        mac_J=math.fsum(layer.macs * mac_energy(layer, settings) for layer in layers),
        memory_J=math.fsum(bits_read(layer, settings) for layer in layers) * settings.buffer_read_energy,
        latency_s=seconds,
        area_m2=multipliers / settings.logic_utilisation + weight_bits * settings.sram_bit_area,
        leakage_W=Leaking(weight_bits * SRAM_BIT_FINS, multipliers).power_W(settings),
        powered_s=seconds,
        macs=sum(layer.macs for layer in layers),
    )


def mac_energy(layer: DigitalLayer, settings: CostSettings) -> float:
    """Joules of one multiplication with its addition; of a binary one XNOR and a full adder of the popcount."""
    if layer.bits == 1:
        return float(energy.xor_energy(1, settings.xor_energy) + settings.full_adder_energy)
    return settings.digital_mac_energy


def bits_read(layer: DigitalLayer, settings: CostSettings) -> float:
    """Bits of weights and inputs read for an image: weights once for S positions, inputs once for S outputs."""
    side = settings.digital_array
    weights = math.ceil(layer.positions / side) * layer.weights
    inputs = layer.turns(side) * layer.inputs * layer.positions
    return layer.bits * (weights + (inputs if settings.activation_buffer else 0))


def cycles(layer: DigitalLayer, side: int) -> int:
    """Cycles of an image: S positions, S outputs and 8 bits of an operand at a time."""
    words = math.ceil(layer.inputs * layer.bits / OPERAND_BITS)
    return math.ceil(layer.positions / side) * layer.turns(side) * words
