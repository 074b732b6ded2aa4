"""Chips of a design: cells, converters and noise of their own, in the fast and in the exact solver."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.design import Design
from simcore.design_axes import Adc, EvidenceLimits
from simcore.effects.broken_lines import BrokenLines
from simcore.effects.converter_spread import ConverterSpread
from simcore.effects.measured_table import MeasuredState, MeasuredTable
from simcore.effects.read_noise import CellReadNoise
from simcore.effects.read_port_mismatch import ReadPortMismatch
from simcore.effects.stuck_cells import StuckCells
from simcore.inference import ready_layers
from simcore.inference.chips import stored_on_chip
from simcore.inference.evaluation import evaluate, on_chip, prepare
from simcore.inference.stored_layers import images_for_calibration, stored_layers
from simcore.inference.validation import measure_layer
from simcore.mapping.column_share import column_share, share_constants
from simcore.mapping.row_groups import StoredBits
from simcore.mitigation.fault_aware_flips import FaultAwareFlips
from simcore.noise.base import Read, noise_of_read
from simcore.noise.cell_reads import CellReads
from simcore.noise.gaussian import Gaussian
from simcore.readout.layer_totals import ERRORS_A_LSB
from simcore.technology import circuit_parameters
from tests.simcore.golden_totals import golden_images, golden_network

SPREAD = ReadPortMismatch(kind="read_port_mismatch", sigma_fraction=0.1)
STUCK = StuckCells(kind="stuck_cells", on_fraction=0.02, off_fraction=0.02, open_fraction=0.01)


@pytest.fixture(scope="module")
def network():
    return golden_network()


@pytest.fixture(scope="module")
def images():
    return golden_images()


def make_design(device="8T-SRAM", **fields):
    given = {
        "circuit": circuit_parameters(device, "nominal"),
        "rows": 16,
        "cols": 8,
        "sparsity": "binsparx",
        "adc": Adc(bits=5, reference="calibrated"),
        "calibration_images": 8,
        "effects": (SPREAD, STUCK),
    }
    return Design(**given | fields)


def layers_on(network, images, design, chip=None):
    layers = list(stored_layers(network, design, images_for_calibration(network, design, images)))
    return layers if chip is None else [stored_on_chip(layer, design, chip) for layer in layers]


@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM", "1T-1ReRAM-BL"])
def test_fast_and_exact_solver_agree_on_a_chip(network, images, device):
    exact, fast = (
        evaluate(on_chip(prepare(network, make_design(device, solver=solver), images), 2), *images.read("test", 0, 3))
        for solver in ("exact", "fast")
    )
    for one, other in zip(exact.layers, fast.layers, strict=True):
        assert one.column_current == pytest.approx(other.column_current, rel=1e-3)
        assert one.partial_sum == other.partial_sum
        assert one.squared_error == pytest.approx(other.squared_error, rel=0.02)


def totals_on_chip(network, images, design):
    return evaluate(on_chip(prepare(network, design, images), 2), *images.read("test", 0, 3)).layers


def test_evidence_beyond_its_limits_reads_chips_exactly(network, images):
    circuit = circuit_parameters("1T-1ReRAM-BL", "pessimistic")
    design = make_design(circuit=circuit, evidence=EvidenceLimits(max_rms_lsb=1e-9, beyond="exact"))
    assert prepare(network, design, images).solver == "exact"
    asked_for = design.model_copy(update={"solver": "exact"})
    assert totals_on_chip(network, images, design) == totals_on_chip(network, images, asked_for)


def test_the_matrix_of_a_linear_array_is_that_of_the_chip(network, images):
    """With wires and sinks: cells that are not gated, spread widely."""
    circuit = circuit_parameters("1T-1ReRAM-BL", "pessimistic").model_copy(
        update={"gated": False, "iv": "linear", "iv_off": None}
    )
    design = make_design(circuit=circuit)
    prepared = prepare(network, design, images)
    assert prepared.solver == "transfer"
    assert prepared.evidence.worst("worst_lsb") < 1e-6
    exact = totals_on_chip(network, images, design.model_copy(update={"solver": "exact"}))
    for one, other in zip(totals_on_chip(network, images, design), exact, strict=True):
        assert one.column_current == pytest.approx(other.column_current, rel=1e-6)


def test_a_chip_does_not_depend_on_which_layers_are_mapped(network, images):
    every = {layer.name: layer for layer in layers_on(network, images, make_design(), chip=0)}
    for layer in layers_on(network, images, make_design(layers=("dense", "narrow")), chip=0):
        for group, same in zip(layer.groups, every[layer.name].groups, strict=True):
            np.testing.assert_array_equal(group.tile.factors[:, :3] > 1, same.tile.factors[:, :3] > 1)


def test_the_evidence_is_measured_on_a_chip(network, images):
    evidence = prepare(network, make_design(), images).evidence
    assert 0 < evidence.worst("rms_lsb") < 0.02


@pytest.mark.parametrize("calibrated_on", ["design", "chip"])
def test_the_evidence_is_of_the_converters_that_read_the_chip(network, images, monkeypatch, calibrated_on):
    measured = {}

    def kept(layer, inputs, vectors, rng):
        measured[layer.mapping.name] = layer.converters
        return measure_layer(layer, inputs, vectors, rng)

    monkeypatch.setattr(ready_layers, "measure_layer", kept)
    on = MeasuredState(mean_uS=circuit_parameters("1T-1ReRAM", "nominal").g_on * 4e5, sigma_uS=0)
    table = MeasuredTable(kind="measured_table", on=on)
    spread = ConverterSpread(kind="converter_spread", offset_sigma_codes=0.5)
    design = make_design("1T-1ReRAM", effects=(table, spread), calibrated_on=calibrated_on)
    prepared = prepare(network, design, images)
    chip = on_chip(prepared, ready_layers.EVIDENCE_CHIP)
    assert measured
    for name, converters in measured.items():
        for part in ("gain", "offset", "step", "zero"):
            expected = getattr(chip.layers[name].converters, part)
            np.testing.assert_array_equal(getattr(converters, part), expected)
            differs = part == "offset" or (part == "gain" and calibrated_on == "chip")
            assert not differs or (expected != getattr(prepared.layers[name].converters, part)).any()


def test_without_effects_every_chip_is_the_nominal_one(network, images):
    prepared = prepare(network, make_design(effects=()), images)
    assert on_chip(prepared, 3) is prepared


@pytest.mark.parametrize("solver", ["ideal", "ideal_circuit"])
def test_chips_of_a_reference_are_all_the_reference(network, images, solver):
    effects = (ConverterSpread(kind="converter_spread", offset_sigma_codes=2.0), STUCK)
    prepared = prepare(network, make_design(effects=effects, solver=solver), images)
    assert on_chip(prepared, 3) is prepared


def test_an_effect_of_no_size_leaves_the_nominal_network(network, images):
    none = ReadPortMismatch(kind="read_port_mismatch", sigma_fraction=0.0)
    prepared = prepare(network, make_design(effects=(none,)), images)
    nominal, chip = (evaluate(one, *images.read("test", 0, 4)) for one in (prepared, on_chip(prepared, 0)))
    assert nominal.predictions.tolist() == chip.predictions.tolist()
    assert [one.squared_error for one in nominal.layers] == [one.squared_error for one in chip.layers]


def test_a_chip_is_the_same_whoever_asks_and_others_differ(network, images):
    design = make_design()
    prepared = prepare(network, design, images)
    pictures, labels = images.read("test", 0, 6)
    whole = evaluate(on_chip(prepared, 1), pictures, labels)
    parts = [evaluate(on_chip(prepared, 1), pictures[a:b], labels[a:b], a) for a, b in ((0, 2), (2, 6))]
    assert whole.predictions.tolist() == [n for part in parts for n in part.predictions.tolist()]
    assert [one.column_current for one in whole.layers] == [
        sum(several) for several in zip(*([one.column_current for one in part.layers] for part in parts), strict=True)
    ]
    other = evaluate(on_chip(prepared, 2), pictures, labels)
    assert [one.column_current for one in other.layers] != [one.column_current for one in whole.layers]


@pytest.mark.parametrize("change", [{"active_rows": 4}, {"sparsity": "dense"}, {"adc": Adc(bits=3)}])
def test_the_spread_of_a_chip_is_that_of_its_place(network, images, change):
    """The same cells under other bits, groups and converters: designs are compared on the same chips."""
    alone = {"effects": (SPREAD,)}
    one = layers_on(network, images, make_design(**alone), 5)
    other = layers_on(network, images, make_design(**alone, **change), 5)
    for layer, changed in zip(one, other, strict=True):
        for group in layer.groups:
            same = next(g for g in changed.groups if g.span.tile_start == group.span.tile_start)
            np.testing.assert_allclose(group.tile.factors, same.tile.factors, rtol=1e-12)


def test_what_was_meant_is_kept_beside_what_is_there(network, images):
    design = make_design(effects=(STUCK,))
    (meant, *_), (on_the_chip, *_) = layers_on(network, images, design), layers_on(network, images, design, 0)
    for group, found in zip(meant.groups, on_the_chip.groups, strict=True):
        np.testing.assert_array_equal(group.stored.bits, found.stored.bits)
    pairs = zip(meant.groups, on_the_chip.groups, strict=True)
    changed = np.mean([(group.tile.bits != found.tile.bits).mean() for group, found in pairs])
    assert 0.005 < changed < 0.04


def test_rows_around_faults_store_more_cells_right_and_change_no_sum(network, images):
    plain, aware = (make_design(effects=(STUCK,), mitigations=passes) for passes in ("none", "fault_aware_rows"))
    wrong = [
        sum(int(wrong_cells(group).sum()) for layer in layers_on(network, images, design, 0) for group in layer.groups)
        for design in (plain, aware)
    ]
    assert wrong[1] < 0.8 * wrong[0]
    sums = [
        [layer.partial_sum for layer in evaluate(on_chip(prepare(network, design, images), 0), *shard).layers][0]
        for design in (plain, aware)
        for shard in [images.read("test", 0, 3)]
    ]
    assert sums[0] == sums[1]  # the first layer is given the same inputs


def test_evidence_around_faults_is_that_of_the_layers_own_reads(network, images, monkeypatch):
    """The arrays are given the inputs of the weights that they hold: in ideal arithmetic they deliver the layer."""
    measured = []

    def kept(layer, inputs, vectors, rng):
        measured.append((layer, vectors))
        return measure_layer(layer, inputs, vectors, rng)

    monkeypatch.setattr(ready_layers, "measure_layer", kept)
    prepare(network, make_design(effects=(STUCK,), mitigations="fault_aware_rows+fault_aware_flips"), images)
    assert len(measured) == 6
    for layer, vectors in measured:
        found = np.zeros((len(vectors), layer.mapping.columns))
        for group in layer.groups:
            applied, valid = group.apply(vectors), (group.inputs(vectors) != 0).astype(float)
            constants = share_constants(valid, group.stored.digital)
            shares = column_share(group.partial_sums(applied.bits), applied.bits.sum(axis=1)[:, None], constants)
            found += applied.signs[:, None] * np.where(group.stored.flips, -1, 1) * shares
        np.testing.assert_array_equal(found, vectors.astype(int) @ (2 * layer.mapping.weights.astype(int) - 1))


def test_flips_around_faults_store_more_cells_right(network, images):
    plain, aware = (
        layers_on(network, images, make_design(effects=(STUCK,), mitigations=passes), 0)
        for passes in ("none", "fault_aware_flips")
    )
    wrong = [0, 0]
    for layer, written in zip(plain, aware, strict=True):
        for group, other in zip(layer.groups, written.groups, strict=True):
            again = group.stored.flips ^ other.stored.flips
            np.testing.assert_array_equal(other.stored.bits, group.stored.bits ^ again)
            before, after = wrong_cells(group), wrong_cells(other)
            assert (after <= before).all()
            wrong = [wrong[0] + before.sum(), wrong[1] + after.sum()]
    assert wrong[1] < 0.6 * wrong[0]


def test_flips_around_faults_are_those_of_the_first_chip_in_totals_of_several(network, images):
    prepared = prepare(network, make_design(effects=(STUCK,), mitigations="fault_aware_flips"), images)
    first, second = (evaluate(on_chip(prepared, chip), *images.read("test", 0, 1)).layers for chip in (0, 1))
    flips, others = ([layer.weight_flips for layer in layers] for layers in (first, second))
    assert flips != others
    assert [one.merge(other).weight_flips for one, other in zip(first, second, strict=True)] == flips


def wrong_cells(group):
    """Of every column; a cell that conducts nothing is OFF."""
    states, factors = group.cells
    return ((states * (factors > 0)) != group.stored.bits).sum(axis=0)


def test_a_column_with_one_stuck_cell_is_stored_right():
    bits = np.array([[1, 0, 1], [0, 0, 1], [0, 1, 0]], np.uint8)
    held = np.array([[0, -1, 0], [-1, -1, 1], [-1, -1, 0]], np.int8)
    stored = FaultAwareFlips().around_faults(StoredBits.plain(bits), held)
    # The first column's only faulty cell is wrong; in the third one of three is, and two would be.
    assert stored.flips.tolist() == [True, False, False]
    assert stored.bits.T.tolist() == [[0, 1, 1], [0, 0, 1], [1, 1, 0]]


def test_read_noise_is_that_of_the_cells_that_conduct():
    """Of k cells without wires: sqrt(k) times that of one, beside the converter's own."""
    noise = CellReads.beside(Gaussian(np.float32(0.3)), 0.05, 0.02)
    drawn = np.zeros((2000, 16), np.float32)
    for read, row in enumerate(drawn):
        noise_of_read(noise, row, np.uint64(4), read, 0)
    counted = np.full(drawn.shape, 9.0)
    codes = noise.in_codes(drawn, Read(2.0, counted, counted, counted, 16.0))
    expected = np.sqrt(0.3**2 + 2.0**2 * (9 * 0.05**2 + 7 * 0.02**2))
    assert codes.std() == pytest.approx(expected, rel=4 / np.sqrt(2 * codes.size))


