"""A network on a design: ideal arithmetic to the bit, exact against fast, totals against brute force, determinism."""

from __future__ import annotations

import dataclasses

import numba
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from simcore.crossbar import Solution, solve
from simcore.datasets.sample_format import SampleFormat
from simcore.design_axes import Adc, EvidenceLimits
from simcore.errors import InputError
from simcore.inference import preparation
from simcore.inference.evaluation import evaluate, mapped_logits, prepare
from simcore.inference.preparation import EvidenceError
from simcore.inference.stored_layers import binary_input_signs, images_for_calibration, stored_layers
from simcore.mapping.row_groups import UnsolvedError
from simcore.mapping.tiling import input_vectors
from simcore.readout.layer_totals import CURRENTS_A_LSB, ERRORS_A_LSB
from simcore.readout.tables import summable
from tests.simcore.small_networks import SIZE, make_design, small_checkpoint

SPARSITIES = ("dense", "weight", "activation", "binsparx")
LAYERS = ("wide", "narrow", "dense")


def pixels_of(images):
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float()


def totals_of(result):
    return [dataclasses.astuple(layer) for layer in result.layers]


def added_up(parts):
    """Totals of several shards as one: sums of whole numbers, the largest error, and what is the same in each."""
    same = ("layer", "weight_flips", "stored_columns", "inputs", "lsb_A")
    result = []
    for layers in zip(*(part.layers for part in parts), strict=True):
        values = {name: [getattr(layer, name) for layer in layers] for name in vars(layers[0])}
        for name in same:
            assert len(set(values[name])) == 1
        merged = {name: known[0] if name in same else sum(known) for name, known in values.items()}
        result.append(tuple((merged | {"worst_error": max(values["worst_error"])}).values()))
    return result


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    rows=st.sampled_from([1, 2, 7, 16, 45, 64, 200]),
    cols=st.integers(1, 12),
    active=st.floats(0.01, 1.0),
    order=st.sampled_from(["channel", "spatial", "grouped"]),
    sparsity=st.sampled_from(SPARSITIES),
    layers=st.sampled_from([None, ("wide",), ("narrow", "dense")]),
)
def test_ideal_arrays_give_the_plain_networks_logits_bit_for_bit(
    checkpoint, dataset, rows, cols, active, order, sparsity, layers
):
    design = make_design(
        rows=rows, cols=cols, active_rows=max(1, round(active * rows)), row_order=order, sparsity=sparsity,
        layers=layers, solver="ideal",
    )  # fmt: skip
    images = pixels_of(dataset.read("test", 0, 4)[0])
    prepared = prepare(checkpoint, design, dataset)
    assert prepared.solver == "ideal"
    with torch.inference_mode():
        plain = torch.cat([checkpoint.network(image) for image in images.split(1)])
        assert torch.equal(mapped_logits(prepared, images), plain)


@pytest.mark.parametrize("pad_value", [-1, 1])
@pytest.mark.parametrize(
    ("solver", "sparsity"),
    [*((solver, level) for solver in ("ideal", "fast") for level in SPARSITIES), ("exact", "binsparx")],
)
def test_padding_that_is_an_input_goes_through_the_arrays_like_one(dataset, pad_value, sparsity, solver):
    """On arrays that lose nothing every solver gives the plain network's logits, and another padding gives others."""
    checkpoint, padded_with_0 = small_checkpoint(pad_value=pad_value), small_checkpoint()
    lossless = dict.fromkeys(("r_driver", "r_sink", "r_col", "r_source", "g_off"), 0.0)
    circuit = make_design().circuit.model_copy(update=lossless)
    design = make_design(circuit, rows=16, cols=6, sparsity=sparsity, solver=solver, layers=("wide", "narrow"))
    images = pixels_of(dataset.read("test", 0, 4)[0])
    prepared = prepare(checkpoint, design, dataset)
    with torch.inference_mode():
        plain = torch.cat([checkpoint.network(image) for image in images.split(1)])
        assert torch.equal(mapped_logits(prepared, images), plain)
        assert not torch.equal(padded_with_0.network(images), plain)
    assert checkpoint.digest != padded_with_0.digest


@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_ideal_predictions_and_labels_are_handed_on(checkpoint, dataset, sparsity):
    prepared = prepare(checkpoint, make_design(sparsity=sparsity, solver="ideal"), dataset)
    images, labels = dataset.read("test", 3, 8)
    result = evaluate(prepared, images, labels, 3)
    assert result.labels.dtype == result.predictions.dtype == result.ideal_predictions.dtype == np.int16
    np.testing.assert_array_equal(result.labels, labels)
    np.testing.assert_array_equal(result.predictions, result.ideal_predictions)
    assert [layer.layer for layer in result.layers] == list(LAYERS)


