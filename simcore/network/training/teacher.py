"""Learning from another network's answers as well as from labels (distillation)."""

from __future__ import annotations

import torch
from torch.nn import functional

from simcore.network.modules import GraphNetwork


def taught(
    teacher: GraphNetwork, images: torch.Tensor, labels: torch.Tensor, share: float, mirrored: bool = False
) -> torch.Tensor:
    """What a network is to answer to the images of a step: partly their labels, partly what ``teacher`` answers.

    At temperature 1 (Hinton et al., arXiv 1503.02531). A training shows the teacher the very windows that its pupil
    sees (function matching, Beyer et al., arXiv 2106.05237), and whole images where these are small: it never learnt to
    name parts of things.

    Args:
        teacher: in evaluation mode, on the device of ``images``.
        images: float32 (B, C, H, W), as networks take them.
        labels: int64 (B,), or the probabilities of the classes, float32 (B, classes).
        share: the teacher's part, 0..1.
        mirrored: the teacher's answer is the mean of its answers to an image and to the image left to right.

    Returns:
        float32 (B, classes); rows sum up to 1.
    """
    with torch.no_grad():
        views = (images, images.flip(3)) if mirrored else (images,)
        answers = torch.stack([teacher(view).float().softmax(1) for view in views]).mean(0)
    truth = labels if labels.is_floating_point() else functional.one_hot(labels, answers.shape[1]).float()
    return torch.lerp(truth, answers, share)
