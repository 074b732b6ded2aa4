"""A Keras or larq file as a network of this project."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from simcore.errors import InputError
from simcore.network.importers.examples import Normalization, first_step, random_images
from simcore.network.importers.keras.layers import build, weights_of
from simcore.network.importers.keras.reading import KerasFile, KerasLayer, read_keras, refused
from simcore.network.tracing import TracedNetwork, from_torch

_UNUSABLE = (ValueError, TypeError, LookupError, RuntimeError, AttributeError, ArithmeticError)
"""What settings of another kind than a layer has lead to."""
_MOST_OF_AN_IMAGE = 1 << 27  # values of all results, for one image: 512 MiB. Judgement


def from_keras(
    path: str | Path,
    normalize: Normalization | None = None,
    shape: Sequence[int] | None = None,
    images: int = 16,
    written: Collection[str] = (),
) -> TracedNetwork:
    """A network that computes what a Keras HDF5 file says, with larq's layers, without TensorFlow.

    Maps are turned from height, width, channels, as Keras has them, to channels, height, width, as data sets here have
    them.

    Args:
        path: NAME.h5, written by ``model.save("NAME.h5")``.
        normalize: mean and standard deviation of each channel, where the network takes (x / 255 - mean) / std rather
            than what the data set has.
        shape: of the input, (channels, height, width), where the file leaves sizes open.
        images: random inputs on which the network is compared with the file's layers.
        written: names of products of two activations' signs that go on arrays (see ``from_torch``).

    Returns:
        The network, and which of its layers go on arrays.

    Raises:
        InputError: a file that is damaged, of weights alone or that reaches into others; or a layer or quantizer that
            cannot be expressed, by name.
    """
    file = read_keras(Path(path))
    taken = _input_shape(file, shape)
    module = KerasModule(file)
    _require_bounded(module, taken)
    first_step(normalize, taken)
    example = random_images(taken, images, normalize is not None, None)
    try:
        traced = from_torch(module, example, normalize, written)
    except InputError as error:
        found = re.match(r"module '([^']*)'", error.where)
        place = module.places.get(found[1], "") if found else ""
        raise InputError(error.message, f"{path} {place}".rstrip()) from None
    return replace(traced, compared_with="the file's layers in PyTorch")


class KerasStep(nn.Module):
    """A layer; its weights are buffers."""

    def __init__(self, layer: KerasLayer) -> None:
        super().__init__()
        self.compute, self.names = build(layer), tuple(layer.weights)
        for name, value in weights_of(layer).items():
            self.register_buffer(f"own_{name}", value.contiguous(), persistent=False)

    def forward(self, *values: torch.Tensor) -> torch.Tensor:
        return self.compute({name: getattr(self, f"own_{name}") for name in self.names}, *values)


class KerasModule(nn.Module):
    """All layers that the output depends on; gives logits (batch, classes)."""

    def __init__(self, file: KerasFile) -> None:
        super().__init__()
        self.file = file
        self.order = _in_order(file)
        self.steps: dict[str, KerasStep] = {}
        self.places: dict[str, str] = {}
        for layer in self.order:
            try:
                self.steps[layer.name] = KerasStep(layer)
            except _UNUSABLE as error:
                raise refused(_first_line(error), layer, file.path) from None
            path = self._free(re.sub(r"\W+", "_", layer.name)[:100])
            self.places[path] = layer.place
            self.add_module(path, self.steps[layer.name])

    def _free(self, wanted: str) -> str:
        while hasattr(self, wanted) or not wanted:
            wanted += "_"
        return wanted

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values = {self.file.input: images}
        for layer in self.order:
            values[layer.name] = self.steps[layer.name](*(values[name] for name in layer.inputs))
        return values[self.file.output]


def _in_order(file: KerasFile) -> list[KerasLayer]:
    """The layers that the output depends on, each after those it takes.

    Raises:
        InputError: a layer that is not there, or a cycle.
    """
    by_name = {layer.name: layer for layer in file.layers}
    done: dict[str, KerasLayer] = {}
    opened: set[str] = set()
    waiting = [file.output]
    while waiting:
        name = waiting[-1]
        if name not in by_name:
            raise InputError(f"no layer is called {name[:60]!r}", str(file.path))
        layer = by_name[name]
        missing = [before for before in layer.inputs if before not in done and before != file.input]
        if name in done or name == file.input:
            waiting.pop()
        elif not missing:
            if not layer.inputs:
                raise InputError("it takes nothing", f"{file.path} {layer.place}")
            done[name] = layer
            waiting.pop()
        elif name in opened:
            raise InputError("it is part of a cycle", f"{file.path} {layer.place}")
        else:
            opened.add(name)
            waiting += missing
    return list(done.values())


def _input_shape(file: KerasFile, shape: Sequence[int] | None) -> tuple[int, ...]:
    """Channels first; the file's, or the user's where the file leaves sizes open."""
    declared = (file.shape[-1], *file.shape[:-1]) if len(file.shape) == 3 else file.shape
    if len(declared) not in (1, 3):
        raise InputError(f"an input of shape {file.shape}; a map or a vector is expected", str(file.path))
    found = declared if shape is None else tuple(shape)
    if None in found:
        raise InputError(
            f"its shape {file.shape} leaves sizes open; say them with --input-shape, such as 3x32x32", str(file.path)
        )
    whole = tuple(int(size) for size in found if size is not None)
    if len(whole) != len(declared) or any(own not in (None, size) for own, size in zip(declared, whole, strict=True)):
        raise InputError(f"the file declares {declared}, channels first", "--input-shape")
    return whole


def _require_bounded(module: KerasModule, shape: tuple[int, ...]) -> None:
    """The layers without memory first: what a file claims to be large is refused before anything is asked for."""
    values = {module.file.input: torch.empty((1, *shape), device="meta")}
    total = values[module.file.input].numel()
    for layer in module.order:
        step = module.steps[layer.name]
        weights = {name: getattr(step, f"own_{name}").to("meta") for name in step.names}
        try:
            result = step.compute(weights, *(values[name] for name in layer.inputs))
        except _UNUSABLE as error:
            raise refused(_first_line(error), layer, module.file.path) from None
        total += result.numel()
        if total > _MOST_OF_AN_IMAGE:
            raise refused(f"results of more than {_MOST_OF_AN_IMAGE} values for one input", layer, module.file.path)
        values[layer.name] = result


def _first_line(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it holds no {error}"
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
