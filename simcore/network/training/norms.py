"""Statistics of batch norms, measured with the weights that a training ends with."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from simcore.network.modules import GraphNetwork


def settle_norms(network: GraphNetwork, batches: Iterable[torch.Tensor]) -> None:
    """Set means and variances of all batch norms to the mean of what they are in ``batches``.

    A training follows them with a memory of ten or twenty batches, a noise that thresholds of signs see (PreciseBN: Wu
    and Johnson, arXiv 2105.07576, section 3).

    Args:
        network: in training mode.
        batches: float32 (B, C, H, W), as networks take them; at least one.
    """
    norms = [layer for _, layer in network.named_layers() if isinstance(layer, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # PyTorch's word for the mean of all batches
    with torch.no_grad():
        for images in batches:
            network(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
