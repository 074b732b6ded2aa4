"""The network that is examined, with the inputs and labels it is examined on."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import nn

from simcore.datasets import Dataset
from simcore.network.checkpoint import Checkpoint
from simcore.network.inputs import network_input
from simcore.network.modules import GraphNetwork

_AT_ONCE = 100  # inputs that go through the network together


@dataclass(frozen=True)
class Patient:
    """A network and the data it is judged on.

    Attributes:
        checkpoint: the network.
        inputs: (n, ...) float32 as the network receives them.
        labels: (n,) int64.
        reference: (m, ...) inputs that stand for what the network was trained on: their mean and spread.
    """

    checkpoint: Checkpoint
    inputs: torch.Tensor = field(repr=False)
    labels: np.ndarray = field(repr=False)
    reference: torch.Tensor = field(repr=False)

    @classmethod
    def of(cls, checkpoint: Checkpoint, dataset: Dataset, split: str, images: int) -> Patient:
        """A network on the first samples of a split.

        Args:
            checkpoint: the network.
            dataset: the data set; its split ``train`` or ``calibration``, where it has one, is the reference.
            split: of the samples.
            images: how many.
        """
        samples, labels = dataset.read(split, 0, images)
        other = next((name for name in ("train", "calibration") if name in dataset.splits), split)
        reference, _ = dataset.read(other, 0, min(images, dataset.splits[other]))
        return cls(checkpoint, network_input(samples), labels, network_input(reference))

    @property
    def network(self) -> GraphNetwork:
        return self.checkpoint.network

    @cached_property
    def predictions(self) -> np.ndarray:
        """(n,) classes in ideal arithmetic."""
        return predict(self.network, self.inputs)

    @cached_property
    def correct(self) -> np.ndarray:
        """(n,) whether the prediction is the label."""
        return self.predictions == self.labels


def predict(network: nn.Module, inputs: torch.Tensor) -> np.ndarray:
    """The class that a network in evaluation mode gives to each input."""
    with torch.inference_mode():
        return torch.cat([network(batch).argmax(1) for batch in inputs.split(_AT_ONCE)]).numpy()


def with_layers(network: GraphNetwork, replaced: Mapping[str, nn.Module]) -> GraphNetwork:
    """The network with other modules in the place of some nodes; tensors are shared, the network itself stays.

    Args:
        network: in evaluation mode.
        replaced: modules by the nodes' names.
    """
    changed = copy.copy(network)
    layers = [replaced.get(name, layer) for name, layer in network.named_layers()]
    # A module keeps its parts in a dictionary, which a shallow copy would share.
    changed._modules = {**network._modules, "layers": nn.ModuleList(layers)}
    return changed.eval()
