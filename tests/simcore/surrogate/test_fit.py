"""The fast solver: its fused kernel, its exactness where arrays are linear, and the evidence it comes with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from simcore.mitigation.stored import applied_inputs, digital_constants

from simcore.crossbar import Circuit, Solution, solve
from simcore.datasets import open_dataset
from simcore.design import Adc, EvidenceLimits
from simcore.inference import validation as evidence_module
from simcore.inference.evaluation import prepare
from simcore.inference.preparation import binary_input_signs, images_for_calibration, map_and_store, mapped_layers
from simcore.inference.validation import Evidence, measure_layer
from simcore.mapping.tiling import input_vectors
from simcore.network.checkpoint import find_model, load_checkpoint, model_names
from simcore.readout.adc import CalibrationReads, convert, converter_settings
from simcore.readout.fused import read_layer
from simcore.surrogate.fit import exact_currents, fit_layer, is_exactly_linear
from simcore.technology import corner_names, device_names
from tests.simcore.small_networks import make_design

needs_model = pytest.mark.skipif(
    "fashion-cnn" not in model_names(), reason="NO TRAINED NETWORK: fashion-cnn does not ship in this checkout"
)
LINEAR = Circuit(
    topology="input_sourced", gated=False, g_on=8e-5, g_off=4e-6, v_read=0.2, r_driver=300, r_sink=200, r_row=8, r_col=6
)


def fitted(checkpoint, dataset, design, name):
    """Mapping, stored groups, models and vectors of one layer, as ``prepare`` makes them for a network of one layer."""
    design = design.model_copy(update={"layers": (name,)})
    images = images_for_calibration(checkpoint, design, dataset)
    signs = binary_input_signs(checkpoint.network, images, {name})[name]
    rng = np.random.default_rng([design.seed, 0])
    mapping, stored, drawn = map_and_store(mapped_layers(checkpoint, design)[name], design, signs, rng)
    cut = 3 * len(drawn) // 4
    return mapping, stored, fit_layer(mapping, stored, design, drawn[:cut], rng), drawn[cut:]


def full_tile(mapping, stored, index, rows):
    """The bits of a whole tile, put together from the layer's stored rows without the product's own helper."""
    start = mapping.groups[index].start - mapping.groups[index].offset
    below = np.concatenate([kept.bits for kept in stored])[start : start + rows]
    return np.concatenate([below, np.zeros((rows - len(below), below.shape[1]), np.uint8)])


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
        "simcore.inference.preparation.fit_layer", lambda *args: models.extend(fit_layer(*args)) or models
    )
    prepared = prepare(checkpoint, design, dataset)
    mapping, stored, _, _ = fitted(checkpoint, dataset, design, "narrow")
    images = torch.from_numpy(dataset.read("test", 0, 5)[0].transpose(0, 3, 1, 2).copy()).float()
    vectors = input_vectors(mapping, binary_input_signs(checkpoint.network, images, {"narrow"})["narrow"])
    dots, _ = read_layer(prepared.layers["narrow"].tables, vectors)
    bits = (vectors > 0).astype(np.uint8)
    digital = digital_constants(mapping, stored, vectors[0] != 0)[0][0]
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
    mapping, stored, models, held_out = fitted(checkpoint, dataset, design, name)
    for index, group in enumerate(mapping.groups):
        bits = applied_inputs(held_out[:20, group.start : group.stop], False)
        inputs = np.zeros((len(bits), 16), np.uint8)
        inputs[:, group.offset : group.offset + group.rows] = bits
        tile = full_tile(mapping, stored, index, 16)
        found = models[index].evaluate(bits)
        for start in range(0, tile.shape[1], 4):
            exact = solve(LINEAR, tile[:, start : start + 4], inputs).sink_currents / LINEAR.on_current()
            assert np.abs(found[:, start : start + 4] - exact).max() < 1e-6


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
    mapping, stored, _, held_out = fitted(checkpoint, dataset, design, "narrow")
    index = 1
    group = mapping.groups[index]
    bits = applied_inputs(held_out[:6, group.start : group.stop], False)
    found = exact_currents(mapping, stored, index, design, bits)
    inputs = np.zeros((6, 16), np.uint8)
    inputs[:, group.offset : group.offset + group.rows] = bits
    tile = full_tile(mapping, stored, index, 16)
    exact = solve(circuit, tile, inputs).sink_currents / circuit.on_current()
    np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-9)
    lone = np.zeros_like(tile)
    lone[group.offset : group.offset + group.rows] = stored[index].bits
    alone = solve(circuit, lone, inputs).sink_currents / circuit.on_current()
    assert (np.abs(alone - exact).max() < 1e-6) == gated


def independent_errors(mapping, stored, models, design, vectors):
    """Errors in LSB of every group's model on ``vectors``, against exact solves of tiles put together here."""
    errors = []
    for index, group in enumerate(mapping.groups):
        bits = applied_inputs(vectors[:, group.start : group.stop], design.flips_activations)
        inputs = np.zeros((len(bits), design.rows), np.uint8)
        inputs[:, group.offset : group.offset + group.rows] = bits
        tile = full_tile(mapping, stored, index, design.rows)
        found = models[index].evaluate(bits)
        for start in range(0, tile.shape[1], design.cols):
            columns = slice(start, start + design.cols)
            exact = solve(design.circuit, tile[:, columns], inputs).sink_currents / design.circuit.on_current()
            errors.append((found[:, columns] - exact).ravel())
    return np.concatenate(errors)


