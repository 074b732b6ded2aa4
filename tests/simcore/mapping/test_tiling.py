"""Layers on tiles: row groups, row orders, input vectors, padding, stored bits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from simcore.mitigation.stored import applied_inputs, digital_constants, store_layer

from simcore.mapping.tiling import input_vectors, map_layer, output_shape, valid_inputs
from simcore.network.modules import BinaryLayer
from tests.simcore.small_networks import make_design

quick = settings(max_examples=50, deadline=None, derandomize=True)


def signs(rng, shape):
    return rng.choice(np.array([-1, 1], np.int8), shape)


def conv_layer(rng, channels=3, outputs=5, kernel=(3, 2), stride=(1, 2), padding=(1, 0)):
    return BinaryLayer("conv", "conv2d", signs(rng, (outputs, channels, *kernel)), stride, padding)


@quick
@given(
    inputs=st.integers(1, 90),
    rows=st.integers(1, 40),
    share=st.floats(0.01, 1.0),
)
def test_groups_cover_every_input_once_within_their_tiles(inputs, rows, share):
    active = max(1, round(share * rows))
    layer = BinaryLayer("fc", "linear", signs(np.random.default_rng(0), (2, inputs)), (1, 1), (0, 0))
    groups = map_layer(layer, rows, active, "channel").groups
    assert [i for group in groups for i in range(group.start, group.stop)] == list(range(inputs))
    for group in groups:
        assert 1 <= group.rows <= active
        assert group.offset + group.rows <= rows
        assert group.start // rows == (group.stop - 1) // rows
        assert group.offset == group.start % rows
        assert group.offset % active == 0


@quick
@given(
    seed=st.integers(0, 10**6),
    channels=st.integers(1, 4),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    size=st.tuples(st.integers(3, 7), st.integers(3, 7)),
    order=st.sampled_from(["channel", "spatial"]),
)
def test_vectors_times_bits_are_the_convolution(seed, channels, kernel, stride, padding, size, order):
    rng = np.random.default_rng(seed)
    layer = conv_layer(rng, channels, 4, kernel, stride, padding)
    mapping = map_layer(layer, 8, 8, order)
    images = torch.from_numpy(signs(rng, (2, channels, *size))).float()
    vectors = input_vectors(mapping, images)
    assert vectors.dtype == np.int8
    plain = torch.nn.functional.conv2d(images, torch.from_numpy(layer.weight).float(), stride=stride, padding=padding)
    height, width = output_shape(mapping, *size)
    assert plain.shape == (2, 4, height, width)
    found = vectors.astype(int) @ (2 * mapping.weights.astype(int) - 1)
    np.testing.assert_array_equal(found.transpose(0, 2, 1).reshape(plain.shape), plain.numpy())
    valid = valid_inputs(mapping, channels, *size)
    np.testing.assert_array_equal(valid, vectors[0] != 0)


def test_row_orders():
    rng = np.random.default_rng(1)
    layer = conv_layer(rng, channels=3, kernel=(2, 2))
    channel = map_layer(layer, 64, 64, "channel")
    spatial = map_layer(layer, 64, 64, "spatial")
    assert channel.order.tolist() == list(range(12))  # c0's taps, c1's taps, ...
    assert spatial.order.tolist() == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]  # tap 0 of all channels, tap 1, ...
    np.testing.assert_array_equal(spatial.weights, channel.weights[spatial.order])


@pytest.mark.parametrize("order", ["channel", "spatial"])
def test_a_linear_layer_has_one_position_and_its_own_order(order):
    rng = np.random.default_rng(2)
    layer = BinaryLayer("fc", "linear", signs(rng, (4, 10)), (1, 1), (0, 0))
    mapping = map_layer(layer, 4, 4, order)
    inputs = torch.from_numpy(signs(rng, (3, 10))).float()
    vectors = input_vectors(mapping, inputs)
    assert vectors.shape == (3, 1, 10)
    np.testing.assert_array_equal(vectors[:, 0].astype(int) @ (2 * mapping.weights.astype(int) - 1),
                                  inputs.numpy() @ layer.weight.T)  # fmt: skip


@pytest.mark.parametrize("sparsity", ["dense", "weight", "activation", "binsparx"])
@pytest.mark.parametrize("prune", [0.0, 0.3])
def test_stored_bits_and_constants(sparsity, prune):
    rng = np.random.default_rng(3)
    layer = conv_layer(rng, channels=5, outputs=6, kernel=(3, 3), stride=(1, 1), padding=(1, 1))
    design = make_design(rows=16, cols=4, sparsity=sparsity, prune=prune)
    mapping = map_layer(layer, 16, 16, "channel")
    images = torch.from_numpy(np.where(rng.random((20, 5, 6, 6)) < 0.7, 1, -1)).float()
    vectors = input_vectors(mapping, images).reshape(-1, 45)
    groups = store_layer(mapping, design, vectors)
    patterns = np.unique(valid_inputs(mapping, 5, 6, 6), axis=0)
    constants = digital_constants(mapping, groups, patterns)[0]
    errors = np.zeros(6)
    for index, (group, stored) in enumerate(zip(mapping.groups, groups, strict=True)):
        dense = mapping.weights[group.start : group.stop]
        if design.flips_weights:
            assert (2 * stored.flipped.sum(axis=0) <= group.rows).all()
            np.testing.assert_array_equal(stored.flipped ^ stored.flips, dense)
        else:
            np.testing.assert_array_equal(stored.flipped, dense)
            assert not stored.flips.any()
        assert (stored.bits <= stored.flipped).all()
        if prune == 0:
            np.testing.assert_array_equal(stored.bits, stored.flipped)
            assert not stored.expected.any()
        sub = vectors[:, group.start : group.stop]
        bits = applied_inputs(sub, design.flips_activations).astype(int)
        place = (patterns[:, group.start : group.stop][None] == (sub != 0)[:, None]).all(axis=2).argmax(axis=1)
        flipped = 2 * (sub > 0).sum(axis=1) > (sub != 0).sum(axis=1)
        flipped &= design.flips_activations
        found = 4 * (bits @ stored.bits) - 2 * bits.sum(axis=1)[:, None] + constants[index][place]
        found = found * np.where(flipped, -1, 1)[:, None] * np.where(stored.flips, -1, 1)
        exact = sub.astype(int) @ (2 * dense.astype(int) - 1)
        if prune == 0:
            np.testing.assert_array_equal(found, exact)
        else:
            signed = np.where(flipped, -1, 1)[:, None] * np.where(stored.flips, -1, 1) * (found - exact)
            errors += signed.mean(axis=0)
            # The mean-field correction: rounding to whole numbers leaves at most half a step.
            assert np.abs(signed.mean(axis=0)).max() <= 0.6
    if prune:
        assert np.abs(errors.mean()) < 1.0