@pytest.mark.parametrize("sparsity", ["dense", "binsparx"])
@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM-BL"])
def test_fast_and_exact_inference_agree(checkpoint, dataset, device, sparsity):
    images, labels = dataset.read("test", 0, 6)
    pixels = pixels_of(images)
    outcome = {}
    for solver in ("fast", "exact"):
        design = make_design(device, rows=32, cols=8, sparsity=sparsity, solver=solver, layers=("narrow", "dense"))
        prepared = prepare(checkpoint, design, dataset)
        assert prepared.solver == solver
        outcome[solver] = (mapped_logits(prepared, pixels), evaluate(prepared, images, labels))
    fast, exact = outcome["fast"][1], outcome["exact"][1]
    np.testing.assert_array_equal(fast.predictions, exact.predictions)
    for ours, best in zip(fast.layers, exact.layers, strict=True):
        assert ours.column_reads == best.column_reads
        assert ours.dense_partial_sum == pytest.approx(best.dense_partial_sum, rel=0.01)
        assert ours.column_current == pytest.approx(best.column_current, rel=1e-3)


@pytest.mark.parametrize("mitigations", [
    "bent_references+popcount_term+recalibrated_outputs", "near_sink+flip_above:0.4+nonuniform_codes",
    "sampled_popcount:3+bent_references+threshold_grid:1+digital_table:3",
])  # fmt: skip
@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM-BL"])
def test_passes_act_alike_in_the_fused_and_in_the_exact_readout(checkpoint, dataset, device, mitigations):
    """Codes of a design are the same where the fast solver's current is right to a small part of a code."""
    images, labels = dataset.read("test", 0, 6)
    adc = Adc(bits=3, reference="calibrated")
    fast, exact = (
        evaluate(
            prepare(
                checkpoint,
                make_design(device, rows=32, cols=8, sparsity="binsparx", solver=solver, adc=adc,
                            mitigations=mitigations, layers=("narrow", "dense")),
                dataset,
            ),
            images,
            labels,
        )
        for solver in ("fast", "exact")
    )  # fmt: skip
    for ours, best in zip(fast.layers, exact.layers, strict=True):
        assert (ours.column_reads, ours.weight_flips) == (best.column_reads, best.weight_flips)
        assert ours.squared_error == pytest.approx(best.squared_error, rel=0.05)
        assert ours.clipped == pytest.approx(best.clipped, abs=0.01 * best.column_reads)


def applied_bits(vectors, design):
    """Bits that (B, N) vectors of +1, -1 and 0 (padding) drive, complemented where the design says so."""
    bits = (vectors > 0).astype(np.uint8)
    flips = (2 * bits.sum(axis=1, dtype=int) > (vectors != 0).sum(axis=1)) & design.flips_activations
    return np.where(flips[:, None], (vectors < 0).astype(np.uint8), bits), flips


def brute_force(checkpoint, design, dataset, images, name):
    """Totals of the one layer ``name``, read by read, from its ideal inputs and exact solves of tiles put together
    here."""
    prepared = prepare(checkpoint, design, dataset)
    layer = prepared.layers[name]
    (kept_layer,) = stored_layers(checkpoint, design, images_for_calibration(checkpoint, design, dataset))
    stored = [group.stored for group in kept_layer.groups]
    signs = binary_input_signs(checkpoint.network, pixels_of(images), {name})[name]
    vectors = input_vectors(layer.mapping, signs).reshape(-1, len(layer.mapping.order))
    unit = design.circuit.on_current()
    totals = dict.fromkeys(
        ("reads", "sum", "dense", "squared", "worst", "amperes", "clipped", "inputs", "input_flips", "applied"), 0.0
    )
    for index, (span, kept) in enumerate(zip(layer.mapping.spans, stored, strict=True)):
        sub = vectors[:, span.start : span.stop]
        bits, input_flips = applied_bits(sub, design)
        totals["input_flips"] += input_flips.sum()
        totals["inputs"] += len(sub)
        totals["applied"] += bits.sum()
        ideal = bits.astype(int) @ kept.bits
        totals["sum"] += ideal.sum()
        totals["dense"] += ((sub > 0).astype(int) @ layer.mapping.weights[span.start : span.stop]).sum()
        offset = span.start % design.rows
        whole = np.concatenate([other.bits for other in stored])[span.start - offset :][: design.rows]
        tile, inputs = np.zeros((design.rows, whole.shape[1]), np.uint8), np.zeros((len(bits), design.rows), np.uint8)
        tile[: len(whole)], inputs[:, offset : offset + span.rows] = whole, bits
        for start in range(0, tile.shape[1], design.cols):
            columns = slice(start, min(start + design.cols, tile.shape[1]))
            amperes = solve(design.circuit, tile[:, columns], inputs).sink_currents
            raw = np.rint(
                layer.converters.gain[index, columns] * amperes / unit + layer.converters.offset[index, columns]
            )
            code = np.clip(raw, 0, layer.converters.top)
            step, zero = (values[index, columns] for values in (layer.converters.step, layer.converters.zero))
            error = zero + step * code - ideal[:, columns]
            totals["reads"] += error.size
            totals["squared"] += (error**2).sum()
            totals["worst"] = max(totals["worst"], np.abs(error).max())
            totals["amperes"] += amperes.sum()
            totals["clipped"] += (raw > layer.converters.top).sum()
    flips = sum(kept.flips.sum() for kept in stored)
    return totals, flips, sum(kept.flips.size for kept in stored)


