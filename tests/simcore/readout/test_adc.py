"""The converter: code = clip(round(gain I + offset + noise), 0, 2^bits - 1), partial sum = zero + step code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.design_axes import Adc
from simcore.encodings import ENCODINGS
from simcore.mapping.tiling import map_layer
from simcore.mitigation.popcount_term import PopcountTerm
from simcore.network.modules import BinaryLayer
from simcore.noise.base import noise_of_read
from simcore.noise.gaussian import Gaussian
from simcore.readout.adc import CalibrationReads, converter_settings, ideal_settings


def reads_of(current, sums, largest=None):
    """Calibration reads of a row group; ``largest``: of every column, by default the largest sum seen."""
    columns = current.shape[1]
    most = np.full(columns, sums.max() if largest is None else largest)
    return CalibrationReads(current, sums, most, np.zeros(len(sums)))


def plain(bits, largest, columns=4, **fields):
    """Converters of the nominal unit on columns whose sums reach ``largest``."""
    nothing = np.zeros((2, columns))
    return converter_settings(Adc(bits=bits, **fields), [reads_of(nothing, nothing, largest)] * 2)


def test_nominal_codes_are_rounded_currents_within_range():
    settings = plain(3, 7)
    found = settings.convert(np.array([[-0.4, 0.49, 6.6, 30.0]]), group=1, applied=0)
    assert found.tolist() == [[0, 0, 7, 7]]


def test_gain_and_offset_are_applied_in_codes():
    settings = plain(6, 40, columns=3, gain=0.5, offset_lsb=1.0)
    assert settings.convert(np.array([[0.0, 4.0, 9.0]]), 0, 0).tolist() == [[1, 3, 6]]


def test_noise_is_added_as_given():
    settings = plain(6, 40, columns=2, noise_lsb=5.0)
    assert settings.noise.scale == 5.0
    assert settings.sums(settings.codes(np.array([[3.0, 3.0]]), 0, np.array([[2.0, -9.0]])), 0, 0).tolist() == [[5, 0]]


@pytest.mark.parametrize("bits", [1, 4, 16])
def test_the_top_code(bits):
    assert plain(bits, 5, 1, range="fixed").convert(np.array([[1e9]]), 0, 0)[0, 0] == 2**bits - 1


@pytest.mark.parametrize("encoding", ["zero_one", "current_difference"])
def test_an_ideal_converter_tells_every_sum(encoding):
    layer = BinaryLayer("fc", "linear", np.ones((1, 300), np.int8), (1, 1), (0, 0))
    ideal = ideal_settings(map_layer(layer, ENCODINGS[encoding], 300, 300))
    sums = np.arange(-300.0 if encoding == "current_difference" else 0.0, 300.0)[:, None]
    np.testing.assert_array_equal(ideal.convert(sums, 0, 0), sums)


def columns_that_lose(seed=0):
    """Currents of columns that lose different shares, and the partial sums they stand for."""
    rng = np.random.default_rng(seed)
    sums = rng.integers(0, 12, (200, 3)).astype(float)
    return sums * [0.5, 0.8, 0.9] + [0.1, 0.0, 0.3], sums


@pytest.mark.parametrize("fit", ["unbiased", "least_squares"])
def test_calibrated_by_column_undoes_every_columns_own_loss(fit):
    current, sums = columns_that_lose()
    settings = converter_settings(Adc(bits=6, reference="calibrated_column", fit=fit), [reads_of(current, sums)])
    np.testing.assert_array_equal(settings.convert(current, 0, 0), sums)
    np.testing.assert_allclose(settings.gain[0], [2.0, 1.25, 1 / 0.9], rtol=1e-5)


@pytest.mark.parametrize("reference", ["calibrated", "calibrated_layer"])
def test_least_squares_is_the_regression_of_sums_on_currents(reference):
    current, sums = columns_that_lose()
    adc = Adc(bits=6, reference=reference, fit="least_squares")
    settings = converter_settings(adc, [reads_of(current, sums)])
    assert len(set(settings.gain[0])) == len(set(settings.offset[0])) == 1
    slope, intercept = np.polyfit(current.ravel(), sums.ravel(), 1)
    assert settings.gain[0, 0] == pytest.approx(slope, rel=1e-5)
    assert settings.offset[0, 0] == pytest.approx(intercept, rel=1e-4)


def noisy_reads(seed, count=60_000):
    """Currents that spread around 0.4 of the sum, sums crowded in the middle as those of a network."""
    rng = np.random.default_rng(seed)
    sums = rng.binomial(32, 0.3, (count, 1)).astype(float)
    return 0.4 * sums + 0.5 + 0.5 * rng.standard_normal(sums.shape), sums


def mean_error_of_sums(fit):
    """Mean converted minus true sum of every true sum from 5 to 14, on other reads than those calibrated on; no codes
    are rounded or clipped that matter."""
    adc = Adc(bits=6, reference="calibrated", fit=fit, range="fixed")
    settings = converter_settings(adc, [reads_of(*noisy_reads(0))])
    current, sums = noisy_reads(1)
    error = settings.convert(current, 0, 0) - sums
    return np.array([error[sums == value].mean() for value in range(5, 15)]), float((error**2).mean())


def test_unbiased_codes_are_right_on_average_for_every_sum_and_least_squares_ones_are_not():
    unbiased, more = mean_error_of_sums("unbiased")
    least, less = mean_error_of_sums("least_squares")
    assert np.abs(unbiased).max() < 0.06  # a standard error of the mean is 0.02 at either end
    assert less < more  # what least squares is for
    # It draws sums towards their mean, 9.6: low ones read high, high ones low.
    assert least[0] > 0.5 and least[-1] < -0.5
    assert np.all(np.diff(least) < 0)


def test_groups_are_calibrated_apart_and_layers_together():
    current, sums = columns_that_lose()
    groups = [reads_of(current, sums), reads_of(sums, sums)]
    settings = converter_settings(Adc(bits=6, reference="calibrated"), groups)
    assert settings.gain[1] == pytest.approx(1.0, rel=1e-6)
    assert (settings.gain[0] > 1.1).all()
    together = converter_settings(Adc(bits=6, reference="calibrated_layer"), groups)
    np.testing.assert_array_equal(together.gain[0], together.gain[1])
    assert (together.gain < settings.gain[0]).all() and (together.gain > settings.gain[1]).all()


def test_the_converters_own_gain_and_offset_come_after_calibration():
    current, sums = columns_that_lose()
    plain = converter_settings(Adc(bits=6, reference="calibrated"), [reads_of(current, sums)])
    adc = Adc(bits=6, reference="calibrated", gain=1.1, offset_lsb=0.5)
    skewed = converter_settings(adc, [reads_of(current, sums)])
    np.testing.assert_allclose(skewed.gain, 1.1 * plain.gain, rtol=1e-6)
    np.testing.assert_allclose(skewed.offset, 1.1 * plain.offset + 0.5, rtol=1e-5)


@pytest.mark.parametrize("fit", ["unbiased", "least_squares"])
@pytest.mark.parametrize("reference", ["calibrated", "calibrated_column", "calibrated_layer"])
@pytest.mark.parametrize("reads", [1, 50])
def test_a_column_without_spread_keeps_the_nominal_unit(reference, reads, fit):
    current, sums = np.full((reads, 2), 2.4), np.full((reads, 2), 3.0)
    settings = converter_settings(Adc(bits=4, reference=reference, fit=fit), [reads_of(current, sums)])
    assert (settings.gain == 1).all()
    np.testing.assert_allclose(settings.offset, 0.6, rtol=1e-6)


RANGES = ("full_scale", "fixed", "percentile", "least_error")


@pytest.mark.parametrize("code_range", RANGES)
def test_enough_bits_give_every_sum_a_code_whatever_the_range(code_range):
    sums = np.random.default_rng(0).binomial(63, 0.3, (500, 5)).astype(float)
    settings = converter_settings(Adc(bits=6, range=code_range), [reads_of(sums, sums, 63)])
    np.testing.assert_array_equal(settings.convert(sums, 0, 0), sums)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(bits=st.integers(1, 8), largest=st.integers(1, 200), code_range=st.sampled_from(["full_scale", "fixed"]))
def test_a_full_scale_errs_by_half_a_step_at_most_and_a_fixed_range_clips(bits, largest, code_range):
    sums = np.arange(largest + 1.0)[:, None]
    found = converter_settings(Adc(bits=bits, range=code_range), [reads_of(sums, sums)]).convert(sums, 0, 0)
    top = 2**bits - 1
    if code_range == "fixed":
        np.testing.assert_array_equal(found, np.minimum(sums, top))
    else:
        assert np.abs(found - sums).max() <= max(largest / top, 1) / 2 + 1e-4
        assert found.max() == pytest.approx(largest) and found.min() == 0


def test_columns_whose_lines_depend_on_a_pass_for_all_are_fitted_with_it():
    """Current leaks with the rows that are on: in one column these go with the sum, and its line takes them for it."""
    rng = np.random.default_rng(0)
    on = rng.binomial(32, 0.5, 4000).astype(float)
    sums = np.stack([on / 2, rng.binomial(16, 0.5, 4000)], axis=1)
    current = sums + 0.25 * on[:, None]
    reads = CalibrationReads(current, sums, np.array([16, 16]), on)
    adc = Adc(bits=10, reference="calibrated_column")
    found = converter_settings(adc, [reads], (PopcountTerm("unbiased"),)).convert(current, 0, on)
    assert np.abs(found - sums).max() < 0.3


def test_few_reads_are_enough_for_a_column_that_surely_follows_its_sum():
    sums = np.arange(6.0)[:, None]
    reads = CalibrationReads(0.5 * sums, sums, np.array([7]), np.ones(6))
    found = converter_settings(Adc(bits=3, reference="calibrated_column"), [reads]).convert(0.5 * sums, 0, 1)
    np.testing.assert_allclose(found, sums)


def test_a_column_whose_current_hardly_follows_its_sum_keeps_the_nominal_unit():
    """One ON cell that is hardly ever on, beside OFF cells that leak: a line through chance alone is all too steep."""
    sums = np.array([0.0] * 254 + [1.0] * 2)[:, None]
    current = np.array([0.0, 1.0] * 127 + [0.50, 0.51])[:, None]
    reads = CalibrationReads(current, sums, np.array([1]), np.ones(256))
    found = converter_settings(Adc(bits=6, reference="calibrated_column"), [reads]).convert(current, 0, 1)
    assert np.abs(found - sums).max() <= 1


def test_a_range_by_percentile_covers_all_but_the_tails():
    sums = np.random.default_rng(0).binomial(200, 0.3, (40_000, 1)).astype(float)
    settings = converter_settings(Adc(bits=4, range="percentile"), [reads_of(sums, sums, 200)])
    low, high = settings.zero[0, 0], settings.zero[0, 0] + 15 * settings.step[0, 0]
    for end, outside in ((low, (sums < low).mean()), (high, (sums > high).mean())):
        assert 0 < outside <= 0.001
        assert (sums == np.rint(end)).any()
    assert settings.step[0, 0] < 200 / 15 / 3


@pytest.mark.parametrize("bits", [2, 3, 4, 5])
@pytest.mark.parametrize("reference", ["nominal", "calibrated", "calibrated_column"])
def test_the_range_of_least_error_errs_less_than_the_others(bits, reference):
    current, sums = noisy_reads(0, 4000)
    error = {}
    for code_range in RANGES:
        adc = Adc(bits=bits, reference=reference, range=code_range, fit="least_squares")
        reads = reads_of(current if reference != "nominal" else sums, sums, 32)
        error[code_range] = ((converter_settings(adc, [reads]).convert(reads.current, 0, 0) - sums) ** 2).mean()
    # The range is chosen on half of the reads, so other reads may undo a little of it.
    assert error["least_error"] <= 1.02 * min(error.values())
    if bits < 5:  # 32 codes have all sums but one
        assert error["least_error"] < 0.95 * error["full_scale"]


@pytest.mark.parametrize("reference", ["nominal", "calibrated", "calibrated_layer"])
@pytest.mark.parametrize("columns", [8, 48, 64, 512])
def test_the_range_of_least_error_is_set_on_all_columns(columns, reference):
    """Also where the first ones, as many as a power of two, have none of the high sums."""
    rng = np.random.default_rng(0)
    chances = np.where(np.arange(columns) % 8 == 7, 0.9, 0.1)
    groups = [rng.binomial(60, chances, (256, columns)).astype(float) for _ in range(4)]
    error = {}
    for code_range in RANGES:
        adc = Adc(bits=3, reference=reference, range=code_range, fit="least_squares")
        settings = converter_settings(adc, [reads_of(sums, sums, 60) for sums in groups])
        error[code_range] = np.mean([(settings.convert(sums, g, 0) - sums) ** 2 for g, sums in enumerate(groups)])
    assert error["least_error"] <= 1.02 * min(error.values())


def test_ranges_are_set_for_the_columns_that_are_calibrated_together():
    rng = np.random.default_rng(0)
    sums = rng.binomial([20, 60], 0.5, (500, 2)).astype(float)
    groups = [CalibrationReads(part, part, np.array([20, 60]), np.zeros(len(part))) for part in (sums, sums / 2)]
    steps = {
        reference: converter_settings(Adc(bits=3, reference=reference), groups).step
        for reference in ("nominal", "calibrated_layer", "calibrated", "calibrated_column")
    }
    for reference in ("nominal", "calibrated_layer"):
        np.testing.assert_allclose(steps[reference], 60 / 7, rtol=1e-6)
    np.testing.assert_allclose(steps["calibrated"], 60 / 7, rtol=1e-6)
    np.testing.assert_allclose(steps["calibrated_column"], [[20 / 7, 60 / 7]] * 2, rtol=1e-6)


def noise_of(seed, position, group, columns=4000, scale=1.0):
    values = np.zeros(columns, np.float32)
    noise_of_read(Gaussian(np.float32(scale)), values, np.uint64(seed), position, group)
    return values


def test_noise_is_gaussian_and_depends_on_every_coordinate():
    noise = noise_of(3, 0, 0, columns=200_000, scale=2.0) / 2
    assert abs(noise.mean()) < 0.01
    assert noise.std() == pytest.approx(1.0, abs=0.01)
    assert (noise**4).mean() == pytest.approx(3.0, abs=0.1)
    assert abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) < 0.01
    np.testing.assert_array_equal(noise_of(3, 5, 2), noise_of(3, 5, 2))
    for other in (noise_of(4, 5, 2), noise_of(3, 6, 2), noise_of(3, 5, 3)):
        assert abs(np.corrcoef(noise_of(3, 5, 2), other)[0, 1]) < 0.1
