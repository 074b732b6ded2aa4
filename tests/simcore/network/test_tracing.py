"""Signs and weights in every manner of writing, and what is said where a network cannot be taken over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from simcore.errors import InputError
from simcore.network.checkpoint import load_checkpoint
from simcore.network.tracing import TracedNetwork, from_torch

Function = Callable[[torch.Tensor], torch.Tensor]
FEATURES, CLASSES = 12, 4
WIDE = torch.ones(FEATURES, CLASSES)


class Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.sign()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class Product(nn.Module):
    """One product of what two functions make of its input and of its latent weights."""

    def __init__(self, inputs: Function, weights: Function = torch.sign) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.weight = nn.Parameter(torch.randn((CLASSES, FEATURES), generator=generator))
        self.inputs, self.weights = inputs, weights

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(self.inputs(x), self.weights(self.weight))


class Whole(nn.Module):
    """A function as a module."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


def examples(count: int = 40, shape: tuple[int, ...] = (FEATURES,)) -> torch.Tensor:
    return torch.randn((count, *shape), generator=torch.Generator().manual_seed(5))


def traced(inputs: Function, weights: Function = torch.sign) -> TracedNetwork:
    return from_torch(Product(inputs, weights), examples())


CHANNEL = torch.linspace(-0.5, 0.5, FEATURES)
SIGNS: dict[str, Function] = {
    "sign": torch.sign,
    "where": lambda x: torch.where(x >= 0, 1.0, -1.0),
    "above zero": lambda x: 2.0 * (x > 0) - 1,
    "below zero": lambda x: 1 - 2 * (x < 0).float(),
    "at most": lambda x: torch.where(x <= 0.25, 1.0, -1.0),
    "function": Straight.apply,
    "estimator": lambda x: (torch.where(x >= 0, 1.0, -1.0) - x.clamp(-1, 1)).detach() + x.clamp(-1, 1),
    "identity estimator": lambda x: x + (x.sign() - x).detach(),
    "tanh estimator": lambda x: torch.tanh(3 * x) + (x.sign() - torch.tanh(3 * x)).detach(),
    "thresholds": lambda x: torch.sign(x - CHANNEL),
    "compared with thresholds": lambda x: torch.where(x > CHANNEL, 1.0, -1.0),
    "scaled": lambda x: 0.37 * x.sign(),
    "affine": lambda x: 0.8 * torch.sign((x - 0.1) / 0.8) + 0.1,
    "zero and one": lambda x: (x > 0).float(),
    "rounded": lambda x: torch.round(torch.clamp(x, 0, 1)),
    "sign of relu": lambda x: torch.sign(F.relu(x)),
    "sign of relu6": lambda x: torch.sign(F.relu6(x)),
    "relu of sign": lambda x: F.relu(torch.sign(x)),
    "sign of sign": lambda x: torch.where(torch.sign(x - 0.2) > 0, 1.0, -1.0),
    "flipped by channel": lambda x: torch.sign(x) * torch.sign(CHANNEL),
    "moved": lambda x: torch.cat([x[:, 6:], x[:, :6]], dim=1).sign().reshape(-1, 3, 4).transpose(1, 2).flatten(1),
    "joined": lambda x: torch.cat([torch.sign(part) for part in x.chunk(2, dim=1)], dim=1),
    "padded": lambda x: F.pad(torch.sign(x[:, :10]), (1, 1), value=-1.0),
}


@pytest.mark.parametrize("name", SIGNS)
def test_a_sign_is_found_in_every_manner_of_writing(name: str) -> None:
    layer = next(layer for layer in traced(SIGNS[name]).layers)
    assert (layer.op, layer.arrays) == ("binary_linear", True)


