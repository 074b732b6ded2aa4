"""What a training shows in each step: images in an order of their own, cut, mirrored and blended."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from simcore.network.accuracy import as_input
from simcore.network.training.augmentation import augment
from simcore.network.training.mixup import Mixup, draw_mixup
from simcore.network.training.recipe import Recipe


class Batches:
    """The images of a training in the order in which it takes them: another one in each epoch, from the seed alone.

    Args:
        images: uint8 (N, H, W, C).
        labels: int64 (N,).
        recipe: how they are cut, mirrored and blended.
        seed: decides the order, and all that is drawn.

    Attributes:
        count: batches of an epoch.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, recipe: Recipe, seed: int) -> None:
        self._images, self._labels, self._recipe, self._seed = images, labels, recipe, seed
        self._size = min(recipe.batch_size, len(images))
        self.count = len(images) // self._size
        self._epoch, self._order = -1, np.arange(0)

    def lesson(self, epoch: int, number: int, classes: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
        """What a network is shown in a step, and what it is to answer.

        Args:
            epoch, number: of the batch, both from 0.
            classes: of the network.
            device: where both are to be.

        Returns:
            Images, float32 (B, C, H, W), cut, mirrored and blended; int64 (B,) classes, or float32 (B, classes) shares
            of them where images are blended.
        """
        labels = torch.from_numpy(self._labels[self._chosen(epoch, number)]).to(device)
        mixup = self._mixup(epoch, number)
        return self._shown(epoch, number, device, mixup), mixup.classes(labels, classes) if mixup else labels

    def for_teacher(self, epoch: int, number: int, images: torch.Tensor) -> torch.Tensor:
        """What a teacher is shown in the step of ``images``: these, or whole ones where they are small windows."""
        if self._recipe.window_of(epoch) is None:
            return images
        whole = as_input(self._images[self._chosen(epoch, number)], images.device)
        mixup = self._mixup(epoch, number)
        return mixup.images(whole) if mixup else whole

    def after_the_last(self, count: int, device: str) -> Iterator[torch.Tensor]:
        """Up to ``count`` batches of whole images, those of an epoch after the last, float32 (B, C, H, W)."""
        epoch = self._recipe.epochs
        for number in range(min(count, self.count)):
            yield self._shown(epoch, number, device, self._mixup(epoch, number))

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

    def _shown(self, epoch: int, number: int, device: str, mixup: Mixup | None) -> torch.Tensor:
        random = np.random.default_rng([self._seed, epoch, number, 1])
        recipe, images = self._recipe, self._images[self._chosen(epoch, number)]
        cut = as_input(augment(images, recipe.crop_padding, recipe.flip, random, recipe.window_of(epoch)), device)
        return mixup.images(cut) if mixup else cut

    def _mixup(self, epoch: int, number: int) -> Mixup | None:
        """How the images of a batch are blended; None where the recipe has no blends."""
        if not self._recipe.mixup:
            return None
        return draw_mixup(self._size, self._recipe.mixup, np.random.default_rng([self._seed, epoch, number, 2]))
