"""How many images a network names rightly, in ideal arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from simcore.datasets import Dataset
from simcore.errors import unknown_name
from simcore.network.full_precision import full_precision
from simcore.network.modules import GraphNetwork

_BATCH = 250


@dataclass(frozen=True)
class Accuracy:
    """``correct`` of ``images`` images."""

    correct: int
    images: int

    @property
    def fraction(self) -> float:
        """Between 0 and 1; 0 without images."""
        return self.correct / max(1, self.images)


@full_precision()
def measure_accuracy(network: GraphNetwork, dataset: Dataset, split: str, images: int | None = None) -> Accuracy:
    """Accuracy on the first ``images`` of a split (all if None), in float32 and evaluation mode, whatever mode the
    network is in (it is put back).

    Raises:
        InputError: no such split, or as ``Dataset.read`` has it.
    """
    if split not in dataset.splits:
        raise unknown_name(f"split of {dataset.name}", split, dataset.splits)
    count = dataset.splits[split] if images is None else min(images, dataset.splits[split])
    was_training = network.training
    network.eval()
    correct = 0
    try:
        for pixels, labels in _batches(dataset, split, count):
            correct += int((predict(network, pixels) == labels).sum())
    finally:
        network.train(was_training)
    return Accuracy(correct, count)


def predict(network: GraphNetwork, pixels: np.ndarray) -> np.ndarray:
    """The class, int64 (B,), that a network in evaluation mode gives to each image, uint8 (B, H, W, C), or tensor."""
    with torch.inference_mode():
        return network(as_input(pixels, _device(network))).argmax(1).cpu().numpy()


def as_input(samples: np.ndarray, device: torch.device | str = "cpu") -> torch.Tensor:
    """As ``inputs.network_input``, on a device. The memory of images stays channels-last, which the convolutions of a
    processor are quickest with."""
    values = torch.from_numpy(np.ascontiguousarray(samples)).to(device)
    return (values.permute(0, 3, 1, 2) if samples.dtype == np.uint8 else values).float()


def _batches(dataset: Dataset, split: str, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, count, _BATCH):
        yield dataset.read(split, start, min(_BATCH, count - start))


def _device(network: GraphNetwork) -> torch.device:
    return next((tensor.device for tensor in network.named_tensors().values()), torch.device("cpu"))
