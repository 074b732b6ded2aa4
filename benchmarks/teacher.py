"""A network of full precision for CIFAR-10 in minutes on two cores: a teacher of binary ones, and their measure.

    python -m benchmarks.teacher data/cifar10 teacher.safetensors
    binsparx train vgg-small --data data/cifar10 --teacher teacher.safetensors --output ...

Network and training are those of airbench94 (Jordan, arXiv 2404.00498), whose constants these are, without its
lookahead and its label smoothing (teachers that were smoothed tell less, Mueller et al., arXiv 1906.02629), in PyTorch
as anybody would write it: ``from_torch`` makes a network of this project of it. Images are cut as trainings here cut
them: a teacher that never saw their black borders is often wrong about what its pupils see.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
import typer
from torch import nn
from torch.nn import functional

from pipeline.cli.options import check_output
from simcore.datasets import Dataset, open_dataset
from simcore.network.accuracy import measure_accuracy
from simcore.network.checkpoint import save_checkpoint
from simcore.network.definitions import CIFAR10_MEAN, CIFAR10_STD
from simcore.network.inputs import network_input
from simcore.network.tracing import from_torch
from simcore.network.training.augmentation import augment

EPOCHS, BATCH = 14, 512
PADDING = 4  # the default of recipes here, of which a pupil may use less
# For means over 512 images; airbench94 has 11.5 for sums over 1,024, "decoupled" from momentum 0.85.
RATE, DECAY, MOMENTUM, BIAS_FACTOR = 0.75, 1.33e-3, 0.85, 64.0
START, PEAK_AT, END = 0.2, 0.23, 0.07  # of the rate, of the steps, of the rate
WHITENING_EPOCHS = 3  # in which the bias of the first layer is trained, its filters never are


class Block(nn.Module):
    """Two convolutions that begin as the identity, with a pool between."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs, momentum=0.4)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs, momentum=0.4)
        for conv in (self.conv1, self.conv2):
            nn.init.dirac_(conv.weight[: conv.in_channels])
        for norm in (self.norm1, self.norm2):
            norm.weight.requires_grad = False

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        values = functional.gelu(self.norm1(functional.max_pool2d(self.conv1(values), 2)))
        return functional.gelu(self.norm2(self.conv2(values)))


class Teacher(nn.Module):
    """Takes images of any size from 16x16 on."""

    def __init__(self, whitening: torch.Tensor) -> None:
        super().__init__()
        self.whiten = nn.Conv2d(3, 24, 2)
        self.blocks = nn.Sequential(Block(24, 64), Block(64, 256), Block(256, 256))
        self.linear = nn.Linear(256, 10, bias=False)
        with torch.no_grad():
            self.whiten.weight.copy_(torch.cat([whitening, -whitening]))
            self.whiten.bias.zero_()  # type: ignore[union-attr]
        self.whiten.weight.requires_grad = False

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values = self.blocks(functional.gelu(self.whiten(images)))
        return self.linear(values.amax((2, 3))) / 9


def whitening_filters(images: torch.Tensor) -> torch.Tensor:
    """(12, 3, 2, 2) filters that make patches (normalised images, (N, 3, H, W)) uncorrelated and of equal size."""
    patches = functional.unfold(images, 2).permute(0, 2, 1).reshape(-1, 12).double()
    variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
    return (directions / torch.sqrt(variances + 5e-4)).T.reshape(12, 3, 2, 2).float().flip(0)


def normalised(pixels: np.ndarray) -> torch.Tensor:
    """uint8 (N, H, W, C) as the float32 (N, C, H, W) that the module takes."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (CIFAR10_MEAN, CIFAR10_STD))
    return (network_input(pixels) / 255 - mean) / std


def augmented(pixels: np.ndarray, mirrored: np.ndarray, random: np.random.Generator) -> torch.Tensor:
    """uint8 (N, H, W, C), moved by up to PADDING pixels and, where ``mirrored`` (N,) says so, mirrored, as the module
    takes them."""
    pixels = augment(pixels, PADDING, False, random)
    return normalised(np.where(mirrored[:, None, None, None], pixels[:, :, ::-1], pixels))


def rate_at(progress: float) -> float:
    """Of the peak, up and down along straight lines."""
    if progress < PEAK_AT:
        return START + (1 - START) * progress / PEAK_AT
    return END + (1 - END) * (1 - progress) / (1 - PEAK_AT)


def optimizer_of(module: nn.Module) -> torch.optim.SGD:
    """Biases learn faster; airbench94's own."""
    named = [(name, tensor) for name, tensor in module.named_parameters() if tensor.requires_grad]
    groups = [
        {
            "params": [t for name, t in named if name.endswith("bias") == is_bias],
            "factor": factor,
            "weight_decay": DECAY / factor,
        }
        for is_bias, factor in ((True, BIAS_FACTOR), (False, 1.0))
    ]
    return torch.optim.SGD(groups, lr=RATE, momentum=MOMENTUM, nesterov=True)


def train(dataset: Dataset) -> Teacher:
    """From seed 0."""
    pixels, classes = dataset.read("train", 0, dataset.splits["train"])
    labels = torch.from_numpy(classes).long()
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    whitening = whitening_filters(normalised(pixels[:5000]))
    module = Teacher(whitening).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = optimizer_of(module)
    batches = len(pixels) // BATCH
    mirrored = random.random(len(pixels)) < 0.5
    began = time.monotonic()
    for epoch in range(EPOCHS):
        module.whiten.bias.requires_grad = epoch < WHITENING_EPOCHS  # type: ignore[union-attr]
        total, order = 0.0, random.permutation(len(pixels))
        for number, chosen in enumerate(order[: batches * BATCH].reshape(batches, BATCH)):
            for group in optimizer.param_groups:
                group["lr"] = RATE * group["factor"] * rate_at((epoch * batches + number) / (EPOCHS * batches))
            with torch.autocast("cpu", torch.bfloat16):
                logits = module(augmented(pixels[chosen], mirrored[chosen], random))
            loss = functional.cross_entropy(logits.float(), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        mirrored = ~mirrored  # each image by turns, as airbench94 has it
        print(f"epoch {epoch + 1}/{EPOCHS} loss {total / batches:.3f}, {time.monotonic() - began:.0f} s", flush=True)
    return module.eval()


def main(data: str, output: Path) -> None:
    """Train on a data set of CIFAR-10's shape, save the network."""
    check_output(output, "OUTPUT")
    dataset = open_dataset(data)
    module = train(dataset)
    pixels, _ = dataset.read("test", 0, 64)
    network = from_torch(module, network_input(pixels), normalize=(CIFAR10_MEAN, CIFAR10_STD)).network
    accuracy = measure_accuracy(network, dataset, "test")
    about = {"name": "teacher", "accuracy": accuracy.fraction, "epochs": EPOCHS, "dataset": {"digest": dataset.digest}}
    digest = save_checkpoint(output, network, about)
    print(f"{output}: accuracy {100 * accuracy.fraction:.2f} % on {accuracy.images} test images, digest {digest[:12]}")


if __name__ == "__main__":
    typer.run(main)
