"""Passes that act on converters: what they do for reads whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from simcore.design_axes import Adc
from simcore.mitigation.bent_references import BentReferences, rising_curve
from simcore.mitigation.digital_table import DigitalTable
from simcore.mitigation.nonuniform_codes import NonuniformCodes, least_error_codes
from simcore.mitigation.popcount_term import FRACTION_BITS, PopcountTerm
from simcore.mitigation.re_ranging import re_ranging
from simcore.mitigation.reference_bits import ReferenceBits
from simcore.mitigation.threshold_grid import ThresholdGrid
from simcore.mitigation.transfer import Curve
from simcore.readout.adc import CalibrationReads, converter_settings
from simcore.readout.bends import bent as bent_codes

quick = settings(max_examples=60, deadline=None, derandomize=True)
FITS = ("unbiased", "least_squares")


def saturating(seed, noise=0.3, leak=0.0, reads=4000, columns=8):
    """Reads of 64 rows whose current bends with the sum, and leaks with the rows that are on."""
    rng = np.random.default_rng(seed)
    applied = rng.binomial(64, 0.4, reads)
    sums = rng.binomial(applied[:, None], rng.uniform(0.3, 0.7, columns))
    bent = 40 * (1 - np.exp(-sums / 40)) + leak * applied[:, None]
    current = bent + noise * rng.standard_normal(sums.shape)
    return CalibrationReads(current, sums.astype(float), np.full(columns, 64), applied)


def error_of(passes, reads, held_out, fit="unbiased", bits=7):
    """Partial sums that converters set on some reads tell of others, less what they are."""
    settings = converter_settings(Adc(bits=bits, reference="calibrated", fit=fit), [reads], passes)
    return settings.convert(held_out.current, 0, held_out.applied) - held_out.partial_sum


def rms(values):
    return float(np.sqrt((values**2).mean()))


@pytest.mark.parametrize("fit", FITS)
def test_bent_references_take_the_curve_out_of_the_current(fit):
    reads, held_out = saturating(0, noise=0.1), saturating(1, noise=0.1)
    straight, bent = (error_of(passes, reads, held_out, fit) for passes in ((), (BentReferences(fit),)))
    # Codes are whole, so that noise errs where it passes half a code: 0.1 LSB become 0.1 exp(s / 40) in sums.
    wrong = norm.sf(0.5 / (0.1 * np.exp(held_out.partial_sum / 40)))
    assert rms(bent) < 1.5 * np.sqrt(2 * wrong.mean()) < 0.5 * rms(straight)


def test_bent_references_are_right_on_average_at_every_sum():
    error, sums = error_of((BentReferences("unbiased"),), saturating(0), saturating(1)), saturating(1).partial_sum
    for value in np.unique(sums):
        found = error[sums == value]
        if len(found) > 50:
            assert abs(found.mean()) < 0.15 + 4 * found.std() / np.sqrt(len(found)), value


@pytest.mark.parametrize("fit", FITS)
def test_the_popcount_term_takes_out_what_rows_that_are_on_leak(fit):
    reads, held_out = (saturating(seed, noise=0.05, leak=0.25) for seed in (0, 1))
    bent = error_of((BentReferences(fit),), reads, held_out, fit)
    both = error_of((BentReferences(fit), PopcountTerm(fit)), reads, held_out, fit)
    assert rms(both) < 0.5 * rms(bent)


@pytest.mark.parametrize("leak", [0.0, 0.125, 0.5])
def test_the_coefficient_of_a_linear_leak_is_found_in_few_bits(leak):
    reads = saturating(3, noise=0.01)
    straight = CalibrationReads(
        reads.partial_sum + leak * reads.applied[:, None], reads.partial_sum, reads.largest, reads.applied
    )
    found = converter_settings(Adc(bits=8, reference="calibrated"), [straight], (PopcountTerm("unbiased"),))
    assert found.per_row.tolist() == [-leak]
    assert (found.per_row * 2**FRACTION_BITS % 1 == 0).all()


@quick
@given(
    seed=st.integers(0, 2**31), reads=st.integers(1, 300), spread=st.floats(0, 200), noise=st.floats(0, 50),
    slope=st.floats(-3, 3),
)  # fmt: skip
def test_curves_rise_whatever_they_are_fitted_to(seed, reads, spread, noise, slope):
    rng = np.random.default_rng(seed)
    x = spread * rng.random(reads)
    curve = rising_curve(x, slope * x + noise * rng.standard_normal(reads))
    if curve is not None:
        assert (np.diff(curve.at) > 0).all() and (np.diff(curve.values) > 0).all()
        np.testing.assert_allclose(curve.inverse(curve(x)), x, atol=1e-6 * max(spread, 1))


@quick
@given(seed=st.integers(0, 2**31), first=st.integers(2, 9), second=st.integers(2, 9))
def test_one_curve_after_the_other_is_a_curve(seed, first, second):
    rng = np.random.default_rng(seed)
    curves = [Curve(np.cumsum(rng.random(n) + 0.01), np.cumsum(rng.random(n) + 0.01)) for n in (first, second)]
    x = rng.uniform(-1, 10, 50)
    np.testing.assert_allclose(curves[0].then(curves[1])(x), curves[1](curves[0](x)), atol=1e-9)


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_nonuniform_codes_err_less_than_any_even_range(bits):
    reads, held_out = saturating(0, noise=0.1), saturating(1, noise=0.1)
    bend = BentReferences("unbiased")
    even = []
    for code_range in ("full_scale", "percentile", "least_error"):
        adc = Adc(bits=bits, reference="calibrated", range=code_range)
        found = converter_settings(adc, [reads], (bend,)).convert(held_out.current, 0, held_out.applied)
        even.append(rms(found - held_out.partial_sum))
    assert rms(error_of((bend, NonuniformCodes()), reads, held_out, bits=bits)) < min(even)


@pytest.mark.parametrize("bits", [5, 6, 7, 8])
def test_nonuniform_codes_of_many_bits_err_little_more_than_the_least(bits):
    """A few pieces draw what hundreds of codes bend at."""
    x = np.concatenate([np.repeat(np.arange(31.0), 100), [60.0, 64.0]])[:, None]
    skewed = np.random.default_rng(0).gamma(2, 8, (20_000, 1)).clip(0, 64).round()
    for sums in (x, skewed):
        reads = CalibrationReads(sums, sums, np.array([64]), np.full(len(sums), 64))
        found = converter_settings(Adc(bits=bits, reference="calibrated"), [reads], (NonuniformCodes(),))
        thresholds, levels = least_error_codes(sums.ravel(), sums.ravel(), 2**bits)
        least = rms(levels[np.searchsorted(thresholds, sums)] - sums)
        plain = converter_settings(Adc(bits=bits, reference="calibrated", range="percentile"), [reads])
        error = rms(found.convert(sums, 0, 64) - sums)
        assert error <= 1.2 * least + 0.01
        assert error <= rms(plain.convert(sums, 0, 64) - sums) + 0.01


def test_one_bit_has_the_threshold_and_the_levels_that_err_least():
    """Of a normal distribution: its mean, and sqrt(2 / pi) standard deviations on either side (Max 1960, table I)."""
    x = np.random.default_rng(0).normal(30, 4, (20_000, 1))
    reads = CalibrationReads(x, x, np.array([64]), np.full(len(x), 64))
    found = converter_settings(Adc(bits=1, reference="calibrated"), [reads], (NonuniformCodes(),)).convert(x, 0, 64)
    np.testing.assert_allclose(np.unique(found), 30 + 4 * np.sqrt(2 / np.pi) * np.array([-1, 1]), atol=0.1)
    assert x[found > 30].min() == pytest.approx(30, abs=0.1)


def test_the_levels_of_a_normal_distribution():
    """Two bits: levels at 0.4528 and 1.510 standard deviations (Max 1960, table I)."""
    x = np.random.default_rng(0).standard_normal(200_000)
    thresholds, levels = least_error_codes(x, x, 4)
    np.testing.assert_allclose(levels, [-1.510, -0.4528, 0.4528, 1.510], atol=0.02)
    np.testing.assert_allclose(thresholds, [-0.9816, 0, 0.9816], atol=0.03)


def test_one_curve_for_a_layer_or_one_a_row_group():
    groups = [saturating(0), saturating(1, leak=0.5)]
    of_layer, of_group = (
        converter_settings(Adc(bits=7, reference=reference), groups, (BentReferences("unbiased"),))
        for reference in ("calibrated_layer", "calibrated")
    )
    assert np.array_equal(of_layer.curve.knots[0], of_layer.curve.knots[1])
    assert not np.array_equal(of_group.curve.knots[0], of_group.curve.knots[1])


def test_noise_before_bent_thresholds_counts_for_more_where_they_are_close():
    """Codes are even before the curve: noise of one of them moves a sum by the curve's slope there."""
    reads = saturating(0, noise=0.01)
    settings = converter_settings(Adc(bits=10, reference="calibrated"), [reads], (BentReferences("unbiased"),))
    current = np.repeat([[3.0, 21.0]], 4, axis=1)
    moved = settings.codes(current, 0, 4.0) - settings.codes(current, 0, -4.0)
    assert moved[0, -1] > 1.5 * moved[0, 0] > 0


