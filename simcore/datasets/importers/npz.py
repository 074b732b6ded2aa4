"""NumPy archives: one with the arrays of all splits, or a folder of one a split."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from simcore.datasets.importers.base import Importer, ImportOptions, ImportSource, reading, reason
from simcore.datasets.importers.named_arrays import place_of, source_of_arrays
from simcore.datasets.importers.npy import NpyArray
from simcore.errors import InputError

# Deflate makes at most 1032 bytes of one (zlib.net, technical details); what claims more is no honest member.
_MOST_EXPANSION = 1032
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class NpzImporter(Importer):
    """``data.npz`` with arrays ``x_train``, ``y_train`` and so on, or a folder with ``train.npz`` and ``test.npz``."""

    name = "npz"
    expects = "FILE.npz with x_train, y_train, x_test, y_test (or x and y), or a folder of SPLIT.npz with x and y"
    reads_tensors = True

    def recognises(self, path: Path) -> bool:
        return bool(_files(path))

    @contextmanager
    def open(self, path: Path, options: ImportOptions) -> Iterator[ImportSource]:
        files = _files(path)
        if not files:
            raise InputError(f"it has no .npz file; the npz importer reads {self.expects}", str(path))
        with ExitStack() as stack:
            arrays: dict[str, NpyArray] = {}
            for file in files:
                prefix = "" if path.is_file() else f"{file.stem}/"
                archive = stack.enter_context(_opened(file))
                arrays |= {prefix + name: array for name, array in _members(file, archive).items()}
            with _reading_archive(str(path)):
                yield source_of_arrays(path, arrays, "NumPy archives", options)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix == ".npz" else []
    return sorted(path.glob("*.npz")) if path.is_dir() else []


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    with reading(str(file)), _reading_archive(str(file)):
        archive = zipfile.ZipFile(file)
    with archive:
        yield archive


def _members(file: Path, archive: zipfile.ZipFile) -> dict[str, NpyArray]:
    """The arrays whose names say what they are; others are not looked at."""
    arrays = {}
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if place_of(name) is None:
            continue
        what = f"{file} array '{name}'"
        if member.flag_bits & 1 or member.compress_type not in _METHODS:
            raise InputError("it is encrypted or compressed in a way that NumPy does not write", what)
        if member.file_size > _MOST_EXPANSION * (member.compress_size + 1):
            raise InputError(f"it claims {member.file_size} bytes in {member.compress_size}", what)
        with _reading_archive(what):
            arrays[name] = NpyArray(what, member.file_size, partial(archive.open, member))
    return arrays


@contextmanager
def _reading_archive(what: str) -> Iterator[None]:
    """As ``reading``, for what archives raise."""
    try:
        yield
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise InputError(f"no whole NumPy archive ({reason(error)})", what) from None
