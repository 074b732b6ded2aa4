"""Random crops and mirror images."""

from __future__ import annotations

import numpy as np


def augment(
    images: np.ndarray, crop_padding: int, flip: bool, random: np.random.Generator, size: int | None = None
) -> np.ndarray:
    """A randomly moved and mirrored copy of each image.

    Args:
        images: uint8 (B, H, W, C).
        crop_padding: pixels of black put on each side before a window is cut at random.
        flip: mirror each image left to right with probability one half.
        random: where the choices come from.
        size: height and width of the window; None for the image's own.

    Returns:
        uint8 (B, height, width, C) of the window's height and width.
    """
    count, full_height, full_width, _ = images.shape
    height, width = (full_height, full_width) if size is None else (size, size)
    tops = random.integers(0, full_height - height + 2 * crop_padding + 1, size=(count,))
    lefts = random.integers(0, full_width - width + 2 * crop_padding + 1, size=(count,))
    mirrored = random.random(size=(count,)) < (0.5 if flip else 0.0)
    border = ((0, 0), (crop_padding, crop_padding), (crop_padding, crop_padding), (0, 0))
    padded = np.pad(images, border) if crop_padding else images
    columns = np.where(mirrored[:, None], np.arange(width)[::-1], np.arange(width)) + lefts[:, None]
    rows = np.arange(height) + tops[:, None]
    return padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
