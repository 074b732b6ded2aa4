"""A network trained on a GPU within the minutes there are, from random weights.

What is trained, its gradients and the file it ends in are simcore's; here is the loop around them that a GPU wants:
images on the device as bytes, cut and mirrored there, and no number brought back to the host within an epoch. The
learning rate follows the recipe's curve, by steps or by the clock, whichever is further: a training always ends with
its rate at zero and in time.
"""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks.gpu.images import Images
from benchmarks.gpu.results import Tell
from simcore.errors import BinsparxError
from simcore.network.checkpoint import load_checkpoint, save_checkpoint
from simcore.network.definitions import define
from simcore.network.full_precision import full_precision
from simcore.network.modules import GraphNetwork
from simcore.network.training.initial import copy_tensors
from simcore.network.training.recipe import Recipe
from simcore.network.training.state import trained_parameters

# Judgement: the rates that trained both networks on a CPU in batches of 100, hardly raised for batches of 512, since
# it is the rate that decides how many signs turn in a step.
RECIPES = {
    "vgg-small": Recipe(learning_rate=5e-3, warmup=0.05, label_smoothing=0.1),
    "resnet18-cifar": Recipe(learning_rate=5e-3, warmup=0.05, label_smoothing=0.1),
}
_MEASURING_S = 8.0  # kept back for the accuracies at the end
_SAVING_SHARE = 0.03  # of the time that may go into saving


@dataclass(frozen=True)
class Job:
    """A training: ``recipe`` from ``seed``, the last ``held_out`` of the (shuffled) training images kept back to choose
    the best epoch by, its networks written to ``folder`` as ``LABEL.best`` and ``LABEL.last``."""

    network: str
    recipe: Recipe
    seed: int
    images: Images
    held_out: int
    device: torch.device
    folder: Path

    @property
    def label(self) -> str:
        """The trained network's own name, other than that of the one that ships."""
        return f"{self.network}-long"

    def file(self, kind: str) -> Path:
        """Where the ``best`` or ``last`` network goes."""
        return self.folder / f"{self.label}.{kind}.safetensors"


@full_precision()
def train(job: Job, end: float, tell: Tell) -> None:
    """Train until the recipe's last epoch or until ``end`` (``time.monotonic``), whichever is first.

    Raises:
        BinsparxError: the loss is no longer finite.
    """
    run = _Run(job, end)
    while run.progress() < 1:
        run.epoch()
        tell(**run.news(), summary=[run.line()])
    found = [run.measured(kind) for kind in ("last", "best")]
    tell(**run.news(), networks=found, summary=[run.line(), *map(_line, found)])


