"""Passes that change what arrays are, on a small network: terminals, reference columns, and which flips there are."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.cost import LayerActivity, Tile, layer_cost, resolve
from simcore.cost_options import CostOptions
from simcore.crossbar import Circuit
from simcore.design_axes import Adc
from simcore.encodings import ENCODINGS
from simcore.inference.evaluation import evaluate, prepare
from simcore.mapping.tiling import map_layer
from simcore.mitigation.sets import mitigations_of, store_layer
from simcore.network.modules import BinaryLayer
from simcore.technology.devices import load_bitcell
from tests.simcore.small_networks import make_design

RERANGED = Adc(bits=6, reference="calibrated")
PERFECT = Circuit(topology="gate_driven", g_on=1e-5, g_off=0, v_read=0.2, r_driver=0, r_sink=0, r_col=0, r_source=0)


def totals(checkpoint, dataset, device="1T-1ReRAM", **fields):
    """What each layer did with six images, by its name."""
    design = make_design(device, **{"corner": "pessimistic", "rows": 32, "cols": 8, **fields})
    found = evaluate(prepare(checkpoint, design, dataset), *dataset.read("test", 0, 6))
    return {layer.layer: layer for layer in found.layers}


def squared_error(layers):
    return sum(layer.squared_error for layer in layers.values())


@pytest.mark.parametrize("terminal", ["sink", "driver"])
def test_a_wide_terminal_is_one_of_less_resistance(checkpoint, dataset, terminal):
    plain = make_design("1T-1ReRAM", corner="pessimistic").circuit
    lower = plain.model_copy(update={f"r_{terminal}": getattr(plain, f"r_{terminal}") / 4})
    wide = totals(checkpoint, dataset, mitigations=f"wide_{terminal}:4")
    assert wide == totals(checkpoint, dataset, device=lower)
    assert squared_error(wide) < squared_error(totals(checkpoint, dataset))


@pytest.mark.parametrize("terminal", ["sink", "driver"])
def test_a_wide_terminal_settles_sooner_and_takes_energy_and_area(terminal):
    cell = load_bitcell("1T-1ReRAM").cell
    layer = LayerActivity(64, 64, 1, 10, 1e-3, 300, 0, 0)
    plain, wide = (
        layer_cost(Tile.of(design, cell), layer, resolve(CostOptions()), mitigations_of(design))
        for design in (make_design("1T-1ReRAM", mitigations=text) for text in ("none", f"wide_{terminal}:2"))
    )
    assert wide.latency_s < plain.latency_s
    assert wide.total_energy_J > plain.total_energy_J and wide.total_area_m2 > plain.total_area_m2


@pytest.mark.parametrize(
    "mitigations", ["reference_column", "reference_column+bent_references+digital_table:3", "popcount_term"]
)
def test_reference_columns_act_alike_in_the_fused_and_in_the_exact_readout(checkpoint, dataset, mitigations):
    fields = {"adc": RERANGED, "corner": "nominal", "mitigations": mitigations, "layers": ("narrow", "dense"),
              "evidence": {"beyond": "mark"}}  # fmt: skip
    # Which rows are on the fast solver leaves out of the reference's current: it is some thousandths of an LSB.
    design = make_design("1T-1ReRAM", rows=32, cols=8, **fields)
    assert prepare(checkpoint, design, dataset).evidence.worst("rms_lsb") < 0.005
    fast, exact = (totals(checkpoint, dataset, solver=solver, **fields) for solver in ("fast", "exact"))
    for name, ours in fast.items():
        best = exact[name]
        assert (ours.column_reads, ours.partial_sum) == (best.column_reads, best.partial_sum)
        assert ours.column_current == pytest.approx(best.column_current, rel=1e-3)
        assert ours.squared_error == pytest.approx(best.squared_error, rel=0.05)


def test_a_reference_column_takes_what_off_cells_leak():
    """Cells that lose nothing but what OFF cells leak: with the column sums are exact."""
    leaky = PERFECT.model_copy(update={"g_off": 1e-6})
    design = make_design(leaky, adc=Adc(bits=6), mitigations="reference_column", solver="exact")
    rng = np.random.default_rng(0)
    layer = BinaryLayer("dense", "linear", rng.choice(np.array([-1, 1], np.int8), (5, 32)), (1, 1), (0, 0))
    mapping = map_layer(layer, ENCODINGS["zero_one"], 16, 16)
    vectors = rng.choice(np.array([-1, 1], np.int8), (20, 32))
    for group in store_layer(mapping, design, vectors).groups:
        bits = group.apply(vectors).bits
        on = bits.sum(axis=1, keepdims=True)
        reference = group.reference_currents(bits)[:, None]
        np.testing.assert_allclose(reference, 0.1 * on, rtol=1e-6)
        met = group.met_by_converters(group.exact_currents(bits), bits)
        np.testing.assert_allclose(met, 0.9 * group.partial_sums(bits), rtol=1e-5, atol=1e-5)


def test_flips_stay_where_they_lower_the_error_and_go_where_nothing_is_lost(checkpoint, dataset):
    fields = {"sparsity": "binsparx", "adc": RERANGED, "mitigations": "flips_where_they_pay"}
    lossless = totals(checkpoint, dataset, PERFECT, **fields)
    assert all(layer.weight_flips == layer.activation_flips == 0 for layer in lossless.values())
    kept = totals(checkpoint, dataset, "8T-SRAM", **fields)
    assert any(layer.weight_flips and layer.activation_flips for layer in kept.values())
    every = totals(checkpoint, dataset, "8T-SRAM", **(fields | {"mitigations": "none"}))
    for name, layer in kept.items():
        if layer.weight_flips:
            assert layer.weight_flips == every[name].weight_flips


@pytest.mark.parametrize(("circuit", "flips"), [(PERFECT, False), ("8T-SRAM", True)], ids=["no flips", "flips"])
def test_rows_carry_rising_currents_towards_the_sink_whatever_flips_a_layer_keeps(circuit, flips):
    rng = np.random.default_rng(2)
    weights = np.where(rng.random((12, 64)) < rng.random(64), 1, -1).astype(np.int8)
    plain = map_layer(BinaryLayer("dense", "linear", weights, (1, 1), (0, 0)), ENCODINGS["zero_one"], 32, 32)
    vectors = np.where(rng.random((40, 64)) < rng.random(64), 1, -1).astype(np.int8)
    design = make_design(circuit, corner="pessimistic", rows=32, cols=12, sparsity="binsparx", adc=RERANGED,
                         mitigations="near_sink+flips_where_they_pay")  # fmt: skip
    stored = store_layer(plain, design, vectors)
    assert flips == any(group.stored.flips.any() or np.isfinite(group.stored.flip_above) for group in stored.groups)
    for group in stored.groups:
        currents = group.apply(stored.vectors).bits.mean(axis=0) * group.stored.bits.sum(axis=1)
        assert (np.diff(currents) >= 0).all()
        np.testing.assert_array_equal(group.stored.digital ^ group.stored.flips, group.dense)
    sums = stored.vectors.astype(int) @ (2 * stored.mapping.weights.astype(int) - 1)
    np.testing.assert_array_equal(sums, vectors.astype(int) @ weights.T)


def test_a_layer_without_flips_has_no_logic_for_them():
    cell = load_bitcell("8T-SRAM").cell
    unflipped = LayerActivity(64, 64, 1, 10, 1e-3, 300, 0, 0)
    where, always, dense = (
        layer_cost(Tile.of(make_design(sparsity=sparsity, mitigations=text), cell), unflipped, resolve(CostOptions()))
        for sparsity, text in (("binsparx", "flips_where_they_pay"), ("binsparx", "none"), ("dense", "none"))
    )
    assert where == dense
    assert where.total_area_m2 < always.total_area_m2 and where.total_energy_J < always.total_energy_J


def test_flips_that_a_sample_decides_are_undone_all_the_same(checkpoint, dataset):
    fields = {"sparsity": "binsparx", "solver": "ideal"}
    design = make_design(rows=32, mitigations="sampled_popcount:5", **fields)
    found = evaluate(prepare(checkpoint, design, dataset), *dataset.read("test", 0, 12))
    np.testing.assert_array_equal(found.predictions, found.ideal_predictions)
    every = totals(checkpoint, dataset, "8T-SRAM", **fields)
    sampled = totals(checkpoint, dataset, "8T-SRAM", mitigations="sampled_popcount:5", **fields)
    assert any(sampled[name].activation_flips != layer.activation_flips for name, layer in every.items())
    # Decided by fewer rows, flips leave more rows on; never as many as without any.
    none = totals(checkpoint, dataset, "8T-SRAM", **(fields | {"sparsity": "weight"}))
    ones = [sum(layer.applied_ones for layer in layers.values()) for layers in (every, sampled, none)]
    assert ones[0] < ones[1] < ones[2]


def test_a_sample_shortens_the_path_before_the_read():
    cell = load_bitcell("8T-SRAM").cell
    layer = LayerActivity(64, 64, 1, 10, 1e-3, 300, 3, 0)
    serial = resolve(CostOptions(flip_path="serial"))
    times = [
        layer_cost(
            Tile.of(make_design(rows=64, sparsity="activation", mitigations=text), cell), layer, serial
        ).latency_s
        for text in ("none", "sampled_popcount:4", "sampled_popcount:16")
    ]
    assert times[0] > times[1] > times[2]