@pytest.mark.parametrize("sparsity", SPARSITIES)
@pytest.mark.parametrize("solver", ["fast", "exact"])
def test_totals_are_those_of_brute_force(checkpoint, dataset, sparsity, solver):
    adc = Adc(bits=3, reference="calibrated", gain=1.05, offset_lsb=0.2)
    fields = {"rows": 16, "cols": 4, "active_rows": 12, "sparsity": sparsity, "prune": 0.2, "adc": adc,
              "layers": ("narrow",)}  # fmt: skip
    images, labels = dataset.read("test", 0, 3)
    design = make_design("8T-SRAM", "pessimistic", solver=solver, **fields)
    found = evaluate(prepare(checkpoint, design, dataset), images, labels).layers[0]
    expected, flips, columns = brute_force(checkpoint, design, dataset, images, "narrow")
    assert found.column_reads == expected["reads"]
    assert found.partial_sum == expected["sum"]
    assert found.dense_partial_sum == expected["dense"]
    assert found.activation_reads == expected["inputs"]
    assert found.activation_flips == expected["input_flips"]
    assert found.applied_ones == expected["applied"]
    assert (found.weight_flips, found.stored_columns) == (flips, columns)
    assert found.inputs == 7 * 1 * 3
    assert found.column_current / CURRENTS_A_LSB * found.lsb_A == pytest.approx(expected["amperes"], rel=1e-4)
    # Where the fast current lies on the other side of a rounding threshold, a code differs by one.
    assert found.squared_error / ERRORS_A_LSB == pytest.approx(expected["squared"], rel=0.005, abs=5)
    assert found.worst_error / ERRORS_A_LSB == pytest.approx(expected["worst"], abs=2.5)
    assert found.clipped == pytest.approx(expected["clipped"], rel=0.02, abs=5)
    if solver == "exact":
        assert found.worst_error == round(expected["worst"] * ERRORS_A_LSB)
        assert found.clipped == expected["clipped"]


NOISY = Adc(bits=5, reference="calibrated_column", noise_lsb=0.7)


@pytest.mark.parametrize("solver", ["fast", "exact"])
def test_noise_belongs_to_the_image_and_not_to_the_shard(checkpoint, dataset, solver):
    design = make_design("1T-1ReRAM", adc=NOISY, sparsity="binsparx", solver=solver, layers=("narrow", "dense"))
    prepared = prepare(checkpoint, design, dataset)
    images, labels = dataset.read("test", 0, 10)
    whole = evaluate(prepared, images, labels, 0)
    parts = [evaluate(prepared, images[a:b], labels[a:b], a) for a, b in ((0, 3), (3, 10))]
    np.testing.assert_array_equal(np.concatenate([part.predictions for part in parts]), whole.predictions)
    assert added_up(parts) == totals_of(whole)
    # The same image elsewhere in a split meets other noise.
    assert evaluate(prepared, images, labels, 100).layers[0].squared_error != whole.layers[0].squared_error


