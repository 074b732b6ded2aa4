"""Converters on the difference of two currents: the same arrays as behind two codes, and signed sums."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.analysis.tile_errors import tile_errors
from simcore.design_axes import Adc, EvidenceLimits
from simcore.effects.converter_spread import ConverterSpread
from simcore.effects.read_noise import CellReadNoise
from simcore.inference.evaluation import evaluate, on_chip, prepare
from simcore.readout.adc import CalibrationReads, converter_settings
from tests.simcore.small_networks import make_design

APART = {"current_difference": "differential", "xnor_current_difference": "xnor_differential"}
MARKED = {"rows": 32, "cols": 8, "layers": ("narrow",), "evidence": EvidenceLimits(beyond="mark")}

# Solves of rows that carry current take most of a minute.
DEVICES = ["8T-SRAM", pytest.param("1T-1ReRAM-BL", marks=pytest.mark.slow)]


def layer_read(checkpoint, dataset, chip=None, **fields):
    """Predictions and totals of the small network's mapped layer."""
    device, corner = fields.pop("device", "8T-SRAM"), fields.pop("corner", "pessimistic")
    prepared = prepare(checkpoint, make_design(device, corner, **MARKED, **fields), dataset)
    result = evaluate(prepared if chip is None else on_chip(prepared, chip), *dataset.read("test", 0, 5))
    (layer,) = result.layers
    return result.predictions, layer


@pytest.mark.parametrize("name", APART)
@pytest.mark.parametrize("device", DEVICES)
def test_its_arrays_are_those_behind_two_codes(checkpoint, dataset, name, device):
    _, one = layer_read(checkpoint, dataset, device=device, encoding=name)
    _, other = layer_read(checkpoint, dataset, device=device, encoding=APART[name])
    for field in ("column_reads", "partial_sum", "applied_ones", "stored_columns", "inputs"):
        assert getattr(one, field) == getattr(other, field), field
    assert one.column_current == pytest.approx(other.column_current, rel=1e-6)  # added up in another order
    assert one.squared_error != other.squared_error


@pytest.mark.parametrize("name", APART)
@pytest.mark.parametrize("device", DEVICES)
def test_solvers_meet_the_same_noise_of_converters_and_cells(checkpoint, dataset, name, device):
    fields = {"device": device, "corner": "nominal", "encoding": name, "sparsity": "binsparx", "chip": 1}
    effects = (
        CellReadNoise(kind="read_noise", on_fraction_per_read=0.05, off_fraction_per_read=0.1),
        ConverterSpread(kind="converter_spread", gain_sigma_fraction=0.05, offset_sigma_codes=0.5),
    )
    fields |= {"adc": Adc(bits=6, reference="calibrated", noise_lsb=0.4), "effects": effects}
    (fast, ours), (exact, theirs) = (
        layer_read(checkpoint, dataset, solver=solver, **fields) for solver in ("fast", "exact")
    )
    np.testing.assert_array_equal(fast, exact)
    assert ours.column_current == pytest.approx(theirs.column_current, rel=1e-3)
    assert ours.squared_error == pytest.approx(theirs.squared_error, rel=0.02)
    assert ours.clipped == pytest.approx(theirs.clipped, abs=4)


@pytest.mark.parametrize(
    "mitigations",
    ["bent_references+popcount_term+recalibrated_outputs", "nonuniform_codes", "digital_table:2", "reference_bits:8"],
)
def test_passes_on_signed_sums(checkpoint, dataset, mitigations):
    """By both solvers alike; those that bend or look up err less than a line."""
    fields = {"encoding": "current_difference", "adc": Adc(bits=5, reference="calibrated")}
    results = {
        (solver, passes): layer_read(checkpoint, dataset, solver=solver, mitigations=passes, **fields)
        for solver in ("fast", "exact")
        for passes in ("none", mitigations)
    }
    fast, exact = (results[solver, mitigations] for solver in ("fast", "exact"))
    assert fast[1].squared_error == pytest.approx(exact[1].squared_error, rel=0.1)
    assert fast[1].column_current == pytest.approx(exact[1].column_current, rel=1e-3)
    line = results["exact", "none"][1].squared_error
    if mitigations == "reference_bits:8":
        assert exact[1].squared_error < 1.3 * line
    else:
        assert exact[1].squared_error < line


