"""Shares of +1 among the weights and the inputs of binary layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from pipeline.doctor.patient import Patient
from simcore.network.layers.product import BinaryLinear
from simcore.network.layers.window import BinaryConv2d

_INPUTS = 200  # enough for shares, few enough to be quick


@dataclass(frozen=True)
class LayerSigns:
    """One binary layer.

    Attributes:
        name: of the node.
        weight_share: share of weights that are +1.
        input_share: share of inputs that are +1, without padding.
        zeros: share of inputs that are exactly 0, and taken as +1.
        constant_channels: share of input channels whose sign is the same for every input and at every place.
        padding: what padded places hold, -1, 0 or +1; None without padding.
    """

    name: str
    weight_share: float
    input_share: float
    zeros: float
    constant_channels: float
    padding: int | None


def layer_signs(patient: Patient) -> list[LayerSigns]:
    """Every binary layer, in execution order, on some of the inputs."""
    layers = {
        name: layer for name, layer in patient.network.named_layers() if isinstance(layer, BinaryConv2d | BinaryLinear)
    }
    heard: dict[str, torch.Tensor] = {}
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs, name=name: heard.__setitem__(name, inputs[0]))
        for name, layer in layers.items()
    ]
    try:
        with torch.inference_mode():
            patient.network(patient.inputs[:_INPUTS])
    finally:
        for hook in hooks:
            hook.remove()
    return [_signs_of(name, layer, heard[name]) for name, layer in layers.items()]


def _signs_of(name: str, layer: BinaryConv2d | BinaryLinear, values: torch.Tensor) -> LayerSigns:
    channel = 1 if isinstance(layer, BinaryConv2d) else values.dim() - 1
    ones = (values >= 0).double().mean([axis for axis in range(values.dim()) if axis != channel]).numpy()
    padding = None
    if isinstance(layer, BinaryConv2d) and any(map(int, layer.padding)):
        padding = int(layer.pad_value)
    return LayerSigns(
        name=name,
        weight_share=float((layer.weight >= 0).double().mean()),
        input_share=float((values >= 0).double().mean()),
        zeros=float((values == 0).double().mean()),
        constant_channels=float(np.isin(ones, (0.0, 1.0)).mean()),
        padding=padding,
    )