def test_converter_noise_has_its_stated_size_with_both_solvers(checkpoint, dataset):
    images, labels = dataset.read("test", 0, 30)
    mean_square = {}
    for solver in ("fast", "exact"):
        for noise in (0.0, 2.0):
            # The offset keeps codes clear of zero, where clipping would take the noise away.
            adc = Adc(bits=12, offset_lsb=8.0, noise_lsb=noise)
            prepared = prepare(checkpoint, make_design(adc=adc, solver=solver, layers=("wide",)), dataset)
            layer = evaluate(prepared, images, labels).layers[0]
            mean_square[solver, noise] = layer.squared_error / ERRORS_A_LSB / layer.column_reads
        assert mean_square[solver, 2.0] - mean_square[solver, 0.0] == pytest.approx(4.0, rel=0.15)
    assert mean_square["fast", 2.0] == pytest.approx(mean_square["exact", 2.0], rel=0.01)


def test_calibration_meets_the_same_noise_with_both_solvers(checkpoint, dataset):
    """Noise takes from the slope of a line that is learnt of outputs: of both solvers alike, or one is another design
    than the other. It is another with another seed, and in another layer."""
    lines = {}
    for noise in (0.0, 6.0):
        for solver, seed in (("fast", 0), ("exact", 0), ("exact", 1)):
            adc = Adc(bits=12, offset_lsb=40.0, noise_lsb=noise)
            design = make_design(adc=adc, solver=solver, seed=seed, mitigations="recalibrated_outputs")
            found = prepare(checkpoint, design, dataset).layers
            lines[noise, solver, seed] = {name: layer.outputs for name, layer in found.items() if layer.outputs}
    assert len(lines[6.0, "fast", 0]) == 3
    for name, line in lines[6.0, "fast", 0].items():
        exact, other, without = (lines[key][name] for key in ((6.0, "exact", 0), (6.0, "exact", 1), (0.0, "exact", 0)))
        np.testing.assert_allclose(line.scale, exact.scale, rtol=0.02)
        assert np.abs(exact.scale - without.scale).max() > 0.05
        assert (exact.scale != other.scale).any()


@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM-BL"])
def test_shards_and_order_do_not_change_a_prediction(checkpoint, dataset, device):
    design = make_design(device, sparsity="binsparx", adc=Adc(bits=6, noise_lsb=0.5))
    prepared = prepare(checkpoint, design, dataset)
    images, labels = dataset.read("test", 0, 20)
    with torch.inference_mode():
        whole = mapped_logits(prepared, pixels_of(images))
        for size in (1, 7):
            parts = [
                mapped_logits(prepared, pixels_of(images[start : start + size]), first_image=start)
                for start in range(0, 20, size)
            ]
            # Integer products are equal to the bit; the last full-precision layer may round differently by batch.
            torch.testing.assert_close(torch.cat(parts), whole, rtol=1e-5, atol=1e-5)
    result = evaluate(prepared, images, labels)
    parts = [evaluate(prepared, images[a:b], labels[a:b], a) for a, b in ((0, 11), (11, 20))]
    np.testing.assert_array_equal(np.concatenate([part.predictions for part in parts]), result.predictions)
    assert added_up(parts) == totals_of(result)


@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM-BL"])
@pytest.mark.parametrize("solver", ["fast", "exact", "ideal"])
def test_results_do_not_depend_on_the_number_of_threads(checkpoint, dataset, device, solver):
    layers = ("narrow",) if solver == "exact" else None
    design = make_design(device, sparsity="binsparx", prune=0.1, solver=solver, layers=layers,
                         adc=Adc(bits=6, reference="calibrated_column", noise_lsb=0.2))  # fmt: skip
    images, labels = dataset.read("test", 0, 12)
    before = numba.get_num_threads(), torch.get_num_threads()
    outcomes = []
    try:
        for threads in (1, 2):
            numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
            torch.set_num_threads(threads)
            with threadpool_limits(threads):
                prepared = prepare(checkpoint, design, dataset)
                outcomes.append((prepared, evaluate(prepared, images, labels)))
    finally:
        numba.set_num_threads(before[0])
        torch.set_num_threads(before[1])
    (first, one), (second, two) = outcomes
    for name, layer in first.layers.items():
        ours, theirs = layer.tables._asdict(), second.layers[name].tables._asdict()
        np.testing.assert_equal(ours, theirs, err_msg=name)
    np.testing.assert_array_equal(one.predictions, two.predictions)
    assert totals_of(one) == totals_of(two)
    assert first.evidence == second.evidence


