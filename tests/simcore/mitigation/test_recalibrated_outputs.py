"""Recalibrated outputs: the line of every output, and where it may be folded."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from simcore.inference.deployed import fold_line
from simcore.inference.output_lines import recalibrated
from simcore.mitigation.base import OutputLine
from simcore.mitigation.norm_fold import norm_fold, unfolded
from simcore.mitigation.recalibrated_outputs import RecalibratedOutputs
from simcore.network.definitions import DEFINITIONS, define
from simcore.network.graph import NetworkGraph, Node
from simcore.network.modules import GraphNetwork, plain_dot


def test_the_line_of_every_output_is_found():
    rng = np.random.default_rng(0)
    wanted = 30 * rng.standard_normal((5000, 6))
    gains, offsets = np.array([0.5, 0.7, 0.8, 0.9, 1.0, 1.2]), np.array([5.0, -3, 0, 2, 9, 4])
    line = RecalibratedOutputs().afterwards(gains * wanted + offsets, wanted)
    np.testing.assert_allclose(line.scale, 1 / gains, rtol=0.03)
    np.testing.assert_allclose((gains * wanted + offsets) * line.scale + line.shift, wanted, atol=3)


def test_outputs_of_few_reads_lean_on_the_gain_of_the_layer():
    """Of eight reads with noise as large as what they say, an output's own regression errs far more."""
    rng = np.random.default_rng(1)
    wanted = 30 * rng.standard_normal((8, 400))
    delivered = 0.6 * wanted + 15 * rng.standard_normal(wanted.shape)
    line = RecalibratedOutputs().afterwards(delivered, wanted)
    best = 0.6 * 30**2 / (0.6**2 * 30**2 + 15**2)
    centred = delivered - delivered.mean(axis=0)
    own = (centred * wanted).mean(axis=0) / (centred**2).mean(axis=0)
    assert np.abs(line.scale - best).mean() < 0.3 * np.abs(own - best).mean()


def test_what_is_not_delivered_cannot_be_recalibrated():
    nothing = np.zeros((4, 3))
    assert RecalibratedOutputs().afterwards(nothing, nothing + 1) is None
    assert RecalibratedOutputs().afterwards(np.arange(12.0).reshape(4, 3), -np.arange(12.0).reshape(4, 3)) is None


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_binary_layer_of_the_shipped_networks_has_a_norm_to_fold_into(name):
    network = GraphNetwork(define(name))
    layers = [layer.name for layer in network.binary_layers()]
    assert unfolded(network.graph, layers) == []
    if name == "vgg-small":
        found = [norm_fold(network.graph, layer, network.named_tensors()) for layer in ("bconv1", "bconv2")]
        assert [(fold.between, fold.norm) for fold in found] == [(["pool1"], "bn1"), ([], "bn2")]
        for fold in found:
            np.testing.assert_array_equal(fold.places, fold.outputs)
            assert (fold.scale == 1).all() and (fold.offset == 0).all()


def network_of(*nodes):
    """4 channels of 6 x 6 pixels into a grouped binary convolution, and what follows it."""
    conv = {"in_channels": 4, "out_channels": 6, "kernel": 3, "stride": 1, "padding": 1, "groups": 2}
    first = (
        Node(name="conv", op="binary_conv2d", inputs=("input",), attrs=conv),
        *(
            Node(name=name, op=op, inputs=(source,) if isinstance(source, str) else source, attrs=attrs)
            for name, op, source, attrs in nodes
        ),
    )
    features = {"in_features": 6, "out_features": 3, "bias": False}
    network = GraphNetwork(NetworkGraph(nodes=(*first, *classifier(nodes[-1][0], features)), input_shape=(4, 6, 6),
                                        classes=3))  # fmt: skip
    generator = torch.Generator().manual_seed(3)
    for name, tensor in network.named_tensors().items():
        tensor.copy_(torch.randn(tensor.shape, generator=generator))
        if name.endswith("running_var"):
            tensor.abs_().add_(0.5)
    return network.eval().requires_grad_(False)


