"""Training of binary networks: straight-through gradients, latent weights kept in [-1, 1], resumable at any step.

On a CPU the result depends on the recipe, the seed, the data, the start, the precision and the number of threads, not
on interruptions: the order of the images comes from (seed, epoch), crops, flips and blends from (seed, epoch, batch),
the learning rate from the step. Precision and threads are settled where a training begins; it goes on with both on any
machine. On a GPU sums are made in no fixed order, and last bits may differ from run to run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from simcore.datasets import Dataset
from simcore.errors import BinsparxError, InputError
from simcore.network.full_precision import full_precision
from simcore.network.graph import NetworkGraph
from simcore.network.inputs import require_fit
from simcore.network.modules import GraphNetwork
from simcore.network.training.arithmetic import Arithmetic, Processor, autocast, settle
from simcore.network.training.batches import Batches
from simcore.network.training.clock import Clock
from simcore.network.training.initial import initialise
from simcore.network.training.norms import settle_norms
from simcore.network.training.recipe import Recipe
from simcore.network.training.state import Identity, Place, alone_in, load_state, save_state, trained_parameters
from simcore.network.training.teacher import taught

_SAVE_EVERY_S = 600.0


@dataclass(frozen=True)
class Progress:
    """Where a training is: ``step`` of ``steps`` done; ``seconds_left`` judged by the steps of late, None before
    there are any; ``loss`` is the mean of the epoch so far."""

    step: int
    steps: int
    epoch: int
    epochs: int
    loss: float
    learning_rate: float
    seconds_left: float | None


def fresh_network(graph: NetworkGraph, seed: int, init: str | Path | None = None) -> GraphNetwork:
    """A network with random latent weights from ``seed``, or with those of the file ``init``.

    Raises:
        InputError: ``init`` does not fit the graph.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = GraphNetwork(graph)
    if init is not None:
        initialise(network, init)
    return network


