"""The converter: PS_hat = clip(round(gain I / I_unit + offset + noise), 0, 2^bits - 1)."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.design import Adc
from simcore.readout import add_noise
from simcore.sensing import calibrated_settings, convert, nominal_settings


def test_nominal_codes_are_rounded_currents_within_range():
    settings = nominal_settings(Adc(bits=3), groups=2, columns=4)
    codes = convert(np.array([[-0.4, 0.49, 6.6, 30.0]]), settings, group=1)
    assert codes.tolist() == [[0, 0, 7, 7]]


def test_gain_and_offset_are_applied_in_lsb():
    settings = nominal_settings(Adc(bits=6, gain=0.5, offset_lsb=1.0), groups=1, columns=3)
    assert convert(np.array([[0.0, 4.0, 9.0]]), settings, 0).tolist() == [[1, 3, 6]]


def test_noise_is_added_as_given():
    settings = nominal_settings(Adc(bits=6, noise_lsb=5.0), groups=1, columns=2)
    assert convert(np.array([[3.0, 3.0]]), settings, 0, np.array([[2.0, -9.0]])).tolist() == [[5, 0]]


@pytest.mark.parametrize("bits", [1, 4, 16])
def test_the_top_code(bits):
    assert convert(np.array([[1e9]]), nominal_settings(Adc(bits=bits), 1, 1), 0)[0, 0] == 2**bits - 1


def columns_that_lose(seed=0):
    """Currents of columns that lose different shares, and the partial sums they stand for."""
    rng = np.random.default_rng(seed)
    sums = rng.integers(0, 12, (200, 3)).astype(float)
    return sums * [0.5, 0.8, 0.9] + [0.1, 0.0, 0.3], sums


def test_calibrated_by_column_undoes_every_columns_own_loss():
    current, sums = columns_that_lose()
    settings = calibrated_settings(Adc(bits=6, reference="calibrated_column"), [current], [sums])
    np.testing.assert_array_equal(convert(current, settings, 0), sums)
    np.testing.assert_allclose(settings.gain[0], [2.0, 1.25, 1 / 0.9], rtol=1e-5)


def test_calibrated_is_least_squares_over_the_whole_group():
    current, sums = columns_that_lose()
    settings = calibrated_settings(Adc(bits=6, reference="calibrated"), [current], [sums])
    assert len(set(settings.gain[0])) == len(set(settings.offset[0])) == 1
    slope, intercept = np.polyfit(current.ravel(), sums.ravel(), 1)
    assert settings.gain[0, 0] == pytest.approx(slope, rel=1e-5)
    assert settings.offset[0, 0] == pytest.approx(intercept, rel=1e-4)


def test_groups_are_calibrated_apart():
    current, sums = columns_that_lose()
    settings = calibrated_settings(Adc(bits=6, reference="calibrated"), [current, sums], [sums, sums])
    assert settings.gain[1] == pytest.approx(1.0, rel=1e-6)
    assert (settings.gain[0] > 1.1).all()


def test_the_converters_own_gain_and_offset_come_after_calibration():
    current, sums = columns_that_lose()
    plain = calibrated_settings(Adc(bits=6, reference="calibrated"), [current], [sums])
    skewed = calibrated_settings(
        Adc(bits=6, reference="calibrated", gain=1.1, offset_lsb=0.5), [current], [sums]
    )  # fmt: skip
    np.testing.assert_allclose(skewed.gain, 1.1 * plain.gain, rtol=1e-6)
    np.testing.assert_allclose(skewed.offset, 1.1 * plain.offset + 0.5, rtol=1e-5)


@pytest.mark.parametrize("reference", ["calibrated", "calibrated_column"])
@pytest.mark.parametrize("reads", [1, 50])
def test_a_column_without_spread_keeps_the_nominal_unit(reference, reads):
    current, sums = np.full((reads, 2), 2.4), np.full((reads, 2), 3.0)
    settings = calibrated_settings(Adc(bits=4, reference=reference), [current], [sums])
    assert (settings.gain == 1).all()
    np.testing.assert_allclose(settings.offset, 0.6, rtol=1e-6)


def noise_of(seed, position, group, columns=4000, scale=1.0):
    values = np.zeros(columns, np.float32)
    add_noise(values, np.float32(scale), np.uint64(seed), position, group)
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
