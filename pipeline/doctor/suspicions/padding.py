"""Binary convolutions padded with another value than in training."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from pipeline.doctor.patient import Patient, predict, with_layers
from pipeline.doctor.suspicions.base import Trial, TriedSuspicion, listed
from simcore.network.layers.layout import Pad
from simcore.network.layers.window import BinaryConv2d


class PaddingValue(TriedSuspicion):
    """All padded binary convolutions are tried with 0, +1 and -1 at padded places."""

    name = "padding"

    def trials(self, patient: Patient) -> Iterator[Trial]:
        padded: dict[str, nn.Module] = {
            name: layer
            for name, layer in patient.network.named_layers()
            if isinstance(layer, BinaryConv2d) and any(map(int, layer.padding))
        }
        padded |= {name: layer for name, layer in patient.network.named_layers() if isinstance(layer, Pad)}
        for value in (0, 1, -1):
            changed = {name: _padded_with(layer, value) for name, layer in padded.items()}
            if all(padding_of(layer) == value for layer in padded.values()):
                continue
            network = with_layers(patient.network, changed)

            def run(inputs: torch.Tensor, network: nn.Module = network) -> np.ndarray:
                return predict(network, inputs)

            yield Trial(
                f"padded places look as if they held {value:+d} in training, not {_present(padded)}".replace("+0", "0"),
                f"pad with {value:+d}: pad_value of {listed(list(padded))}".replace("+0", "0"),
                run,
            )


def padding_of(layer: nn.Module) -> float:
    """What a layer that pads puts there."""
    return float(layer.value if isinstance(layer, Pad) else layer.pad_value)  # type: ignore[arg-type]


def _padded_with(layer: nn.Module, value: int) -> nn.Module:
    changed = copy.copy(layer)
    setattr(changed, "value" if isinstance(layer, Pad) else "pad_value", value)
    return changed


def _present(layers: dict[str, nn.Module]) -> str:
    return " and ".join(f"{value:+g}" for value in sorted({padding_of(layer) for layer in layers.values()}))