def test_noise_of_a_difference_is_that_of_both_columns():
    """Variances add up, that of the converter once."""
    noise = CellReads.beside(Gaussian(np.float32(0.3)), 0.05, 0.02)
    drawn = np.random.default_rng(0).standard_normal((2000, 16)).astype(np.float32)
    many, few = np.full(drawn.shape, 9.0), np.full(drawn.shape, 4.0)
    codes = noise.in_codes(drawn, Read(2.0, many, many, many, 13.0), Read(2.0, few, few, few, 13.0))
    expected = np.sqrt(0.3**2 + 2.0**2 * (13 * 0.05**2 + 13 * 0.02**2))
    assert codes.std() == pytest.approx(expected, rel=4 / np.sqrt(2 * codes.size))


def test_read_noise_of_off_cells_is_there_where_no_on_cell_conducts():
    """Of 16 OFF cells without wires: four times that of one."""
    noise = CellReads.beside(Gaussian(np.float32(0.0)), 0.05, 0.02)
    drawn = np.ones((3, 8), np.float32)
    for current, left in ((1.6, 1.0), (0.8, 0.25)):  # half the current is left: a quarter of what a cell does to it
        read = Read(1.0, np.full(drawn.shape, current), np.full(drawn.shape, 1.6), np.zeros(drawn.shape), 16.0)
        codes = noise.in_codes(drawn, read)
        np.testing.assert_allclose(codes, 4 * 0.02 * left, rtol=1e-6)


