"""Networks as people have them: traced from their own definitions, equal to them, and mapped without a difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from simcore.inference.evaluation import mapped_logits
from simcore.inference.preparation import Prepared, prepare_on_images
from simcore.mapping.tiling import as_layer_output, input_vectors
from simcore.network.checkpoint import load_checkpoint
from simcore.network.modules import plain_dot
from simcore.network.tracing import TracedNetwork, from_torch
from simcore.readout.fused import read_layer
from tests.simcore.network.zoo import plain, residual
from tests.simcore.small_networks import make_design

IMAGES = (3, 8, 8)
Zoo = dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int, int]]
# name: module, shape of an input, layers on arrays (blocks of a grouped one are one), layers that stay digital
NETWORKS: Zoo = {
    "bi-real": (lambda: residual.ResNet(residual.BiRealBlock, (1, 1), (4, 6)), IMAGES, 2, 3),
    "reactnet": (lambda: residual.ResNet(residual.ReActBlock, (1, 1), (4, 6)), IMAGES, 2, 3),
    "reactnet-mobile": (residual.ReActMobile, IMAGES, 5, 2),
    "binary-densenet": (residual.BinaryDenseNet, IMAGES, 3, 3),
    "adabin-resnet": (residual.AdaBinResNet, IMAGES, 6, 2),
    "xnor-net": (plain.XnorNet, IMAGES, 2, 4),
    "threshold-mlp": (plain.ThresholdMlp, (3, 4, 4), 3, 0),
    "dorefa": (plain.DoReFaNet, IMAGES, 3, 1),
    "keywords": (plain.KeywordNet, (10, 16), 3, 2),
    "binary-vit": (plain.BinaryViT, IMAGES, 4, 4),
    "binary-bert": (plain.BinaryBert, (6,), 4, 4),
}
EIGHTEEN = (4, 4, 4, 4), (4, 8, 16, 32)
DEEP: Zoo = {
    "bi-real-resnet18": (
        lambda: residual.ResNet(residual.BiRealBlock, *EIGHTEEN),
        (3, 16, 16),
        16,
        5,
    ),
    "reactnet-resnet18": (
        lambda: residual.ResNet(residual.ReActBlock, *EIGHTEEN),
        (3, 16, 16),
        16,
        5,
    ),
    "adabin-resnet20": (lambda: residual.AdaBinResNet(3), (3, 16, 16), 18, 2),
}


def trained(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A module whose batch norms have met inputs, as those of a trained network have."""
    torch.manual_seed(seed)
    module = build().eval()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.5)
            part.running_var.uniform_(0.5, 4)
            nn.init.normal_(part.weight, 1, 0.3)
            nn.init.normal_(part.bias, 0, 0.5)
    return module


def inputs(name: str, shape: tuple[int, ...], count: int = 24) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    if name == "binary-bert":
        return torch.randint(0, 30, (count, *shape), generator=generator)
    if name == "threshold-mlp":
        return torch.randint(0, 256, (count, *shape), generator=generator).float()
    return torch.randn((count, *shape), generator=generator)


def assert_mapped_equals_plain(prepared: Prepared, images: torch.Tensor) -> None:
    """Layer by layer the whole numbers, and the logits, to the bit."""
    network, exact = prepared.network, plain_dot(prepared.network)
    met = set()

    def both(name: str, signs: torch.Tensor) -> torch.Tensor:
        layer = prepared.layers[name]
        shares, _ = read_layer(layer.tables, input_vectors(layer.mapping, signs))
        assert torch.equal(as_layer_output(layer.mapping, shares, signs.shape), exact(name, signs)), name
        met.add(name)
        return exact(name, signs)

    with torch.inference_mode():
        logits = network(images, both)
        assert met == set(prepared.layers)
        assert torch.equal(mapped_logits(prepared, images), logits)


def check(name: str, zoo: Zoo, folder: Path) -> TracedNetwork:
    build, shape, arrays, digital = zoo[name]
    example = inputs(name, shape)
    traced = from_torch(trained(build), example)
    places = [layer.arrays for layer in traced.layers]
    assert (sum(places), len(places) - sum(places)) == (arrays, digital), str(traced)
    traced.save(folder / "net.safetensors")
    checkpoint = load_checkpoint(folder / "net.safetensors")
    images = example[:4].float()
    design = make_design(solver="ideal", rows=24, cols=7, active_rows=10, row_order="grouped")
    assert_mapped_equals_plain(prepare_on_images(checkpoint, design, images), images)
    return traced


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_the_zoo_is_what_its_module_is(name: str, tmp_path: Path) -> None:
    check(name, NETWORKS, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", DEEP)
def test_a_deep_network_of_the_zoo_is_what_its_module_is(name: str, tmp_path: Path) -> None:
    check(name, DEEP, tmp_path)
