"""Statistics of batch norms at the end of a training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from simcore.network.modules import GraphNetwork
from simcore.network.training.loop import fresh_network, train
from simcore.network.training.recipe import Recipe, amended
from tests.simcore.network.in_memory import Stripes
from tests.simcore.network.networks import tiny_graph
from tests.simcore.network.small_trainings import Stop, identity_of, train_tiny

RECIPE = Recipe(epochs=2, batch_size=10, learning_rate=0.02, crop_padding=1, precision="float32")
STEPS = 6  # an epoch of Stripes
STATISTICS = ("running_mean", "running_var")


def _norms(network: GraphNetwork) -> dict[str, torch.nn.BatchNorm2d]:
    return {name: layer for name, layer in network.named_layers() if isinstance(layer, torch.nn.BatchNorm2d)}


@pytest.mark.parametrize(("wanted", "taken"), [(4, 4), (1000, STEPS)])
def test_they_are_means_over_batches_of_the_final_network(tmp_path: Path, wanted: int, taken: int) -> None:
    recipe = amended(RECIPE, {"norm_batches": wanted})
    network = fresh_network(tiny_graph(), 4)
    seen: dict[str, list[torch.Tensor]] = {name: [] for name in _norms(network)}
    for name, norm in _norms(network).items():
        norm.register_forward_pre_hook(lambda _, inputs, name=name: seen[name].append(inputs[0].detach().double()))
    train(network, Stripes(), recipe, identity_of(recipe), tmp_path)
    assert seen
    for name, norm in _norms(network).items():
        assert len(seen[name]) == 2 * STEPS + taken
        last = seen[name][-taken:]
        means = torch.stack([values.mean((0, 2, 3)) for values in last]).mean(0)
        variances = torch.stack([values.var((0, 2, 3)) for values in last]).mean(0)
        assert norm.running_mean is not None and norm.running_var is not None
        torch.testing.assert_close(norm.running_mean.double(), means, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(norm.running_var.double(), variances, rtol=1e-5, atol=1e-5)
        assert norm.momentum == 0.1


def test_nothing_else_changes_and_going_on_equals_never_stopping(tmp_path: Path) -> None:
    recipe = amended(RECIPE, {"norm_batches": 3})
    plain = train_tiny(tmp_path / "plain", RECIPE).named_tensors()
    settled = train_tiny(tmp_path / "settled", recipe).named_tensors()
    changed = {name.partition(".")[2] for name, tensor in settled.items() if not torch.equal(plain[name], tensor)}
    assert changed == set(STATISTICS)
    with pytest.raises(Stop):
        train_tiny(tmp_path / "parts", recipe, stop_at=2 * STEPS)  # the state is that of the epoch before
    for _ in "finished", "read again":
        parts = train_tiny(tmp_path / "parts", recipe).named_tensors()
        assert all(torch.equal(parts[name], tensor) for name, tensor in settled.items())
