"""How a network is trained: everything that decides the result apart from the seed and the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from simcore.errors import unknown_name
from simcore.network.validation import validated


class Recipe(BaseModel):
    """Settings of one training.

    Adam with a learning rate that rises for the fraction ``warmup`` of all steps and then falls to zero, both along a
    cosine (the one-cycle policy of Smith and Topin, arXiv 1708.07120, without its momentum cycle): a large ``warmup``
    suits a fresh network, a small one a network to go on from.

    Args:
        epochs: passes over the training split.
        batch_size: images a step; a last, smaller batch is left out.
        learning_rate: its peak.
        warmup: fraction of the steps until the peak, 0..0.9.
        label_smoothing: fraction of the target spread over all classes, 0..0.5.
        weight_decay: decoupled (AdamW); on the tensors in full precision only, binary ones have signs, not sizes.
        crop_padding: pixels of black around an image before a window of its size is cut at random; 0 for none.
        flip: mirror half of the images left to right.
        small_crop: side of the smaller windows that the network sees first, in pixels; None for whole images
            throughout. Cheaper steps, for networks that take images of any size (progressive resizing, Touvron et
            al., arXiv 1906.06423).
        small_crop_share: fraction of the epochs, rounded down, with small windows.
        mixup: blend each image with another one of its step, in shares from Beta(mixup, mixup): 0.2 mildly, 1 by any
            share (Zhang et al., arXiv 1710.09412); 0 for none.
        teacher_share: how much of what is learnt are a teacher's answers instead of labels, 0..1; without effect where
            there is no teacher.
        teacher_mirrored: the teacher answers an image and the image left to right, and the mean of both is learnt: a
            better teacher for one more look.
        norm_batches: after the last step the statistics of batch norms are measured anew, as their mean over so many
            batches (at most an epoch's); 0: they stay as they were followed on the way.
        precision: ``bfloat16`` autocast, ``float32``, or ``auto``: bfloat16 where the processor is quick at it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    epochs: Annotated[int, Field(ge=1, le=10_000)] = 20
    batch_size: Annotated[int, Field(ge=2, le=65_536)] = 100
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 4e-3
    warmup: Annotated[float, Field(ge=0, le=0.9)] = 0.3
    label_smoothing: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    crop_padding: Annotated[int, Field(ge=0, le=64)] = 4
    flip: bool = True
    small_crop: Annotated[int, Field(ge=1)] | None = None
    small_crop_share: Annotated[float, Field(ge=0, le=1)] = 0.75
    mixup: Annotated[float, Field(ge=0, le=10)] = 0.0
    teacher_share: Annotated[float, Field(ge=0, le=1)] = 0.9
    teacher_mirrored: bool = False
    norm_batches: Annotated[int, Field(ge=0)] = 0
    precision: Literal["auto", "bfloat16", "float32"] = "auto"

    def learning_rate_at(self, step: int, steps: int) -> float:
        """The learning rate of ``step`` (from 0) of ``steps``."""
        rise = self.warmup * steps
        if step < rise:
            # from one twenty-fifth of the peak, as in the one-cycle policy
            return self.learning_rate * (0.04 + 0.96 * (1 - math.cos(math.pi * step / rise)) / 2)
        return self.learning_rate * (1 + math.cos(math.pi * (step - rise) / (steps - rise))) / 2

    def window_of(self, epoch: int) -> int | None:
        """Side of the windows cut from the images in ``epoch`` (from 0); None for the images' own size."""
        return self.small_crop if epoch < int(self.small_crop_share * self.epochs) else None


RECIPES: dict[str, Recipe] = {
    "fashion-cnn": Recipe(epochs=8, crop_padding=2),
    "vgg-small": Recipe(epochs=40),
    "resnet18-cifar": Recipe(epochs=26, warmup=0.1, label_smoothing=0.0, small_crop=24, small_crop_share=0.66),
}
"""The recipe of each network that binsparx defines, from scratch."""


def default_recipe(name: str, where: str = "") -> Recipe:
    """The recipe of a network. Raises InputError where there is none of that name."""
    if name not in RECIPES:
        raise unknown_name("network", name, RECIPES, where)
    return RECIPES[name]


def amended(base: Recipe, changes: Mapping[str, object], where: str = "") -> Recipe:
    """``base`` with some fields changed. Raises InputError for an unknown field or a value out of range."""
    return validated(Recipe, {**base.model_dump(), **changes}, where)
