"""Partial sums without a circuit: against inference, against counting, against coin flips in closed form."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from simcore.analysis.partial_sums import LEVELS, coin_flip_imbalance, measure_layer, measure_network, reduction
from simcore.analysis.read_statistics import sample_reads
from simcore.encodings import ENCODINGS
from simcore.inference.evaluation import evaluate, prepare
from simcore.inference.stored_layers import images_for_calibration
from simcore.mapping.tiling import input_vectors, map_layer
from simcore.mitigation.sets import store_layer
from simcore.network.modules import BinaryLayer
from tests.simcore.small_networks import make_design


def pixels_of(images):
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float()


@pytest.mark.parametrize("order", ["channel", "spatial", "grouped"])
def test_sums_are_those_that_inference_meets(checkpoint, dataset, order):
    images, labels = dataset.read("test", 0, 10)
    design = make_design(rows=8, row_order=order, solver="ideal")
    calibration = images_for_calibration(checkpoint, design, dataset)
    found = {layer.layer: layer for layer in measure_network(checkpoint, calibration, pixels_of(images), [8], [order])}
    for level in LEVELS:
        result = evaluate(prepare(checkpoint, make_design(**{**design_fields(design), "sparsity": level}), dataset),
                          images, labels)  # fmt: skip
        for layer in result.layers:
            assert found[layer.layer].partial_sums[level] == layer.partial_sum
            assert found[layer.layer].column_reads == layer.column_reads


def design_fields(design):
    return {name: getattr(design, name) for name in ("rows", "row_order", "solver")}


def test_imbalance_padding_and_interior_against_counting():
    rng = np.random.default_rng(0)
    weight = np.where(rng.random((5, 3, 3, 3)) < 0.7, 1, -1).astype(np.int8)
    layer = BinaryLayer("conv", "conv2d", weight, (1, 1), (1, 1))
    signs = torch.from_numpy(np.where(rng.random((4, 3, 6, 6)) < 0.2, 1, -1)).float()
    mapping = map_layer(layer, ENCODINGS["zero_one"], 9, 9)
    found = measure_layer(layer, mapping, "channel", 9, signs)
    vectors = input_vectors(mapping, signs).reshape(-1, 27)
    groups = store_layer(mapping, make_design(rows=9, sparsity="binsparx"), vectors).groups
    inside = (vectors != 0).all(axis=1)
    assert inside.sum() == 4 * 4 * 4  # of 6 x 6 output positions the inner 4 x 4 see no padding
    sums, interior, leaning, columns, padded = 0, 0, [], [], 0
    for group in groups:
        sub = vectors[:, group.span.start : group.span.stop].astype(int)
        flipped = (sub > 0).sum(axis=1) > (sub < 0).sum(axis=1)
        products = (np.where(flipped[:, None], -sub, sub) > 0).astype(int) @ group.stored.bits
        sums += products.sum()
        interior += products[inside].sum()
        leaning += [abs(row.sum()) / np.count_nonzero(row) for row in sub]
        columns += (np.abs(2 * group.stored.bits.astype(int).sum(axis=0) - 9) / 9).tolist()
        padded += 5 * (sub == 0).any(axis=1).sum()
    assert found.partial_sums["binsparx"] == sums
    assert found.interior_partial_sums["binsparx"] == interior
    assert found.padded_reads == padded
    assert found.input_imbalance == pytest.approx(np.mean(leaning), rel=1e-12)
    assert found.weight_imbalance == pytest.approx(np.mean(columns), rel=1e-12)
    assert found.ones_stored == pytest.approx((weight > 0).mean())
    assert found.ones_applied == pytest.approx((vectors > 0).sum() / (vectors != 0).sum())
    means = vectors.sum(axis=0) / (vectors != 0).sum(axis=0)
    assert found.input_bias == pytest.approx(np.abs(means).mean())


@pytest.mark.parametrize(
    ("rows", "mean"),
    [
        (1, 1.0),
        (2, (2 + 0 + 0 + 2) / 4 / 2),  # ++, +-, -+, --
        (3, (3 * 2 + 1 * 6) / 8 / 3),  # two of the eight have sum 3, six have sum 1
        (5, (5 * 2 + 3 * 10 + 1 * 20) / 32 / 5),
        (16, 12870 / 65536),
    ],
)
def test_coin_flips(rows, mean):
    assert coin_flip_imbalance(rows) == pytest.approx(mean, rel=1e-12)


def test_a_network_of_coin_flips_is_reduced_as_the_closed_form_says():
    rng = np.random.default_rng(3)
    weight = np.where(rng.random((300, 64)) < 0.5, 1, -1).astype(np.int8)
    layer = BinaryLayer("fc", "linear", weight, (1, 1), (0, 0))
    signs = torch.from_numpy(np.where(rng.random((2000, 64)) < 0.5, 1, -1)).float()
    found = measure_layer(layer, map_layer(layer, ENCODINGS["zero_one"], 16, 16), "channel", 16, signs)
    expected = 1 - (1 - coin_flip_imbalance(16)) ** 2  # 1 - (1 - 0.196)^2 = 0.354
    assert reduction(found.partial_sums, "binsparx") == pytest.approx(expected, abs=0.01)
    assert reduction(found.partial_sums, "dense") == 0


@pytest.mark.parametrize("sparsity", ["dense", "binsparx"])
def test_sampled_reads_are_reads_of_the_run(checkpoint, dataset, sparsity):
    """Ideal wires: the current is the sum, and a lossless code of it is exact; real wires lose current."""
    pixels = pixels_of(dataset.read("test", 0, 4)[0])
    real = make_design("8T-SRAM", "pessimistic", rows=32, cols=8, sparsity=sparsity)
    wireless = dict.fromkeys(("r_driver", "r_sink", "r_row", "r_col", "r_source"), 0.0)
    perfect = real.model_copy(update={"circuit": real.circuit.model_copy(update=wireless)})
    names = []
    for ours, ideal in zip(
        sample_reads(checkpoint, real, dataset, pixels),
        sample_reads(checkpoint, perfect, dataset, pixels),
        strict=True,
    ):
        names.append(ours.layer)
        assert ours.partial_sum.shape == ours.current.shape == ours.code.shape
        np.testing.assert_array_equal(ours.partial_sum, ideal.partial_sum)
        np.testing.assert_allclose(ideal.current, ideal.partial_sum, atol=0.05)
        np.testing.assert_array_equal(ideal.code, ideal.partial_sum)
        assert (ours.current <= ideal.current + 1e-9).all()
    assert names == [layer.name for layer in checkpoint.network.binary_layers()]


def test_levels_of_one_design_are_sampled_alike(checkpoint, dataset):
    pixels = pixels_of(dataset.read("test", 0, 4)[0])
    first, second = (
        [dataclasses.astuple(reads) for reads in sample_reads(checkpoint, make_design(), dataset, pixels)]
        for _ in range(2)
    )
    for one, other in zip(first, second, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
