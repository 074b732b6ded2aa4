"""What it costs to write an operand for every image, by hand."""

from __future__ import annotations

import dataclasses
import math

import pytest

from simcore.cost import (
    LayerActivity,
    Tile,
    activities,
    design_cost,
    design_spreads,
    digital_spread,
    layer_cost,
    resolve,
)
from simcore.cost.design_cost import layer_area
from simcore.cost_options import CostOptions
from simcore.design import Design
from simcore.design_axes import Adc
from simcore.errors import InputError
from simcore.network.graph import NetworkGraph
from simcore.technology import circuit_parameters
from simcore.technology.devices import load_bitcell

# 48 x 100 signs on 64 x 64 arrays: one tile high, two wide
WRITTEN = LayerActivity(48, 100, 1, 10, 1e-3, 240, 0, 0, written=True)
STORED = dataclasses.replace(WRITTEN, written=False)


def tile(device: str = "8T-SRAM", **fields) -> Tile:
    cell = load_bitcell(device).cell
    assert cell is not None
    return Tile.of(Design(circuit=circuit_parameters(device), rows=64, cols=64, adc=Adc(bits=6), **fields), cell)


def settings(**options):
    return resolve(CostOptions(**options))


def test_sram_by_hand() -> None:
    found, stored = (layer_cost(tile(), layer, settings()) for layer in (WRITTEN, STORED))
    # a word line 64 x (0.472 um x 0.2 + 0.1005) fF, a bit line 64 x (0.112 um x 0.2 + 0.0222) fF, both at 0.7 V
    lines = 48 * 2 * 12.4736e-15 * 0.49 + 4800 * 64 * 0.0446e-15 * 0.49
    popcount = 100 * (48 - 6 + 2.5) * 1e-15
    expected = lines + 4800 * (0.26e-15 + 28e-15) + popcount
    assert found.energy_J["write"] == pytest.approx(expected)
    assert stored.energy_J["write"] == 0
    assert found.write_s == pytest.approx(48 * 1e-9)
    assert found.latency_s - stored.latency_s == pytest.approx(48e-9)
    assert found.images_until_worn == stored.images_until_worn == math.inf
    # sums of weights that change are read with every column
    assert found.energy_J["stored_sums"] == pytest.approx(10 * 100 * 6 * 0.35e-15)
    others = set(found.energy_J) - {"write", "stored_sums"}
    assert all(found.energy_J[name] == stored.energy_J[name] for name in others)
    assert found.total_energy_J > math.fsum((stored.total_energy_J, found.energy_J["write"]))  # it leaks for longer


def test_reram_by_hand() -> None:
    found = layer_cost(tile("1T-1ReRAM"), WRITTEN, settings(activation_buffer=False))
    word = 64 * (0.135 * 0.2 + 4 * 0.1005) * 1e-15
    bit = 64 * (0.108 * 0.2 + 4 * 0.0222) * 1e-15
    expected = 48 * 2 * word * 4 + 4800 * (bit * 4 + 600e-15) + 100 * 44.5e-15
    assert found.energy_J["write"] == pytest.approx(expected)
    assert found.write_s == pytest.approx(48 * 20e-9)
    assert found.images_until_worn == 1e6


def test_what_is_written_complemented_is_compared_and_flipped() -> None:
    plain, flipped = (layer_cost(tile(sparsity=level), WRITTEN, settings()) for level in ("dense", "weight"))
    more = flipped.energy_J["write"] - plain.energy_J["write"]
    assert more == pytest.approx(100 * 6e-15 + 4800 * 0.35e-15)


def test_what_is_flipped_is_counted_where_products_need_no_count() -> None:
    """Two reads of a position leave sum(W) to no one, but a column that may be complemented has its ones counted."""
    costs = [
        layer_cost(tile(sparsity=level, encoding="two_cycles"), WRITTEN, settings()) for level in ("dense", "weight")
    ]
    more = costs[1].energy_J["write"] - costs[0].energy_J["write"]
    assert more == pytest.approx(100 * (44.5e-15 + 6e-15) + 4800 * 0.35e-15)