def test_preparing_twice_gives_the_same_and_another_seed_another(checkpoint, dataset):
    design = make_design("1T-1ReRAM-BL")
    first, again = prepare(checkpoint, design, dataset), prepare(checkpoint, design, dataset)
    other = prepare(checkpoint, design.model_copy(update={"seed": 1}), dataset)
    fits = [prepared.layers["wide"].tables.cells.polynomial for prepared in (first, again, other)]
    np.testing.assert_array_equal(fits[0], fits[1])
    assert (fits[0] != fits[2]).any()


def test_an_empty_shard_is_an_empty_result(checkpoint, dataset):
    prepared = prepare(checkpoint, make_design(), dataset)
    result = evaluate(prepared, np.zeros((0, SIZE, SIZE, 1), np.uint8), np.zeros(0, np.int64))
    assert len(result.predictions) == 0
    assert result.layers[0].column_reads == 0


@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM", "1T-1ReRAM-BL"])
@pytest.mark.parametrize(
    "fields",
    [
        {"rows": 1, "cols": 1, "layers": ("narrow",)},
        {"calibration_images": 1, "layers": ("dense",), "adc": Adc(bits=4, reference="calibrated_column")},
        {"calibration_images": 1, "layers": ("dense",), "adc": Adc(bits=1, reference="calibrated")},
        {"rows": 4096, "cols": 4096, "layers": ("dense",)},
        {"prune": 0.99, "sparsity": "binsparx"},
    ],
    ids=str,
)
def test_designs_at_the_edge_give_finite_results(checkpoint, dataset, device, fields):
    prepared = prepare(checkpoint, make_design(device, **fields), dataset)
    images, labels = dataset.read("test", 0, 2)
    with torch.inference_mode():
        assert torch.isfinite(mapped_logits(prepared, pixels_of(images))).all()
    assert prepared.evidence.reads > 0
    assert np.isfinite(prepared.evidence.worst("rms_lsb"))
    result = evaluate(prepared, images, labels)
    assert all(layer.squared_error >= 0 and layer.column_current >= 0 for layer in result.layers)


def test_an_unknown_layer_is_named(checkpoint, dataset):
    with pytest.raises(InputError, match="did you mean 'narrow'"):
        prepare(checkpoint, make_design(layers=("narow",)), dataset)


def test_a_layer_too_large_for_exact_counts_is_refused(checkpoint, dataset, monkeypatch):
    monkeypatch.setattr(preparation, "EXACT_SUMS", 16)
    with pytest.raises(InputError, match="too many for exact sums.*active_rows"):
        prepare(checkpoint, make_design(), dataset)


def test_a_layer_is_stored_the_same_alone_and_among_all(checkpoint, dataset):
    design = make_design(sparsity="binsparx", row_order="grouped", prune=0.1)
    calibration = images_for_calibration(checkpoint, design, dataset)
    for layer in stored_layers(checkpoint, design, calibration):
        (alone,) = stored_layers(checkpoint, design, calibration, layer.name)
        np.testing.assert_array_equal(layer.vectors, alone.vectors)
        for group, same in zip(layer.groups, alone.groups, strict=True):
            np.testing.assert_array_equal(group.stored.bits, same.stored.bits)
        assert layer.rng.random() == alone.rng.random()


def test_images_of_another_shape_are_refused(checkpoint, dataset):
    other = dataclasses.replace(dataset, sample=SampleFormat.image((28, 28, 1)))
    with pytest.raises(InputError, match="takes inputs of"):
        prepare(checkpoint, make_design(), other)


def test_a_data_set_without_calibration_images_is_refused(checkpoint, dataset):
    other = dataclasses.replace(dataset, splits={"test": 30})
    with pytest.raises(InputError, match="neither a 'calibration' nor a 'train' split"):
        prepare(checkpoint, make_design(), other)


def test_more_calibration_images_than_there_are_is_refused(checkpoint, dataset):
    with pytest.raises(InputError, match="13 calibration images were asked for, split 'train' of .* has 12"):
        prepare(checkpoint, make_design(calibration_images=13), dataset)
    with pytest.raises(InputError, match="4 calibration images were asked for, .* has 2 from image 10 on"):
        prepare(checkpoint, make_design(calibration_images=4, calibration_split="train", calibration_first=10), dataset)


