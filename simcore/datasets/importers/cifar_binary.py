"""CIFAR-10, binary version (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html).

A record is one label byte and 3072 pixel bytes: the red, green and blue planes of 32 x 32 in row order.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from simcore.datasets.importers.base import Batch, SplitSource
from simcore.datasets.importers.cifar import CifarImporter, planes_to_images
from simcore.datasets.importers.file_tree import FileTree
from simcore.datasets.shards import Labels
from simcore.errors import InputError

_RECORD_BYTES = 1 + 3072
_MAX_BATCH_BYTES = 100_000 * _RECORD_BYTES


class CifarBinaryImporter(CifarImporter):
    """``cifar-10-binary.tar.gz``, or the folder it unpacks to."""

    name = "cifar10-binary"
    expects = "cifar-10-binary.tar.gz or its folder with data_batch_1.bin ... and test_batch.bin"
    folder, suffix, version = "cifar-10-batches-bin/", ".bin", "binary"

    def split_source(self, tree: FileTree, names: list[str]) -> SplitSource:
        return SplitSource(
            images=sum(_records_in(tree, name) for name in names),
            labels=lambda: np.concatenate([labels for _, labels in _batches(tree, names)]),
            batches=partial(_batches, tree, names),
        )


def _records_in(tree: FileTree, name: str) -> int:
    records, rest = divmod(tree.size(name) or 0, _RECORD_BYTES)
    if rest or not records:
        raise InputError(
            f"{tree.describe(name)} is truncated or no CIFAR-10 batch: its size is no multiple of {_RECORD_BYTES} bytes"
        )
    return records


def _batches(tree: FileTree, names: list[str]) -> Iterator[Batch]:
    for name in names:
        data = np.frombuffer(tree.read(name, _MAX_BATCH_BYTES), dtype=np.uint8)
        if data.size % _RECORD_BYTES:
            raise InputError(f"{tree.describe(name)} is truncated")
        records = data.reshape(-1, _RECORD_BYTES)
        labels: Labels = records[:, 0].astype(np.int64)
        yield planes_to_images(records[:, 1:]), labels
