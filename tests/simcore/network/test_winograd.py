"""The quick convolution of the training against PyTorch's in float64."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from simcore.network.modules import BinaryConv2d
from simcore.network.training import winograd


@settings(max_examples=15, deadline=None)
@given(
    images=st.integers(1, 3),
    inputs=st.sampled_from([16, 32, 48]),
    outputs=st.sampled_from([16, 32, 48]),
    size=st.tuples(st.integers(1, 13), st.integers(1, 13)),
    channels_last=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_result_and_gradients(
    images: int, inputs: int, outputs: int, size: tuple[int, int], channels_last: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    values = torch.randn(images, inputs, *size)
    weight = torch.randn(outputs, inputs, 3, 3)
    if channels_last:
        values = values.contiguous(memory_format=torch.channels_last)
    found = [values.requires_grad_(), weight.requires_grad_()]
    exact = [tensor.detach().double().requires_grad_() for tensor in found]
    sizes = [tensor.detach().abs().requires_grad_() for tensor in exact]
    gradient = torch.randn(images, outputs, *size, dtype=torch.float64)

    def products_and_gradients(
        convolution: Callable[..., torch.Tensor], operands: list[torch.Tensor], seen: torch.Tensor
    ) -> list[torch.Tensor]:
        product = convolution(*operands)
        return [product, *torch.autograd.grad(product, operands, seen)]

    plain = partial(functional.conv2d, padding=1)
    mine = products_and_gradients(winograd.convolution, found, gradient.float())
    theirs = products_and_gradients(plain, exact, gradient)
    terms = products_and_gradients(plain, sizes, gradient.abs())
    for value, expected, size_of_terms in zip(mine, theirs, terms, strict=True):
        assert (value - expected).abs().max() <= 4e-6 * size_of_terms.max()


def test_training_and_evaluation_give_the_same_products() -> None:
    torch.manual_seed(0)
    layer = BinaryConv2d(64, 32, 3, padding=1, bias=False)
    values = torch.randn(2, 64, 8, 8)
    trained = layer.train()(values)
    assert "Winograd" in type(trained.grad_fn).__name__
    torch.testing.assert_close(trained, layer.eval()(values), rtol=0, atol=1e-2)


@pytest.mark.parametrize(
    ("shape", "kernel", "stride", "padding"),
    [((1, 64, 8, 8), 1, 1, 0), ((1, 64, 8, 8), 3, 2, 1), ((1, 64, 2, 8), 3, 1, 1), ((1, 64, 8, 8), 3, 1, 0),
     ((1, 8, 8, 8), 3, 1, 1), ((1, 40, 8, 8), 3, 1, 1)],
)  # fmt: skip
def test_what_it_cannot_do_it_leaves_alone(shape: tuple[int, ...], kernel: int, stride: int, padding: int) -> None:
    weight = torch.zeros(64, shape[1], kernel, kernel)
    assert not winograd.suits(torch.zeros(shape), weight, (stride, stride), (padding, padding))