def leaking_bend(seed, reads=4000, columns=8):
    """Reads whose leak bends with the rows that are on, so that no coefficient tells it."""
    reads = saturating(seed, noise=0.05, reads=reads, columns=columns)
    return CalibrationReads(
        reads.current + 6 * np.sin(reads.applied / 8)[:, None], reads.partial_sum, reads.largest, reads.applied
    )


@pytest.mark.parametrize("fit", FITS)
def test_a_digital_table_tells_what_neither_a_curve_nor_a_coefficient_does(fit):
    reads, held_out = leaking_bend(0), leaking_bend(1)
    bend = BentReferences(fit)
    both, table = (
        rms(error_of(passes, reads, held_out, fit, bits=8))
        for passes in ((bend, PopcountTerm(fit)), (bend, DigitalTable(fit, 7, 64)))
    )
    assert table < 0.5 * both


def test_a_table_with_more_bits_of_the_count_errs_less():
    reads, held_out = (saturating(seed, noise=0.05, leak=0.5) for seed in (0, 1))
    errors = [rms(error_of((DigitalTable("unbiased", n, 64),), reads, held_out, bits=8)) for n in (0, 2, 3, 4, 5)]
    assert all(more < 0.8 * less for less, more in zip(errors, errors[1:], strict=False))