def test_a_solve_that_fails_stops_the_exact_run(checkpoint, dataset, monkeypatch):
    design = make_design(solver="exact", layers=("dense",), adc=Adc(bits=6, reference="calibrated"))
    prepared = prepare(checkpoint, design, dataset)

    def fail(circuit, weights, inputs, *settings, **more):
        count, columns = len(inputs), np.shape(weights)[1]
        return Solution(np.zeros((count, columns)), np.zeros(count, np.int8), np.ones(count), np.ones(count, np.int32),
                        np.ones(count))  # fmt: skip

    monkeypatch.setattr("simcore.mapping.row_groups.solve", fail)
    images, labels = dataset.read("test", 0, 2)
    with pytest.raises(UnsolvedError, match=r"layer dense: \d+ crossbar solves did not converge"):
        evaluate(prepared, images, labels)
    with pytest.raises(UnsolvedError, match=r"layer dense: \d+ crossbar solves did not converge"):
        prepare(checkpoint, design, dataset)  # the converters are calibrated on such solves


@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM-BL"])
def test_shards_of_any_size_give_the_same_images_the_same_result(checkpoint, dataset, device):
    design = make_design(device, rows=32, cols=8, adc=Adc(bits=6, reference="calibrated"), solver="fast")
    prepared = prepare(checkpoint, design, dataset)
    images, _ = dataset.read("test", 0, 27)
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float()

    def logits(*sizes):
        with torch.inference_mode():
            return torch.cat([mapped_logits(prepared, part) for part in pixels.split(sizes)])

    whole = logits(25, 2)
    assert torch.equal(logits(2, 24, 1), whole)
    assert torch.equal(logits(1, 1, 1, 7, 17), whole)


@pytest.mark.parametrize("rows", [5, 64, 300])
def test_sums_of_rounded_currents_are_exact_in_any_order(rows):
    rng = np.random.default_rng(rows)
    values = rng.normal(size=(rows, 9))
    rounded = summable(values)
    assert np.abs(rounded - values).max() <= np.abs(values).sum(axis=0).max() * 2.0**-23
    chosen = rng.random((40, rows)) < 0.6
    exact = chosen.astype(np.float64) @ rounded
    order = rng.permutation(rows)
    for picked, summed in ((chosen, rounded), (chosen[:, order], rounded[order])):
        assert np.array_equal(picked.astype(np.float32) @ summed.astype(np.float32), exact)
    assert not summable(np.zeros((3, 2))).any()


def evidence_design(beyond):
    limits = EvidenceLimits(max_rms_lsb=0.0, beyond=beyond)
    # A converter of 1000 codes a LSB tells every difference between the solvers.
    adc = Adc(bits=16, gain=1000.0)
    return make_design("1T-1ReRAM-BL", "pessimistic", layers=("narrow",), evidence=limits, adc=adc)


def test_evidence_beyond_its_limits_fails_the_design(checkpoint, dataset):
    with pytest.raises(EvidenceError, match="of layer narrow .* LSB rms, .* LSB at worst"):
        prepare(checkpoint, evidence_design("fail"), dataset)


def test_evidence_beyond_its_limits_can_go_on_exactly_or_marked(checkpoint, dataset):
    images, labels = dataset.read("test", 0, 4)
    marked = prepare(checkpoint, evidence_design("mark"), dataset)
    assert marked.solver == "fast"
    exact = prepare(checkpoint, evidence_design("exact"), dataset)
    assert exact.solver == "exact"
    assert exact.evidence == marked.evidence  # the reason why is kept
    asked_for = prepare(checkpoint, evidence_design("exact").model_copy(update={"solver": "exact"}), dataset)
    assert totals_of(evaluate(exact, images, labels)) == totals_of(evaluate(asked_for, images, labels))


@pytest.mark.parametrize("code_range", ["fixed", "full_scale"])
@pytest.mark.parametrize("sparsity", ["dense", "weight", "binsparx"])
def test_weight_flips_leave_the_top_half_of_the_range_unused(checkpoint, dataset, sparsity, code_range):
    """15 rows read together: sums of 0..15 need 4 bits; after weight flips none is above 7, and 3 bits will do."""
    images, labels = dataset.read("test", 0, 20)
    results = {}
    for bits in (4, 3):
        design = make_design(corner="optimistic", rows=15, sparsity=sparsity, adc=Adc(bits=bits, range=code_range))
        results[bits] = evaluate(prepare(checkpoint, design, dataset), images, labels)
    clipped = sum(layer.clipped for layer in results[3].layers)
    if sparsity == "dense":
        assert (clipped > 0) == (code_range == "fixed")  # the full scale has wider steps instead
        assert totals_of(results[3]) != totals_of(results[4])
    else:
        assert clipped == 0 and totals_of(results[3]) == totals_of(results[4])
        np.testing.assert_array_equal(results[3].predictions, results[4].predictions)
