"""Layers on tiles: row groups, row orders, input vectors, padding, stored bits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.encodings import ENCODINGS
from simcore.mapping.tiling import input_vectors, map_layer, output_shape, reordered, valid_rows
from simcore.mitigation.row_order import ROW_ORDERS
from simcore.mitigation.sets import store_layer
from simcore.network.modules import BinaryLayer
from simcore.readout.tables import digital_constants
from tests.simcore.small_networks import make_design

quick = settings(max_examples=50, deadline=None, derandomize=True)


def signs(rng, shape):
    return rng.choice(np.array([-1, 1], np.int8), shape)


def in_order(layer, rows, order):
    """The layer with one sign a cell, in an order that no calibration inputs decide."""
    mapping = map_layer(layer, ENCODINGS["zero_one"], rows, rows)
    permutation = ROW_ORDERS[order].order(mapping, np.zeros((0, len(mapping.order)), np.int8))
    return mapping if permutation is None else reordered(mapping, permutation)


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
    spans = map_layer(layer, ENCODINGS["zero_one"], rows, active).spans
    assert [i for span in spans for i in range(span.start, span.stop)] == list(range(inputs))
    for span in spans:
        assert 1 <= span.rows <= active
        assert span.offset + span.rows <= rows
        assert span.start // rows == (span.stop - 1) // rows
        assert span.offset == span.start % rows
        assert span.offset % active == 0


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
    mapping = in_order(layer, 8, order)
    images = torch.from_numpy(signs(rng, (2, channels, *size))).float()
    vectors = input_vectors(mapping, images)
    assert vectors.dtype == np.int8
    plain = torch.nn.functional.conv2d(images, torch.from_numpy(layer.weight).float(), stride=stride, padding=padding)
    height, width = output_shape(mapping, *size)
    assert plain.shape == (2, 4, height, width)
    found = vectors.astype(int) @ (2 * mapping.weights.astype(int) - 1)
    np.testing.assert_array_equal(found.transpose(0, 2, 1).reshape(plain.shape), plain.numpy())
    valid = valid_rows(mapping, images.shape)
    np.testing.assert_array_equal(valid, vectors[0] != 0)


@pytest.mark.parametrize("pad_value", [-1, 0, 1])
def test_a_padded_row_is_driven_as_its_value_says(pad_value):
    rng = np.random.default_rng(5)
    layer = BinaryLayer("conv", "conv2d", signs(rng, (4, 2, 3, 3)), (1, 1), (1, 1), pad_value)
    mapping = map_layer(layer, ENCODINGS["zero_one"], 8, 8)
    images = torch.from_numpy(signs(rng, (1, 2, 5, 5))).float()
    corner = input_vectors(mapping, images)[0, 0].reshape(2, 3, 3)  # the window of the first pixel
    assert (corner[:, 0] == pad_value).all() and (corner[:, :, 0] == pad_value).all()
    np.testing.assert_array_equal(corner[:, 1:, 1:], images[0, :, :2, :2].numpy())
    valid = valid_rows(mapping, images.shape)[0].reshape(2, 3, 3)
    assert valid[:, 1:, 1:].all()
    assert (valid[:, 0] == (pad_value != 0)).all() and (valid[:, :, 0] == (pad_value != 0)).all()


def test_row_orders():
    rng = np.random.default_rng(1)
    layer = conv_layer(rng, channels=3, kernel=(2, 2))
    channel = in_order(layer, 64, "channel")
    spatial = in_order(layer, 64, "spatial")
    assert channel.order.tolist() == list(range(12))  # c0's taps, c1's taps, ...
    assert spatial.order.tolist() == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]  # tap 0 of all channels, tap 1, ...
    np.testing.assert_array_equal(spatial.weights, channel.weights[spatial.order])


@pytest.mark.parametrize("order", ["channel", "spatial"])
def test_a_linear_layer_has_one_position_and_its_own_order(order):
    rng = np.random.default_rng(2)
    layer = BinaryLayer("fc", "linear", signs(rng, (4, 10)), (1, 1), (0, 0))
    mapping = in_order(layer, 4, order)
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
    mapping = in_order(layer, 16, "channel")
    images = torch.from_numpy(np.where(rng.random((20, 5, 6, 6)) < 0.7, 1, -1)).float()
    vectors = input_vectors(mapping, images).reshape(-1, 45)
    groups = store_layer(mapping, design, vectors).groups
    patterns = np.unique(valid_rows(mapping, images.shape), axis=0)
    constants = digital_constants(groups, patterns)
    errors = np.zeros(6)
    for index, group in enumerate(groups):
        stored, rows = group.stored, slice(group.span.start, group.span.stop)
        dense = mapping.weights[rows]
        np.testing.assert_array_equal(group.dense, dense)
        if design.flips_weights:
            assert (2 * stored.digital.sum(axis=0) <= group.rows).all()
            np.testing.assert_array_equal(stored.digital ^ stored.flips, dense)
        else:
            np.testing.assert_array_equal(stored.digital, dense)
            assert not stored.flips.any()
        assert (stored.bits <= stored.digital).all()
        if prune == 0:
            np.testing.assert_array_equal(stored.bits, stored.digital)
            assert not stored.expected.any()
        sub = vectors[:, rows]
        applied = group.apply(vectors)
        bits = applied.bits.astype(int)
        place = (patterns[:, rows][None] == (sub != 0)[:, None]).all(axis=2).argmax(axis=1)
        flipped = 2 * (sub > 0).sum(axis=1) > (sub != 0).sum(axis=1)
        flipped &= design.flips_activations
        np.testing.assert_array_equal(applied.signs, np.where(flipped, -1, 1))
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
