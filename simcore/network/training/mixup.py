"""Images blended with others of their step, and what is to be answered to them (mixup)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional


@dataclass(frozen=True)
class Mixup:
    """How the images of a step are blended: image i with image ``partners[i]``, of which it takes ``shares[i]``.

    Zhang et al., arXiv 1710.09412; the share is drawn for each image rather than for each step, so that the batch norms
    see every strength at once.

    Attributes:
        partners: int64 (B,).
        shares: float32 (B,), 0..0.5.
    """

    partners: torch.Tensor
    shares: torch.Tensor

    def images(self, images: torch.Tensor) -> torch.Tensor:
        """The blended images.

        Args:
            images: float32 (B, C, H, W), as networks take them.

        Returns:
            float32 of the same shape.
        """
        partners, shares = self.partners.to(images.device), self.shares.to(images.device)
        return images.lerp(images[partners], shares[:, None, None, None])

    def classes(self, labels: torch.Tensor, classes: int) -> torch.Tensor:
        """What is to be answered to the blended images.

        Args:
            labels: int64 (B,).
            classes: how many there are.

        Returns:
            float32 (B, classes); rows sum up to 1.
        """
        partners, shares = self.partners.to(labels.device), self.shares.to(labels.device)
        truth = functional.one_hot(labels, classes).float()
        return truth.lerp(truth[partners], shares[:, None])


def draw_mixup(count: int, strength: float, random: np.random.Generator) -> Mixup:
    """A blend at random, the smaller part of an image its partner's.

    Args:
        count: images of the step.
        strength: shares are drawn from Beta(strength, strength); above 0.
        random: where they come from.
    """
    drawn = random.beta(strength, strength, size=count).astype(np.float32)
    return Mixup(torch.from_numpy(random.permutation(count)), torch.from_numpy(np.minimum(drawn, 1 - drawn)))
