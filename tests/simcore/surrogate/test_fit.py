"""The fast solver: its fused kernel, its exactness where arrays are linear, and the evidence it comes with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from simcore.crossbar import Circuit, Solution, solve
from simcore.datasets import open_dataset
from simcore.design_axes import Adc, EvidenceLimits
from simcore.inference.evaluation import prepare
from simcore.inference.stored_layers import binary_input_signs, images_for_calibration, stored_layers
from simcore.inference.validation import Evidence, FittedLayer, measure_layer
from simcore.mapping.tiling import input_vectors
from simcore.network.checkpoint import find_model, load_checkpoint, model_names
from simcore.readout.adc import CalibrationReads, converter_settings
from simcore.readout.fused import read_layer
from simcore.readout.tables import digital_constants
from simcore.surrogate.base import Calibration, Surrogate
from simcore.surrogate.fit import fit_layer, is_exactly_linear, transfer_layer
from simcore.technology import corner_names, device_names
from tests.simcore.small_networks import make_design

needs_model = pytest.mark.skipif(
    "fashion-cnn" not in model_names(), reason="NO TRAINED NETWORK: fashion-cnn does not ship in this checkout"
)
LINEAR = Circuit(
    topology="input_sourced", gated=False, g_on=8e-5, g_off=4e-6, v_read=0.2, r_driver=300, r_sink=200, r_row=8, r_col=6
)


def stored_layer(checkpoint, dataset, design, name):
    """One layer as ``prepare`` stores it for a network of one layer."""
    design = design.model_copy(update={"layers": (name,)})
    (layer,) = stored_layers(checkpoint, design, images_for_calibration(checkpoint, design, dataset))
    return layer


def fitted(checkpoint, dataset, design, name):
    """One layer, its models and held-out vectors, as ``prepare`` makes them for a network of one layer."""
    layer = stored_layer(checkpoint, dataset, design, name)
    cut = 3 * len(layer.vectors) // 4
    models = fit_layer(layer.groups, Calibration(layer.vectors[:cut], layer.rng))
    return layer, models, layer.vectors[cut:]


def tile_of(layer, index, design):
    """The bits of a whole tile, put together from the layer's stored rows without the product's own helper, and where
    in it the group begins."""
    offset = layer.groups[index].span.start % design.rows
    start = layer.groups[index].span.start - offset
    below = np.concatenate([group.stored.bits for group in layer.groups])[start : start + design.rows]
    return np.concatenate([below, np.zeros((design.rows - len(below), below.shape[1]), np.uint8)]), offset


def solved(layer, index, design, bits):
    """Column currents in LSB of applied bits, from exact solves of tiles put together here."""
    tile, offset = tile_of(layer, index, design)
    inputs = np.zeros((len(bits), design.rows), np.uint8)
    inputs[:, offset : offset + bits.shape[1]] = bits
    currents = [
        solve(design.circuit, tile[:, start : start + design.cols], inputs).sink_currents
        for start in range(0, tile.shape[1], design.cols)
    ]
    return np.concatenate(currents, axis=1) / design.circuit.on_current()


@pytest.mark.parametrize("circuit", ["8T-SRAM", "1T-1ReRAM", "1T-1ReRAM-BL", LINEAR], ids=str)
@pytest.mark.parametrize("corner", ["nominal", "pessimistic"])
def test_the_fused_kernel_computes_the_numpy_model(checkpoint, dataset, circuit, corner, monkeypatch):
    """A converter of 1000 codes a LSB shows the kernel's currents; one row group, no flips."""
    adc = Adc(bits=16, gain=1000.0)
    design = make_design(
        circuit, corner, rows=32, cols=2, adc=adc, solver="fast", layers=("narrow",),
        evidence=EvidenceLimits(beyond="mark"),
    )  # fmt: skip
    models = []
    monkeypatch.setattr(
        "simcore.inference.ready_layers.fit_layer", lambda *args: models.extend(fit_layer(*args)) or models
    )
    prepared = prepare(checkpoint, design, dataset)
    layer = stored_layer(checkpoint, dataset, design, "narrow")
    images = torch.from_numpy(dataset.read("test", 0, 5)[0].transpose(0, 3, 1, 2).copy()).float()
    vectors = input_vectors(layer.mapping, binary_input_signs(checkpoint.network, images, {"narrow"})["narrow"])
    dots, _ = read_layer(prepared.layers["narrow"].tables, vectors)
    bits = (vectors > 0).astype(np.uint8)
    digital = digital_constants(layer.groups, vectors[0] != 0)[0]
    codes = (dots + 2 * bits.sum(axis=2, dtype=int)[:, :, None] - digital) / 4
    currents = models[0].evaluate(bits.reshape(-1, bits.shape[2])).reshape(codes.shape)
    assert np.abs(codes / 1000 - currents).max() < 0.55e-3  # 0.5e-3 of it is the code's own rounding


