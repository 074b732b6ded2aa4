"""Flips and pruning: in ideal arithmetic the flips change nothing, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simcore.encodings import ENCODINGS
from simcore.mapping.column_share import column_share, share_constants
from simcore.mapping.row_groups import StoredBits, applied_inputs, assemble
from simcore.mapping.tiling import as_layer_output, input_vectors, map_layer
from simcore.mitigation.activation_flip import HALF
from simcore.mitigation.pruning import prune_columns
from simcore.mitigation.sets import SPARSITY_LEVELS, store_group
from simcore.mitigation.weight_flip import flip_columns
from simcore.network.modules import BinaryLayer
from simcore.readout.adc import ideal_settings
from simcore.readout.fused import read_layer
from simcore.readout.tables import layer_tables
from tests.simcore.small_networks import make_design

LEVELS = tuple(SPARSITY_LEVELS)
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
    return np.where(padded, 0, inputs).astype(np.int8), weights


def through_the_array(inputs, weights, level):
    """What the digital side makes of ideal partial sums, and the bits that were stored and applied."""
    stored = store_group((weights > 0).astype(np.uint8), SPARSITY_LEVELS[level], inputs)
    applied = applied_inputs(inputs, stored.flip_above)
    constants = share_constants((inputs != 0).astype(float), stored.digital)
    shares = column_share(applied.bits.astype(int) @ stored.bits, applied.bits.sum(axis=1)[:, None], constants)
    return applied.signs[:, None] * np.where(stored.flips, -1, 1) * shares, stored.bits, applied.bits


@quick
@given(products=sign_products(), level=st.sampled_from(LEVELS))
def test_every_scheme_gives_the_very_dot_products(products, level):
    inputs, weights = products
    dots, _, _ = through_the_array(inputs, weights, level)
    np.testing.assert_array_equal(dots, inputs.astype(int) @ weights)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(products=sign_products(), size=st.integers(1, 4), level=st.sampled_from(LEVELS), rows=st.integers(1, 20))
def test_every_scheme_gives_the_very_dot_products_through_the_readout(products, size, level, rows):
    """Each input is a channel of an image with a border of padding, each column of weights the middle tap of a kernel
    whose other taps are lopsided too."""
    inputs, weights = products
    channels, columns = weights.shape
    taps = np.repeat(weights.T[:, :, None], 9, axis=2).reshape(columns, channels, 3, 3)
    taps[:, :, 0] *= -1
    layer = BinaryLayer("conv", "conv2d", taps.astype(np.int8), (1, 1), (1, 1))
    mapping = map_layer(layer, ENCODINGS["zero_one"], 4 * rows, rows)
    pixels = np.where(inputs == 0, -1, inputs).astype(np.float32)  # padding is what the border adds
    images = torch.from_numpy(np.tile(pixels[:, :, None, None], (1, 1, size, size)))
    vectors = input_vectors(mapping, images)
    flat = vectors.reshape(-1, vectors.shape[2])
    stored = [
        store_group(mapping.weights[span.start : span.stop], SPARSITY_LEVELS[level], flat[:, span.start : span.stop])
        for span in mapping.spans
    ]
    groups = assemble(mapping, stored, make_design().circuit, 4 * rows, 8)
    tables = layer_tables(mapping, groups, None, ideal_settings(mapping), images.shape)
    shares, _ = read_layer(tables, vectors)
    plain = torch.nn.functional.conv2d(images.double(), torch.from_numpy(layer.weight).double(), padding=1)
    assert torch.equal(as_layer_output(mapping, shares, images.shape).double(), plain)


@quick
@given(products=sign_products())
def test_flipped_sums_are_at_most_half(products):
    inputs, weights = products
    _, stored, applied = through_the_array(inputs, weights, "binsparx")
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
    applied = applied_inputs(inputs, HALF)
    np.testing.assert_array_equal((applied.bits ^ (applied.signs < 0)[:, None])[valid], (inputs > 0)[valid])


def test_a_tie_is_not_flipped():
    assert not flip_columns(np.array([[1], [0]]))[1].any()
    assert (applied_inputs(np.array([[1, -1]], np.int8), HALF).signs == 1).all()
    assert flip_columns(np.array([[1], [0], [1]]))[1].all()


@pytest.mark.parametrize("value", [0, 1])
def test_constant_bits_become_all_zeros(value):
    bits = np.full((5, 3), value, np.uint8)
    assert not flip_columns(bits)[0].any()
    assert not applied_inputs(2 * bits.astype(np.int8) - 1, HALF).bits.any()


@quick
@given(rows=st.integers(1, 60), percent=st.integers(1, 99), every=st.integers(1, 6))
@example(rows=50, percent=58, every=1)
def test_as_many_rows_are_on_as_can_be(rows, percent, every):
    """Tried out with every number of ones among the rows that are counted."""
    stored = replace(StoredBits.plain(np.ones((rows, 1), np.uint8)), flip_above=percent / 100, counted_every=every)
    counted = np.arange(rows) % every == 0
    tried = []
    for others in (-1, 1):
        for ones in range(counted.sum() + 1):
            vector = np.full(rows, others, np.int8)
            vector[counted] = np.where(np.arange(counted.sum()) < ones, 1, -1)
            tried.append(stored.apply(vector[None]).bits.sum())
    assert stored.most_on(rows) == max(tried)


def test_flips_work_on_bytes_without_overflow():
    many = np.ones((600, 2), np.uint8)
    assert flip_columns(many)[1].all()
    assert (applied_inputs(many.T.astype(np.int8), HALF).signs == -1).all()


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
