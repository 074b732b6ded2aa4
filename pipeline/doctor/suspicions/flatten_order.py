"""Dense layers whose weights expect their inputs in another order, or transposed."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from pipeline.doctor.patient import Patient, predict, with_layers
from pipeline.doctor.suspicions.base import Trial, TriedSuspicion
from simcore.network.layers.layout import Permute
from simcore.network.layers.product import BinaryLinear

_AXES = {2: ("channels", "length"), 3: ("channels", "height", "width")}


class FlattenOrder(TriedSuspicion):
    """A map is flattened in every other order of its axes; square dense layers are tried transposed."""

    name = "flatten order"

    def trials(self, patient: Patient) -> Iterator[Trial]:
        shapes = patient.network.graph.shapes()
        layers = dict(patient.network.named_layers())
        for node in patient.network.graph.nodes:
            before, after = shapes[node.inputs[0]] if node.inputs else (), shapes[node.name]
            if node.op in ("flatten", "reshape") and len(after) == 1 and len(before) in _AXES:
                usual = tuple(range(len(before)))
                for order in itertools.permutations(usual):
                    if order == usual or _is_same_order(before, order):
                        continue
                    words = ", ".join(_AXES[len(before)][axis] for axis in order)
                    yield Trial(
                        f"the dense layer after '{node.name}' looks as if it expected ({words}), not "
                        f"({', '.join(_AXES[len(before)])})",
                        f"reorder its weights, or permute to ({words}) before '{node.name}'",
                        _predictor(patient, node.name, nn.Sequential(Permute(order), layers[node.name])),
                    )
        for name, layer in layers.items():
            if isinstance(layer, nn.Linear | BinaryLinear) and layer.in_features == layer.out_features:
                transposed = copy.copy(layer)
                transposed._parameters = {**layer._parameters, "weight": nn.Parameter(layer.weight.t(), False)}
                yield Trial(
                    f"the weights of '{name}' look transposed",
                    "store them as (outputs, inputs), as PyTorch does; Keras has (inputs, outputs)",
                    _predictor(patient, name, transposed),
                )


def _is_same_order(shape: Sequence[int], order: Sequence[int]) -> bool:
    """Whether values stand where they stood: axes of size 1 do not matter."""
    large = [axis for axis in order if shape[axis] > 1]
    return large == sorted(large)


class _Predictor:
    """Classes that the network gives with another module in one place."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network

    def __call__(self, inputs: torch.Tensor) -> np.ndarray:
        return predict(self._network, inputs)


def _predictor(patient: Patient, name: str, module: nn.Module) -> _Predictor:
    return _Predictor(with_layers(patient.network, {name: module}))