def test_a_table_serves_counts_that_calibration_never_met():
    reads = saturating(0, noise=0.05, leak=0.25, reads=40)
    settings = converter_settings(Adc(bits=8, reference="calibrated"), [reads], (DigitalTable("unbiased", 5, 64),))
    held_out = saturating(1, noise=0.05, leak=0.25)
    error = settings.convert(held_out.current, 0, held_out.applied) - held_out.partial_sum
    assert np.isfinite(error).all() and rms(error) < 2


@pytest.mark.parametrize("signed", [False, True])
def test_a_table_knows_which_sums_there_are(signed):
    """Where few rows are on the current saturates early, and the codes beyond, which others need, are of no sum."""
    few, many = np.tile(np.arange(17.0), 60), np.tile(np.arange(49.0), 20)
    sums = np.concatenate([few, many])[:, None]
    applied = np.repeat([16, 48], [len(few), len(many)])
    current = np.minimum(sums, 8) + 0.01 * np.maximum(sums - 8, 0)
    current[len(few) :] = sums[len(few) :] / 2
    if signed:
        sums, current, applied = np.concatenate([sums, -sums]), np.concatenate([current, -current]), np.tile(applied, 2)
    reads = CalibrationReads(current, sums, np.array([64]), applied, signed)
    table = DigitalTable("unbiased", 4, 64, signed)
    settings = converter_settings(Adc(bits=8, reference="calibrated"), [reads], (table,))
    far = np.linspace(-30, 30, 301)[:, None]
    for rows, most in ((16, 19), (48, 64)):  # sixteen bins, each of four counts
        found = settings.convert(far, 0, rows)
        assert found.max() <= most + 1e-3 and found.min() >= (-most if signed else 0) - 1e-3
    error = settings.convert(current, 0, applied)[applied == 48] - sums[applied == 48]
    assert rms(error) < 0.5


