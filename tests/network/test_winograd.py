"""The quick convolution of the training against PyTorch's in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from simcore.network import winograd
from simcore.network.modules import BinaryConv2d


@settings(max_examples=15, deadline=None)
@given(
    images=st.integers(1, 3),
    inputs=st.integers(1, 9),
    outputs=st.integers(1, 9),
    tiles=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    channels_last=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_result_and_gradients(
    images: int, inputs: int, outputs: int, tiles: tuple[int, int], channels_last: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    values = torch.randn(images, inputs, 4 * tiles[0], 4 * tiles[1])
    weight = torch.randn(outputs, inputs, 3, 3)
    if channels_last:
        values = values.contiguous(memory_format=torch.channels_last)
    found = [values.requires_grad_(), weight.requires_grad_()]
    exact = [tensor.detach().double().requires_grad_() for tensor in found]
    result, expected = winograd.convolution(*found), functional.conv2d(*exact, padding=1)
    torch.testing.assert_close(result.double(), expected, rtol=0, atol=2e-4)
    gradient = torch.randn(expected.shape, dtype=torch.float64)
    gradients = torch.autograd.grad(result, found, gradient.float())
    for mine, theirs in zip(gradients, torch.autograd.grad(expected, exact, gradient), strict=True):
        torch.testing.assert_close(mine.double(), theirs, rtol=0, atol=5e-4)


def test_training_and_evaluation_give_the_same_products() -> None:
    torch.manual_seed(0)
    layer = BinaryConv2d(64, 32, 3, padding=1, bias=False)
    values = torch.randn(2, 64, 8, 8)
    trained = layer.train()(values)
    assert "Winograd" in type(trained.grad_fn).__name__
    torch.testing.assert_close(trained, layer.eval()(values), rtol=0, atol=1e-2)


@pytest.mark.parametrize(
    ("shape", "kernel", "stride", "padding"),
    [((1, 64, 8, 8), 1, 1, 0), ((1, 64, 8, 8), 3, 2, 1), ((1, 64, 7, 8), 3, 1, 1), ((1, 64, 8, 8), 3, 1, 0),
     ((1, 8, 8, 8), 3, 1, 1)],
)  # fmt: skip
def test_what_it_cannot_do_it_leaves_alone(shape: tuple[int, ...], kernel: int, stride: int, padding: int) -> None:
    weight = torch.zeros(64, shape[1], kernel, kernel)
    assert not winograd.suits(torch.zeros(shape), weight, (stride, stride), (padding, padding))