@full_precision()
def train(
    network: GraphNetwork,
    dataset: Dataset,
    recipe: Recipe,
    identity: Identity,
    folder: Path,
    on_step: Callable[[Progress], None] = lambda progress: None,
    on_epoch: Callable[[GraphNetwork, int], None] = lambda network, epoch: None,
    processor: Processor = Processor(),
    teacher: GraphNetwork | None = None,
) -> list[float]:
    """Train ``network`` in place on the ``train`` split, going on from the state in ``folder`` if there is one.

    Args:
        network: the start (ignored where there is a state).
        dataset: its split ``train`` is learnt from.
        recipe: how.
        identity: what a state in ``folder`` must have been trained with; its seed is the seed.
        folder: the state is written there after every epoch, and every ten minutes.
        on_step: told of every step.
        on_epoch: given the network after each epoch (counted from 1) of this call, once the state is written.
        processor: what computes.
        teacher: a trained network of the same task, whose answers are learnt as well (``Recipe.teacher_share``).

    Returns:
        The mean training loss of every epoch.

    Raises:
        InputError: data or a teacher that do not fit the network, a network that takes no small windows, a state of
            another training or of one with another number of threads, a folder that another training is at work in.
        BinsparxError: the loss is no longer finite.
    """
    batches = Batches(*_training_images(dataset, network.graph), recipe, identity.seed)
    _check_small_crop(recipe, network.graph)
    if teacher:
        require_fit("the teacher", teacher.graph, dataset)
        teacher.to(processor.device).eval()
    network.to(device=processor.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = _optimizer(network, recipe)
    with alone_in(folder):
        place, before = load_state(folder, network, optimizer, identity) or (Place(), None)
        arithmetic = settle(recipe.precision, processor, before, str(folder))
        torch.set_num_threads(arithmetic.threads or torch.get_num_threads())
        pupil = _Pupil(network, optimizer, recipe, arithmetic, processor.device, teacher)

        def keep() -> None:
            save_state(folder, network, optimizer, place, identity, arithmetic)

        _go_on(pupil, batches, place, keep, on_step, on_epoch)
    if recipe.norm_batches:
        with autocast(arithmetic):
            settle_norms(network, batches.after_the_last(recipe.norm_batches, processor.device))
    network.eval()
    return place.epoch_losses


@dataclass(frozen=True)
class _Pupil:
    """Who learns, how, and from whom."""

    network: GraphNetwork
    optimizer: torch.optim.Optimizer
    recipe: Recipe
    arithmetic: Arithmetic
    device: str
    teacher: GraphNetwork | None

    def learn(self, batches: Batches, epoch: int, number: int, rate: float) -> float:
        """One step of gradient descent; the loss before it."""
        images, targets = batches.lesson(epoch, number, self.network.graph.classes, self.device)
        with autocast(self.arithmetic):
            if self.teacher:
                seen, recipe = batches.for_teacher(epoch, number, images), self.recipe
                targets = taught(self.teacher, seen, targets, recipe.teacher_share, recipe.teacher_mirrored)
            logits = self.network(images)
        smoothing = self.recipe.label_smoothing
        loss = functional.cross_entropy(logits.float(), targets, label_smoothing=smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._descend(rate)
        return float(loss.detach())

    def _descend(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        binary = self.network.binary_tensor_names()
        with torch.no_grad():
            for name, parameter in trained_parameters(self.network):
                if name in binary:
                    parameter.clamp_(-1, 1)


def _go_on(
    pupil: _Pupil,
    batches: Batches,
    place: Place,
    keep: Callable[[], None],
    on_step: Callable[[Progress], None],
    on_epoch: Callable[[GraphNetwork, int], None],
) -> None:
    """All steps from ``place`` on; ``keep`` writes the state."""
    recipe = pupil.recipe
    steps = recipe.epochs * batches.count
    clock = Clock()
    saved = time.monotonic()
    while place.step < steps:
        epoch, number = divmod(place.step, batches.count)
        rate = recipe.learning_rate_at(place.step, steps)
        loss = pupil.learn(batches, epoch, number, rate)
        if not math.isfinite(loss):
            raise BinsparxError(f"the loss is no longer finite at step {place.step}; a lower learning rate may help")
        place.step += 1
        place.losses.append(loss)
        clock.tick(batches.effort(epoch))
        mean = float(np.mean(place.losses))
        left = clock.seconds_left(batches.effort_left(place.step))
        on_step(Progress(place.step, steps, epoch + 1, recipe.epochs, mean, rate, left))
        ends_epoch = number + 1 == batches.count
        if ends_epoch:
            place.end_epoch(mean)
        if ends_epoch or time.monotonic() - saved > _SAVE_EVERY_S:
            keep()
            saved = time.monotonic()
        if ends_epoch:
            on_epoch(pupil.network, epoch + 1)
        clock.resume()


def _training_images(dataset: Dataset, graph: NetworkGraph) -> tuple[np.ndarray, np.ndarray]:
    require_fit("the network", graph, dataset)
    if not dataset.sample.is_image:
        raise InputError(
            f"data set '{dataset.name}' holds {dataset.sample.description}, and images are what is trained on here; "
            "train in PyTorch and hand the module over (from_torch)"
        )
    if dataset.splits.get("train", 0) < 2:
        raise InputError(f"dataset '{dataset.name}' has no split 'train' to learn from")
    return dataset.read("train", 0, dataset.splits["train"])


def _check_small_crop(recipe: Recipe, graph: NetworkGraph) -> None:
    """Smaller windows must give the network's classes too: not so where a linear layer counts pixels."""
    if recipe.small_crop is None:
        return
    channels, height, width = graph.input_shape
    where = f"small_crop {recipe.small_crop}"
    if recipe.small_crop > min(height, width):
        raise InputError(f"the network's images are {height}x{width}", where)
    content = {**graph.model_dump(mode="json"), "input_shape": [channels, recipe.small_crop, recipe.small_crop]}
    try:
        NetworkGraph.from_content(content)
    except InputError as error:
        raise InputError(f"the network takes images of {height}x{width} only ({error})", where) from None


def _optimizer(network: GraphNetwork, recipe: Recipe) -> torch.optim.Optimizer:
    binary = network.binary_tensor_names()
    groups = [
        {"params": [parameter], "weight_decay": 0.0 if name in binary else recipe.weight_decay}
        for name, parameter in trained_parameters(network)
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
