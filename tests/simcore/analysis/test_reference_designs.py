"""References: ideal arithmetic, and ideal arrays read by a real converter."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from simcore.analysis.reference_designs import what_acts
from simcore.datasets import open_dataset
from simcore.design import Design
from simcore.design_axes import REFERENCE_SOLVERS, Adc, lossless_bits
from simcore.inference.evaluation import evaluate, prepare
from simcore.inference.stored_layers import binary_input_signs, images_for_calibration, stored_layers
from simcore.mapping.tiling import input_vectors
from simcore.network.checkpoint import find_model, load_checkpoint, model_names
from simcore.passes import PASSES, Hardware
from simcore.readout.layer_totals import CURRENTS_A_LSB, ERRORS_A_LSB
from tests.simcore.small_networks import make_design
from tests.simcore.test_passes import NUMBERED


def run(checkpoint, dataset, design):
    return evaluate(prepare(checkpoint, design, dataset), *dataset.read("test", 0, 30))


@pytest.mark.parametrize("reference", ["nominal", "calibrated", "calibrated_column"])
@pytest.mark.parametrize(
    "fields",
    [
        {"sparsity": "dense"},
        {"sparsity": "binsparx", "active_rows": 8, "row_order": "grouped"},
        {"sparsity": "weight", "prune": 0.2},
    ],
    ids=str,
)
def test_ideal_arrays_with_a_code_for_every_sum_compute_ideal_arithmetic(checkpoint, dataset, fields, reference):
    adc = Adc(bits=lossless_bits(fields.get("active_rows", 16)), reference=reference)
    ideal = run(checkpoint, dataset, make_design(solver="ideal", **fields))
    real = run(checkpoint, dataset, make_design(solver="ideal_circuit", adc=adc, **fields))
    np.testing.assert_array_equal(real.predictions, ideal.predictions)
    for one, other in zip(real.layers, ideal.layers, strict=True):
        assert (one.squared_error, one.clipped) == (0, 0)
        assert one.partial_sum == other.partial_sum
        assert one.column_current == one.partial_sum * CURRENTS_A_LSB  # the current is the partial sum, to the last bit


@pytest.mark.parametrize("bits", [1, 2, 3])
@pytest.mark.parametrize("code_range", ["fixed", "full_scale"])
def test_a_converter_of_few_bits_clips_or_rounds_the_true_sums(checkpoint, dataset, bits, code_range):
    design = make_design(solver="ideal_circuit", adc=Adc(bits=bits, range=code_range))
    name = checkpoint.network.binary_layers()[0].name
    design = design.model_copy(update={"layers": (name,)})
    (totals,) = run(checkpoint, dataset, design).layers
    images, _ = dataset.read("test", 0, 30)
    pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float()
    (layer,) = stored_layers(checkpoint, design, images_for_calibration(checkpoint, design, dataset))
    vectors = input_vectors(layer.mapping, binary_input_signs(checkpoint.network, pixels, {name})[name])
    vectors = vectors.reshape(-1, vectors.shape[-1])
    clipped, squared, top = 0, 0.0, 2**bits - 1
    largest = max(group.stored.bits.sum(axis=0).max() for group in layer.groups)  # of the layer: nothing is re-ranged
    step = 1.0 if code_range == "fixed" else max(1.0, largest / top)
    for group in layer.groups:
        sums = (vectors[:, group.span.start : group.span.stop] > 0).astype(int) @ group.stored.bits.astype(int)
        codes = np.rint(sums / step)
        clipped += int((codes > top).sum())
        squared += float(((step * np.minimum(codes, top) - sums) ** 2).sum())
    assert totals.clipped == clipped
    assert (clipped > 0) == (code_range == "fixed")
    assert totals.squared_error / ERRORS_A_LSB == pytest.approx(squared, rel=1e-3)


IGNORED_BY_BOTH = [
    {"device": "1T-1ReRAM"}, {"corner": "pessimistic"}, {"cols": 9}, {"evidence": {"beyond": "mark"}},
]  # fmt: skip
IGNORED_BY_IDEAL = [
    {"adc": Adc(bits=1)}, {"adc": Adc(bits=6, noise_lsb=3.0, reference="calibrated")}, {"seed": 4},
    {"calibration_images": 3},
]  # fmt: skip


@pytest.mark.parametrize("fields", [*IGNORED_BY_BOTH, *IGNORED_BY_IDEAL], ids=str)
def test_what_cannot_act_on_ideal_arithmetic_makes_no_other_design(checkpoint, dataset, fields):
    plain, changed = make_design(solver="ideal"), make_design(solver="ideal", **fields)
    assert what_acts(changed) == what_acts(plain)
    one, other = run(checkpoint, dataset, what_acts(plain)), run(checkpoint, dataset, changed)
    np.testing.assert_array_equal(one.predictions, other.predictions)
    assert [(a.partial_sum, a.clipped) for a in one.layers] == [(b.partial_sum, b.clipped) for b in other.layers]


@pytest.mark.parametrize(
    "fields",
    [{"rows": 8}, {"active_rows": 4}, {"row_order": "spatial"}, {"sparsity": "weight"}, {"prune": 0.1},
     {"layers": ("dense",)}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("solver", ["ideal", "ideal_circuit"])
def test_what_decides_a_number_of_a_reference_stays_in_its_design(fields, solver):
    assert what_acts(make_design(solver=solver, **fields)) != what_acts(make_design(solver=solver))


@pytest.mark.parametrize("fields", IGNORED_BY_IDEAL, ids=str)
def test_the_converter_the_seed_and_what_calibrates_act_behind_an_ideal_circuit(fields):
    assert what_acts(make_design(solver="ideal_circuit", **fields)) != what_acts(make_design(solver="ideal_circuit"))
    pruned = {"solver": "ideal", "prune": 0.1}
    if "adc" not in fields:  # which cells are pruned is learnt from calibration images
        assert what_acts(make_design(**pruned, **fields)) != what_acts(make_design(**pruned))


RESTS_ON = {"threshold_grid": "bent_references+"}


@pytest.mark.parametrize("solver", REFERENCE_SOLVERS)
@pytest.mark.parametrize("name", PASSES)
def test_a_reference_keeps_the_passes_that_change_its_numbers_and_can_be_read_back(checkpoint, dataset, name, solver):
    fields = {"solver": solver, "sparsity": "binsparx", "adc": Adc(bits=2, reference="calibrated")}
    design = make_design("1T-1ReRAM", mitigations=RESTS_ON.get(name, "") + NUMBERED[name], **fields)
    found = what_acts(design)
    assert Design.model_validate(found.content()) == found and what_acts(found) == found
    acts = name in found.mitigations
    assert acts == (PASSES[name].least_hardware <= _HARDWARE[solver] and not PASSES[name].moves_rows)
    one, other = run(checkpoint, dataset, found), run(checkpoint, dataset, design)
    np.testing.assert_array_equal(one.predictions, other.predictions)
    for mine, whole in zip(one.layers, other.layers, strict=True):
        assert mine.partial_sum == whole.partial_sum
        if solver == "ideal_circuit":
            assert (mine.squared_error, mine.clipped) == (whole.squared_error, whole.clipped)


_HARDWARE = {"ideal": Hardware.NONE, "ideal_circuit": Hardware.CONVERTERS}


@pytest.mark.parametrize("fields", [{"mitigations": "near_sink+sampled_popcount:4"},
                                    {"mitigations": "near_sink", "prune": 0.2}], ids=str)  # fmt: skip
@pytest.mark.parametrize("solver", REFERENCE_SOLVERS)
def test_rows_near_the_sink_act_on_a_reference_where_something_tells_rows_apart(fields, solver):
    design = make_design(solver=solver, sparsity="binsparx", **fields)
    found = what_acts(design)
    assert found.mitigations == design.mitigations
    other = what_acts(design.model_copy(update={"calibration_images": 3}))
    assert other != found  # which rows carry most current is learnt from them


def test_hardware_is_left_as_it_is():
    design = make_design(seed=5, prune=0.1, adc=Adc(bits=2, noise_lsb=1.0))
    assert what_acts(design) is design


@pytest.mark.skipif("fashion-cnn" not in model_names(), reason="NO TRAINED NETWORK: fashion-cnn does not ship")
def test_flips_gain_no_more_on_perfect_arrays_than_the_range_of_codes_gives():
    """Four bits for sums of up to 64: clipped codes make flips look like a cure, wider steps leave them nothing."""
    network, images = load_checkpoint(find_model("fashion-cnn")), open_dataset("fashion-mnist")
    pixels, labels = images.read("test", 0, 100)
    right = {}
    for code_range in ("fixed", "full_scale"):
        for sparsity in ("dense", "binsparx"):
            design = make_design(
                solver="ideal_circuit", rows=64, cols=64, sparsity=sparsity,
                adc=Adc(bits=4, reference="calibrated", range=code_range),
            )  # fmt: skip
            found = evaluate(prepare(network, design, images), pixels, labels)
            right[code_range, sparsity] = int((found.predictions == labels).sum())
    assert right["fixed", "binsparx"] - right["fixed", "dense"] > 50
    assert abs(right["full_scale", "binsparx"] - right["full_scale", "dense"]) <= 5
