"""The border to the simulator: what the pipeline needs of a data set, a network, a prepared design and what evaluates.

``simcore.datasets.Dataset``, ``simcore.network.checkpoint.Checkpoint`` and ``simcore.inference`` satisfy these, and so
does any other simulator that is to be swept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from simcore.design import Design
    from simcore.design_axes import Adc
    from simcore.effects.base import Effect
    from simcore.network.graph import NetworkGraph


class Dataset(Protocol):
    """Labelled images in splits, read in ranges; pickled small, for it goes to every worker."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str:
        """Of all images and labels: part of every design's key."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def input_shape(self) -> tuple[int, ...]:
        """What a network receives of a sample: (channels, height, width) of an image, else the tensor's own shape."""

    @property
    def splits(self) -> dict[str, int]:
        """Number of images of each split."""

    def read(self, split: str, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Images ``start`` to ``start + count`` (excluded): (count, H, W, C) uint8, or tensors (count, ...)
        float32, and (count,) labels."""

    def verify(self) -> None:
        """Raises InputError where an image or label is missing or not what it was."""


class Layer(Protocol):
    """A layer of a network that an array can hold."""

    @property
    def name(self) -> str: ...


class Network(Protocol):
    """What a network is, as data."""

    @property
    def graph(self) -> NetworkGraph: ...


class Checkpoint(Protocol):
    """A trained network, loaded."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str:
        """Of graph and tensors: part of every design's key."""

    @property
    def network(self) -> Network: ...

    def binary_layers(self, where: str) -> Sequence[Layer]:
        """What a crossbar can hold of it, in execution order; raises InputError, naming ``where``, if nothing."""


class Evidence(Protocol):
    """How far the fast solver was off, one entry (``simcore.inference.validation.LayerEvidence``) a layer and kind of
    inputs."""

    @property
    def layers(self) -> Sequence[DataclassInstance]: ...


class Prepared(Protocol):
    """All of a design that does not depend on the images; it goes through the object store to every shard."""

    @property
    def solver(self) -> str:
        """What reads the columns, as chosen for this design."""

    @property
    def evidence(self) -> Evidence: ...


class ShardResult(Protocol):
    """What a design made of some images: classes (n,) each, and one entry (``LayerTotals``) a mapped layer, whose
    totals are whole numbers."""

    @property
    def labels(self) -> np.ndarray: ...

    @property
    def predictions(self) -> np.ndarray: ...

    @property
    def ideal_predictions(self) -> np.ndarray: ...

    @property
    def layers(self) -> Sequence[DataclassInstance]: ...


class Evaluator(Protocol):
    """Simulates. It is pickled with every task, so it holds settings alone, and loads what it needs when it is used."""

    @property
    def device(self) -> str:
        """Where the exact solves run: ``numba``, ``cpu`` or ``cuda``."""

    @property
    def images_at_once(self) -> int:
        """Most images that it has in memory together, however many are handed to ``evaluate``: with fewer at a time it
        needs less memory and finds the same."""

    def solver_version(self, effects: Sequence[Effect], mitigations: str, adc: Adc) -> str:
        """Part of every design's key: another one where the same design would give other numbers.

        Args:
            effects: the design's device effects.
            mitigations: its set of passes.
            adc: its converter.
        """

    def load(self) -> None:
        """Loads the libraries that it computes with, so that their threads can be limited."""

    def prepare(self, checkpoint: Checkpoint, design: Design, dataset: Dataset) -> Prepared:
        """Prepares a design; deterministic."""

    def on_chip(self, prepared: Prepared, chip: int) -> Prepared:
        """One chip of a design that this evaluator prepared; the same chip whoever asks.

        Args:
            prepared: the nominal design.
            chip: its index; without meaning where the design's chips do not differ.
        """

    def evaluate(self, prepared: Prepared, images: np.ndarray, labels: np.ndarray, first_image: int) -> ShardResult:
        """Runs one shard of images through a design that this evaluator prepared.

        Args:
            prepared: the design.
            images: (n, H, W, C) uint8, or tensors (n, ...) float32.
            labels: (n,) integers.
            first_image: index of the first image in its split.
        """
