"""Inputs scaled twice, not at all, or with another mean and spread than in training."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from pipeline.doctor.patient import Patient, predict, with_layers
from pipeline.doctor.suspicions.base import Trial, TriedSuspicion

_AFFINE = ("normalize", "factor", "offset", "scale", "batch_norm")
_FAR = 30.0
"""Factor between scales that is no difference of means and spreads: a judgement. Bytes are 255 times a fraction."""
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and spread of x / 255 over ImageNet's training images, as torchvision's transforms have them."""

Scaling = Callable[[torch.Tensor], torch.Tensor]


class InputScale(TriedSuspicion):
    """The network is run from behind its own scaling, on inputs that were scaled in each of the usual ways."""

    name = "input scale"

    def trials(self, patient: Patient) -> Iterator[Trial]:
        graph = patient.network.graph
        chain = leading_chain(patient)
        if any(node.op == "embedding" for node in graph.nodes):
            return  # whole numbers that mean rows of a table
        layers = dict(patient.network.named_layers())
        own = nn.Sequential(*(layers[name] for name in chain))
        behind = with_layers(patient.network, {name: nn.Identity() for name in chain})
        steepness = _steepness(own, patient.inputs)
        for words, scaling in _scalings(patient.reference).items():
            ratio = steepness / _steepness(scaling, patient.inputs)
            if ratio > _FAR:
                what = "inputs look as if they were not scaled"
            elif ratio < 1 / _FAR:
                what = "inputs look as if they were scaled twice"
            else:
                what = "inputs look as if they were normalised otherwise in training"
            where = f" in place of {' and '.join(chain)}" if chain else ""

            def run(inputs: torch.Tensor, scaling: Scaling = scaling) -> np.ndarray:
                return predict(behind, scaling(inputs))

            yield Trial(what, f"let the network get {words}{where}", run)


def leading_chain(patient: Patient) -> list[str]:
    """The nodes that shift and scale the inputs before anything else looks at them."""
    chain, last = [], "input"
    for node in patient.network.graph.nodes:
        readers = [other for other in patient.network.graph.nodes if last in other.inputs]
        if node.op not in _AFFINE or node.inputs != (last,) or len(readers) != 1:
            break
        chain.append(node.name)
        last = node.name
    return chain


def _scalings(reference: torch.Tensor) -> dict[str, Scaling]:
    axes = (0, *range(2, reference.dim()))
    mean, spread = reference.mean(axes, keepdim=True), reference.std(axes, keepdim=True).clamp_min(1e-6)
    scalings: dict[str, Scaling] = {
        "x": lambda x: x,
        "x / 255": lambda x: x / 255,
        "x / 127.5 - 1": lambda x: x / 127.5 - 1,
        "255 x": lambda x: 255 * x,
        "(x - mean) / spread of the data set": lambda x: (x - mean) / spread,
    }
    if reference.dim() == 4 and reference.shape[1] == len(_IMAGENET[0]):
        shift, scale = (torch.tensor(values)[:, None, None] for values in _IMAGENET)
        scalings["(x / 255 - mean) / std of ImageNet"] = lambda x: (x / 255 - shift) / scale
    return scalings


def _steepness(scaling: Scaling, inputs: torch.Tensor) -> float:
    """By how much a scaling stretches inputs."""
    with torch.inference_mode():
        zero, one = (scaling(torch.full_like(inputs[:1], value)) for value in (0.0, 1.0))
    return max(float((one - zero).abs().median()), 1e-30)
