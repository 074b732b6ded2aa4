"""Flips and pruning: in ideal arithmetic the flips change nothing, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simcore.mitigation.flips import flip_columns, flip_inputs, prune_columns, reconstruct

SCHEMES = ("dense", "weight", "activation", "both")
quick = settings(max_examples=150, deadline=None, derandomize=True)


@st.composite
def sign_products(draw):
    """(B, N) inputs of +1, -1 and 0 (padding), and (N, C) weights of +1 and -1, lopsided, tied or constant."""
    rows, columns, batch = draw(st.integers(1, 33)), draw(st.integers(1, 9)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))

    def signs(shape):
        share = draw(st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0]))  # 0 and 1: all -1, all +1
        return np.where(rng.random(shape) < share, 1, -1)

    inputs, weights = signs((batch, rows)), signs((rows, columns))
    if draw(st.booleans()):  # exact ties
        inputs[0, :] = np.where(np.arange(rows) % 2, 1, -1)
        weights[:, 0] = np.where(np.arange(rows) % 2, -1, 1)
    padded = rng.random((batch, rows)) < draw(st.sampled_from([0.0, 0.3, 1.0]))
    return np.where(padded, 0, inputs), weights


def through_the_array(inputs, weights, scheme):
    """What the digital side makes of ideal partial sums, and the bits that were stored and applied."""
    valid = inputs != 0
    stored, weight_flips = (weights > 0).astype(np.uint8), np.zeros(weights.shape[1], bool)
    if scheme in ("weight", "both"):
        stored, weight_flips = flip_columns(stored)
    applied, input_flips = (inputs > 0).astype(np.uint8), np.zeros(len(inputs), bool)
    if scheme in ("activation", "both"):
        applied, input_flips = flip_inputs(applied, valid)
    dots = reconstruct(
        applied.astype(int) @ stored,
        applied.sum(axis=1),
        valid.astype(int) @ stored,
        valid.sum(axis=1),
        input_flips,
        weight_flips,
    )
    return dots, stored, applied


@quick
@given(products=sign_products(), scheme=st.sampled_from(SCHEMES))
def test_every_scheme_gives_the_very_dot_products(products, scheme):
    inputs, weights = products
    dots, _, _ = through_the_array(inputs, weights, scheme)
    np.testing.assert_array_equal(dots, inputs @ weights)


@quick
@given(products=sign_products())
def test_flipped_sums_are_at_most_half(products):
    inputs, weights = products
    _, stored, applied = through_the_array(inputs, weights, "both")
    valid = inputs != 0
    assert (2 * stored.sum(axis=0) <= len(stored)).all()
    assert (2 * applied.sum(axis=1) <= valid.sum(axis=1)).all()
    assert (applied[~valid] == 0).all()  # a padded row stays off


@quick
@given(products=sign_products())
def test_flips_only_ever_complement(products):
    inputs, weights = products
    bits = (weights > 0).astype(np.uint8)
    stored, flips = flip_columns(bits)
    np.testing.assert_array_equal(stored ^ flips, bits)
    valid = inputs != 0
    plain = (inputs > 0).astype(np.uint8)
    applied, input_flips = flip_inputs(plain, valid)
    np.testing.assert_array_equal((applied ^ input_flips[:, None])[valid], plain[valid])


def test_a_tie_is_not_flipped():
    assert not flip_columns(np.array([[1], [0]]))[1].any()
    assert not flip_inputs(np.array([[1, 0]]))[1].any()
    assert flip_columns(np.array([[1], [0], [1]]))[1].all()


@pytest.mark.parametrize("value", [0, 1])
def test_constant_bits_become_all_zeros(value):
    bits = np.full((5, 3), value, np.uint8)
    assert not flip_columns(bits)[0].any()
    assert not flip_inputs(bits)[0].any()


def test_flips_work_on_bytes_without_overflow():
    many = np.ones((600, 2), np.uint8)
    assert flip_columns(many)[1].all()
    assert flip_inputs(many.T)[1].all()


@st.composite
def pruned_columns(draw):
    rows, columns = draw(st.integers(1, 40)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    weights = (rng.random((rows, columns)) < draw(st.sampled_from([0.0, 0.3, 0.7, 1.0]))).astype(np.uint8)
    inputs = (rng.random((50, rows)) < rng.random(rows)).astype(np.uint8)
    return weights, inputs, draw(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.99]))


@quick
@given(case=pruned_columns())
def test_pruning_keeps_its_budget_and_takes_only_ones(case):
    weights, inputs, fraction = case
    pruned_bits, pruned = prune_columns(weights, inputs.mean(axis=0), fraction)
    budget = np.floor(fraction * weights.sum(axis=0, dtype=int) + 1e-9)
    np.testing.assert_array_equal(pruned.sum(axis=0), budget)
    assert (weights[pruned] == 1).all()
    np.testing.assert_array_equal(pruned_bits, weights - pruned)


@quick
@given(case=pruned_columns())
def test_pruning_takes_the_least_influential_cells(case):
    weights, inputs, fraction = case
    means = inputs.mean(axis=0)
    _, pruned = prune_columns(weights, means, fraction)
    influence = means * (1 - means)
    for column in range(weights.shape[1]):
        kept = (weights[:, column] == 1) & ~pruned[:, column]
        if pruned[:, column].any() and kept.any():
            assert influence[pruned[:, column]].max() <= influence[kept].min()


@quick
@given(case=pruned_columns())
def test_the_correction_makes_the_mean_error_zero(case):
    weights, inputs, fraction = case
    means = inputs.mean(axis=0)
    pruned_bits, pruned = prune_columns(weights, means, fraction)
    expected = (pruned * means[:, None]).sum(axis=0)
    error = inputs @ pruned_bits.astype(float) + expected - inputs @ weights.astype(float)
    np.testing.assert_allclose(error.mean(axis=0), 0, atol=1e-9)
