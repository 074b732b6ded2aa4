"""The steps of a file as a PyTorch module: one submodule a node, named as the file names it or its weights."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import nn

from simcore.network.importers.onnx.program import OnnxProgram, Step

_LONGEST = 100
_WEIGHT = ".weight"
_OWN = ("program", "paths", "computing", "places")
_RESERVED = frozenset((*dir(nn.Module()), *_OWN))  # names that a module has already


class OnnxStep(nn.Module):
    """A node of the file; its constants are buffers."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.compute, self.call = step.importer.compute, step.call
        self.depending = tuple(place for place, given in enumerate(step.inputs) if isinstance(given, str))
        self.places = len(step.inputs)
        for place, given in enumerate(step.inputs):
            if isinstance(given, torch.Tensor):
                self.register_buffer(f"input{place}", given.contiguous(), persistent=False)

    def forward(self, *values: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        inputs: list[torch.Tensor | None] = [getattr(self, f"input{place}", None) for place in range(self.places)]
        for place, value in zip(self.depending, values, strict=True):
            inputs[place] = value
        return self.compute(self.call, inputs)


class OnnxModule(nn.Module):
    """All steps; gives logits (batch, classes)."""

    def __init__(self, program: OnnxProgram) -> None:
        super().__init__()
        self.program = program
        self.paths = _paths(program)
        self.computing: list[OnnxStep] = []
        for step, path in zip(program.steps, self.paths, strict=True):
            module = OnnxStep(step)
            *around, last = path.split(".")
            parent: nn.Module = self
            for part in around:
                if part not in parent._modules:
                    parent.add_module(part, nn.Module())
                parent = parent.get_submodule(part)
            parent.add_module(last, module)
            self.computing.append(module)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values: dict[str, torch.Tensor] = {self.program.input: images}
        for step, module in zip(self.program.steps, self.computing, strict=True):
            results = module(*(values[name] for name in step.inputs if isinstance(name, str)))
            results = results if isinstance(results, tuple) else (results,)
            values |= dict(zip(step.node.outputs, results, strict=False))
        result = values[self.program.result]
        return result.flatten(1) if result.dim() > 2 else result

    def places(self) -> Mapping[str, str]:
        """Where messages about a submodule point, by its path."""
        return {path: step.node.place for path, step in zip(self.paths, self.program.steps, strict=True)}


def _paths(program: OnnxProgram) -> list[str]:
    """Names such as PyTorch's modules have, each once and none within another."""
    steps: dict[str, None] = {}
    groups: set[str] = set()
    for step in program.steps:
        wanted = _path(step)
        if any(group in steps for group in _around(wanted)):
            wanted = wanted.replace(".", "_")
        path, number = wanted, 2
        while path in steps or path in groups:
            path, number = f"{wanted}_{number}", number + 1
        steps[path] = None
        groups |= set(_around(path))
    return list(steps)


def _around(path: str) -> list[str]:
    """The groups that a module is in: ``a`` and ``a.b`` of ``a.b.c``."""
    parts = path.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _path(step: Step) -> str:
    """The owner of its weights where these are called ``OWNER.weight``, else its own name."""
    node = step.node
    weights = [
        name.removesuffix(_WEIGHT)
        for name, given in zip(node.inputs, step.inputs, strict=True)
        if name.endswith(_WEIGHT) and isinstance(given, torch.Tensor)
    ]
    name = weights[0] if len(weights) == 1 else node.name
    parts = [part for part in re.sub(r"[^A-Za-z0-9_]+", ".", name)[:_LONGEST].split(".") if part]
    return ".".join(f"{part}_" if part in _RESERVED else part for part in parts or [node.op])
