"""The network to load onto a chip: what was learnt of its lossy arrays, folded into its batch norms."""

from __future__ import annotations

import copy

import torch

from simcore.errors import InputError
from simcore.inference.prepared import Prepared
from simcore.mitigation.recalibrated_outputs import folding_norm
from simcore.network.modules import GraphNetwork


def deployed(prepared: Prepared) -> GraphNetwork:
    """The network with the lines of recalibrated outputs in the batch norms that follow.

    On the design's arrays, without any line, it delivers what the prepared network does, but for float32's rounding.
    In ideal arithmetic it does not: it expects what the arrays lose.

    Args:
        prepared: network and design.

    Raises:
        InputError: nothing is recalibrated.
    """
    network = copy.deepcopy(prepared.network)
    norms = dict(network.named_layers())
    folded = 0
    for name, layer in prepared.layers.items():
        place = folding_norm(network.graph, name) if layer.outputs is not None else None
        if place is None or layer.outputs is None:
            continue
        norm = norms[place[1]]
        scale, shift = (torch.from_numpy(values).double() for values in (layer.outputs.scale, layer.outputs.shift))
        mean, variance, gain, bias = (
            getattr(norm, tensor).double() for tensor in ("running_mean", "running_var", "weight", "bias")
        )
        steep = gain / torch.sqrt(variance + norm.eps)  # type: ignore[arg-type]
        with torch.no_grad():
            # gain ((a x + s) - mean) / deviation + bias, written with a gain and a bias of its own.
            norm.bias.copy_((bias + steep * (shift - mean + scale * mean)).float())  # type: ignore[operator]
            norm.weight.copy_((gain * scale).float())  # type: ignore[operator]
        folded += 1
    if folded == 0:
        raise InputError("the design recalibrates no outputs, so that there is nothing to fold into the network")
    return network