@pytest.mark.parametrize(
    "bits",
    [
        lambda x: 2 * (x > 0).float() - 1,
        lambda x: torch.where(x < 0.5, 1.0, -1.0),
        lambda x: torch.where(x > 0.5, 1.0, -1.0).transpose(2, 3),
        lambda x: torch.where(x > torch.tensor([0.0, 0.5])[:, None, None], 1.0, -1.0),
        lambda x: 1 - 2 * (x >= 0).float(),
    ],
)
def test_the_largest_of_signs_is_a_sign_whatever_side_its_threshold_is_on(bits: Function) -> None:
    weight = torch.randn((CLASSES, 2, 3, 3), generator=torch.Generator().manual_seed(3))

    def function(x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(F.max_pool2d(F.max_pool2d(bits(x), 2), 2, 1, 1), weight.sign()).mean((2, 3))

    at_thresholds = torch.randint(-1, 2, (40, 2, 8, 8), generator=torch.Generator().manual_seed(5)) / 2
    found = from_torch(Whole(function), at_thresholds)
    assert [(layer.op, layer.arrays) for layer in found.layers] == [("binary_conv2d", True)]
    assert torch.equal(found.network(at_thresholds), function(at_thresholds))


def _irnet(w: torch.Tensor) -> torch.Tensor:
    w = w - w.mean(1, keepdim=True)
    w = w / w.std(1, keepdim=True)
    return w.sign() * 2.0 ** torch.round(torch.log2(w.abs().mean(1, keepdim=True)))


WEIGHTS: dict[str, Function] = {
    "sign": torch.sign,
    "mean size": lambda w: w.sign() * w.abs().mean(1, keepdim=True),
    "estimator": lambda w: (w.sign() * w.abs().mean() - w.clamp(-1, 1)).detach() + w.clamp(-1, 1),
    "ir-net": _irnet,
    "recu": lambda w: torch.maximum(torch.minimum(w, torch.quantile(w, 0.9)), torch.quantile(w, 0.1)).sign(),
    "zero and one": lambda w: (w > 0).float(),
    "affine": lambda w: torch.where(w > w.mean(1, keepdim=True), 0.7, -0.2),
    "one sign alone": lambda w: w.abs().sign() * 0.3,
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_are_binary_whatever_made_them_so(name: str) -> None:
    found = traced(torch.sign, WEIGHTS[name])
    assert [layer.arrays for layer in found.layers] == [True]


@pytest.mark.parametrize(
    ("inputs", "weights", "why"),
    [
        (torch.tanh, lambda w: w, "full precision"),
        (torch.tanh, torch.sign, "no sign before it"),
        (torch.sign, lambda w: w, "not of two values for each output"),
        (torch.sign, lambda w: torch.where(w.abs() < 0.2, 0.0, w.sign()), "of its weights are 0"),
        (lambda x: x.sign() * (1 + CHANNEL), torch.sign, "with the scales of its inputs"),
    ],
)
def test_what_stays_digital_says_why(inputs: Function, weights: Function, why: str) -> None:
    found = traced(inputs, weights)
    assert [layer.arrays for layer in found.layers] == [False]
    assert why in found.layers[0].why
    assert found.layers[0].why in str(found)


def test_a_module_stays_in_the_mode_in_which_it_was() -> None:
    module = nn.Sequential(nn.BatchNorm1d(FEATURES), nn.Dropout(0.5), Product(torch.sign))
    module[0].eval()
    from_torch(module, examples())
    assert [part.training for part in module] == [False, True, True]


def test_an_example_that_is_no_tensor_is_named() -> None:
    module = nn.Linear(2, 3)
    with pytest.raises(InputError, match="example: expected a tensor, found ndarray: torch.from_numpy makes one"):
        from_torch(module, torch.zeros(2, 2).numpy())  # type: ignore[arg-type]


def test_images_are_normalized_as_the_module_has_them() -> None:
    images = torch.randint(0, 256, (20, 3, 4, 4), generator=torch.Generator().manual_seed(1)).float()
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    found = from_torch(module, images, normalize=((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)))
    normal = (images / 255 - torch.tensor([0.5, 0.4, 0.3])[:, None, None]) / torch.tensor([0.2, 0.3, 0.4])[
        :, None, None
    ]
    torch.testing.assert_close(found.network(images), module(normal), rtol=1e-4, atol=1e-4)
    assert found.network.graph.nodes[0].op == "normalize"


def test_one_mean_is_that_of_all_channels() -> None:
    images = torch.randint(0, 256, (20, 3, 4, 4), generator=torch.Generator().manual_seed(1)).float()
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    one, three = (from_torch(module, images, normalize=(mean, (0.2, 0.3, 0.4))) for mean in ([0.5], [0.5] * 3))
    assert one.network.graph == three.network.graph
    with pytest.raises(InputError, match=r"numbers for 2 channels, the input has shape \(3, 4, 4\)"):
        from_torch(module, images, normalize=((0.5, 0.4), (0.2, 0.3)))


def test_nodes_have_the_names_of_the_modules() -> None:
    module = nn.Sequential(nn.Linear(FEATURES, 8), nn.ModuleDict({"body": nn.Sequential(nn.BatchNorm1d(8))})["body"])
    module.add_module("Head", Whole(lambda x: x[:, :4] * 2))
    assert [node.name for node in from_torch(module, examples()).network.graph.nodes] == [
        "0",
        "1.0",
        "Head.slice",
        "Head.factor",
    ]


def test_it_says_where_pytorch_gives_zero_for_zero() -> None:
    assert "torch.sign gives 0 for 0, arrays +1" in str(traced(torch.sign))
    assert "torch.sign" not in str(traced(SIGNS["where"]))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x: x.cumsum(1),
            r"outermost module \(test_tracing.py:\d+\): the operation 'cumsum' of PyTorch is not .*docs/networks.md",
        ),
        (lambda x: x.t().sort(1).values.t(), "mixes the inputs of a batch"),
        (lambda x: x - x.mean(0), "mixes the inputs of a batch|over the axis of the batch"),
        (lambda x: x if x.sum() > 0 else -x, "torch.export cannot trace it"),
        (lambda x: x[:, 0], "no logits"),
        (lambda x: F.batch_norm(x, None, None, training=True), "statistics of the batch"),
        (lambda x: F.pad(x[:, None], (1, 1), mode="reflect").flatten(1), "padding by 'reflect'"),
        (lambda x: torch.where(x > x.flip(1), x, -x), "'flip'|compares two activations"),
        (lambda x: F.adaptive_avg_pool1d(x[:, None], 5).flatten(1), "windows of different sizes"),
        (lambda x: (9 * x).to(torch.uint8).float(), "a conversion to torch.uint8 is not known here"),
        (lambda x: torch.addmm(torch.ones(CLASSES), x, WIDE, beta=0.5), "'addmm' of something else"),
        (lambda x: F.dropout(x, 0.5, training=True), "not known here|not the module's"),
        (lambda x: x.round(decimals=1), "rounding to decimals is not known here"),
        (lambda x: x.clamp(0, 1).round(decimals=1), "rounding to decimals is not known here"),
    ],
)
def test_what_cannot_be_expressed_is_named_with_its_place(function: Function, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        from_torch(Whole(function), examples())
    assert "\n" not in str(error.value)


def test_logits_that_are_not_the_modules_are_refused() -> None:
    example = examples()
    example[:, ::2] = 0  # torch.sign gives 0 there
    with pytest.raises(InputError, match="the network's logits are not the module's: .* predictions differ"):
        from_torch(Product(torch.sign), example)
    assert from_torch(Product(SIGNS["where"]), example).largest_difference == 0


@pytest.mark.parametrize(("short", "long"), [(torch.max, torch.maximum), (torch.min, torch.minimum)])
def test_the_larger_of_two_values_has_two_names(short: Function, long: Function) -> None:
    """Between two activations, and from a sign to another scale of it."""
    for function in (short, long):
        found = from_torch(Whole(lambda x, of=function: of(x[:, :6], x[:, 6:])), examples())  # type: ignore[misc]
        assert long.__name__ in [node.op for node in found.network.graph.nodes]
        assert traced(lambda x, of=function: of(x.sign(), torch.zeros(1))).layers[0].arrays  # type: ignore[misc]


@pytest.mark.parametrize("relu6", [F.relu6, nn.ReLU6(), lambda x: F.relu6(x, inplace=True)])
def test_relu6_has_limits_that_the_example_need_not_reach(relu6: Function) -> None:
    found = from_torch(Whole(lambda x: relu6(x + 0.0)), examples().abs().clamp(max=5))
    inputs = torch.linspace(-9, 9, FEATURES)[None]
    assert torch.equal(found.network(inputs), inputs.clamp(0, 6))


def test_whole_numbers_are_cut_towards_zero() -> None:
    found = from_torch(Whole(lambda x: (3 * x).int().float() + (3 * x).long()), examples())
    assert torch.equal(found.network(examples()), 2 * (3 * examples()).trunc())
    assert traced(lambda x: torch.where(x >= 0, 1.7, -1.2).int().float()).layers[0].arrays
    embedding = nn.Embedding(9, CLASSES)
    assert from_torch(Whole(lambda x: embedding(x.abs().long()).mean(1)), examples()).largest_difference < 1e-5
    tokens = examples().abs().floor()
    assert from_torch(Whole(lambda x: embedding(x.long()).mean(1)), tokens).network.graph.nodes[0].op == "embedding"


def test_a_fixed_matrix_is_multiplied_with_matrices_of_blocks() -> None:
    w = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    found = from_torch(Whole(lambda x: (w @ x.reshape(-1, 2, 3, 2)).flatten(1)), examples())
    assert found.largest_difference < 1e-5


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.rsub(x, x * x, alpha=2),
        lambda x: torch.add(x, x * x, alpha=0) + torch.sub(1.0, x, alpha=3),
        lambda x: ((x > 0) + (x > 1)).float(),
        lambda x: ((x > 0) + torch.ones(FEATURES, dtype=torch.bool)).float(),
    ],
)
def test_sums_are_those_of_pytorch(function: Function) -> None:
    assert from_torch(Whole(function), examples()).largest_difference < 1e-5


