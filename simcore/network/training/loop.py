"""Training of binary networks: straight-through gradients, latent weights kept in [-1, 1], resumable at any step.

On a CPU the result depends on the recipe, the seed, the data, the start, the precision and the number of threads, not
on interruptions: the order of the images comes from (seed, epoch), crops, flips and blends from (seed, epoch, batch),
the learning rate from the step. Precision and threads are settled where a training begins; it goes on with both on any
machine. On a GPU sums are made in no fixed order, and last bits may differ from run to run.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from simcore.datasets import Dataset
from simcore.errors import BinsparxError, InputError
from simcore.network.accuracy import as_input
from simcore.network.full_precision import full_precision
from simcore.network.graph import NetworkGraph
from simcore.network.inputs import require_fit
from simcore.network.modules import GraphNetwork
from simcore.network.training.augmentation import augment
from simcore.network.training.initial import initialise
from simcore.network.training.mixup import Mixup, draw_mixup
from simcore.network.training.norms import settle_norms
from simcore.network.training.recipe import Recipe
from simcore.network.training.state import (
    Arithmetic,
    Identity,
    Place,
    alone_in,
    load_state,
    save_state,
    trained_parameters,
)
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


@dataclass(frozen=True)
class Processor:
    """What a training runs on: a ``device``, "cpu" or "cuda", and the CPU ``threads`` of torch from its start on; None:
    those that the training began with, at first torch's own."""

    device: str = "cpu"
    threads: int | None = None


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
    batches = _Batches(*_training_images(dataset, network.graph), recipe, identity.seed)
    _check_small_crop(recipe, network.graph)
    if teacher:
        require_fit("the teacher", teacher.graph, dataset)
        teacher.to(processor.device).eval()
    network.to(device=processor.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = _optimizer(network, recipe)
    with alone_in(folder):
        place, before = load_state(folder, network, optimizer, identity) or (Place(), None)
        arithmetic = _arithmetic(recipe, processor, before, str(folder))
        _require_possible(arithmetic, str(folder))
        torch.set_num_threads(arithmetic.threads or torch.get_num_threads())
        steps = recipe.epochs * batches.count
        clock = _Clock()
        saved = time.monotonic()
        while place.step < steps:
            epoch, number = divmod(place.step, batches.count)
            pixels, labels = batches.batch(epoch, number)
            rate = recipe.learning_rate_at(place.step, steps)
            images, targets = as_input(pixels, processor.device), labels.to(processor.device)
            mixup = batches.mixup(epoch, number)
            if mixup:
                images, targets = mixup.images(images), mixup.classes(targets, network.graph.classes)
            if teacher:
                seen = images
                if recipe.window_of(epoch):
                    seen = as_input(batches.whole(epoch, number), processor.device)
                    seen = mixup.images(seen) if mixup else seen
                with _autocast(arithmetic):
                    targets = taught(teacher, seen, targets, recipe.teacher_share, recipe.teacher_mirrored)
            loss = _step(network, optimizer, images, targets, recipe, rate, arithmetic)
            if not math.isfinite(loss):
                raise BinsparxError(
                    f"the loss is no longer finite at step {place.step}; a lower learning rate may help"
                )
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
                save_state(folder, network, optimizer, place, identity, arithmetic)
                saved = time.monotonic()
            if ends_epoch:
                on_epoch(network, epoch + 1)
            clock.resume()
    if recipe.norm_batches:
        with _autocast(arithmetic):
            settle_norms(network, batches.after_the_last(recipe.norm_batches, processor.device))
    network.eval()
    return place.epoch_losses


class _Batches:
    """The images of a training in the order in which it takes them: another one in each epoch, from the seed alone."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, recipe: Recipe, seed: int) -> None:
        self._images, self._labels, self._recipe, self._seed = images, labels, recipe, seed
        self._size = min(recipe.batch_size, len(images))
        self.count = len(images) // self._size
        self._epoch, self._order = -1, np.arange(0)

    def batch(self, epoch: int, number: int) -> tuple[np.ndarray, torch.Tensor]:
        """The images of batch ``number`` of an epoch, cut and mirrored, uint8 (B, H, W, C), and their labels."""
        chosen = self._chosen(epoch, number)
        random = np.random.default_rng([self._seed, epoch, number, 1])
        recipe = self._recipe
        pixels = augment(self._images[chosen], recipe.crop_padding, recipe.flip, random, recipe.window_of(epoch))
        return pixels, torch.from_numpy(self._labels[chosen])

    def mixup(self, epoch: int, number: int) -> Mixup | None:
        """How the images of a batch are blended; None where the recipe has no blends."""
        if not self._recipe.mixup:
            return None
        return draw_mixup(self._size, self._recipe.mixup, np.random.default_rng([self._seed, epoch, number, 2]))

    def after_the_last(self, count: int, device: str) -> Iterator[torch.Tensor]:
        """Up to ``count`` batches of whole images, those of an epoch after the last, float32 (B, C, H, W)."""
        epoch = self._recipe.epochs
        for number in range(min(count, self.count)):
            images = as_input(self.batch(epoch, number)[0], device)
            mixup = self.mixup(epoch, number)
            yield mixup.images(images) if mixup else images

    def whole(self, epoch: int, number: int) -> np.ndarray:
        """The images of a batch as they are in the data set."""
        return self._images[self._chosen(epoch, number)]

    def effort(self, epoch: int) -> float:
        """What a step of an epoch takes of the time that one with whole images takes: pixels of pixels."""
        _, height, width, _ = self._images.shape
        window = self._recipe.window_of(epoch)
        return 1.0 if window is None else window**2 / (height * width)

    def effort_left(self, step: int) -> float:
        """That of all steps from ``step`` on."""
        epoch, number = divmod(step, self.count)
        later = sum(self.effort(other) for other in range(epoch, self._recipe.epochs))
        return self.count * later - number * self.effort(epoch)

    def _chosen(self, epoch: int, number: int) -> np.ndarray:
        if epoch != self._epoch:
            self._order = np.random.default_rng([self._seed, epoch]).permutation(len(self._images))
            self._epoch = epoch
        return self._order[number * self._size : (number + 1) * self._size]


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


def _step(
    network: GraphNetwork,
    optimizer: torch.optim.Optimizer,
    images: torch.Tensor,
    targets: torch.Tensor,
    recipe: Recipe,
    rate: float,
    arithmetic: Arithmetic,
) -> float:
    """One step of gradient descent towards classes (B,) or their probabilities (B, classes); the loss before it."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    with _autocast(arithmetic):
        logits = network(images)
    loss = functional.cross_entropy(logits.float(), targets, label_smoothing=recipe.label_smoothing)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    binary = network.binary_tensor_names()
    with torch.no_grad():
        for name, parameter in trained_parameters(network):
            if name in binary:
                parameter.clamp_(-1, 1)
    return float(loss.detach())


def _autocast(arithmetic: Arithmetic) -> torch.autocast:
    """In which networks compute as ``arithmetic`` says."""
    return torch.autocast(arithmetic.device, torch.bfloat16, enabled=arithmetic.precision == "bfloat16")


def _arithmetic(recipe: Recipe, processor: Processor, before: Arithmetic | None, where: str) -> Arithmetic:
    """What a training that computed in ``before`` goes on in; what a new one computes in here."""
    device, threads = torch.device(processor.device), processor.threads
    here = threads or torch.get_num_threads()
    if before is None:
        return Arithmetic(_precision(recipe, device), device.type, here)
    began = before.threads
    if began and threads and began != threads and device.type == "cpu":
        raise InputError(f"this training began with {began} threads, which decide its last bits, not {threads}", where)
    return Arithmetic(before.precision, device.type, began or here)


def _precision(recipe: Recipe, device: torch.device) -> str:
    """What ``recipe.precision`` means on this machine: bfloat16 or float32."""
    if recipe.precision != "auto":
        return recipe.precision
    # Without AVX-512 a processor imitates bfloat16, many times slower than float32.
    quick = device.type == "cuda" or torch.backends.cpu.get_cpu_capability() == "AVX512"
    return "bfloat16" if quick else "float32"


def _require_possible(arithmetic: Arithmetic, where: str) -> None:
    if arithmetic.precision not in ("bfloat16", "float32"):
        raise InputError(f"unknown precision '{arithmetic.precision}'; known: bfloat16, float32", where)
    if arithmetic.precision == "bfloat16" and arithmetic.device == "cuda" and not torch.cuda.is_bf16_supported():
        raise InputError("this training computes in bfloat16, which the GPU here does not have", where)


class _Clock:
    """Judges the time left by the median of the last steps, so that a few slow ones, or a pause, count little; writing
    states and measuring accuracy does not count."""

    def __init__(self) -> None:
        self.steps = 0
        self._last = time.monotonic()
        self._taken: deque[float] = deque(maxlen=100)

    def tick(self, effort: float) -> None:
        """A step is over that was ``effort`` as much work as one with whole images."""
        now = time.monotonic()
        self.steps += 1
        if self.steps > 1:  # the first step also pays for setting things up
            self._taken.append((now - self._last) / effort)
        self._last = now

    def resume(self) -> None:
        self._last = time.monotonic()

    def seconds_left(self, effort: float) -> float | None:
        return effort * statistics.median(self._taken) if self._taken else None