def test_tiles_whose_arrays_lose_nothing_err_nowhere(checkpoint, dataset):
    circuit = make_design().circuit.model_copy(
        update=dict.fromkeys(("r_driver", "r_sink", "r_row", "r_col", "r_source", "g_off"), 0.0)
    )
    prepared = prepare(checkpoint, make_design(circuit, encoding="current_difference", **MARKED), dataset)
    (tiles,) = tile_errors(checkpoint, prepared, dataset, "test")
    (layer,) = prepared.layers.values()
    assert tiles.rms_error.shape == (len(layer.mapping.spans), -(-layer.mapping.columns // 8))
    assert tiles.rms_error.max() < 1e-6 and np.abs(tiles.mean_sum).max() > 0


@pytest.mark.parametrize("solver", ["fast", "exact"])
@pytest.mark.parametrize("range_name", ["full_scale", "fixed"])
def test_what_is_below_the_codes_counts_as_clipped(checkpoint, dataset, solver, range_name):
    """Of two bits from -2 to 1 most differences of 32 rows are beyond either end; each is two columns'."""
    fields = {"adc": Adc(bits=2, range=range_name), "corner": "nominal", "encoding": "current_difference"}
    _, layer = layer_read(checkpoint, dataset, solver=solver, **fields)
    assert layer.clipped % 2 == 0
    if range_name == "fixed":
        assert layer.clipped > layer.column_reads / 4
    else:
        assert layer.clipped == 0


def reads_of(sums: np.ndarray, largest: int) -> CalibrationReads:
    most = np.full(sums.shape[1], largest)
    return CalibrationReads(sums, sums, most, np.zeros(len(sums)), signed=True)


@pytest.mark.parametrize("range_name", ["full_scale", "percentile", "least_error"])
@pytest.mark.parametrize("reference", ["nominal", "calibrated", "calibrated_column", "calibrated_layer"])
def test_signed_sums_have_codes_below_zero(reference, range_name):
    sums = np.random.default_rng(0).integers(-7, 8, (400, 3)).astype(float)
    adc = Adc(bits=4, reference=reference, range=range_name)
    settings = converter_settings(adc, [reads_of(sums, 7)])
    np.testing.assert_allclose(settings.convert(sums, 0, 0), sums, atol=1e-5)


def test_a_fixed_range_is_that_of_the_twos_complement():
    sums = np.arange(-20.0, 21.0)[:, None]
    settings = converter_settings(Adc(bits=3, range="fixed"), [reads_of(sums, 20)])
    np.testing.assert_array_equal(settings.convert(sums, 0, 0), np.clip(sums, -4, 3))


def test_coarse_codes_cover_both_ends():
    sums = np.arange(-20.0, 21.0)[:, None]
    found = converter_settings(Adc(bits=3), [reads_of(sums, 20)]).convert(sums, 0, 0)
    assert found.min() == pytest.approx(-20) and found.max() == pytest.approx(20)
    assert np.abs(found - sums).max() <= 20 / 3 / 2 + 1e-5


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("range_name", ["full_scale", "fixed", "percentile"])
@pytest.mark.parametrize("ends", [(-64, 64), (-9, 40), (-64, 1)])
def test_no_difference_has_a_code(bits, range_name, ends):
    """It is the most frequent sum: half a step of it would be a bias of every dot product."""
    sums = np.arange(ends[0], ends[1] + 1.0)[:, None]
    settings = converter_settings(Adc(bits=bits, range=range_name), [reads_of(sums, 64)])
    found = settings.convert(np.array([[-0.4], [0.0], [0.4]]), 0, 0)
    np.testing.assert_allclose(found, 0, atol=1e-5)
    if range_name == "percentile":  # codes reach both ends, and are no coarser than those of the two's complement
        assert np.abs(settings.convert(sums, 0, 0) - sums).max() <= settings.step.max() / 2 + 1e-4
        assert settings.step.max() <= max(1, np.abs(ends).max() / (2 ** (bits - 1) - 1)) + 1e-5


@pytest.mark.parametrize("reference", ["nominal", "calibrated", "calibrated_column"])
def test_errors_of_gain_turn_about_no_difference(reference):
    sums = np.arange(-64.0, 65.0)[:, None]
    settings = converter_settings(Adc(bits=8, gain=1.05, reference=reference), [reads_of(sums, 64)])
    found = settings.convert(np.array([[-40.0], [0.0], [40.0]]), 0, 0)
    np.testing.assert_allclose(found, [[-42.0], [0.0], [42.0]], atol=1e-5)


def test_a_chips_errors_of_gain_turn_about_no_difference(checkpoint, dataset):
    effects = (ConverterSpread(kind="converter_spread", gain_sigma_fraction=0.05),)
    fields = {"encoding": "current_difference", "adc": Adc(bits=8), "effects": effects, **MARKED}
    (layer,) = on_chip(prepare(checkpoint, make_design(**fields), dataset), 1).layers.values()
    conversions = layer.mapping.conversions
    none, some = np.zeros((1, conversions)), np.full((1, conversions), 100.0)
    np.testing.assert_allclose(layer.converters.convert(none, 0, 0), 0, atol=1e-5)
    assert len(np.unique(layer.converters.codes(some, 0))) > 1


def test_conversions_know_their_columns(checkpoint, dataset):
    """Half as many settings as columns."""
    prepared = prepare(checkpoint, make_design(encoding="current_difference", **MARKED), dataset)
    (layer,) = prepared.layers.values()
    assert layer.converters.gain.shape[1] == layer.mapping.conversions == layer.mapping.columns // 2
