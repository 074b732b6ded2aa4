"""Folders of NumPy files, one array each: ``x_train.npy`` with ``y_train.npy``, or ``train/x.npy``, ``train/y.npy``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from simcore.datasets.importers.base import Importer, ImportOptions, ImportSource, reading
from simcore.datasets.importers.named_arrays import source_of_arrays
from simcore.datasets.importers.npy import NpyArray
from simcore.errors import InputError


class NpyFolderImporter(Importer):
    """A folder with a pair of ``.npy`` files for each split, or one pair that has none."""

    name = "npy"
    expects = "a folder with x_train.npy and y_train.npy (x_test.npy ...), or x.npy and y.npy"
    reads_tensors = True

    def recognises(self, path: Path) -> bool:
        return path.is_dir() and bool(_files(path))

    @contextmanager
    def open(self, path: Path, options: ImportOptions) -> Iterator[ImportSource]:
        if not path.is_dir():
            raise InputError(
                f"it is one file; samples and labels are two: name the folder of {self.expects}", str(path)
            )
        files = _files(path)
        if not files:
            raise InputError(f"it has no .npy file; the npy importer reads {self.expects}", str(path))
        arrays = {file.relative_to(path).with_suffix("").as_posix(): _array(file) for file in files}
        yield source_of_arrays(path, arrays, "NumPy files", options)


def _array(file: Path) -> NpyArray:
    with reading(str(file)):
        size = file.stat().st_size
    return NpyArray(str(file), size, partial(_opened, file))


def _opened(file: Path) -> IO[bytes]:
    return file.open("rb")


def _files(path: Path) -> list[Path]:
    return sorted(file for pattern in ("*.npy", "*/*.npy") for file in path.glob(pattern) if file.is_file())