class _Run:
    """The state of a training."""

    def __init__(self, job: Job, end: float) -> None:
        self.job, self.recipe = job, job.recipe
        torch.backends.cudnn.benchmark = True
        self.bfloat16 = _is_in_bfloat16(job)
        self.random = torch.Generator(job.device).manual_seed(job.seed)
        torch.manual_seed(job.seed)
        network = GraphNetwork(define(job.network))
        self.network = network.to(device=job.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.best = copy.deepcopy(self.network)
        self.best_correct, self.best_epoch = -1, 0.0
        self.optimizer = _optimizer(self.network, self.recipe)
        binary = self.network.binary_tensor_names()
        self.latent = [tensor for name, tensor in trained_parameters(self.network) if name in binary]
        self._place_images()
        self.batch = min(self.recipe.batch_size, len(self.labels))
        self.batches = len(self.labels) // self.batch
        self.steps = self.recipe.epochs * self.batches
        self.step, self.curve = 0, []  # type: tuple[int, list[dict[str, Any]]]
        self.began = time.monotonic()
        self.allowed = max(0.001, end - _MEASURING_S - self.began)
        self.saved, self.saving_s = self.began, 0.0

    def _place_images(self) -> None:
        """Images to the device: bytes, with the black border that windows may reach into."""
        pixels, labels = self.job.images.pixels["train"], self.job.images.labels["train"]
        count = len(labels) - self.job.held_out
        border = self.recipe.crop_padding
        self.size = pixels.shape[1:3]
        around = ((0, 0), (border, border), (border, border), (0, 0))
        self.padded = torch.from_numpy(np.pad(pixels[:count], around)).to(self.job.device)
        self.labels = torch.from_numpy(labels[:count]).to(self.job.device)
        self.held_out = Split.on(self.job.device, pixels[count:], labels[count:])

    def progress(self) -> float:
        """How much of the training is over, in steps or in time."""
        return max(self.step / self.steps, (time.monotonic() - self.began) / self.allowed)

    def epoch(self) -> None:
        """One pass over the images, broken off where the time is up, and what follows it."""
        order = torch.randperm(len(self.labels), generator=self.random, device=self.job.device)
        total = torch.zeros((), device=self.job.device)
        first = self.step
        self.network.train()
        while self.step < first + self.batches and (progress := self.progress()) < 1:
            start = (self.step - first) * self.batch
            rate = self.recipe.learning_rate_at(round(progress * self.steps), self.steps)
            total += self._step(order[start : start + self.batch], rate)
            self.step += 1
        if self.step > first:
            self._after_epoch(float(total) / (self.step - first), rate)

    def _step(self, chosen: torch.Tensor, rate: float) -> torch.Tensor:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        pixels = self._augmented(chosen)
        with torch.autocast(self.job.device.type, torch.bfloat16, enabled=self.bfloat16):
            logits = self.network(pixels)
        targets = self.labels[chosen]
        loss = functional.cross_entropy(logits.float(), targets, label_smoothing=self.recipe.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            for latent in self.latent:
                latent.clamp_(-1, 1)
        return loss.detach()

    def _augmented(self, chosen: torch.Tensor) -> torch.Tensor:
        count, device = len(chosen), self.job.device
        places = 2 * self.recipe.crop_padding + 1
        tops, lefts = torch.randint(places, (2, count), generator=self.random, device=device)
        mirrored = torch.rand(count, generator=self.random, device=device) < (0.5 if self.recipe.flip else 0.0)
        return as_input(windows(self.padded, chosen, self.size, tops, lefts, mirrored))

    def _after_epoch(self, loss: float, rate: float) -> None:
        if not math.isfinite(loss):
            raise BinsparxError(f"the loss is no longer finite at step {self.step}; a lower learning rate may help")
        correct = self.held_out.correct(self.network) if self._judges() else None
        seconds = time.monotonic() - self.began
        self.curve.append({"epoch": self.epochs, "loss": loss, "rate": rate, "held_out": correct, "seconds": seconds})
        if correct is not None and correct >= self.best_correct:
            self.best_correct, self.best_epoch = correct, self.epochs
            copy_tensors(self.best, self.network.named_tensors(), where=self.job.label)
        self._save_if_due()

    def _judges(self) -> bool:
        """The last half of the training has the epochs that may be the best; before, every fifth is told of."""
        return self.progress() > 0.5 or len(self.curve) % 5 == 0

    def _save_if_due(self) -> None:
        began = time.monotonic()
        if (began - self.saved) * _SAVING_SHARE >= self.saving_s:
            for kind in ("last", "best"):
                self.save(kind, {})
            self.saved = time.monotonic()
            self.saving_s = self.saved - began

    def save(self, kind: str, measured: dict[str, Any]) -> None:
        """Write the ``last`` or the ``best`` network as simcore's checkpoints are."""
        job = self.job
        network, epochs = (self.network, self.epochs) if kind == "last" else (self.best, self.best_epoch)
        about = {
            "name": job.label, "recipe": self.recipe.model_dump(), "seed": job.seed, "start": "random",
            "dataset": job.images.about, "torch": torch.__version__, "epochs": round(epochs, 2),
            "arithmetic": {"precision": "bfloat16" if self.bfloat16 else "float32", "device": _name(job.device)},
            "schedule": f"the recipe's over {self.epochs:.2f} epochs, shortened by the clock where not all were done",
            "chosen": f"{kind} by {job.held_out} images held out of the training split", **measured,
        }  # fmt: skip
        save_checkpoint(job.file(kind), network, about)

    def measured(self, kind: str) -> dict[str, Any]:
        """Save the network, load it as anybody would, count its right answers on all test images and save them too."""
        job = self.job
        self.save(kind, {})
        loaded = load_checkpoint(job.file(kind))
        pixels, labels = job.images.pixels["test"], job.images.labels["test"]
        network = copy.deepcopy(loaded.network).to(job.device)
        found = Split.on(job.device, pixels, labels).predict(network)
        correct = int((found == labels).sum())
        result = {"dataset": job.images.about["digest"], "split": "test", "correct": correct, "images": len(labels)}
        self.save(kind, {"accuracy": correct / len(labels), "accuracies": [result]})
        some = min(len(labels), 200)
        on_cpu = Split.on(torch.device("cpu"), pixels[:some], labels[:some]).predict(loaded.network)
        return {
            "file": job.file(kind).name, "digest": loaded.digest, **result, "accuracy": correct / len(labels),
            "otherwise_on_cpu": int((on_cpu != found[:some]).sum()), "compared_on_cpu": some,
        }  # fmt: skip

    @property
    def epochs(self) -> float:
        """Passes over the images so far."""
        return self.step / self.batches

    def news(self) -> dict[str, Any]:
        """What the JSON has of this training."""
        return {
            "label": self.job.label, "recipe": self.recipe.model_dump(), "epochs": self.epochs, "curve": self.curve,
            "bfloat16": self.bfloat16,
        }  # fmt: skip

    def line(self) -> str:
        """Where it is, for the table."""
        seconds, planned = time.monotonic() - self.began, self.recipe.epochs
        is_short = self.progress() >= 1 and self.step < self.steps
        loss = self.curve[-1]["loss"] if self.curve else math.nan
        return (
            f"{self.epochs:.1f} of {planned} epochs in {seconds:.0f} s ({seconds / max(self.epochs, 1e-9):.2f} s each"
            f"{', shortened by the clock' if is_short else ''}), batches of {self.batch}, loss {loss:.3f}"
        )


@dataclass(frozen=True)
class Split:
    """Labelled images on a device, as bytes."""

    pixels: torch.Tensor
    labels: np.ndarray

    @classmethod
    def on(cls, device: torch.device, pixels: np.ndarray, labels: np.ndarray) -> Split:
        """From uint8 (N, H, W, C) and (N,)."""
        return cls(torch.from_numpy(np.ascontiguousarray(pixels)).to(device), labels)

    def predict(self, network: GraphNetwork) -> np.ndarray:
        """The class (N,) that the network gives each image in ideal arithmetic."""
        network.eval()
        with torch.inference_mode():
            batches = self.pixels.split(250 if self.pixels.device.type == "cpu" else 1000)
            return torch.cat([network(as_input(batch)).argmax(1) for batch in batches]).cpu().numpy()

    def correct(self, network: GraphNetwork) -> int:
        """How many it names rightly."""
        return int((self.predict(network) == self.labels).sum())


def windows(
    padded: torch.Tensor,
    chosen: torch.Tensor,
    size: tuple[int, int],
    tops: torch.Tensor,
    lefts: torch.Tensor,
    mirrored: torch.Tensor,
) -> torch.Tensor:
    """Windows of some images, as ``simcore.network.training.augmentation`` cuts them.

    Args:
        padded: uint8 (N, height, width, C).
        chosen: (B,) numbers of images.
        size: height and width of a window.
        tops, lefts: (B,) its corner. mirrored: (B,) bool, left to right.

    Returns:
        uint8 (B, *size, C).
    """
    rows = tops[:, None] + torch.arange(size[0], device=padded.device)
    columns = torch.arange(size[1], device=padded.device)
    columns = torch.where(mirrored[:, None], columns.flip(0), columns) + lefts[:, None]
    return padded[chosen[:, None, None], rows[:, :, None], columns[:, None, :]]


def as_input(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 (B, H, W, C) as the float32 (B, C, H, W) that a network takes, channels last in memory."""
    return pixels.permute(0, 3, 1, 2).float()


def _optimizer(network: GraphNetwork, recipe: Recipe) -> torch.optim.Optimizer:
    binary = network.binary_tensor_names()
    named = trained_parameters(network)
    groups = [
        {"params": [tensor for name, tensor in named if name in binary], "weight_decay": 0.0},
        {"params": [tensor for name, tensor in named if name not in binary], "weight_decay": recipe.weight_decay},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)


def _is_in_bfloat16(job: Job) -> bool:
    """What the recipe's precision means here."""
    if job.recipe.precision != "auto":
        return job.recipe.precision == "bfloat16"
    if job.device.type == "cuda":
        return torch.cuda.get_device_capability(job.device) >= (8, 0)
    return torch.backends.cpu.get_cpu_capability() == "AVX512"


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _line(found: dict[str, Any]) -> str:
    return (
        f"{found['file']}: {100 * found['accuracy']:.2f} % of {found['images']} test images, digest "
        f"{found['digest'][:12]}; {found['otherwise_on_cpu']} of {found['compared_on_cpu']} otherwise on the CPU"
    )
