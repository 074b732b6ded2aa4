"""What one sample of a data set is, as stored and as a network receives it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simcore.errors import InputError

Samples = NDArray[np.uint8] | NDArray[np.float32]
Shape = tuple[int, ...]

MOST_AXES = 6  # as many as a network's graph knows
MOST_VALUES = 2**24
"""Of one sample: what a file claims is bounded before memory is asked for."""
MOST_BYTES = MOST_VALUES * np.dtype(np.float32).itemsize
"""Of one sample, images too."""
MOST_SAMPLES = 2**26
"""Of a split, several times as many as the largest public set of images: their labels and order take 1 GiB."""
EXACT_INTEGERS = 2**24
"""Whole numbers up to here are exact in float32."""


@dataclass(frozen=True)
class SampleFormat:
    """Dtype and shape of every sample of a data set.

    Attributes:
        dtype: ``uint8`` of an image in rows, columns and channels; ``float32`` of any other tensor.
        shape: (height, width, channels) of an image, else the tensor's own, without the number of samples.
    """

    dtype: Literal["uint8", "float32"]
    shape: Shape

    @classmethod
    def image(cls, shape: tuple[int, int, int]) -> SampleFormat:
        """Of 8-bit images of (height, width, channels)."""
        return cls("uint8", shape)

    @classmethod
    def tensor(cls, shape: Shape, where: str = "") -> SampleFormat:
        """Of float32 tensors.

        Args:
            shape: of one of them.
            where: the file, for the message.

        Raises:
            InputError: no axis, more than ``MOST_AXES`` or more than ``MOST_VALUES`` values.
        """
        if not 1 <= len(shape) <= MOST_AXES or not 1 <= math.prod(shape) <= MOST_VALUES or min(shape) < 1:
            raise InputError(
                f"samples have the shape {shape}; expected 1 to {MOST_AXES} axes and 1 to {MOST_VALUES} values", where
            )
        return cls("float32", shape)

    @property
    def is_image(self) -> bool:
        """Rows, columns and channels of bytes."""
        return self.dtype == "uint8"

    @property
    def bytes(self) -> int:
        """Of one sample."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def input_shape(self) -> Shape:
        """What a network receives: (channels, height, width) of an image, else the shape as it is."""
        return (self.shape[-1], *self.shape[:-1]) if self.is_image else self.shape

    @property
    def description(self) -> str:
        """In words: ``28 x 28 pixels, 1 channel`` or ``float32 tensor of 40 x 100``."""
        if not self.is_image:
            return f"float32 tensor of {' x '.join(map(str, self.shape))}"
        height, width, channels = self.shape
        return f"{height} x {width} pixels, {channels} channel{'s' if channels > 1 else ''}"
