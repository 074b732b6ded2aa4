"""Inputs of binary layers that are exactly zero, whose sign the training took for something else than +1."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from pipeline.doctor.patient import Patient, predict, with_layers
from pipeline.doctor.suspicions.base import Trial, TriedSuspicion
from simcore.network.layers.product import BinaryLinear
from simcore.network.layers.window import BinaryConv2d


class ZeroSign(TriedSuspicion):
    """The sign of 0 is tried as -1, which thresholds with '>' give, and as 0, which ``torch.sign`` gives."""

    name = "sign of zero"

    def trials(self, patient: Patient) -> Iterator[Trial]:
        layers = {
            name: layer
            for name, layer in patient.network.named_layers()
            if isinstance(layer, BinaryConv2d | BinaryLinear)
        }
        for value, maker in ((-1, "comparisons with '>' give"), (0, "torch.sign gives")):
            changed = with_layers(patient.network, {name: _OtherSign(layer, value) for name, layer in layers.items()})

            def run(inputs: torch.Tensor, network: nn.Module = changed) -> np.ndarray:
                return predict(network, inputs)

            yield Trial(
                f"many inputs of binary layers are exactly 0, whose sign looks like {value} in training (+1 here)",
                f"{maker} {value}: move the threshold before each sign by a little, so that no input lies on it",
                run,
            )


class _OtherSign(nn.Module):
    """A binary layer with another sign of 0. It adds up its inputs: half of what both signs give is what 0 gives."""

    def __init__(self, layer: BinaryConv2d | BinaryLinear, value: int) -> None:
        super().__init__()
        self.layer, self.value = layer, value

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        below: torch.Tensor = self.layer(torch.where(values == 0, -1.0, values))
        return below if self.value < 0 else (below + self.layer(values)) / 2