@pytest.mark.parametrize(
    "repeated",
    [
        lambda x: x + torch.zeros(1, 4, 6),
        lambda x: x * torch.ones(4, 6),
        lambda x: (x.relu() + x.exp()) * torch.ones(4, 6),
        lambda x: x.sign() + torch.zeros(4, 6),
        lambda x: x.sign() + 0 * (x.exp() + torch.arange(24.0).reshape(4, 6)),
        lambda x: torch.sign(x + torch.zeros(4, 6)),
        lambda x: (x > torch.linspace(-1, 1, 24).reshape(4, 6)).float(),
    ],
)
def test_values_that_a_constant_repeats_keep_their_shape(repeated: Function) -> None:
    def function(x: torch.Tensor) -> torch.Tensor:
        return F.linear(repeated(x[:, None, :6]).flatten(1), (torch.arange(72.0).reshape(3, 24) % 5 - 2).sign())

    assert from_torch(Whole(function), examples()).largest_difference < 1e-5


def test_one_number_an_image_is_not_repeated_by_a_plain_number() -> None:
    found = from_torch(Whole(lambda x: x * (x[:, 0] * 1 + 0)[:, None]), examples())
    assert found.largest_difference < 1e-5 and "factor" not in found.others


def test_thresholds_that_repeat_a_value_keep_a_product_on_arrays() -> None:
    weights = torch.where(torch.arange(72.0).reshape(3, 24) % 5 < 2, 1.0, -1.0)
    thresholds = torch.linspace(-1, 1, 24).reshape(4, 6)
    found = from_torch(Whole(lambda x: F.linear((x[:, None, :6] > thresholds).float().flatten(1), weights)), examples())
    assert [layer.op for layer in found.layers if layer.arrays] == ["binary_linear"]


