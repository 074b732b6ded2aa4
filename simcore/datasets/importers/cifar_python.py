"""CIFAR-10, Python version (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html).

Each batch is a pickled dictionary with ``data`` (n x 3072 uint8: red, green and blue planes) and ``labels``. It is
read by ``inert_pickle``, which builds plain containers and runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from simcore.datasets.importers.base import Batch, Importer, ImportOptions, ImportSource, SplitSource
from simcore.datasets.importers.cifar import (
    CIFAR10_CLASSES,
    CIFAR10_LICENCE,
    CIFAR10_SOURCE,
    CIFAR_SHAPE,
    batch_names,
    planes_to_images,
    recognises_batches,
)
from simcore.datasets.importers.file_tree import FileTree, open_tree
from simcore.datasets.importers.inert_pickle import InertArray, load_inert
from simcore.errors import InputError

_FOLDER = "cifar-10-batches-py/"
_PIXELS = 3072
_MAX_BATCH_BYTES = 512 * 2**20


class CifarPythonImporter(Importer):
    """``cifar-10-python.tar.gz``, or the folder it unpacks to."""

    name = "cifar10-python"
    expects = "cifar-10-python.tar.gz or its folder with data_batch_1 ... and test_batch"

    def recognises(self, path: Path) -> bool:
        return recognises_batches(path, _FOLDER, "")

    @contextmanager
    def open(self, path: Path, options: ImportOptions) -> Iterator[ImportSource]:
        with open_tree(path) as tree:
            batches = batch_names(tree, _FOLDER, "")
            yield ImportSource(
                name="cifar10",
                classes=options.classes or CIFAR10_CLASSES,
                image_shape=CIFAR_SHAPE,
                source=f"{CIFAR10_SOURCE}, Python version",
                licence=CIFAR10_LICENCE,
                splits={split: _split_source(tree, names) for split, names in batches.items()},
            )


def _split_source(tree: FileTree, names: list[str]) -> SplitSource:
    return SplitSource(
        images=sum(len(_read_batch(tree, name)[1]) for name in names),
        labels=lambda: np.concatenate([_read_batch(tree, name)[1] for name in names]),
        batches=partial(_batches, tree, names),
    )


def _batches(tree: FileTree, names: list[str]) -> Iterator[Batch]:
    for name in names:
        yield _read_batch(tree, name)


def _read_batch(tree: FileTree, name: str) -> Batch:
    what = tree.describe(name)
    content = load_inert(tree.read(name, _MAX_BATCH_BYTES), what)
    if not isinstance(content, dict):
        raise InputError(f"{what} is no CIFAR-10 batch: it holds no dictionary")
    # Python 2 wrote the keys; how they come back depends on who pickled the file again.
    data = content.get(b"data", content.get("data"))
    labels = content.get(b"labels", content.get("labels"))
    if not isinstance(data, InertArray) or not isinstance(labels, list):
        raise InputError(f"{what} is no CIFAR-10 batch: it needs 'data' (an array) and 'labels' (a list)")
    if not all(type(label) is int and 0 <= label < 256 for label in labels):
        raise InputError(f"{what} has labels that are no class numbers")
    planes = data.to_uint8(what)
    if planes.shape != (len(labels), _PIXELS):
        raise InputError(f"{what} has data of shape {planes.shape} for {len(labels)} labels; expected n x {_PIXELS}")
    return planes_to_images(planes), np.array(labels, dtype=np.int64)
