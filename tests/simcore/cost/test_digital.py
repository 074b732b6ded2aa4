"""The digital layers by hand, and a whole network with every component."""

from __future__ import annotations

import dataclasses
import math

import pytest

from simcore.cost import (
    DigitalLayer,
    LayerActivity,
    Tile,
    design_cost,
    digital_cost,
    digital_layers,
    layer_cost,
    resolve,
)
from simcore.cost.digital import bits_read, cycles, mac_energy
from simcore.cost_options import CostOptions
from simcore.design import Design
from simcore.design_axes import Adc
from simcore.network.graph import NetworkGraph
from simcore.technology import circuit_parameters
from simcore.technology.devices import load_bitcell

# 8 x 8 pixels -> 20 maps of 6 x 6 -> binary 20 maps of 3 x 3 -> 180 -> binary 30 -> 10
NODES = [
    ("first", "conv2d", {"in_channels": 3, "out_channels": 20, "kernel": 3}),
    ("middle", "binary_conv2d", {"in_channels": 20, "out_channels": 20, "kernel": 2, "stride": 2}),
    ("flat", "flatten", {}),
    ("inner", "binary_linear", {"in_features": 180, "out_features": 30}),
    ("last", "linear", {"in_features": 30, "out_features": 10}),
]
GRAPH = NetworkGraph.from_content(
    {
        "nodes": [
            {"name": name, "op": op, "inputs": [before], "attrs": attributes}
            for (name, op, attributes), before in zip(NODES, ["input", *(node[0] for node in NODES)], strict=False)
        ],
        "input_shape": [3, 8, 8],
        "classes": 10,
    }
)
FIRST = DigitalLayer("first", 27, 20, 36, 8)
INNER = DigitalLayer("inner", 180, 30, 1, 1)
LAST = DigitalLayer("last", 30, 10, 1, 8)


def settings(**options):
    return resolve(CostOptions(**options))


def test_the_layers_that_arrays_do_not_hold() -> None:
    assert digital_layers(GRAPH, ("middle", "inner")) == (FIRST, LAST)
    # A binary layer that is left out of the mapping is done by logic, one bit an operand.
    assert digital_layers(GRAPH, ("middle",)) == (FIRST, INNER, LAST)
    assert [layer.macs for layer in (FIRST, INNER, LAST)] == [27 * 20 * 36, 180 * 30, 300]


def test_work_of_the_engine_by_hand() -> None:
    s = settings()
    # 16 x 16 multipliers: 36 positions in 3 turns, 20 outputs in 2, 27 inputs one after another
    assert [cycles(layer, 16) for layer in (FIRST, INNER, LAST)] == [3 * 2 * 27, 1 * 2 * 23, 30]
    # every weight for each of the 3 turns, every input for each of the 2
    assert bits_read(FIRST, s) == 8 * (3 * 27 * 20 + 2 * 27 * 36)
    assert bits_read(INNER, s) == 180 * 30 + 2 * 180
    assert bits_read(FIRST, settings(activation_buffer=False)) == 8 * 3 * 27 * 20
    assert mac_energy(FIRST, s) == 100e-15
    assert mac_energy(INNER, s) == pytest.approx(1.35e-15)  # XNOR and full adder
    # 256 multipliers do at most 256 multiplications a cycle, of one bit eight times as many
    for layer, most in ((FIRST, 256), (INNER, 2048), (LAST, 256)):
        assert layer.macs <= most * cycles(layer, 16)


def test_blocks_share_no_input() -> None:
    """A depthwise 3 x 3 of 512 channels over 14 x 14 places, and groups of 24 outputs."""
    depthwise = DigitalLayer("depthwise", 9, 512, 196, 8, blocks=512)
    assert cycles(depthwise, 16) == 13 * 512 * 9
    assert bits_read(depthwise, settings()) == 8 * (13 * 512 * 9 + 512 * 9 * 196)
    grouped = DigitalLayer("grouped", 5, 48, 16, 8, blocks=2)
    assert cycles(grouped, 16) == 2 * 2 * 5
    assert bits_read(grouped, settings()) == 8 * (48 * 5 + 2 * 2 * 5 * 16)


