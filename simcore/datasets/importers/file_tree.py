"""Named files in a folder or inside a tar archive, read the same way and never unpacked to disk."""

from __future__ import annotations

import tarfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from simcore.datasets.importers.base import reading
from simcore.errors import InputError

_AT_ONCE = 2**20


class FileTree(ABC):
    """Regular files by their path relative to the tree's root."""

    def __init__(self, label: str) -> None:
        self.label = label

    @abstractmethod
    def size(self, name: str) -> int | None:
        """Size of a file in bytes, None where the tree has no such file."""

    @abstractmethod
    def open(self, name: str) -> IO[bytes]:
        """Open a file of the tree; raises InputError where there is none."""

    def find(self, base_names: tuple[str, ...], folders: tuple[str, ...] = ("",)) -> str | None:
        """The first path among all ``folders`` x ``base_names`` that exists."""
        paths = (folder + base_name for folder in folders for base_name in base_names)
        return next((path for path in paths if self.size(path) is not None), None)

    def read(self, name: str, max_bytes: int) -> bytes:
        """A whole file.

        Raises:
            InputError: it is missing, unreadable or larger than ``max_bytes``.
        """
        with reading(self.describe(name)), self.open(name) as file:
            data = file.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise InputError(f"{self.describe(name)} is larger than the {max_bytes} bytes it may have")
        return data

    def describe(self, name: str) -> str:
        return f"{self.label}/{name}"


class FolderTree(FileTree):
    """A folder on disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self._folder = folder

    def size(self, name: str) -> int | None:
        path = self._folder / name
        return path.stat().st_size if path.is_file() else None

    def open(self, name: str) -> IO[bytes]:
        with reading(self.describe(name)):
            return (self._folder / name).open("rb")


class TarTree(FileTree):
    """A tar archive, compressed or not. An archive that tries to leave its own root is refused as a whole."""

    def __init__(self, label: str, archive: tarfile.TarFile) -> None:
        super().__init__(label)
        self._archive = archive
        with reading(label):
            members = archive.getmembers()
            while archive.fileobj is not None and archive.fileobj.read(_AT_ONCE):
                pass  # to the end, where what compresses an archive has its checksum
        self._members = {_safe_name(member, label): member for member in members}

    def size(self, name: str) -> int | None:
        member = self._members.get(name)
        return member.size if member is not None and member.isreg() else None

    def open(self, name: str) -> IO[bytes]:
        member = self._members.get(name)
        file = None
        if member is not None and member.isreg():
            with reading(self.describe(name)):
                file = self._archive.extractfile(member)
        if file is None:
            raise InputError(f"{self.label} has no regular file {name}")
        return file


def _safe_name(member: tarfile.TarInfo, label: str) -> str:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{label} has a member that leaves the archive ('{member.name}'); it is not read")
    return str(path)


@contextmanager
def open_tree(path: Path) -> Iterator[FileTree]:
    """The folder or tar archive at ``path``.

    Raises:
        InputError: ``path`` is neither.
    """
    if path.is_dir():
        yield FolderTree(path)
        return
    with reading(f"archive {path}"):
        archive = tarfile.open(path, "r:*")
    with archive:
        yield TarTree(str(path), archive)


def first_members(path: Path, count: int = 8) -> list[str]:
    """Names of the first members of a tar archive, none where ``path`` is no such archive; reads only its start."""
    names: list[str] = []
    try:
        with reading(str(path)), tarfile.open(path, "r:*") as archive:
            while len(names) < count and (member := archive.next()) is not None:
                names.append(str(PurePosixPath(member.name)))
    except (InputError, ValueError):
        return names
    return names
