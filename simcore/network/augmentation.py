"""Random crops and mirror images."""

from __future__ import annotations

import numpy as np


def augment(images: np.ndarray, crop_padding: int, flip: bool, random: np.random.Generator) -> np.ndarray:
    """A randomly moved and mirrored copy of each image.

    Args:
        images: uint8 (B, H, W, C).
        crop_padding: pixels of black on each side, from which a window of the image's size is cut at random.
        flip: mirror each image left to right with probability one half.
        random: where the choices come from.

    Returns:
        uint8 (B, H, W, C).
    """
    count, height, width, _ = images.shape
    tops = random.integers(0, 2 * crop_padding + 1, size=(count,))
    lefts = random.integers(0, 2 * crop_padding + 1, size=(count,))
    mirrored = random.random(size=(count,)) < (0.5 if flip else 0.0)
    border = ((0, 0), (crop_padding, crop_padding), (crop_padding, crop_padding), (0, 0))
    padded = np.pad(images, border) if crop_padding else images
    columns = np.where(mirrored[:, None], np.arange(width)[::-1], np.arange(width)) + lefts[:, None]
    rows = np.arange(height) + tops[:, None]
    return padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
