"""The network to load onto a chip: what was learnt of its lossy arrays, folded into its batch norms."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

from simcore.errors import InputError
from simcore.inference.prepared import Prepared
from simcore.mitigation.base import OutputLine
from simcore.mitigation.norm_fold import NormFold, norm_fold
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
        fold = norm_fold(network.graph, name, network.named_tensors()) if layer.outputs is not None else None
        if fold is None or layer.outputs is None:
            continue
        fold_line(norms[fold.norm], fold, layer.outputs)
        folded += 1
    if folded == 0:
        raise InputError(
            "the design recalibrates no outputs, so that there is nothing to fold into the network; a design whose "
            "mitigations name recalibrated_outputs does"
        )
    return network


def fold_line(norm: nn.Module, fold: NormFold, line: OutputLine) -> None:
    """A line into its norm: gain ((a z + t) - mean) / deviation + bias, written with a gain and a bias of its own.

    Args:
        norm: is changed.
        fold: the way there.
        line: of the layer's outputs.
    """
    places = torch.from_numpy(fold.places)
    scale, shift = (values.astype(np.float64)[fold.outputs] for values in (line.scale, line.shift))
    # What is added between, o, meets the line too: k (a x + s) + o = a (k x + o) + k s + o - a o.
    moved = torch.from_numpy(fold.scale * shift + fold.offset * (1 - scale))
    steeper = torch.from_numpy(scale)
    mean, variance, gain, bias = (
        getattr(norm, tensor)[places].double() for tensor in ("running_mean", "running_var", "weight", "bias")
    )
    steep = gain / torch.sqrt(variance + norm.eps)  # type: ignore[arg-type]
    with torch.no_grad():
        norm.bias[places] = (bias + steep * (moved - mean + steeper * mean)).float()  # type: ignore[operator]
        norm.weight[places] = (gain * steeper).float()  # type: ignore[operator]
