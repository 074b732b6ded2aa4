"""Exact integers, the hook, and what a crossbar is told about the binary layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from simcore.network.definitions import DEFINITIONS, define
from simcore.network.graph import NetworkGraph, Node
from simcore.network.modules import BinaryConv2d, BinaryLinear, GraphNetwork
from simcore.network.training.straight_through import activation_sign, sign, weight_sign
from tests.simcore.network.networks import random_images, random_network, tiny_graph


def _integer_convolution(signs: np.ndarray, weight: np.ndarray, stride: int, padding: int) -> np.ndarray:
    padded = np.pad(signs.astype(np.int64), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], axis=(2, 3))
    return np.einsum("bchwij,ocij->bohw", windows[:, :, ::stride, ::stride], weight.astype(np.int64))


@settings(max_examples=30, deadline=None)
@given(
    channels=st.integers(1, 9),
    outputs=st.integers(1, 9),
    size=st.integers(3, 9),
    kernel=st.sampled_from([1, 3, 5]),
    stride=st.integers(1, 2),
    channels_last=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_a_binary_convolution_gives_exact_integers(
    channels: int, outputs: int, size: int, kernel: int, stride: int, channels_last: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    layer = BinaryConv2d(channels, outputs, kernel, stride, kernel // 2, bias=False).eval()
    values = torch.randn(2, channels, size, size)
    values[values.abs() < 0.2] = 0.0  # sign(0) = +1
    expected = _integer_convolution(
        np.where(values.numpy() >= 0, 1, -1), np.where(layer.weight.detach().numpy() >= 0, 1, -1), stride, kernel // 2
    )
    if channels_last:
        values = values.to(memory_format=torch.channels_last)
    result = layer(values).numpy()
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, expected)


def test_the_widest_layer_of_resnet_is_exact_even_under_autocast() -> None:
    torch.manual_seed(0)
    layer = BinaryConv2d(512, 16, 3, padding=1, bias=False).eval()
    values = torch.randn(2, 512, 4, 4)
    expected = functional.conv2d(sign(values).double(), sign(layer.weight.detach()).double(), padding=1)
    assert torch.equal(layer(values).double(), expected)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer(values).double(), expected)


@pytest.mark.parametrize("pad_value", [-1, 0, 1])
def test_padding_holds_its_value_at_border_pixels(pad_value: int) -> None:
    """Training, evaluation and the products that arrays give instead agree with a map that was padded by hand."""
    torch.manual_seed(0)
    attrs = {"in_channels": 3, "out_channels": 5, "kernel": (3, 2), "stride": (2, 1), "padding": (1, 1)}
    graph = NetworkGraph(
        nodes=(
            Node(name="conv", op="binary_conv2d", inputs=("input",), attrs={**attrs, "pad_value": pad_value}),
            Node(name="pool", op="global_avg_pool", inputs=("conv",)),
        ),
        input_shape=(3, 6, 5),
        classes=5,
    )
    network = GraphNetwork(graph)
    values = torch.randn(2, 3, 6, 5)
    by_hand = functional.pad(sign(values), (1, 1, 1, 1), value=float(pad_value))
    layer = network.layers[0]
    expected = functional.conv2d(by_hand, sign(layer.weight.detach()), stride=(2, 1))
    torch.testing.assert_close(layer.train()(values).detach(), expected, rtol=0, atol=1e-2)
    assert torch.equal(layer.eval()(values), expected)
    assert [found.pad_value for found in network.binary_layers()] == [pad_value]
    border = torch.ones(expected.shape[-2:], dtype=torch.bool)
    border[1:, 1:-1] = False
    padded_with_0 = functional.conv2d(sign(values), sign(layer.weight.detach()), stride=(2, 1), padding=1)
    assert torch.equal(expected[..., ~border], padded_with_0[..., ~border])
    assert torch.equal(expected, padded_with_0) == (pad_value == 0)


def test_a_binary_product_gives_exact_integers() -> None:
    torch.manual_seed(0)
    layer = BinaryLinear(8192, 10, bias=False).eval()
    values = torch.randn(3, 8192)
    expected = sign(values).double() @ sign(layer.weight.detach()).double().T
    assert torch.equal(layer(values).double(), expected)


def test_sign_of_zero_is_plus_one() -> None:
    values = torch.tensor([-1.0, -0.0, 0.0, 2.0, -1e-45])
    for function in (sign, activation_sign, weight_sign):
        assert function(values).tolist() == [-1.0, 1.0, 1.0, 1.0, -1.0]


def test_gradients_of_the_signs() -> None:
    values = torch.tensor([-2.0, -1.0, -0.25, 0.0, 0.5, 1.5], requires_grad=True)
    activation_sign(values).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [0.0, 0.0, 1.5, 2.0, 1.0, 0.0]
    values.grad = None
    weight_sign(values).sum().backward()
    assert values.grad.tolist() == [1.0] * 6


def test_every_bfloat16_has_the_sign_of_the_number_that_it_is() -> None:
    values = torch.arange(2**16, dtype=torch.int32).to(torch.uint16).view(torch.bfloat16)  # infinities and NaN too
    expected = np.where(values.float().numpy() >= 0, 1, -1)
    for function in (sign, activation_sign, weight_sign):
        np.testing.assert_array_equal(function(values).float().numpy(), expected)


def test_training_and_evaluation_give_the_same_products() -> None:
    torch.manual_seed(0)
    layer = BinaryConv2d(64, 32, 3, padding=1, bias=False)
    values = torch.randn(2, 64, 8, 8)
    torch.testing.assert_close(layer.train()(values), layer.eval()(values), rtol=0, atol=1e-2)


@pytest.mark.parametrize("name", ["fashion-cnn", "tiny"])
def test_a_hook_that_computes_the_same_product_gives_the_same_logits(name: str) -> None:
    network = random_network(tiny_graph() if name == "tiny" else define(name))
    layers = {layer.name: layer for layer in network.binary_layers()}
    seen = []

    def dot(node: str, signs: torch.Tensor) -> torch.Tensor:
        layer = layers[node]
        seen.append(node)
        assert signs.dtype == torch.float32
        assert set(signs.unique().tolist()) <= {-1.0, 1.0}
        weight = torch.from_numpy(layer.weight.astype(np.float32))
        if layer.kind == "linear":
            return signs @ weight.T
        return functional.conv2d(signs, weight, stride=layer.stride, padding=layer.padding)

    images = random_images(network.graph, 5)
    with torch.inference_mode():
        alone = torch.cat([network(image) for image in images.split(1)])
        assert torch.equal(network(images, dot), alone)
    assert seen == list(layers)


def test_the_geometry_of_the_binary_layers() -> None:
    layers = random_network(tiny_graph()).binary_layers()
    assert [(layer.name, layer.kind, layer.weight.shape, layer.stride, layer.padding) for layer in layers] == [
        ("first", "conv2d", (4, 4, 3, 3), (1, 1), (1, 1)),
        ("second", "conv2d", (4, 4, 3, 3), (2, 2), (1, 1)),
        ("dense", "linear", (6, 64), (1, 1), (0, 0)),
    ]
    for layer in layers:
        assert layer.weight.dtype == np.int8
        assert set(np.unique(layer.weight)) == {-1, 1}


@pytest.mark.parametrize(
    ("name", "layers", "million_products"),
    [("fashion-cnn", 4, 11.7), ("vgg-small", 5, 604.0), ("resnet18-cifar", 16, 547.4)],
)
def test_the_defined_networks_have_the_size_they_say(name: str, layers: int, million_products: float) -> None:
    graph = DEFINITIONS[name]()
    shapes = graph.shapes()
    with torch.device("meta"):
        network = GraphNetwork(graph)
    weights = {
        n: dict(network.named_layers())[n].weight
        for n in (k.removesuffix(".weight") for k in network.binary_tensor_names())
    }
    products = sum(weight.numel() * np.prod(shapes[name][1:]) for name, weight in weights.items())
    assert len(weights) == layers
    assert products / 1e6 == pytest.approx(million_products, rel=5e-3)


def test_training_reaches_every_latent_weight() -> None:
    network = random_network(tiny_graph()).train()
    network(random_images(network.graph, 8)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