def test_what_counts_ones_has_an_area() -> None:
    written, stored = (layer_area(tile(), layer, settings()) for layer in (WRITTEN, STORED))
    counters = 2 * 7 * 64 * (0.204 + 0.292) * 1e-12 / 0.7
    assert written["accumulators"] - stored["accumulators"] == pytest.approx(counters)
    assert stored["stored_sums"] == 0
    assert written["stored_sums"] == pytest.approx(2 * 64 * 7 * 0.029e-12 / 0.7)


def test_few_tiles_at_once_are_written_in_turns_and_a_tall_operand_row_by_row() -> None:
    assert layer_cost(tile(), WRITTEN, settings(parallel_tiles=1)).write_s == pytest.approx(2 * 48e-9)
    tall = dataclasses.replace(WRITTEN, inputs=150, groups=3)
    assert layer_cost(tile(), tall, settings()).write_s == pytest.approx(64e-9)


def test_a_design_adds_up_what_its_layers_write_and_the_spread_holds_it() -> None:
    cost = design_cost(tile("1T-1ReRAM"), [STORED, WRITTEN, WRITTEN], settings())
    assert cost.mapped.energy_J["write"] == pytest.approx(2 * cost.layers[1].energy_J["write"])
    assert cost.mapped.write_s == pytest.approx(2 * 48 * 20e-9)
    assert cost.mapped.images_until_worn == 1e6
    engine = digital_spread((), settings())
    whole, _ = design_spreads(tile("1T-1ReRAM"), [STORED, WRITTEN, WRITTEN], cost, settings(), engine)
    for values, central in ((whole.energy_J, cost.total_energy_J), (whole.latency_s, cost.latency_s)):
        assert values.min() <= central <= values.max()
        assert values.min() > (cost.mapped.energy_J["write"] if values is whole.energy_J else cost.mapped.write_s)


def test_without_numbers_of_writing_there_is_one_line_and_other_layers_cost_what_they_did() -> None:
    silent = dataclasses.replace(tile(), write=None)
    assert layer_cost(silent, STORED, settings()) == layer_cost(tile(), STORED, settings())
    with pytest.raises(InputError, match=r"does not say what it takes to write a cell \(cell: write\)"):
        layer_cost(silent, WRITTEN, settings())


@pytest.mark.parametrize(
    ("write", "message"),
    [
        ("{voltage: {value: 1, unit: mV}}", "voltage is given in 'mV', expected 'V'"),
        ("{row_time: {value: 0, unit: ns}}", r"row_time must be positive \(ns\), got 0"),
        ("{endurance: {value: 1e6, unit: V}}", "endurance is given in 'V', expected 'writes'"),
    ],
)
def test_a_bitcell_file_with_other_numbers_is_refused(tmp_path, write: str, message: str) -> None:
    given = {
        "voltage": "{value: 1, unit: V}",
        "cell_energy": "{value: 1, unit: fJ}",
        "row_time": "{value: 1, unit: ns}",
    }
    name, value = write[1:-1].split(": ", 1)
    text = ", ".join(f"{key}: {entry}" for key, entry in (given | {name: value}).items())
    path = tmp_path / "cell.yaml"
    cell = f"{{height_um: 1, width_um: 1, area_um2: 1, write: {{{text}}}}}"
    path.write_text(f"name: mine\ntopology: gate_driven\ncell: {cell}\ncorners: {{nominal: {{}}}}\n")
    with pytest.raises(InputError, match=message) as caught:
        load_bitcell(str(path))
    assert "cell.yaml:3" in str(caught.value)


def test_which_layers_of_a_network_are_written() -> None:
    nodes = [
        {"name": "scores", "op": "binary_matmul", "inputs": ["input", "input"]},
        {"name": "flat", "op": "flatten", "inputs": ["scores"]},
        {"name": "dense", "op": "binary_linear", "inputs": ["flat"], "attrs": {"in_features": 18, "out_features": 2}},
    ]
    graph = NetworkGraph.from_content({"nodes": nodes, "input_shape": (2, 3, 3), "classes": 2})
    counts = {"column_reads": 6, "activation_reads": 3, "stored_columns": 2, "inputs": 3, "column_current_A": 0.0,
              "applied_ones": 0, "activation_flips": 0, "weight_flips": 0}  # fmt: skip
    found = activities(graph, [{"layer": name, **counts} for name in ("scores[0]", "scores[1]", "dense")], 1)
    assert [layer.written for layer in found] == [True, True, False]