class FixedQuery(nn.Module):
    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(shape, generator=torch.Generator().manual_seed(1)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.reshape(len(x), 2, 2, 3)  # of two heads
        return F.scaled_dot_product_attention(self.query.expand(len(x), -1, -1, -1), x, x.exp()).flatten(1)


@pytest.mark.parametrize("heads", [1, 2])
def test_a_query_of_attention_may_be_fixed(heads: int) -> None:
    assert from_torch(FixedQuery(heads, 5, 3), examples()).largest_difference < 1e-5


def test_a_batch_norm_of_volumes_survives_its_file(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Unflatten(1, (3, 2, 2, 1)), nn.BatchNorm3d(3), nn.Flatten(), nn.Linear(FEATURES, CLASSES))
    with torch.no_grad():
        module(3 * examples() + 1)  # moves its statistics
    found = from_torch(module.eval(), examples())
    found.save(tmp_path / "net.safetensors")
    loaded = load_checkpoint(tmp_path / "net.safetensors").network
    torch.testing.assert_close(loaded(examples()), module(examples()), rtol=1e-5, atol=1e-5)


def test_what_is_of_no_use_need_not_be_known() -> None:
    """The soft part of an estimator, which cancels, may be anything."""
    assert traced(lambda x: (x.sign() - x.cumsum(1)).detach() + x.cumsum(1)).layers[0].arrays
