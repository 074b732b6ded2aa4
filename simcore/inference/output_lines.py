"""What is done to a layer's outputs, learnt where it takes effect: at the batch norm that it is folded into."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float64

from simcore.inference.stored_layers import heard_ideally
from simcore.mitigation.base import Mitigation, OutputLine
from simcore.mitigation.norm_fold import NormFold, norm_fold
from simcore.network.modules import GraphNetwork


def ideal_outputs(network: GraphNetwork, images: torch.Tensor, names: set[str]) -> dict[str, torch.Tensor]:
    """Outputs of the named binary layers in the ideal network, for (n, C, H, W) images."""
    return heard_ideally(network, images, names, lambda *heard: heard[-1].to(torch.int32))


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
    fold = norm_fold(network.graph, layer, network.named_tensors())
    if fold is None:
        return None
    reads = [_at_norm(network, fold, outputs) for outputs in (delivered, wanted.to(torch.float32))]
    return next(filter(None, (one.afterwards(*reads) for one in passes)), None)


def _at_norm(network: GraphNetwork, fold: NormFold, outputs: torch.Tensor) -> Float64[np.ndarray, "reads outputs"]:
    """Outputs of a layer as they come to its norm, without what the nodes between multiply by and add.

    Args:
        network: the network.
        fold: the way there.
        outputs: (B, M, ...) of the layer.
    """
    modules = dict(network.named_layers())
    own = outputs.shape[1]
    if own != fold.channels:  # a block: the others count for nothing
        whole = outputs.new_zeros(len(outputs), fold.channels, *outputs.shape[2:])
        whole[:, fold.first : fold.first + own] = outputs
        outputs = whole
    for name in fold.between:
        outputs = modules[name](outputs)
    reached = outputs.movedim(1, -1)[..., torch.from_numpy(fold.places)].numpy().astype(np.float64)
    plain: np.ndarray = (reached - fold.offset) / fold.scale
    return np.moveaxis(plain.reshape(*plain.shape[:-1], own, -1), -1, -2).reshape(-1, own)
