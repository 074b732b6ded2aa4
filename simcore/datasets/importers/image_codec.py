"""Decoding PNG, JPEG, BMP, WebP and PPM images that nobody vouches for."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from simcore.datasets.importers.base import ImportOptions, reason
from simcore.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".pgm")
UNREAD_SUFFIXES = (".gif", ".tif", ".tiff", ".jfif", ".jp2", ".heic", ".avif", ".tga")
"""Of images too, of kinds that are not read."""
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "PPM")
# A file of a few kB can claim gigapixels; its header is looked at before a pixel is decoded.
MAX_PIXELS = 2**24
_GRAY_MODES = ("1", "L", "LA")
_MODE_OF_CHANNELS = {1: "L", 3: "RGB"}
CHANNELS = tuple(_MODE_OF_CHANNELS)


@dataclass(frozen=True)
class ImageDecoder:
    """Decodes images to one shape; an image that has another is refused, never bent silently.

    Attributes:
        image_shape: (height, width, channels) of every result.
        resizes: whether images of other sizes are resized (bilinear with antialiasing) or refused.
        converts: whether colour is converted to grayscale and back, or refused.
    """

    image_shape: tuple[int, int, int]
    resizes: bool
    converts: bool

    @classmethod
    def for_first(cls, data: bytes, what: str, options: ImportOptions) -> ImageDecoder:
        """The decoder that follows the options and, where they are silent, the first image."""
        image = _open_image(data, what)
        channels = options.channels or (1 if image.mode in _GRAY_MODES else 3)
        height, width = options.size or (image.height, image.width)
        return cls((height, width, channels), options.size is not None, options.channels is not None)

    def decode(self, data: bytes, what: str) -> NDArray[np.uint8]:
        """One image as uint8 (H, W, C). Transparency is dropped, a palette is looked up.

        Raises:
            InputError: damaged, too large, deeper than 8 bits, or of another size or colour than the first.
        """
        height, width, channels = self.image_shape
        image = _open_image(data, what)
        if not self.converts and (image.mode in _GRAY_MODES) != (channels == 1):
            raise InputError(
                f"image {what} is {'grayscale' if channels == 3 else 'colour'}, the first one is not; "
                "choose one with --channels"
            )
        if not self.resizes and image.size != (width, height):
            raise InputError(
                f"image {what} is {image.height} x {image.width} pixels (height x width), the first one is "
                f"{height} x {width}; give --size to resize all"
            )
        with _decoding(what):
            converted = image.convert(_MODE_OF_CHANNELS[channels])
            if converted.size != (width, height):
                converted = converted.resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(converted, dtype=np.uint8).reshape(self.image_shape)


def _open_image(data: bytes, what: str) -> ImageFile.ImageFile:
    with _decoding(what):
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise InputError(f"image {what} claims {image.width} x {image.height} pixels; at most {MAX_PIXELS} are read")
    if image.mode.startswith(("I", "F")) or _is_deep_colour(image, data):
        raise InputError(f"image {what} has more than 8 bits a channel; convert it to 8 bits first")
    return image


def _is_deep_colour(image: ImageFile.ImageFile, data: bytes) -> bool:
    """Whether channels have more than 8 bits of which Pillow would drop some without a word: PNG says so in its first
    chunk (width, height, bit depth), PPM by its largest value."""
    if image.format == "PNG":
        return data[12:16] != b"IHDR" or data[24] > 8
    if image.format == "PPM":
        # Tiles are (decoder, box, offset, arguments with the largest value).
        arguments = (tile[3] if isinstance(tile[3], tuple) else (tile[3],) for tile in image.tile)
        return any(isinstance(value, int) and value > 255 for values in arguments for value in values)
    return False


@contextmanager
def _decoding(what: str) -> Iterator[None]:
    """Turn whatever Pillow raises about a file into an InputError, and keep its warnings to ourselves."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Image.DecompressionBombError as error:
        raise InputError(f"image {what} claims too many pixels; at most {MAX_PIXELS} are read") from error
    # Pillow's decoders report damaged files with any of these.
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, struct.error) as error:
        raise InputError(f"image {what} cannot be decoded ({reason(error)})") from error
