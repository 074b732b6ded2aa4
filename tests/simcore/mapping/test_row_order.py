"""The ``grouped`` row order: a permutation that lowers partial sums and changes nothing else."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.analysis.tile_read import ReadPlace, tile_read
from simcore.encodings import ENCODINGS
from simcore.inference.evaluation import evaluate, prepare
from simcore.inference.stored_layers import mapped_layers, order_rows
from simcore.mapping.row_groups import applied_inputs
from simcore.mapping.row_order import _find_order, grouped_order
from simcore.mapping.tiling import map_layer
from simcore.mitigation.activation_flip import HALF
from simcore.mitigation.row_order import ROW_ORDERS
from simcore.mitigation.weight_flip import flip_columns
from simcore.network.modules import BinaryLayer
from tests.simcore.small_networks import make_design

quick = settings(max_examples=40, deadline=None, derandomize=True)


def signs(rng, shape, positive=0.5):
    return np.where(rng.random(shape) < positive, 1, -1).astype(np.int8)


def partial_sums(vectors, weights, order, sizes):
    """All partial sums with both flips, added up the long way round."""
    total, start = 0, 0
    for size in sizes:
        rows = order[start : start + size]
        stored, _ = flip_columns(weights[rows])
        applied = applied_inputs(vectors[:, rows], HALF).bits
        total += int((applied.astype(int) @ stored).sum())
        start += size
    return total


def group_sizes(inputs, rows):
    return np.array([min(rows, inputs - start) for start in range(0, inputs, rows)])


@quick
@given(
    seed=st.integers(0, 10**6),
    inputs=st.integers(1, 70),
    rows=st.integers(1, 20),
    vectors=st.integers(1, 150),
    columns=st.integers(1, 70),
    padding=st.floats(0, 0.9),
)
def test_a_permutation_that_is_never_worse_than_leaving_inputs_where_they_are(
    seed, inputs, rows, vectors, columns, padding
):
    rng = np.random.default_rng(seed)
    x = signs(rng, (vectors, inputs)) * (rng.random((vectors, inputs)) >= padding).astype(np.int8)
    w = rng.integers(0, 2, (inputs, columns)).astype(np.uint8)
    sizes = group_sizes(inputs, rows)
    order = grouped_order(x, w, sizes)
    assert sorted(order.tolist()) == list(range(inputs))
    for group in np.split(order, np.cumsum(sizes)[:-1]):
        assert (np.diff(group) > 0).all()
    assert partial_sums(x, w, order, sizes) <= partial_sums(x, w, np.arange(inputs), sizes)
    np.testing.assert_array_equal(order, _find_order(x, w, sizes) if len(sizes) > 1 and rows > 1 else order)


@quick
@given(seed=st.integers(0, 10**6), rows=st.sampled_from([6, 8, 16, 36]), kernel=st.sampled_from([1, 2, 3]))
def test_lopsided_inputs_are_read_with_lower_partial_sums_than_in_both_other_orders(seed, rows, kernel):
    """Every input leans its own way, as channels of a trained network do."""
    rng = np.random.default_rng(seed)
    channels, height = 12, 6
    lean = rng.choice([0.05, 0.2, 0.8, 0.95], channels)
    images = torch.from_numpy(signs(rng, (20, channels, height, height), lean[None, :, None, None])).float()
    layer = BinaryLayer("conv", "conv2d", signs(rng, (10, channels, kernel, kernel)), (1, 1), (kernel // 2,) * 2)
    found = {}
    for order in ("channel", "spatial", "grouped"):
        plain = map_layer(layer, ENCODINGS["zero_one"], rows, rows)
        mapping, drawn = order_rows(plain, (ROW_ORDERS[order],), images, np.random.default_rng(0))
        sizes = np.array([span.rows for span in mapping.spans])
        found[order] = partial_sums(drawn, mapping.weights, np.arange(len(mapping.order)), sizes)
    assert found["grouped"] <= min(found["channel"], found["spatial"])


def test_two_kinds_of_inputs_are_told_apart():
    """Inputs of one kind are equal in every vector, so a group of one kind holds no ones once it is flipped."""
    rng = np.random.default_rng(4)
    kind = np.tile([0, 1], 8)
    x = signs(rng, (50, 2))[:, kind]
    w = (signs(rng, (2, 30)) > 0).astype(np.uint8)[kind]
    order = grouped_order(x, w, np.array([8, 8]))
    assert {tuple(kind[order[:8]]), tuple(kind[order[8:]])} == {(0,) * 8, (1,) * 8}
    assert partial_sums(x, w, order, [8, 8]) == 0
    assert partial_sums(x, w, np.arange(16), [8, 8]) > 0


def test_few_of_all_orders_are_better():
    """Six inputs, each leaning its own way, in groups of 3, 2 and 1: all 720 orders tried, twelve times."""
    sizes = np.array([3, 2, 1])
    better = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x, w = signs(rng, (60, 6), rng.choice([0.1, 0.9], 6)), rng.integers(0, 2, (6, 12)).astype(np.uint8)
        every = np.array([partial_sums(x, w, np.array(order), sizes) for order in permutations(range(6))])
        better.append((every < partial_sums(x, w, grouped_order(x, w, sizes), sizes)).mean())
    assert np.mean(better) < 0.1


def test_an_order_of_whole_layers_is_reordered_wiring(checkpoint, dataset):
    """Predictions of ideal arrays stay; weights and inputs of a row belong to the same input."""
    images, labels = dataset.read("test", 0, 12)
    design = make_design(rows=16, active_rows=8, row_order="grouped", sparsity="binsparx", solver="ideal")
    prepared = prepare(checkpoint, design, dataset)
    result = evaluate(prepared, images, labels)
    np.testing.assert_array_equal(result.predictions, result.ideal_predictions)
    moved = False
    for name, layer in mapped_layers(checkpoint, design).items():
        channel, mapping = map_layer(layer, ENCODINGS["zero_one"], 16, 8), prepared.layers[name].mapping
        assert mapping.spans == channel.spans
        assert sorted(mapping.order.tolist()) == list(range(len(channel.order)))
        np.testing.assert_array_equal(mapping.weights, channel.weights[mapping.order])
        moved |= mapping.order.tolist() != channel.order.tolist()
    assert moved


def test_partial_sums_of_a_network_fall_and_accuracy_of_solved_arrays_is_computed(checkpoint, dataset):
    images, labels = dataset.read("test", 0, 20)
    sums = {}
    for order in ("channel", "spatial", "grouped"):
        design = make_design(rows=16, row_order=order, sparsity="binsparx")
        result = evaluate(prepare(checkpoint, design, dataset), images, labels)
        sums[order] = sum(layer.partial_sum for layer in result.layers)
    assert sums["grouped"] < min(sums["channel"], sums["spatial"])


def test_the_same_order_every_time(checkpoint, dataset):
    """A single read for ngspice finds the tile that a run stores."""
    design = make_design(rows=16, row_order="grouped", sparsity="binsparx")
    read = [tile_read(checkpoint, design, dataset, ReadPlace("wide", group=1, image=2, position=3)) for _ in range(2)]
    np.testing.assert_array_equal(read[0].weights, read[1].weights)
    np.testing.assert_array_equal(read[0].inputs, read[1].inputs)
    prepared = prepare(checkpoint, design.model_copy(update={"solver": "exact"}), dataset)
    stored = prepared.layers["wide"].groups[1].stored.bits
    np.testing.assert_array_equal(read[0].weights[: len(stored)], stored[:, : read[0].weights.shape[1]])