@pytest.mark.parametrize("finer", [0, 1, 2, 6])
def test_bent_thresholds_lie_on_the_grid_of_a_converters_finer_codes(finer):
    """What a converter of more bits tells apart, a table makes codes of: thresholds lie between two of its codes."""
    reads, bits = saturating(0, noise=0.1), 5
    bent = (BentReferences("unbiased"),)
    exact, held = (
        converter_settings(Adc(bits=bits, reference="calibrated"), [reads], passes)
        for passes in (bent, (*bent, ThresholdGrid(finer)))
    )
    current = np.repeat(np.linspace(reads.current.min(), reads.current.max(), 20_001)[:, None], 8, axis=1)
    codes, free = (settings.codes(current, 0)[:, 0] for settings in (held, exact))
    place = (held.gain[0, 0] * current[:, 0] + held.offset[0, 0] - held.grid[0, 0]) / held.grid[0, 1]
    steps = place[1:][np.diff(codes) > 0] - 0.5
    assert np.abs(steps - np.rint(steps)).max() <= np.diff(place).max() + 1e-3
    inside = (free >= 0) & (free <= held.top)
    assert np.abs(codes - free)[inside].max() <= (1 if finer else 2) and (np.diff(codes) >= 0).all()
    if finer == 6:
        assert (codes != free)[inside].mean() < 0.1


def test_without_a_bend_there_is_no_grid():
    flat = CalibrationReads(np.ones((8, 2)), np.ones((8, 2)), np.array([1, 1]), np.ones(8, int))
    passes = (BentReferences("unbiased"), ThresholdGrid(2))
    assert (converter_settings(Adc(bits=4, reference="calibrated"), [flat], passes).grid == 0).all()


@pytest.mark.parametrize("reference", ["calibrated", "calibrated_column", "calibrated_layer"])
@pytest.mark.parametrize("bits", [3, 6, 12])
def test_the_ends_of_a_range_are_whole_multiples_of_what_its_bits_say(reference, bits):
    reads = saturating(0, noise=0.2)
    passes = (ReferenceBits(bits, 64, re_ranging(reference, "unbiased")),)
    adc = Adc(bits=6, reference=reference)
    kept, free = (converter_settings(adc, [reads], chosen) for chosen in (passes, ()))
    ends = (np.array([[0.0], [kept.top]]) - kept.offset) / kept.gain / (64 / 2**bits)
    np.testing.assert_allclose(ends, np.rint(ends), atol=1e-3)
    if bits == 12:
        np.testing.assert_allclose(kept.gain, free.gain, rtol=2e-3)


@pytest.mark.parametrize("also", [(), (PopcountTerm("unbiased"),)])
def test_behind_a_curve_the_ends_of_a_range_move_no_further_than_to_the_next_multiple(also):
    reads = saturating(0, noise=0.2)
    bent = (BentReferences("unbiased"), *also)
    adc, apart = Adc(bits=6, reference="calibrated"), 64 / 2**4
    kept, free = (
        converter_settings(adc, [reads], passes)
        for passes in ((ReferenceBits(4, 64, re_ranging("calibrated", "unbiased")), *bent), bent)
    )

    def ends(settings):
        """The currents of the least and of the highest code."""
        even = np.linspace(-settings.top, 2 * settings.top, 300_001)
        at = np.interp([0, settings.top], bent_codes(even, settings.curve.line[0], settings.curve.knots[0]), even)
        return (at - settings.offset[0, 0]) / settings.gain[0, 0]

    found, wanted = ends(kept), ends(free)
    np.testing.assert_allclose(found / apart, np.rint(found / apart), atol=1e-3)
    assert (np.abs(found - wanted) <= apart / 2 + 1e-3).all()