@pytest.mark.parametrize("solver", ["fast", "exact"])
def test_columns_of_which_nothing_conducts_make_no_read_noise(network, images, solver):
    cut = BrokenLines(kind="broken_lines", grounded_bit_line_fraction=1.0)
    noise = CellReadNoise(kind="read_noise", on_fraction_per_read=0.5, off_fraction_per_read=0.5)
    adc = Adc(bits=12, range="fixed", gain=2)
    quiet, noisy = (
        totals_on_chip(
            network, images, make_design(adc=adc, layers=("wide",), solver=solver, effects=effects)
        )
        for effects in ((cut,), (cut, noise))
    )  # fmt: skip
    assert quiet[0].column_current == 0
    assert noisy == quiet


@pytest.mark.parametrize("solver", ["fast", "exact"])
@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM-BL"])
def test_cells_that_conduct_less_are_no_wires_that_leave_less(network, images, device, solver):
    """Half the current of every cell, and no wire: the noise of a column is that of its cells, sqrt(k) times 0.5, and
    that of whole codes."""
    circuit = circuit_parameters(device, "nominal")
    wires = dict.fromkeys(("r_driver", "r_sink", "r_row", "r_col", "r_source", "g_off"), 0.0)
    table = MeasuredTable(kind="measured_table", on=MeasuredState(mean_uS=circuit.g_on * 5e5, sigma_uS=0))
    noise = CellReadNoise(kind="read_noise", on_fraction_per_read=0.5, off_fraction_per_read=0)
    quiet, noisy = (
        totals_on_chip(
            network,
            images,
            make_design(
                circuit=circuit.model_copy(update=wires), sparsity="dense", layers=("wide",), solver=solver,
                adc=Adc(bits=12, range="fixed", gain=2), effects=effects, evidence=EvidenceLimits(beyond="mark"),
            ),
        )[0]
        for effects in ((table,), (table, noise))
    )  # fmt: skip
    assert quiet.squared_error == 0
    expected = (2 * 0.5) ** 2 * noisy.partial_sum + noisy.column_reads / 12
    assert noisy.squared_error / ERRORS_A_LSB == pytest.approx(expected, rel=0.05)
