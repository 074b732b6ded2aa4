"""What is done to a layer's outputs, learnt where it takes effect: at the batch norm that it is folded into."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from simcore.inference.stored_layers import heard_ideally
from simcore.mitigation.base import Mitigation, OutputLine
from simcore.mitigation.recalibrated_outputs import folding_norm
from simcore.network.modules import GraphNetwork


def ideal_outputs(network: GraphNetwork, images: torch.Tensor, names: set[str]) -> dict[str, torch.Tensor]:
    """Outputs of the named binary layers in the ideal network, for (n, C, H, W) images."""
    return heard_ideally(network, images, names, lambda _, outputs: outputs.to(torch.int32))


def recalibrated(
    network: GraphNetwork, layer: str, passes: Iterable[Mitigation], delivered: torch.Tensor, wanted: torch.Tensor
) -> OutputLine | None:
    """The line of a layer's outputs; None where it cannot be folded.

    Args:
        network: the network.
        layer: its name.
        passes: the first that has a line for it decides.
        delivered: (B, M, ...) outputs by the arrays.
        wanted: those of the ideal network.
    """
    place = folding_norm(network.graph, layer)
    if place is None:
        return None
    modules = dict(network.named_layers())
    reads = []
    for outputs in (delivered, wanted.to(torch.float32)):
        for name in place[0]:
            outputs = modules[name](outputs)
        reads.append(outputs.movedim(1, -1).reshape(-1, outputs.shape[1]).numpy().astype(np.float64))
    return next(filter(None, (one.afterwards(*reads) for one in passes)), None)
