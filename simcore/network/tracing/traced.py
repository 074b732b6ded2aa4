"""A PyTorch module as a network of this project: traced, named, compared with the module, and saved."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn

from simcore.errors import InputError, unknown_name
from simcore.network.checkpoint import save_checkpoint
from simcore.network.graph import INPUT, NetworkGraph, Node
from simcore.network.layers.normalization import Normalize, numbers_of_channels
from simcore.network.modules import GraphNetwork
from simcore.network.tracing import elementwise, layout, pooling, products
from simcore.network.tracing.comparison import require_equal
from simcore.network.tracing.forms import SignOf, value_forms
from simcore.network.tracing.program import layer_path, module_path, trace, where
from simcore.network.tracing.translation import Draft, Handler, Multiplications, Translation

_TRACED_IMAGES = 7  # a size that no axis of a network has, so that an operation which mixes images shows
_HANDLERS: dict[str, Handler] = {
    **layout.HANDLERS,
    **elementwise.HANDLERS,
    **pooling.HANDLERS,
    **products.HANDLERS,
}


@dataclass(frozen=True)
class LayerPlace:
    """Where the multiplications of one layer are done.

    Attributes:
        node: of the graph.
        op: its operation.
        shape: of its result, without the batch.
        arrays: on arrays; else digitally.
        why: what it is, or why it stays digital.
    """

    node: str
    op: str
    shape: tuple[int, ...]
    arrays: bool
    why: str


@dataclass(frozen=True)
class TracedNetwork:
    """A network traced from a module, which gives what the module does.

    Attributes:
        network: in evaluation mode.
        layers: those with multiplications, in execution order.
        others: how many nodes there are of every other operation, all of them digital.
        notes: what the user may want to know.
        images: of the example.
        largest_difference: of the logits from the module's, on the example.
        compared_with: what gave these.
    """

    network: GraphNetwork
    layers: tuple[LayerPlace, ...]
    others: Mapping[str, int]
    notes: tuple[str, ...]
    images: int
    largest_difference: float
    compared_with: str = "the module"

    def save(self, path: str | Path, metadata: Mapping[str, Any] | None = None) -> str:
        """Write the network for sweeps and return its digest (see ``save_checkpoint``).

        Args:
            path: the file, ``NAME.safetensors``.
            metadata: what to say of it, for example its name, accuracy and data set.
        """
        return save_checkpoint(path, self.network, {"name": Path(path).stem, **(metadata or {})})

    def __str__(self) -> str:
        width = max((len(layer.node) for layer in self.layers), default=0)
        lines = [
            f"{layer.node:{width}}  {'arrays ' if layer.arrays else 'digital'}  {layer.op:13}  "
            f"{'x'.join(map(str, layer.shape)):>12}  {layer.why}"
            for layer in self.layers
        ]
        others = ", ".join(f"{count} {op}" for op, count in self.others.items())
        lines.append(f"digital, value by value: {others or 'nothing'}")
        lines += self.notes
        lines.append(
            f"equal to {self.compared_with} on {self.images} inputs: predictions the same, logits within "
            f"{self.largest_difference:.2g}"
        )
        return "\n".join(lines)


def from_torch(
    module: nn.Module,
    example: torch.Tensor,
    normalize: tuple[Sequence[float], Sequence[float]] | None = None,
    written: Collection[str] = (),
) -> TracedNetwork:
    """A network that computes what a PyTorch module does, its binary layers ready for arrays.

    The module runs here, in your own process, and is left as it was; a saved network holds data, no code. A layer is
    binary where its inputs have two values and its weights two values for each output, however they come about: signs
    in the forward pass or in modules of their own, straight-through estimators, scales, thresholds, offsets. All else
    is taken over as it is, and computed digitally.

    Args:
        module: of one tensor, giving logits (batch, classes).
        example: inputs as the data set has them (images in 0..255), (batch, ...); more of them compare more.
        normalize: mean and standard deviation of each channel (one number: of all), where the module takes
            (x / 255 - mean) / std rather than what the data set has.
        written: names of products of two activations' signs that go on arrays, the right operand written for every
            image; the report of a network without any names those that could be.

    Returns:
        The network, and which of its layers go on arrays.

    Raises:
        InputError: an operation that cannot be expressed, with its place, or logits that are not the module's: another
            prediction on the example, or a difference above 1e-4 (absolute, or of a logit's size).

    Example:
        >>> class Signs(nn.Module):
        ...     def forward(self, x):
        ...         return torch.nn.functional.linear(x.sign(), self.weight.sign())
        >>> module = Signs()
        >>> module.weight = nn.Parameter(torch.tensor([[0.3, -0.2, 0.1], [-0.5, 0.4, 0.7]]))
        >>> traced = from_torch(module, torch.tensor([[0.5, -1.0, 2.0], [-3.0, 0.1, -0.4]]))
        >>> [(layer.op, layer.arrays) for layer in traced.layers]
        [('binary_linear', True)]
    """
    if not isinstance(example, torch.Tensor):
        raise InputError(f"expected a tensor, found {type(example).__name__}: torch.from_numpy makes one", "example")
    if example.dim() < 2 or not len(example):
        raise InputError("expected a batch of inputs, (batch, ...)", "example")
    given = example.detach().cpu()
    first = None
    taken = given
    if normalize is not None:
        first = numbers_of_channels(normalize, given.shape[1:])
        taken = Normalize(*first)(given.float())
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        return _traced(module, given, taken, first, written)
    finally:
        for part in training:
            part.training = True


def _traced(
    module: nn.Module,
    example: torch.Tensor,
    taken: torch.Tensor,
    normalize: tuple[tuple[float, ...], ...] | None,
    written: Collection[str],
) -> TracedNetwork:
    repeats = -(-_TRACED_IMAGES // len(taken))
    program = trace(module, taken.repeat(repeats, *[1] * (taken.dim() - 1))[:_TRACED_IMAGES])
    translation = Translation(program, value_forms(program), _HANDLERS)
    last = translation.translate()
    if written:
        calls = _written_calls(translation, last, written)
        translation = Translation(program, translation.forms, _HANDLERS, calls)
        last = translation.translate()
    network, names = _network(translation, last, tuple(example.shape[1:]), normalize)
    with torch.inference_mode():
        difference = require_equal(module, network, example.float(), taken, place=type(module).__name__)
    layers = [
        LayerPlace(name, draft.op, draft.shape, *_place(translation.layers[key]))
        for key, name in names.items()
        if key in translation.layers
        for draft in [translation.drafts[key]]
    ]
    others = Counter(translation.drafts[key].op for key in names if key not in translation.layers)
    return TracedNetwork(network, tuple(layers), others, _notes(translation), len(example), difference)


def _written_calls(translation: Translation, last: str, written: Collection[str]) -> frozenset[fx.Node]:
    """The operations of products that are named as written.

    Raises:
        InputError: there is no such product, or none of two activations' signs.
    """
    names = _names({key: translation.drafts[key] for key in _used(translation.drafts, last)}, translation.layers)
    found = {name: key for key, name in names.items() if key in translation.layers}
    possible = [name for name, key in found.items() if translation.layers[key].could_be_written]
    for name in written:
        if not possible:
            raise InputError(f"'{name}' cannot be written: here is no product of two activations' signs", "written")
        if name not in found:
            raise unknown_name("product of two activations' signs", name, possible, "written")
        if name not in possible:
            why = translation.layers[found[name]].why
            raise InputError(f"'{name}' cannot be written ({why}); {', '.join(possible)} could be", "written")
    return frozenset(translation.drafts[found[name]].call for name in written)


def _place(found: Multiplications) -> tuple[bool, str]:
    return found.arrays, found.why


def _network(
    translation: Translation, last: str, shape: tuple[int, ...], normalize: tuple[tuple[float, ...], ...] | None
) -> tuple[GraphNetwork, dict[str, str]]:
    """The network of the drafts that the logits depend on, and their final names."""
    used = _used(translation.drafts, last)
    if not used:
        raise InputError("its result is its input", "the module")
    names = _names({key: translation.drafts[key] for key in used}, translation.layers)
    nodes = []
    start = INPUT
    if normalize is not None:
        start = _free("normalize", set(names.values()))
        mean, std = normalize
        nodes.append(Node(name=start, op="normalize", inputs=(INPUT,), attrs={"mean": mean, "std": std}))
    final = {**names, INPUT: start}
    tensors: dict[str, torch.Tensor] = {}
    for key, name in names.items():
        draft = translation.drafts[key]
        nodes.append(Node(name=name, op=draft.op, inputs=tuple(final[i] for i in draft.inputs), attrs=draft.attrs))
        tensors |= {f"{name}.{tensor}": value for tensor, value in draft.tensors.items()}
    classes = translation.drafts[last].shape[0]
    content = {"nodes": tuple(nodes), "input_shape": shape, "classes": classes}
    network = GraphNetwork(NetworkGraph.from_content(content, "the network"))
    for name, tensor in network.named_tensors().items():
        tensor.copy_(tensors[name])
    return network.eval().requires_grad_(False), names


def _used(drafts: dict[str, Draft], last: str) -> list[str]:
    """What the logits depend on, in execution order."""
    needed, waiting = set(), [last]
    while waiting:
        name = waiting.pop()
        if name != INPUT and name not in needed:
            needed.add(name)
            waiting += drafts[name].inputs
    return [name for name in drafts if name in needed]


def _names(drafts: dict[str, Draft], layers: Mapping[str, Multiplications]) -> dict[str, str]:
    """The names of the modules that they come from; what a module does beside its multiplications says so behind it."""
    paths = {key: layer_path(draft.call) if key in layers else module_path(draft.call) for key, draft in drafts.items()}
    alone = Counter(paths.values())
    multiplying = {paths[key] for key in drafts if key in layers}
    names: dict[str, str] = {}
    for key in sorted(drafts, key=lambda key: (key not in layers, int(key))):
        path, op = paths[key], drafts[key].op
        op = "matmul" if op == "binary_matmul" else op  # a product keeps its name wherever it is done
        own = path and (key in layers or (alone[path] == 1 and path not in multiplying))
        wanted = path if own else f"{path}.{op}" if path else op
        names[key] = _free(re.sub(r"[^A-Za-z0-9_.]", "_", wanted), set(names.values()))
    return {key: names[key] for key in drafts}


def _free(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 2
    while name in taken or name == INPUT:
        name, number = f"{wanted}_{number}", number + 1
    return name


def _notes(translation: Translation) -> tuple[str, ...]:
    places = list(
        dict.fromkeys(
            where(call)
            for call, form in translation.forms.items()
            for atom in form.terms
            if isinstance(atom, SignOf) and atom.zero_is_zero and form.sign is not None and _makes(call, atom)
        )
    )
    if not places:
        return ()
    return (f"torch.sign gives 0 for 0, arrays +1: it matters where a value is exactly 0 ({len(places)} places)",)


def _makes(call: Any, atom: SignOf) -> bool:
    return atom.source in call.all_input_nodes