def calibrated(mapping, stored, models, design, vectors):
    """Converters set on the models' own currents."""
    reads = []
    for group, kept, model in zip(mapping.groups, stored, models, strict=True):
        bits = applied_inputs(vectors[:, group.start : group.stop], design.flips_activations)
        reads.append(CalibrationReads(model.evaluate(bits), bits.astype(float) @ kept.bits, kept.bits.sum(axis=0)))
    return converter_settings(design.adc, reads)


def measured(mapping, stored, models, design, vectors, converters=None):
    converters = converters or calibrated(mapping, stored, models, design, vectors)
    rng = np.random.default_rng(0)
    return measure_layer("wide", "ideal", mapping, stored, models, converters, design, vectors, rng)


CALIBRATED = Adc(bits=6, reference="calibrated")


@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM-BL"])
@pytest.mark.parametrize("sparsity", ["dense", "binsparx"])
def test_evidence_tells_the_error_that_other_images_meet(checkpoint, dataset, device, sparsity):
    design = make_design(
        device, "pessimistic", rows=32, cols=8, sparsity=sparsity, solver="fast", adc=CALIBRATED
    )  # fmt: skip
    mapping, stored, models, held_out = fitted(checkpoint, dataset, design, "wide")
    evidence = measured(mapping, stored, models, design, held_out)
    images = torch.from_numpy(dataset.read("test", 0, 10)[0].transpose(0, 3, 1, 2).copy()).float()
    vectors = input_vectors(mapping, binary_input_signs(checkpoint.network, images, {"wide"})["wide"])
    errors = independent_errors(mapping, stored, models, design, vectors.reshape(-1, vectors.shape[2]))
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
    mapping, stored, models, held_out = fitted(checkpoint, dataset, design, "narrow")
    wrong = [Scaled(model) for model in models]
    converters = calibrated(mapping, stored, models, design, held_out)
    few = held_out[:8]  # fewer than are drawn, so that the evidence takes all of them
    found = measured(mapping, stored, wrong, design, few, converters)
    errors, codes, sums, outputs = [], [], [], 0.0
    for index, group in enumerate(mapping.groups):
        sub = few[:, group.start : group.stop]
        bits = applied_inputs(sub, design.flips_activations)
        exact = exact_currents(mapping, stored, index, design, bits)
        fast = wrong[index].evaluate(bits)
        code = convert(fast, converters, index) - convert(exact, converters, index)
        flipped = (bits != (sub > 0)).any(axis=1)
        signs = np.where(flipped, -1, 1)[:, None] * np.where(stored[index].flips, -1, 1)
        outputs = outputs + 4 * signs * code
        errors.append((fast - exact).ravel())
        codes.append(code.ravel())
        sums.append((bits.astype(float) @ stored[index].bits).ravel())
    errors, codes, sums = (np.concatenate(part) for part in (errors, codes, sums))
    assert found.reads == errors.size
    assert found.rms_lsb == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-4)
    assert found.worst_lsb == pytest.approx(np.abs(errors).max(), rel=1e-4)
    assert found.changed == (codes != 0).mean() > 0.02
    assert found.converted_rms_lsb == pytest.approx(np.sqrt((codes**2).mean()))
    assert found.converted_worst_lsb == np.abs(codes).max() >= 1
    assert found.top_bias_lsb == pytest.approx(codes[sums >= np.quantile(sums, 0.95)].mean())
    true = few.astype(float) @ (2.0 * mapping.weights - 1)
    assert found.output_error == pytest.approx(np.sqrt((outputs**2).mean()) / true.std())
    assert not found.within(EvidenceLimits())
    assert Evidence((found,)).worst("changed") == found.changed


class Scaled:
    """A model whose currents are too high by half."""

    def __init__(self, model):
        self.model = model

    def evaluate(self, inputs, columns=slice(None)):
        return 1.5 * self.model.evaluate(inputs, columns)


def test_evidence_counts_what_the_exact_solver_could_not_solve(checkpoint, dataset, monkeypatch):
    design = make_design(rows=32, cols=8, solver="fast", adc=CALIBRATED)
    mapping, stored, models, held_out = fitted(checkpoint, dataset, design, "narrow")

    def failing(*args, **kwargs):
        solution = solve(*args, **kwargs)
        return Solution(
            solution.sink_currents,
            np.zeros_like(solution.status),
            solution.residual + 0.5,
            solution.sweeps,
            solution.current_error,
        )

    monkeypatch.setattr(evidence_module, "solve", failing)
    evidence = measured(mapping, stored, models, design, held_out[:5])
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

        def watch(name, inputs, mapping, stored, models, converters, design, vectors, rng, seen=seen):
            seen[name, inputs] = vectors.mean()
            return measure_layer(name, inputs, mapping, stored, models, converters, design, vectors, rng)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("simcore.inference.preparation.measure_layer", watch)
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
@pytest.mark.parametrize("rows", [32, 64])
@pytest.mark.parametrize(("device", "corner"), presets())
def test_evidence_is_small_at_every_preset(rows, device, corner):
    """Of converted sums, after converters that multiply currents (and errors) up to twenty times."""
    wired_rows = device == "1T-1ReRAM-BL" and corner == "pessimistic"
    check_evidence(
        rows, device, corner, "binsparx", ("bconv1",), 0.1 if wired_rows else 0.015, 0.1 if wired_rows else 0.03
    )


@needs_model
@pytest.mark.slow
@pytest.mark.parametrize("sparsity", ["dense", "binsparx"])
@pytest.mark.parametrize("rows", [32, 64])
@pytest.mark.parametrize(("device", "corner"), presets())
def test_evidence_is_small_on_every_layer(rows, device, corner, sparsity):
    wired_rows = device == "1T-1ReRAM-BL" and corner == "pessimistic"
    check_evidence(rows, device, corner, sparsity, None, 0.15 if wired_rows else 0.03, 0.15 if wired_rows else 0.03)