def classifier(source, features):
    """Of feature maps or of features."""
    if source.startswith("flat"):
        return (Node(name="logits", op="linear", inputs=(source,), attrs={**features, "in_features": 6 * 9}),)
    return (
        Node(name="mean", op="global_avg_pool", inputs=(source,), attrs={}),
        Node(name="logits", op="linear", inputs=("mean",), attrs=features),
    )


WAYS = {
    "a norm at once": [("bn", "batch_norm", "conv", {"channels": 6})],
    "a factor, a pool and an offset": [
        ("scale", "scale", "conv", {"channels": 6}), ("pool", "max_pool2d", "scale", {"kernel": 2, "stride": 2}),
        ("shift", "offset", "pool", {"shape": [6, 1, 1]}), ("bn", "batch_norm", "shift", {"channels": 6}),
    ],
    "a mean that leaves padding out": [
        ("pool", "avg_pool2d", "conv", {"kernel": 3, "stride": 2, "padding": 1, "count_padding": False}),
        ("bn", "batch_norm", "pool", {"channels": 6}),
    ],
    "one factor, and a change of shape": [
        ("factor", "factor", "conv", {"shape": [1]}), ("pool", "max_pool2d", "factor", {"kernel": 2, "stride": 2}),
        ("flatten", "flatten", "pool", {}), ("shift", "offset", "flatten", {"shape": [54]}),
        ("flat_bn", "batch_norm", "shift", {"channels": 54}),
    ],
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_lines_of_blocks_are_folded_past_factors_offsets_and_shapes(way):
    """The network with the lines in its norm does what the one does whose layer has them."""
    network = network_of(*WAYS[way])
    rng = np.random.default_rng(0)
    lines = {
        f"conv[{block}]": OutputLine(
            rng.uniform(0.5, 2, 3).astype(np.float32), rng.uniform(-5, 5, 3).astype(np.float32)
        )
        for block in range(2)
    }
    images = torch.from_numpy(rng.uniform(-1, 1, (7, 4, 6, 6)).astype(np.float32))
    plain = plain_dot(network)

    def with_lines(name, signs):
        return lines[name].of(plain(name, signs))

    wanted = network(images, with_lines)
    norms = dict(network.named_layers())
    for name, line in lines.items():
        fold = norm_fold(network.graph, name, network.named_tensors())
        fold_line(norms[fold.norm], fold, line)
    torch.testing.assert_close(network(images, plain), wanted, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("way", WAYS)
def test_the_line_of_a_block_is_found_past_factors_offsets_and_shapes(way):
    network = network_of(*WAYS[way])
    rng = np.random.default_rng(1)
    wanted = torch.from_numpy(rng.integers(-18, 19, (500, 3, 6, 6)).astype(np.float32))
    delivered = 0.5 * wanted + torch.tensor([4.0, -2, 0]).view(3, 1, 1)
    line = recalibrated(network, "conv[1]", [RecalibratedOutputs()], delivered, wanted)
    np.testing.assert_allclose(line.scale, 2, rtol=1e-4)
    np.testing.assert_allclose(line.shift, [-8, 4, 0], atol=1e-3)


@pytest.mark.parametrize("nodes", [
    [("bend", "relu", "conv", {}), ("bn", "batch_norm", "bend", {"channels": 6})],
    [("place", "offset", "conv", {"shape": [6, 6, 6]}), ("bn", "batch_norm", "place", {"channels": 6})],
    [("bn", "batch_norm", "conv", {"channels": 6}), ("more", "add", ("conv", "bn"), {})],
    [("pool", "avg_pool2d", "conv", {"kernel": 3, "stride": 2, "padding": 1}),
     ("bn", "batch_norm", "pool", {"channels": 6})],
], ids=["a bend", "an offset of places", "two followers", "a mean that counts padding"])  # fmt: skip
def test_what_lets_no_line_pass_is_named(nodes):
    network = network_of(*nodes)
    assert unfolded(network.graph, ["conv[0]", "conv[1]"]) == ["conv[0]", "conv[1]"]
