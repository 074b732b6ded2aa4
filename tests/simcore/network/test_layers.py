"""Every operation of a graph: the shape that it says, the values that PyTorch gives, whatever is beside an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from simcore.errors import InputError
from simcore.network.graph import NetworkGraph
from simcore.network.modules import GraphNetwork, plain_dot
from simcore.network.operations import OPERATIONS

Shape = tuple[int, ...]
MAP, TOKENS = (4, 6, 6), (5, 8)


def signs(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x >= 0, 1.0, -1.0)


# operation: attributes, shape of the input, and the same by PyTorch of (x, tensors)
CONV = {"in_channels": 4, "out_channels": 6, "kernel": 3, "padding": 1}
GROUPED = {**CONV, "groups": 2, "dilation": (1, 2), "padding": (1, 2), "stride": (2, 1)}
CASES: list[tuple[str, dict[str, Any], Shape, Callable[..., torch.Tensor]]] = [
    ("conv2d", GROUPED, MAP, lambda x, t: F.conv2d(x, t["weight"], t["bias"], (2, 1), (1, 2), (1, 2), 2)),
    (
        "binary_conv2d",
        GROUPED,
        MAP,
        lambda x, t: F.conv2d(signs(x), signs(t["weight"]), None, (2, 1), (1, 2), (1, 2), 2),
    ),
    (
        "binary_conv2d",
        {**CONV, "out_channels": 4, "groups": 4},
        MAP,
        lambda x, t: F.conv2d(signs(x), signs(t["weight"]), None, 1, 1, 1, 4),
    ),
    ("window_sum2d", CONV, MAP, lambda x, t: F.conv2d(signs(x), torch.ones(6, 4, 3, 3), padding=1)),
    ("window_sum2d", GROUPED, MAP,
     lambda x, t: F.conv2d(signs(x), torch.ones(6, 2, 3, 3), None, (2, 1), (1, 2), (1, 2), 2)),
    ("linear", {"in_features": 8, "out_features": 3}, TOKENS, lambda x, t: F.linear(x, t["weight"], t["bias"])),
    ("binary_linear", {"in_features": 8, "out_features": 3}, TOKENS,
     lambda x, t: F.linear(signs(x), signs(t["weight"]))),
    ("layer_norm", {"shape": (8,)}, TOKENS, lambda x, t: F.layer_norm(x, (8,), t["weight"], t["bias"])),
    ("softmax", {"axis": 1}, TOKENS, lambda x, t: x.softmax(2)),
    ("reduce", {"kind": "mean", "axes": (1, 2)}, MAP, lambda x, t: x.mean((2, 3), keepdim=True)),
    ("reduce", {"kind": "max", "axes": (0,), "keep": False}, MAP, lambda x, t: x.amax(1)),
    ("avg_pool2d", {"kernel": 3, "padding": 1, "count_padding": False}, MAP,
     lambda x, t: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)),
    ("sign", {}, MAP, lambda x, t: signs(x)),
    ("clamp", {"low": 0.0}, MAP, lambda x, t: x.clamp(0)),
    ("abs", {}, MAP, lambda x, t: x.abs()),
    ("sigmoid", {}, MAP, lambda x, t: x.sigmoid()),
    ("tanh", {}, MAP, lambda x, t: x.tanh()),
    ("gelu", {}, MAP, lambda x, t: F.gelu(x)),
    ("gelu", {"approximate": True}, MAP, lambda x, t: F.gelu(x, approximate="tanh")),
    ("silu", {}, MAP, lambda x, t: F.silu(x)),
    ("exp", {}, MAP, lambda x, t: x.exp()),
    ("power", {"exponent": 3.0}, MAP, lambda x, t: x**3),
    ("round", {}, MAP, lambda x, t: x.round()),
    ("floor", {}, MAP, lambda x, t: x.floor()),
    ("factor", {"shape": (4, 1, 1)}, MAP, lambda x, t: x * t["weight"]),
    ("offset", {"shape": (6,)}, MAP, lambda x, t: x + t["weight"]),
    ("offset", {"shape": (3, 8)}, (8,), lambda x, t: x[:, None] + t["weight"]),
    ("reshape", {"shape": (2, 72)}, MAP, lambda x, t: x.reshape(-1, 2, 72)),
    ("permute", {"order": (2, 0, 1)}, MAP, lambda x, t: x.permute(0, 3, 1, 2)),
    ("slice", {"axis": 1, "start": 1, "stop": 6, "step": 2}, MAP, lambda x, t: x[:, :, 1:6:2]),
    ("pad", {"margins": ((1, 0), (0, 2)), "value": -1.0}, MAP, lambda x, t: F.pad(x, (0, 2, 1, 0), value=-1.0)),
    ("constant", {"shape": (2, 3)}, MAP, lambda x, t: t["weight"].expand(len(x), 2, 3)),
]  # fmt: skip
PAIRS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "add": torch.add,
    "subtract": torch.sub,
    "multiply": torch.mul,
    "divide": torch.div,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
}


def network(op: str, attrs: dict[str, Any], shape: Shape, inputs: tuple[str, ...] = ("input",)) -> GraphNetwork:
    """The operation, and a product that makes logits of whatever it gives."""
    result = OPERATIONS[op](**attrs).output_shape([shape] * len(inputs))
    nodes = [
        {"name": "it", "op": op, "inputs": list(inputs), "attrs": attrs},
        {"name": "flat", "op": "flatten", "inputs": ["it"]},
        {
            "name": "logits",
            "op": "linear",
            "inputs": ["flat"],
            "attrs": {"in_features": int(torch.Size(result).numel()), "out_features": 2},
        },
    ]
    graph = NetworkGraph.from_content({"nodes": nodes, "input_shape": list(shape), "classes": 2})
    found = GraphNetwork(graph).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(1)
    for tensor in found.named_tensors().values():
        tensor.copy_(torch.randn(tensor.shape, generator=generator))
    return found


@pytest.mark.parametrize(("op", "attrs", "shape", "expected"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_an_operation_gives_what_pytorch_does(
    op: str, attrs: dict[str, Any], shape: Shape, expected: Callable[..., torch.Tensor]
) -> None:
    found = network(op, attrs, shape)
    x = torch.randn((5, *shape), generator=torch.Generator().manual_seed(2))
    value = found.layers[0](x)
    tensors = {name.removeprefix("it."): tensor for name, tensor in found.named_tensors().items()}
    assert tuple(value.shape[1:]) == found.graph.shapes()["it"]
    torch.testing.assert_close(value, expected(x, tensors), rtol=2e-6, atol=1e-6)
    alone = torch.cat([found(image, plain_dot(found)) for image in x.split(1)])
    assert torch.equal(found(x, plain_dot(found)), alone)  # to the bit, whatever stands beside an image


@pytest.mark.parametrize("shape", [(4,), (4, 6), MAP, (4, 2, 3, 2), (4, 2, 1, 3, 2)])
def test_a_batch_norm_takes_any_number_of_axes(shape: Shape) -> None:
    found = network("batch_norm", {"channels": 4, "eps": 1e-3}, shape)
    tensors = {name.removeprefix("it."): tensor for name, tensor in found.named_tensors().items()}
    tensors["running_var"].abs_()
    x = torch.randn((5, *shape), generator=torch.Generator().manual_seed(2))
    mean, variance = tensors["running_mean"], tensors["running_var"]
    expected = F.batch_norm(x, mean, variance, tensors["weight"], tensors["bias"], eps=1e-3)
    torch.testing.assert_close(found.layers[0](x), expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("op", PAIRS)
def test_two_values_of_one_place(op: str) -> None:
    pair = network(op, {}, MAP, ("input", "input")).layers[0]
    x, y = torch.randn(3, *MAP), torch.randn(3, 1, 6)
    torch.testing.assert_close(pair(x, y), PAIRS[op](x, y[:, None]))
    assert OPERATIONS[op]().output_shape([(4, 1, 6), (6, 1)]) == (4, 6, 6)


def test_matrices_of_activations_are_multiplied_and_parts_joined() -> None:
    found = network("matmul", {}, (3, 5, 5), ("input", "input"))
    x = torch.randn(4, 3, 5, 5)
    torch.testing.assert_close(found.layers[0](x, x), x @ x)
    first, second = torch.randn(4, 4, 2, 3), torch.randn(4, 3, 4)  # as many images as blocks: they are not mixed up
    torch.testing.assert_close(found.layers[0](first, second), first @ second[:, None])
    torch.testing.assert_close(found.layers[0](second.mT, first.mT), second.mT[:, None] @ first.mT)
    joined = network("concat", {"axis": 1}, MAP, ("input", "input", "input"))
    assert joined.graph.shapes()["it"] == (4, 18, 6)
    x = torch.randn(2, *MAP)
    assert torch.equal(joined.layers[0](x, x, x), torch.cat([x, x, x], dim=2))


@pytest.mark.parametrize(
    ("op", "attrs", "shape", "message"),
    [
        ("conv2d", {**CONV, "groups": 3}, MAP, "3 groups do not divide 4 input and 6 output channels"),
        ("conv2d", {**CONV, "dilation": 5}, MAP, "a 11x11 window does not fit into 6x6"),
        ("reshape", {"shape": (5, 5)}, MAP, "does not hold the values"),
        ("permute", {"order": (0, 0, 1)}, MAP, "does not name every axis"),
        ("slice", {"axis": 0, "start": 3, "stop": 9}, MAP, "there is nothing from 3 to 9"),
        ("reduce", {"kind": "mean", "axes": (3,)}, MAP, "are not axes of an input"),
        ("layer_norm", {"shape": (5,)}, MAP, "is not that of the last axes"),
        ("offset", {"shape": (5, 1, 1)}, MAP, "cannot add shapes"),
        ("matmul", {}, MAP, "takes 2 input"),
        ("binary_matmul", {}, MAP, "takes 2 input"),
        ("reduce", {"kind": "median", "axes": (0,)}, MAP, "mean"),
        ("power", {"exponent": float("nan")}, MAP, "finite"),
    ],
)
def test_what_does_not_fit_is_refused(op: str, attrs: dict[str, Any], shape: Shape, message: str) -> None:
    nodes = [{"name": "it", "op": op, "inputs": ["input"], "attrs": attrs}]
    with pytest.raises(InputError, match=message):
        NetworkGraph.from_content({"nodes": nodes, "input_shape": list(shape), "classes": 2})
