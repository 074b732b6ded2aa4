"""What the two versions of the CIFAR-10 archive have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from simcore.datasets.importers.base import Importer, ImportOptions, ImportSource, SplitSource
from simcore.datasets.importers.file_tree import FileTree, FolderTree, first_members, open_tree
from simcore.datasets.sample_format import SampleFormat
from simcore.errors import InputError

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_SOURCE = (
    "CIFAR-10 (A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, "
    "https://www.cs.toronto.edu/~kriz/cifar.html)"
)
CIFAR10_LICENCE = "none stated by the authors; cite Krizhevsky 2009"
CIFAR_SHAPE = (32, 32, 3)

_STEMS = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}


class CifarImporter(Importer):
    """An archive of CIFAR-10, or the folder it unpacks to.

    Attributes:
        folder: the folder that holds the batch files.
        suffix: what their names end with.
        version: what the authors call the archive.
    """

    folder: ClassVar[str]
    suffix: ClassVar[str]
    version: ClassVar[str]

    def recognises(self, path: Path) -> bool:
        """Whether ``path`` is a folder with a batch file, or a tar archive that begins with the folder."""
        if path.is_dir():
            files = tuple(stem + self.suffix for stems in _STEMS.values() for stem in stems)
            return FolderTree(path).find(files, ("", self.folder)) is not None
        return path.is_file() and any(name.startswith(self.folder.rstrip("/")) for name in first_members(path))

    @contextmanager
    def open(self, path: Path, options: ImportOptions) -> Iterator[ImportSource]:
        with open_tree(path) as tree:
            batches = _batch_names(tree, self.folder, self.suffix)
            yield ImportSource(
                name="cifar10",
                classes=options.classes or CIFAR10_CLASSES,
                sample=SampleFormat.image(CIFAR_SHAPE),
                source=f"{CIFAR10_SOURCE}, {self.version} version",
                licence=CIFAR10_LICENCE,
                splits={split: self.split_source(tree, names) for split, names in batches.items()},
            )

    @abstractmethod
    def split_source(self, tree: FileTree, names: list[str]) -> SplitSource:
        """One split, whose batches are the files ``names``."""


def planes_to_images(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, 3072) colour planes to (n, 32, 32, 3)."""
    height, width, channels = CIFAR_SHAPE
    return planes.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)


def _batch_names(tree: FileTree, folder: str, suffix: str) -> dict[str, list[str]]:
    """Paths of the batch files of each split that has any, in reading order.

    Raises:
        InputError: there is none, or a split has some of its files but not all.
    """
    splits: dict[str, list[str]] = {}
    for split, stems in _STEMS.items():
        found = {stem: tree.find((stem + suffix,), ("", folder)) for stem in stems}
        missing = [stem + suffix for stem, name in found.items() if name is None]
        if len(missing) == len(stems):
            continue
        if missing:
            raise InputError(f"{tree.label} lacks {', '.join(missing)} of the {split} split")
        splits[split] = [name for name in found.values() if name is not None]
    if not splits:
        raise InputError(f"{tree.label} has no CIFAR-10 batches (data_batch_1{suffix} ..., test_batch{suffix})")
    return splits
