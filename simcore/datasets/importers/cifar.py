"""What the two versions of the CIFAR-10 archive have in common."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simcore.datasets.importers.file_tree import FileTree, FolderTree, first_members
from simcore.datasets.shards import Images, ImageShape
from simcore.errors import InputError

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_SOURCE = (
    "CIFAR-10 (A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, "
    "https://www.cs.toronto.edu/~kriz/cifar.html)"
)
CIFAR10_LICENCE = "none stated by the authors; cite Krizhevsky 2009"
CIFAR_SHAPE: ImageShape = (32, 32, 3)

_STEMS = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}


def planes_to_images(planes: NDArray[np.uint8]) -> Images:
    """(n, 3072) colour planes to (n, 32, 32, 3)."""
    height, width, channels = CIFAR_SHAPE
    return planes.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)


def recognises_batches(path: Path, folder: str, suffix: str) -> bool:
    """Whether ``path`` is a folder with a batch file, or a tar archive that begins with ``folder``."""
    if path.is_dir():
        tree = FolderTree(path)
        stems = [stem for names in _STEMS.values() for stem in names]
        return tree.find(tuple(stem + suffix for stem in stems), ("", folder)) is not None
    return path.is_file() and any(name.startswith(folder.rstrip("/")) for name in first_members(path))


def batch_names(tree: FileTree, folder: str, suffix: str) -> dict[str, list[str]]:
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