@pytest.mark.parametrize("active_rows", [None, 5])
@pytest.mark.parametrize("name", ["wide", "narrow", "dense"])
def test_linear_ungated_arrays_are_solved_exactly_by_their_matrix(checkpoint, dataset, active_rows, name):
    design = make_design(LINEAR, rows=16, cols=4, active_rows=active_rows)
    assert is_exactly_linear(LINEAR)
    prepared = prepare(checkpoint, design.model_copy(update={"layers": (name,)}), dataset)
    assert prepared.solver == "transfer"
    assert abs(prepared.evidence.worst("worst_lsb")) < 1e-6
    layer = stored_layer(checkpoint, dataset, design, name)
    for index, (group, model) in enumerate(zip(layer.groups, transfer_layer(layer.groups), strict=True)):
        bits = (group.inputs(layer.vectors[:20]) > 0).astype(np.uint8)
        assert np.abs(model.evaluate(bits) - solved(layer, index, design, bits)).max() < 1e-6


@pytest.mark.parametrize(
    "change", [{"gated": True}, {"iv": "tanh", "v_nl": 0.3}, {"iv_off": "sinh", "v_nl_off": 0.3}], ids=str
)
def test_other_arrays_are_not_one_matrix(change):
    assert not is_exactly_linear(Circuit.from_parameters({**LINEAR.model_dump(exclude_none=True), **change}))


@pytest.mark.parametrize("gated", [True, False])
def test_rows_of_other_groups_belong_to_the_tile(checkpoint, dataset, gated):
    """Without gates the cells of the rows that are not read now still load the bit lines."""
    circuit = LINEAR.model_copy(update={"gated": gated})
    design = make_design(circuit, rows=16, cols=8, active_rows=4)
    layer = stored_layer(checkpoint, dataset, design, "narrow")
    index = 1
    group = layer.groups[index]
    bits = (group.inputs(layer.vectors[:6]) > 0).astype(np.uint8)
    exact = solved(layer, index, design, bits)
    np.testing.assert_allclose(group.exact_currents(bits), exact, rtol=1e-6, atol=1e-9)
    tile, offset = tile_of(layer, index, design)
    lone, inputs = np.zeros_like(tile), np.zeros((6, 16), np.uint8)
    lone[offset : offset + group.rows] = group.stored.bits
    inputs[:, offset : offset + group.rows] = bits
    alone = solve(circuit, lone, inputs).sink_currents / circuit.on_current()
    assert (np.abs(alone - exact).max() < 1e-6) == gated


def independent_errors(layer, models, design, vectors):
    """Errors in LSB of every group's model on ``vectors``, against exact solves of tiles put together here."""
    errors = []
    for index, (group, model) in enumerate(zip(layer.groups, models, strict=True)):
        bits = group.apply(vectors).bits
        errors.append((model.evaluate(bits) - solved(layer, index, design, bits)).ravel())
    return np.concatenate(errors)


def calibrated(layer, models, design, vectors):
    """The layer with its models and converters set on their own currents."""
    reads = []
    for group, model in zip(layer.groups, models, strict=True):
        bits, stored = group.apply(vectors).bits, group.stored.bits
        sums = bits.astype(float) @ stored
        reads.append(CalibrationReads(model.evaluate(bits), sums, stored.sum(axis=0), bits.sum(axis=1)))
    return FittedLayer(layer.mapping, layer.groups, models, converter_settings(design.adc, reads))


def measured(layer, vectors):
    return measure_layer(layer, "ideal", vectors, np.random.default_rng(0))


CALIBRATED = Adc(bits=6, reference="calibrated")


