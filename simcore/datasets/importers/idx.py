"""IDX files, the format of MNIST (LeCun, http://yann.lecun.com/exdb/mnist/) and of Fashion-MNIST.

A file is a big-endian header (two zero bytes, type 8 = unsigned byte, number of dimensions, then each dimension as
uint32) followed by the values. Images and labels are files of their own, compressed with gzip or not.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from simcore.datasets.importers.base import (
    Batch,
    Importer,
    ImportOptions,
    ImportSource,
    SplitSource,
    at_a_time,
    bounded,
    class_names,
    reading,
)
from simcore.datasets.sample_format import SampleFormat
from simcore.datasets.shards import Labels
from simcore.errors import InputError

_PREFIX_OF_SPLIT = {"train": "train", "test": "t10k"}
_MAX_PIXELS = 2**24
_UNSIGNED_BYTE = 8


class IdxImporter(Importer):
    """A folder of IDX files named as MNIST's are; a folder with only one of the two splits will do."""

    name = "idx"
    expects = "a folder with train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz] and/or the t10k- pair"

    def recognises(self, path: Path) -> bool:
        return path.is_dir() and bool(_find_pairs(path))

    @contextmanager
    def open(self, path: Path, options: ImportOptions) -> Iterator[ImportSource]:
        if not path.is_dir():
            raise InputError(f"{path} is no folder; the idx importer reads {self.expects}")
        splits, image_shape = _open_pairs(path)
        yield ImportSource(
            name=path.resolve().name,
            classes=class_names(options, None, lambda: max(int(split.labels().max()) for split in splits.values())),
            sample=SampleFormat.image(image_shape),
            source="IDX files",
            licence="unknown",
            splits=splits,
        )


@dataclass(frozen=True)
class _IdxPair:
    """The image file and the label file of one split."""

    images: Path
    labels: Path


def _find_pairs(folder: Path) -> dict[str, _IdxPair]:
    """The splits of which ``folder`` has an image file; a label file that is missing is found out on opening."""
    pairs = {}
    for split, prefix in _PREFIX_OF_SPLIT.items():
        images = _find(folder, f"{prefix}-images", "idx3-ubyte")
        if images is not None:
            labels = _find(folder, f"{prefix}-labels", "idx1-ubyte")
            pairs[split] = _IdxPair(images, labels or folder / f"{prefix}-labels-idx1-ubyte")
    return pairs


def _find(folder: Path, stem: str, kind: str) -> Path | None:
    spellings = (folder / f"{stem}{joint}{kind}{suffix}" for joint in "-." for suffix in ("", ".gz"))
    return next((path for path in spellings if path.is_file()), None)


def _open_pairs(folder: Path) -> tuple[dict[str, SplitSource], tuple[int, int, int]]:
    """Read the headers in ``folder`` and return the splits with the shape all their images have.

    Raises:
        InputError: no IDX files, or files that contradict each other.
    """
    pairs = _find_pairs(folder)
    if not pairs:
        raise InputError(f"{folder} has no IDX image file; expected {IdxImporter.expects}")
    splits, shapes = {}, set()
    for split, pair in pairs.items():
        count, height, width = _read_header(pair.images, dimensions=3)
        (label_count,) = _read_header(pair.labels, dimensions=1)
        if label_count != count:
            raise InputError(f"{pair.labels} has {label_count} labels for the {count} images of {pair.images.name}")
        if count == 0 or not 0 < height * width <= _MAX_PIXELS:
            raise InputError(f"{pair.images} claims {count} images of {height} x {width} pixels")
        shapes.add((height, width, 1))
        splits[split] = SplitSource(
            images=bounded(count, str(pair.images)),
            labels=partial(_read_labels, pair.labels, count),
            batches=partial(_batches, pair, (height, width, 1), count),
        )
    if len(shapes) > 1:
        raise InputError(f"the splits in {folder} have images of different sizes: {sorted(shapes)}")
    return splits, shapes.pop()


@contextmanager
def _open(path: Path) -> Iterator[io.BufferedIOBase]:
    with reading(str(path)), gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        yield file


def _read_header(path: Path, dimensions: int) -> tuple[int, ...]:
    with _open(path) as file:
        return _parse_header(file, path, dimensions)


def _parse_header(file: io.BufferedIOBase, path: Path, dimensions: int) -> tuple[int, ...]:
    magic = file.read(4)
    if magic != bytes([0, 0, _UNSIGNED_BYTE, dimensions]):
        raise InputError(f"{path} is not an IDX file of unsigned bytes with {dimensions} dimensions")
    sizes = _read_exactly(file, 4 * dimensions, path)
    return struct.unpack(f">{dimensions}I", sizes)


def _read_exactly(file: io.BufferedIOBase, count: int, path: Path) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise InputError(f"{path} is truncated: it ends before the data its header announces")
    return data


def _read_labels(path: Path, count: int) -> Labels:
    with _open(path) as file:
        _parse_header(file, path, dimensions=1)
        data = _read_exactly(file, count, path)
        _require_end(file, path)
    return np.frombuffer(data, dtype=np.uint8).astype(np.int64)


def _require_end(file: io.BufferedIOBase, path: Path) -> None:
    if file.read(1):
        raise InputError(f"{path} has more data than its header announces")


def _batches(pair: _IdxPair, image_shape: tuple[int, int, int], count: int) -> Iterator[Batch]:
    labels = _read_labels(pair.labels, count)
    with _open(pair.images) as file:
        _parse_header(file, pair.images, dimensions=3)
        together = at_a_time(SampleFormat.image(image_shape))
        for start in range(0, count, together):
            batch_labels = labels[start : start + together]
            data = _read_exactly(file, len(batch_labels) * math.prod(image_shape), pair.images)
            yield np.frombuffer(data, dtype=np.uint8).reshape(-1, *image_shape), batch_labels
        _require_end(file, pair.images)