def test_the_digital_layers_by_hand() -> None:
    found = digital_cost((FIRST, INNER, LAST), settings())
    assert found.macs == 19440 + 5400 + 300
    assert found.mac_J == pytest.approx((19440 + 300) * 100e-15 + 5400 * 1.35e-15)
    bits = 8 * (3 * 540 + 2 * 972) + 5760 + 8 * (300 + 30)
    assert found.memory_J == pytest.approx(bits * 28e-15)
    assert found.latency_s == pytest.approx((162 + 46 + 30) * 1e-9)
    weights = 8 * (540 + 300) + 5400
    assert found.area_m2 == pytest.approx((256 * 37.6 / 0.7 + weights * 0.0456) * 1e-12)
    leaks = weights * 3 * 0.7e-12 + 256 * 37.6 * 2.7e-9
    assert found.leakage_W == pytest.approx(leaks)
    assert found.leakage_J == pytest.approx(leaks * 238e-9)


def test_without_digital_layers_there_is_no_engine() -> None:
    nothing = digital_cost((FIRST,), settings(digital_layers=False))
    assert nothing == digital_cost((), settings())
    assert set(dataclasses.astuple(nothing)) == {0}


def test_a_network_by_hand() -> None:
    """Two layers on 64 x 64 tiles of 8T-SRAM and two digital ones: every total is the sum of its parts."""
    circuit = circuit_parameters("8T-SRAM")
    cell = load_bitcell("8T-SRAM").cell
    assert cell is not None
    tile = Tile.of(Design(circuit=circuit, rows=64, cols=64, adc=Adc(bits=4)), cell)
    middle = LayerActivity(80, 20, 2, 9, 9 * 2 * 20 * 8 * circuit.on_current(), 9 * 40, 0, 0)
    inner = LayerActivity(180, 30, 3, 1, 3 * 30 * 16 * circuit.on_current(), 90, 0, 0)
    s = settings()
    found = design_cost(tile, [middle, inner], s, (FIRST, LAST))
    # 16.2 ps of word line, 8 groups of columns with their settling and conversion; ten reads
    settled = 64 * 0.0446e-15 * (378.5 + 188.5) * 5 * math.log(2)
    times = [
        positions * (16.2323e-12 + 8 * (settled + 0.70e-9 + 3.7e-15 * 0.264 / (ones * circuit.on_current())))
        for positions, ones in ((9, 8), (1, 16))
    ]
    seconds = sum(times) + 192e-9
    assert found.latency_s == pytest.approx(seconds, rel=1e-4)
    # While all layers work on images of their own, the slowest says how many there are: the digital ones.
    assert found.interval_s == pytest.approx(192e-9)
    # Everything leaks until the image is done: 2 + 3 tiles of cells, logic and drivers, multipliers and weights.
    per_converter, per_column = 8 * 0.204, 64 * 0.292
    widths = (2 * 8, 3 * 9)  # tiles x ceil(log2(2 K + 1))
    logic = sum(widths) * (per_converter + per_column) + 5 * 12.24 + 5 * 20
    tiles = 5 * 4096 * 4 * 0.7e-12 + logic * 2.7e-9
    assert found.mapped.leakage_W == pytest.approx(tiles)
    assert found.mapped.leakage_J == pytest.approx(tiles * seconds, rel=1e-4)
    engine = 256 * 37.6 * 2.7e-9 + 8 * (540 + 300) * 3 * 0.7e-12
    assert found.digital.leakage_J == pytest.approx(engine * seconds, rel=1e-4)
    digital = 19740 * 100e-15 + 28e-15 * 8 * (3 * 540 + 2 * 972 + 330)
    arrays = sum(math.fsum(layer_cost(tile, layer, s).energy_J.values()) for layer in (middle, inner))
    assert found.total_energy_J == pytest.approx(arrays + digital + (tiles + engine) * seconds, rel=1e-4)
    assert found.energy_delay_Js == pytest.approx(found.total_energy_J * seconds, rel=1e-4)
    # Rates are those of the arrays alone.
    operations = 2 * (80 * 20 * 9 + 180 * 30)
    assert found.mapped.operations == operations
    assert found.mapped.tops_per_watt == pytest.approx(operations / found.mapped.total_energy_J / 1e12)
    area = found.mapped.total_area_m2 * 1e6
    assert found.mapped.tops_per_mm2 == pytest.approx(operations / max(times) / area / 1e12, rel=1e-4)
    assert found.total_area_m2 == pytest.approx(found.mapped.total_area_m2 + found.digital.area_m2)
    assert found.mapped.charge_C == pytest.approx((9 * 2 * 20 * 8 + 3 * 30 * 16) * circuit.on_current() * 1e-9)
    alone = design_cost(tile, [middle, inner], settings(digital_layers=False), (FIRST, LAST))
    assert alone.latency_s == pytest.approx(sum(times), rel=1e-4)
    assert alone.digital.total_energy_J == alone.digital.area_m2 == 0