@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM-BL"])
@pytest.mark.parametrize("sparsity", ["dense", "binsparx"])
def test_evidence_tells_the_error_that_other_images_meet(checkpoint, dataset, device, sparsity):
    design = make_design(
        device, "pessimistic", rows=32, cols=8, sparsity=sparsity, solver="fast", adc=CALIBRATED
    )  # fmt: skip
    layer, models, held_out = fitted(checkpoint, dataset, design, "wide")
    evidence = measured(calibrated(layer, models, design, held_out), held_out)
    images = torch.from_numpy(dataset.read("test", 0, 10)[0].transpose(0, 3, 1, 2).copy()).float()
    vectors = input_vectors(layer.mapping, binary_input_signs(checkpoint.network, images, {"wide"})["wide"])
    errors = independent_errors(layer, models, design, vectors.reshape(-1, vectors.shape[2]))
    rms = float(np.sqrt((errors**2).mean()))
    assert evidence.unsolved == 0
    assert evidence.residual < 1e-6
    assert rms <= 2 * evidence.rms_lsb + 1e-4
    assert np.abs(errors).max() <= 6 * evidence.worst_lsb + 1e-3


@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM-BL"])
@pytest.mark.parametrize("sparsity", ["dense", "binsparx"])
def test_evidence_is_that_of_converted_sums_and_outputs(checkpoint, dataset, device, sparsity):
    """Models whose currents are too high by half: every figure again from independent solves."""
    design = make_design(device, rows=32, cols=64, sparsity=sparsity, solver="fast", adc=CALIBRATED)
    layer, models, held_out = fitted(checkpoint, dataset, design, "narrow")
    converters = calibrated(layer, models, design, held_out).converters
    wrong = FittedLayer(layer.mapping, layer.groups, [Scaled(model) for model in models], converters)
    few = held_out[:8]  # fewer than are drawn, so that the evidence takes all of them
    found = measured(wrong, few)
    errors, codes, sums, outputs = [], [], [], 0.0
    for index, group in enumerate(layer.groups):
        bits = group.apply(few).bits
        exact = solved(layer, index, design, bits)
        fast = wrong.models[index].evaluate(bits)
        code = converters.convert(fast, index, 0) - converters.convert(exact, index, 0)
        flipped = (bits != (group.inputs(few) > 0)).any(axis=1)
        signs = np.where(flipped, -1, 1)[:, None] * np.where(group.stored.flips, -1, 1)
        outputs = outputs + 4 * signs * code
        errors.append((fast - exact).ravel())
        codes.append(code.ravel())
        sums.append((bits.astype(float) @ group.stored.bits).ravel())
    errors, codes, sums = (np.concatenate(part) for part in (errors, codes, sums))
    assert found.reads == errors.size
    assert found.rms_lsb == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-4)
    assert found.worst_lsb == pytest.approx(np.abs(errors).max(), rel=1e-4)
    assert found.changed == (codes != 0).mean() > 0.02
    assert found.converted_rms_lsb == pytest.approx(np.sqrt((codes**2).mean()))
    assert found.converted_worst_lsb == np.abs(codes).max() >= 1
    assert found.top_bias_lsb == pytest.approx(codes[sums >= np.quantile(sums, 0.95)].mean())
    true = few.astype(float) @ (2.0 * layer.mapping.weights - 1)
    assert found.output_error == pytest.approx(np.sqrt((outputs**2).mean()) / true.std())
    assert not found.within(EvidenceLimits())
    assert Evidence((found,)).worst("changed") == found.changed


class Scaled(Surrogate):
    """A model whose currents are too high by half."""

    def __init__(self, model):
        self.model = model

    def evaluate(self, bits, columns=slice(None)):
        return 1.5 * self.model.evaluate(bits, columns)

    def on_cells(self, group):
        return Scaled(self.model.on_cells(group))


def test_evidence_counts_what_the_exact_solver_could_not_solve(checkpoint, dataset, monkeypatch):
    design = make_design(rows=32, cols=8, solver="fast", adc=CALIBRATED)
    layer, models, held_out = fitted(checkpoint, dataset, design, "narrow")

    def failing(*args, **kwargs):
        solution = solve(*args, **kwargs)
        return Solution(
            solution.sink_currents,
            np.zeros_like(solution.status),
            solution.residual + 0.5,
            solution.sweeps,
            solution.current_error,
        )

    complete = calibrated(layer, models, design, held_out)
    monkeypatch.setattr("simcore.mapping.row_groups.solve", failing)
    evidence = measured(complete, held_out[:5])
    assert evidence.unsolved == 5
    assert evidence.residual >= 0.5
    assert not evidence.within(EvidenceLimits())


