"""What a network receives of the samples of a data set."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from simcore.errors import InputError
from simcore.network.graph import INPUT, NetworkGraph
from simcore.network.layers.product import require_rows
from simcore.network.operations.product import Embedding


class Samples(Protocol):
    """What is looked at of a data set."""

    @property
    def name(self) -> str: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def input_shape(self) -> tuple[int, ...]: ...

    def read(self, split: str, start: int, count: int) -> tuple[np.ndarray, np.ndarray]: ...


def network_input(samples: np.ndarray) -> torch.Tensor:
    """Samples as a data set gives them, as the float32 tensor that a network takes.

    Args:
        samples: images (B, H, W, C) in uint8, which become (B, C, H, W) in 0..255; or tensors in float32, which stay as
            they are.
    """
    if samples.dtype == np.uint8:
        samples = samples.transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(samples)).float()


def require_fit(what: str, graph: NetworkGraph, dataset: Samples, where: str = "", classes: bool = True) -> None:
    """Refuse a network that does not take the data set's samples or does not know its classes.

    Args:
        what: the network, for messages.
        graph: the network.
        dataset: the data set.
        where: where the user named the network, for messages.
        classes: whether the classes must be as many as the network's outputs.

    Raises:
        InputError: they do not fit.
    """
    if tuple(graph.input_shape) != dataset.input_shape:
        raise InputError(
            f"{what} takes inputs of shape {tuple(graph.input_shape)}, those of data set '{dataset.name}' "
            f"are {dataset.input_shape} (of images: channels, height, width){_hint(graph, dataset)}",
            where,
        )
    if classes and graph.classes != len(dataset.classes):
        fewer = len(dataset.classes) < graph.classes
        hint = "; import it with --classes, which names those without samples too" if fewer else ""
        raise InputError(
            f"{what} knows {graph.classes} classes, data set '{dataset.name}' has {len(dataset.classes)}{hint}", where
        )


def require_tokens(graph: NetworkGraph, dataset: Samples, split: str, images: int, where: str = "") -> None:
    """Refuse samples of which a table of the network has no row. Only networks with such a table read them.

    Args:
        graph: a network that takes the data set's samples.
        dataset: the data set.
        split: of the samples.
        images: the first so many are looked at.
        where: where the user named the network, for messages.

    Raises:
        InputError: a sample has a value that is no row's number.
    """
    tables = {node.name: node.operation() for node in graph.nodes if node.inputs == (INPUT,)}
    for name, table in tables.items():
        if isinstance(table, Embedding):
            place = f"node '{name}' on split '{split}' of data set '{dataset.name}'"
            values = network_input(dataset.read(split, 0, images)[0])
            require_rows(values, table.entries, f"{where}: {place}" if where else place)


def _hint(graph: NetworkGraph, dataset: Samples) -> str:
    *rest, channels = dataset.input_shape
    last = tuple(graph.input_shape) == (channels, *rest)
    return "; import it with --channels-last" if last and len(rest) > 0 else ""
