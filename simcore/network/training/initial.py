"""Weights to go on from: an exported network, a training state, or latent weights from elsewhere.

Names a file may use for the tensors of a network, all float (float32, float16 or bfloat16):

==================  ==========================================================  ================================
network             names in the file                                           names here
==================  ==========================================================  ================================
any                 ``node.tensor``, or ``model/node.tensor`` (training state)  ``node.tensor``
``vgg-small``       ``N.tensor``, N the position in the sequence conv0 bn1      conv0 bn0, bconv1 bn1 ... bconv5
                    bconv2 pool bn4 bconv5 bn6 bconv7 pool bn9 bconv10 bn11     bn5, linear
                    bconv12 pool bn14 hardtanh flatten linear17
``resnet18-cifar``  conv1 bn1, ``layers.N.`` conv1 bn1 conv2 bn2 shortcut.0     conv0 bn0, ``blockN_`` conv1 bn1
                    shortcut.1, and bn2 linear                                  conv2 bn2 shortcut_conv
                                                                                shortcut_bn, and bn linear
==================  ==========================================================  ================================

Networks from elsewhere that have no PReLU leave its slopes as they are in a fresh network.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from simcore.errors import InputError
from simcore.network.checkpoint import is_checkpoint, load_checkpoint
from simcore.network.modules import GraphNetwork

_VGG_SEQUENCE = {
    "0": "conv0",
    "1": "bn0",
    "2": "bconv1",
    "4": "bn1",
    "5": "bconv2",
    "6": "bn2",
    "7": "bconv3",
    "9": "bn3",
    "10": "bconv4",
    "11": "bn4",
    "12": "bconv5",
    "14": "bn5",
    "17": "linear",
}
_RESNET_STEM = {"conv1": "conv0", "bn1": "bn0", "bn2": "bn", "linear": "linear"}
_RESNET_BLOCK = re.compile(r"layers\.(\d+)\.(conv1|bn1|conv2|bn2|shortcut\.0|shortcut\.1)")
_RESNET_SHORTCUT = {"shortcut.0": "shortcut_conv", "shortcut.1": "shortcut_bn"}

# Judgement: at +-1, where they are clipped, signs would hardly turn before the learning rate has fallen.
_LATENT = 0.1


def initialise(network: GraphNetwork, path: str | Path) -> None:
    """Set every tensor of ``network`` from a safetensors file: an exported network (of whose binary weights there are
    signs only: its latent weights are then +-``_LATENT``), a training state, or weights from elsewhere under the names
    given above.

    Raises:
        InputError: not such a file, a tensor that is missing, has another shape or is not finite.
    """
    found = {name.removeprefix("model/"): tensor for name, tensor in _read(Path(path)).items()}
    if not set(network.named_tensors()) <= set(found):
        found = _fresh_slopes(network) | {_name_here(name): tensor for name, tensor in found.items()}
    copy_tensors(network, found, where=str(path))


def copy_tensors(network: GraphNetwork, found: dict[str, torch.Tensor], where: str) -> None:
    """Set every tensor of ``network`` from those of the same name. Nothing is changed where one does not fit.

    Raises:
        InputError: a tensor that is missing, has another shape or is not finite.
    """
    wanted = network.named_tensors()
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise InputError(f"has no tensor for '{missing[0]}' ({len(missing)} of {len(wanted)} missing)", where)
    for name, target in wanted.items():
        source = found[name]
        if source.shape != target.shape or not source.is_floating_point():
            expected, shape = tuple(target.shape), tuple(source.shape)
            raise InputError(f"'{name}' should be a float tensor {expected}, is {source.dtype} {shape}", where)
        if not torch.isfinite(source).all():
            raise InputError(f"'{name}' holds values that are not finite", where)
    for name, target in wanted.items():
        target.copy_(found[name])


def _read(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise InputError("no such file", str(path))
    if is_checkpoint(path):
        exported = load_checkpoint(path).network
        binary = exported.binary_tensor_names()
        return {name: _LATENT * t if name in binary else t for name, t in exported.named_tensors().items()}
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(f"not a readable safetensors file: {error}", str(path)) from None


def _fresh_slopes(network: GraphNetwork) -> dict[str, torch.Tensor]:
    slopes = {f"{name}.weight" for name, layer in network.named_layers() if isinstance(layer, torch.nn.PReLU)}
    return {name: tensor for name, tensor in network.named_tensors().items() if name in slopes}


def _name_here(name: str) -> str:
    """The name that this project gives to a tensor from elsewhere (the same where it is none of the known ones)."""
    layer, _, tensor = name.rpartition(".")
    block = _RESNET_BLOCK.fullmatch(layer)
    if block:
        part = _RESNET_SHORTCUT.get(block[2], block[2])
        return f"block{block[1]}_{part}.{tensor}"
    return f"{_VGG_SEQUENCE.get(layer) or _RESNET_STEM.get(layer, layer)}.{tensor}"
