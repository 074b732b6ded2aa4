"""Causes of lost accuracy: without any of them a design is ideal arithmetic, and each is taken away alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simcore.analysis.ablation import causes_of, only, without
from simcore.analysis.tile_errors import tile_errors
from simcore.crossbar import Circuit, solve
from simcore.crossbar.cells import Cells
from simcore.crossbar.solvers.newton import solve_nodes
from simcore.design import Design
from simcore.design_axes import Adc
from simcore.effects.effect_blocks import load_effects
from simcore.inference.evaluation import evaluate, prepare
from simcore.inference.mapped_products import written_design
from simcore.passes import PASSES
from tests.simcore.small_networks import make_design, small_checkpoint, small_dataset
from tests.simcore.test_passes import NUMBERED

_TABLE = Circuit(
    topology="input_sourced", iv="table", g_on=1e-4, g_off=1e-6, v_read=0.2,
    r_driver=500, r_sink=300, r_row=8, r_col=12, iv_table=((0, 0, 0), (0.1, 8e-6, 1e-7), (0.2, 2e-5, 2.5e-7)),
)  # fmt: skip


def lossy(device: str | Circuit, corner: str = "pessimistic") -> Design:
    return make_design(device, corner, adc=Adc(bits=3, offset_lsb=-0.3, gain=0.8), sparsity="binsparx", prune=0.2)


@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM", _TABLE], ids=["8T", "1T1R", "table"])
def test_without_any_cause_a_design_is_ideal_arithmetic(device: str | Circuit, tmp_path: Path) -> None:
    checkpoint, dataset = small_checkpoint(), small_dataset(tmp_path, test=12)
    images, labels = dataset.read("test", 0, 12)
    spoilt = lossy(device)
    clean = without(spoilt, causes_of(spoilt))
    assert causes_of(clean) == []
    result = evaluate(prepare(checkpoint, clean, dataset), images, labels)
    assert (result.predictions == result.ideal_predictions).all()
    assert [layer.worst_error for layer in result.layers] == [0.0] * 3
    worse = evaluate(
        prepare(checkpoint, spoilt.model_copy(update={"evidence": _mark(spoilt)}), dataset), images, labels
    )
    assert min(layer.worst_error for layer in worse.layers) > 0


_CONVERTER_PASSES = [
    *(NUMBERED[name] for name, one in PASSES.items() if one.sets_converters and not one.needs_bends),
    *(f"{one.name}+threshold_grid:0" for one in PASSES.values() if one.bends_thresholds),
    "reference_bits:1",
]


@pytest.mark.parametrize("passes", _CONVERTER_PASSES)
def test_without_any_cause_no_pass_that_sets_converters_errs(passes: str, tmp_path: Path) -> None:
    checkpoint, dataset = small_checkpoint(), small_dataset(tmp_path, test=12)
    adc = Adc(bits=4, reference="calibrated")
    design = make_design("8T-SRAM", rows=32, adc=adc, mitigations=passes)
    clean = without(design, causes_of(design))
    assert causes_of(clean) == []
    result = evaluate(prepare(checkpoint, clean, dataset), *dataset.read("test", 0, 12))
    assert (result.predictions == result.ideal_predictions).all()
    assert [layer.worst_error for layer in result.layers] == [0.0] * 3


def test_the_converter_of_a_design_without_losses_is_no_cause() -> None:
    design = make_design("8T-SRAM", cols=4, adc=Adc(bits=5), encoding="current_difference", solver="ideal")
    assert design.lossless_bits > 5 and "converter" not in causes_of(design)
    assert "converter" in causes_of(design.model_copy(update={"solver": "exact"}))


def test_written_operands_may_lack_what_a_variant_takes_away() -> None:
    """Absolute conductances of OFF cells need an OFF current; without it its share of the loss is looked for."""
    design = make_design("1T-1ReRAM", effects=load_effects("cmo-hfox-2"))
    assert {"OFF current", "programming spread"} <= set(causes_of(design))
    for variant in (without(design, ["OFF current"]), only(design, "programming spread")):
        assert variant.circuit.off_current() == 0
        assert written_design(variant).effects == variant.effects


def test_each_cause_is_told_and_taken_away_alone() -> None:
    gate, rows = lossy("8T-SRAM"), lossy("1T-1ReRAM-BL")
    shared = {"column wire", "driver", "sink", "non-linearity", "OFF current", "converter", "pruning"}
    assert set(causes_of(gate)) == shared - {"driver"} | {"source wire"}  # its source line hangs on the supply rail
    assert set(causes_of(rows)) == shared - {"non-linearity"} | (
        {"row wire"} | ({"non-linearity"} & set(causes_of(rows)))
    )
    for design in (gate, rows):
        for cause in causes_of(design):
            assert set(causes_of(without(design, [cause]))) == set(causes_of(design)) - {cause}
            assert causes_of(only(design, cause)) == [cause]
    assert causes_of(make_design(without(gate, causes_of(gate)).circuit)) == []


def test_straightened_cells_pass_the_same_current_at_the_read_voltage() -> None:
    for design in (lossy("8T-SRAM"), lossy(_TABLE)):
        straight = without(design, ["non-linearity"]).circuit
        assert straight.on_current() == pytest.approx(design.circuit.on_current(), rel=1e-12)
        assert straight.off_current() == pytest.approx(design.circuit.off_current(), rel=1e-12)
        assert straight.iv == "linear"


def test_nodes_of_one_cell_divide_the_voltage() -> None:
    # 1 V across 10 (driver) + 20 (row) + 1000 (cell) + 30 (bit line) + 40 (sink) = 1100 ohm: 1/1100 A.
    circuit = Circuit(
        topology="input_sourced", g_on=1e-3, g_off=0, v_read=1.0, r_driver=10, r_row=20, r_col=30, r_sink=40
    )
    nodes, imbalance = solve_nodes(circuit, Cells.of(np.ones((1, 1))), np.ones(1))
    assert nodes.cell_currents[0, 0] == pytest.approx(1 / 1100, rel=1e-9)
    assert nodes.row[0, 0] == pytest.approx(1 - 30 / 1100, rel=1e-9)
    assert nodes.column[0, 0] == pytest.approx(70 / 1100, rel=1e-9)
    assert imbalance < 1e-9


@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM-BL"])
def test_node_currents_add_up_to_what_the_exact_solver_delivers(device: str) -> None:
    circuit = lossy(device).circuit
    rng = np.random.default_rng(3)
    weights, inputs = rng.integers(0, 2, (12, 7)), rng.integers(0, 2, 12)
    nodes, _ = solve_nodes(circuit, Cells.of(weights), inputs)
    expected = solve(circuit, weights, inputs[None], tol=1e-11).sink_currents[0]
    np.testing.assert_allclose(nodes.cell_currents.sum(axis=0), expected, rtol=1e-7)
    assert (nodes.row <= circuit.v_read * (1 + 1e-9)).all() and (nodes.column >= -1e-12).all()


def test_tiles_err_where_the_circuit_does(tmp_path: Path) -> None:
    checkpoint, dataset = small_checkpoint(), small_dataset(tmp_path, test=4)
    design = lossy("8T-SRAM").model_copy(update={"evidence": _mark(lossy("8T-SRAM"))})
    layers = tile_errors(checkpoint, prepare(checkpoint, design, dataset), dataset, "test", images=2)
    assert [layer.layer for layer in layers] == ["wide", "narrow", "dense"]
    assert [layer.rms_error.shape for layer in layers] == [
        (3, 2),
        (2, 1),
        (6, 3),
    ]  # 45, 21, 90 inputs; 7, 3, 11 columns
    assert all(layer.rms_error.max() > 0 for layer in layers)
    clean = without(design, causes_of(design))
    for layer in tile_errors(checkpoint, prepare(checkpoint, clean, dataset), dataset, "test", images=2):
        assert layer.rms_error.max() == 0
        assert layer.positions == {"wide": 45, "narrow": 30, "dense": 1}[layer.layer]
    # 16 rows that are on leak more than two ones deliver, until the reference column takes that away.
    leaking = clean.circuit.model_copy(update={"g_off": clean.circuit.g_on / 7})
    reranged = Adc(bits=clean.adc.bits, reference="calibrated")
    plain = clean.model_copy(update={"circuit": leaking, "adc": reranged, "solver": "exact"})
    repaired = plain.model_copy(update={"mitigations": "reference_column"})
    for design, errs in ((plain, True), (repaired, False)):
        layers = tile_errors(checkpoint, prepare(checkpoint, design, dataset), dataset, "test", images=2)
        assert any(layer.rms_error.max() > 0 for layer in layers) == errs


def _mark(design: Design):  # type: ignore[no-untyped-def]
    return design.evidence.model_copy(update={"beyond": "mark"})
