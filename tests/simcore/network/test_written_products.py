"""Products of two activations' signs: traced as the user says, equal to the module, block by block."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from simcore.errors import InputError
from simcore.network.graph import NetworkGraph
from simcore.network.layers.product import BinaryMatmul
from simcore.network.modules import WrittenProduct, plain_dot
from simcore.network.tracing import from_torch
from tests.simcore.network.networks import random_network

EXAMPLE = (2, 5, 4)  # heads, tokens, features


def bits(x: torch.Tensor) -> torch.Tensor:
    return (x > 0.3).float()


class Product(nn.Module):
    """x @ y of two activations made of one input, each head by itself."""

    def __init__(self, left, right, attention=False):
        super().__init__()
        self.left, self.right, self.attention = left, right, attention
        self.head = nn.Linear(EXAMPLE[0] * EXAMPLE[1] * (EXAMPLE[2] if attention else EXAMPLE[1]), 3)

    def forward(self, x):
        first, second = self.left(x), self.right(0.5 - x)
        if self.attention:
            return self.head(functional.scaled_dot_product_attention(first, second, x).flatten(1))
        return self.head((first @ second.transpose(-2, -1)).flatten(1))


OPERANDS = {
    "signs": (torch.sign, torch.sign),
    "zeros and ones": (bits, bits),
    "scaled": (lambda x: 0.5 * x.sign(), lambda x: bits(x) - 2.0),
    "attention": (torch.sign, lambda x: 3.0 * x.sign()),
}


@pytest.mark.parametrize("name", OPERANDS)
def test_a_product_that_is_named_as_written_is_the_modules_product(name: str) -> None:
    torch.manual_seed(0)
    module = Product(*OPERANDS[name], attention=name == "attention")
    example = torch.randn(12, *EXAMPLE)
    digital = from_torch(module, example)
    (product,) = [layer for layer in digital.layers if "signs" in layer.why]
    assert (product.op, product.arrays) == ("matmul", False)
    written = from_torch(module, example, written=[product.node])
    (found,) = [layer for layer in written.layers if layer.arrays]
    assert (found.node, found.op, found.shape) == (product.node, "binary_matmul", product.shape)
    assert "written for every image" in str(written)
    assert written.network.written_products() == [
        WrittenProduct(f"{product.node}[{head}]", reads=5, inputs=4, outputs=5) for head in range(2)
    ]


@pytest.mark.parametrize(
    ("left", "right", "written", "message"),
    [
        (torch.sign, torch.sign, "product", r"unknown product of two activations' signs 'product' \(known: matmul\)"),
        (torch.sign, torch.sign, "head", r"'head' cannot be written \(full precision, .*\); matmul could be"),
        (torch.sign, torch.tanh, "matmul", "'matmul' cannot be written: here is no product of two activations' signs"),
        (torch.sign, lambda x: x.sign() * torch.arange(1.0, 5.0), "matmul", "here is no product"),
        (lambda x: x[:, :1].sign(), torch.sign, "matmul", "here is no product"),  # one head for two
    ],
)
def test_a_name_that_is_no_such_product_is_refused(left, right, written: str, message: str) -> None:
    module = Product(left, right)
    with pytest.raises(InputError, match=message):
        from_torch(module, torch.randn(4, *EXAMPLE), written=[written])


def test_without_a_name_the_graph_has_no_such_operation() -> None:
    traced = from_torch(Product(torch.sign, torch.sign), torch.randn(4, *EXAMPLE))
    assert "binary_matmul" not in [node.op for node in traced.network.graph.nodes]
    assert not traced.network.written_products()


def product_graph(*blocks: int) -> dict:
    shape = (*blocks, 4, 4)
    nodes = [
        {"name": "product", "op": "binary_matmul", "inputs": ["input", "input"]},
        {"name": "flat", "op": "flatten", "inputs": ["product"]},
    ]
    return {"nodes": nodes, "input_shape": shape, "classes": torch.Size(shape).numel()}


@pytest.mark.parametrize("blocks", [(), (1,), (3,), (2, 3)])
def test_a_hook_computes_block_by_block_what_the_module_does(blocks: tuple[int, ...]) -> None:
    network = random_network(NetworkGraph.from_content(product_graph(*blocks)))
    images = torch.randn(3, *blocks, 4, 4)
    images[0, ..., 0, 0] = 0.0  # its sign is +1
    seen = []

    def dot(name, signs, written):
        seen.append(name)
        assert signs.shape == written.shape == (3, 4, 4)
        return signs @ written

    signs = torch.where(images >= 0, 1.0, -1.0)
    with torch.inference_mode():
        for hook in (None, dot, plain_dot(network)):
            assert torch.equal(network(images, hook), (signs @ signs).flatten(1))
    assert seen == [product.name for product in network.written_products()]
    assert {product.node for product in network.written_products()} == {"product"}


def test_in_training_signs_pass_gradients_straight_through() -> None:
    first, second = torch.randn(2, 3, 4, requires_grad=True), torch.randn(2, 4, 5, requires_grad=True)
    layer = BinaryMatmul()
    trained = layer.train()(first, second)
    trained.sum().backward()
    assert torch.equal(trained.detach(), layer.eval()(first, second))
    assert first.grad is not None and bool(first.grad.any())
    assert second.grad is not None and bool(second.grad.any())
