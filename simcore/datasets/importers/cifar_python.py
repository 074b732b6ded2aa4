"""CIFAR-10, Python version (Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html).

Each batch is a pickled dictionary with ``data`` (n x 3072 uint8: red, green and blue planes) and ``labels``. It is
read by ``inert_pickle``, which builds plain containers and runs nothing.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from simcore.datasets.importers.base import Batch, SplitSource
from simcore.datasets.importers.cifar import CifarImporter, planes_to_images
from simcore.datasets.importers.file_tree import FileTree
from simcore.datasets.importers.inert_pickle import InertArray, load_inert
from simcore.errors import InputError

_PIXELS = 3072
_MAX_BATCH_BYTES = 512 * 2**20


class CifarPythonImporter(CifarImporter):
    """``cifar-10-python.tar.gz``, or the folder it unpacks to."""

    name = "cifar10-python"
    expects = "cifar-10-python.tar.gz or its folder with data_batch_1 ... and test_batch"
    folder, suffix, version = "cifar-10-batches-py/", "", "Python"

    def split_source(self, tree: FileTree, names: list[str]) -> SplitSource:
        read = partial(_read_batch, tree)
        return SplitSource(
            images=sum(len(read(name)[1]) for name in names),
            labels=lambda: np.concatenate([read(name)[1] for name in names]),
            batches=lambda: map(read, names),
        )


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