def test_groups_tokens_and_products_of_activations_that_arrays_do_not_hold() -> None:
    graph = NetworkGraph.from_content(
        {
            "nodes": [
                {"name": "patches", "op": "reshape", "inputs": ["input"], "attrs": {"shape": [4, 4, 4]}},
                {"name": "grouped", "op": "binary_conv2d", "inputs": ["patches"],
                 "attrs": {"in_channels": 4, "out_channels": 6, "kernel": 2, "groups": 2}},
                {"name": "tokens", "op": "reshape", "inputs": ["grouped"], "attrs": {"shape": [6, 9]}},
                {"name": "query", "op": "linear", "inputs": ["tokens"], "attrs": {"in_features": 9, "out_features": 6}},
                {"name": "product", "op": "matmul", "inputs": ["query", "tokens"], "attrs": {}},
                {"name": "mean", "op": "reduce", "inputs": ["product"],
                 "attrs": {"kind": "mean", "axes": [0], "keep": False}},
            ],
            "input_shape": [64],
            "classes": 9,
        }
    )  # fmt: skip
    query, product = DigitalLayer("query", 9, 6, 6, 8), DigitalLayer("product", 6, 9, 6, 8)
    assert digital_layers(graph, ("grouped[0]", "grouped[1]")) == (query, product)
    assert digital_layers(graph, ()) == (DigitalLayer("grouped", 8, 6, 9, 1, blocks=2), query, product)


def test_heads_of_a_product_share_nothing() -> None:
    """Each of three heads multiplies four tokens with what is its own."""
    split = [
        {"name": side, "op": "reshape", "inputs": ["input"], "attrs": {"shape": shape}}
        for side, shape in (("left", [3, 4, 5]), ("right", [3, 5, 4]), ("shared", [5, 12]))
    ]
    products = [
        {"name": "own", "op": "matmul", "inputs": ["left", "right"], "attrs": {}},
        {"name": "common", "op": "matmul", "inputs": ["left", "shared"], "attrs": {}},
        {"name": "both", "op": "concat", "inputs": ["own", "common"], "attrs": {"axis": 2}},
        {"name": "mean", "op": "reduce", "inputs": ["both"], "attrs": {"kind": "mean", "axes": [0, 1], "keep": False}},
    ]
    graph = NetworkGraph.from_content({"nodes": split + products, "input_shape": [60], "classes": 16})
    own, common = digital_layers(graph, ())
    assert own == DigitalLayer("own", 5, 3 * 4, 4, 8, blocks=3) and own.macs == 3 * 4 * 4 * 5
    assert common == DigitalLayer("common", 5, 12, 3 * 4, 8) and common.macs == 12 * 12 * 5