def test_evidence_is_of_every_layer_with_ideal_and_with_its_own_inputs(checkpoint, dataset):
    design = make_design("1T-1ReRAM", "pessimistic", rows=32, cols=8, solver="fast", adc=CALIBRATED)
    evidence = prepare(checkpoint, design, dataset).evidence
    assert [(layer.layer, layer.inputs) for layer in evidence.layers] == [
        (name, inputs) for name in ("wide", "narrow", "dense") for inputs in ("ideal", "own")
    ]
    assert evidence.reads == sum(layer.reads for layer in evidence.layers)
    for name in ("rms_lsb", "changed", "converted_rms_lsb"):
        assert evidence.worst(name) == max(getattr(layer, name) for layer in evidence.layers)
    lowest = min(layer.top_bias_lsb for layer in evidence.layers)
    highest = max(layer.top_bias_lsb for layer in evidence.layers)
    assert evidence.worst("top_bias_lsb") == (lowest if -lowest > highest else highest)


def test_a_layers_own_inputs_are_those_that_its_design_delivers(checkpoint, dataset):
    """The first layer meets the ideal network's inputs either way; later ones on a lossy design do not."""
    lossy = make_design("8T-SRAM", "pessimistic", rows=64, cols=8, solver="fast", adc=Adc(bits=7))
    clean = make_design("8T-SRAM", "optimistic", rows=8, cols=8, solver="fast", adc=Adc(bits=7))
    for design, same in ((lossy, False), (clean, True)):
        seen = {}

        def watch(layer, inputs, vectors, rng, seen=seen):
            seen[layer.mapping.name, inputs] = vectors.mean()
            return measure_layer(layer, inputs, vectors, rng)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("simcore.inference.ready_layers.measure_layer", watch)
            prepare(checkpoint, design.model_copy(update={"evidence": EvidenceLimits(beyond="mark")}), dataset)
        apart = abs(seen["dense", "ideal"] - seen["dense", "own"])
        assert (apart < 0.05) == same


def presets():
    return [(device, corner) for device in device_names() for corner in corner_names(device)]


def check_evidence(rows, device, corner, sparsity, layers, changed, bias):
    dataset = open_dataset("fashion-mnist")
    network = load_checkpoint(find_model("fashion-cnn"))
    design = make_design(
        device, corner, rows=rows, cols=rows, sparsity=sparsity, adc=Adc(bits=9, reference="calibrated"), layers=layers,
        calibration_images=8, evidence=EvidenceLimits(beyond="mark"),
    )  # fmt: skip
    evidence = prepare(network, design, dataset).evidence
    assert evidence.reads > 1000
    assert evidence.unsolved == 0
    assert evidence.worst("residual") < 1e-6
    assert evidence.worst("changed") <= changed
    assert abs(evidence.worst("top_bias_lsb")) <= bias


@needs_model
@pytest.mark.parametrize(("device", "corner"), presets())
def test_evidence_is_small_at_every_preset(device, corner):
    """Of converted sums, after converters that multiply currents (and errors) up to twenty times."""
    wired_rows = device == "1T-1ReRAM-BL" and corner == "pessimistic"
    check_evidence(
        64, device, corner, "binsparx", ("bconv1",), 0.1 if wired_rows else 0.015, 0.1 if wired_rows else 0.03
    )


@needs_model
@pytest.mark.slow
@pytest.mark.parametrize("sparsity", ["dense", "binsparx"])
@pytest.mark.parametrize("rows", [32, 64])
@pytest.mark.parametrize(("device", "corner"), presets())
def test_evidence_is_small_on_every_layer(rows, device, corner, sparsity):
    wired_rows = device == "1T-1ReRAM-BL" and corner == "pessimistic"
    check_evidence(rows, device, corner, sparsity, None, 0.15 if wired_rows else 0.03, 0.15 if wired_rows else 0.03)
