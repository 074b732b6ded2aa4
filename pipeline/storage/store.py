"""Files under a results URI: read, listed, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, TypeVar

import pyarrow as pa
from pyarrow import fs

from pipeline.uris import without_secret
from simcore.errors import InputError, one_line
from simcore.paths import expand_home

PARTIAL_FOLDER = ".partial"
SET_ASIDE_FOLDER = "set_aside"
_DRAFT_NAME = re.compile(r"((\d+|probe)-)?[0-9a-f]{32}(-journal)?")
_ABANDONED_AFTER = timedelta(days=2)
_PIECE_BYTES = 8 << 20
_REQUESTS_AT_ONCE = 16
_Result = TypeVar("_Result")


class Store:
    """A folder on a pyarrow filesystem (local, S3, GCS); paths are relative, with forward slashes.

    A put is atomic: on a local disk by writing under another name and renaming, on object stores because an object
    appears only when its upload is complete. Two writers of one path therefore never mix.
    """

    def __init__(self, uri: str) -> None:
        """Opens without writing.

        Raises:
            InputError: not a path, or a URI that pyarrow cannot open.
        """
        self.uri = without_secret(uri)  # what people and logs may see
        self.absolute_uri = uri  # means the same to a worker, whatever its working folder
        self.local: Path | None = None
        try:
            if re.match(r"^[a-zA-Z][a-zA-Z0-9+.-]+://", uri):
                self._fs, self._root = fs.FileSystem.from_uri(uri)
            else:
                folder = expand_home(uri, f"the results folder '{uri}'")
                self._fs, self._root = fs.LocalFileSystem(), str(folder.absolute())
                self.absolute_uri = self._root
        except (pa.ArrowException, OSError, ValueError) as error:
            raise InputError(f"cannot open the results folder '{self.uri}': {without_secret(_reason(error))}") from None
        if isinstance(self._fs, fs.LocalFileSystem):
            self.local = Path(self._root)

    def ensure_writable(self) -> None:
        """Makes the folder, tries to write in it, and removes what writers that were killed left half-written.

        Raises:
            InputError: the folder cannot be written.
        """
        try:
            self._fs.create_dir(self._root, recursive=True)
            probe = f"{PARTIAL_FOLDER}/probe-{uuid.uuid4().hex}"
            self.put(probe, b"")
            self._fs.delete_file(self._path(probe))
        except OSError as error:
            raise InputError(
                f"the results folder '{self.uri}' is not writable: {without_secret(_reason(error))}"
            ) from None
        self._remove_abandoned()

    def _remove_abandoned(self) -> None:
        """Deletes drafts that nobody has written to for ``_ABANDONED_AFTER``, whatever machine their writer ran on."""
        latest = datetime.now(UTC) - _ABANDONED_AFTER
        selector = fs.FileSelector(self._path(PARTIAL_FOLDER), allow_not_found=True)
        # What cannot be listed or deleted, another user's file perhaps, is in nobody's way.
        with contextlib.suppress(OSError):
            for info in self._fs.get_file_info(selector):
                draft = info.type == fs.FileType.File and _DRAFT_NAME.fullmatch(info.base_name)
                if draft and info.mtime is not None and info.mtime < latest:
                    with contextlib.suppress(OSError):
                        self._fs.delete_file(info.path)

    def read(self, path: str) -> bytes | None:
        """The content of a file, or None where there is none."""
        try:
            with self._fs.open_input_stream(self._path(path)) as stream:
                data: bytes = stream.readall()
                return data
        except FileNotFoundError:
            return None

    def read_all(self, paths: Iterable[str]) -> list[bytes | None]:
        """As ``read``, of several files, which must fit into memory together."""
        return self._each(self.read, paths)

    def delete(self, paths: Iterable[str]) -> None:
        """Deletes files; one that is gone already is well.

        Raises:
            OSError: the store is away, or nothing may be deleted there.
        """
        self._each(self._delete, paths)

    def _delete(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._fs.delete_file(self._path(path))

    def _each(self, act: Callable[[str], _Result], paths: Iterable[str]) -> list[_Result]:
        """One file after the other on a disk; an object store answers late, so several at a time."""
        if self.local is not None:
            return [act(path) for path in paths]
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            return list(pool.map(act, paths))

    def put(self, path: str, data: bytes, synced: bool = True) -> None:
        """Writes a file whole; an existing one is replaced.

        Args:
            synced: wait until a local disk has it. A record carries its digest: one that a power cut tears is seen.

        Raises:
            OSError: the disk is full, the store is away, or nothing may be written there.
        """
        if self.local is None:
            with self._fs.open_output_stream(self._path(path)) as stream:
                stream.write(data)
            return
        with self._draft_of(path) as partial, _open_new(partial) as file:
            file.write(data)
            file.flush()
            if synced:
                os.fsync(file.fileno())

    def put_file(self, path: str, file: Path) -> None:
        """As ``put``, from a file of this machine, however large."""
        if self.local is not None:
            with self._draft_of(path) as partial, _open_new(partial) as target, open(file, "rb") as source:
                shutil.copyfileobj(source, target)
                target.flush()
                os.fsync(target.fileno())
            return
        # An upload of several parts may end half-way, a copy inside the store does not.
        draft = self._path(f"{PARTIAL_FOLDER}/{uuid.uuid4().hex}")
        with open(file, "rb") as source, self._fs.open_output_stream(draft) as stream:
            while piece := source.read(_PIECE_BYTES):
                stream.write(piece)
        self._fs.copy_file(draft, self._path(path))
        self._fs.delete_file(draft)

    @contextlib.contextmanager
    def _draft_of(self, path: str) -> Iterator[Path]:
        """A new name on this machine's disk for the content of ``path``, which it becomes when the block ends well."""
        partial = Path(self._path(f"{PARTIAL_FOLDER}/{os.getpid()}-{uuid.uuid4().hex}"))
        try:
            with naming(self.display(path)):
                yield partial
                _replace(partial, self._path(path))
        finally:
            partial.unlink(missing_ok=True)

    def list(self, folder: str) -> list[tuple[str, int]]:
        """All files below a folder as (path, bytes), sorted; empty where there is no such folder."""
        selector = fs.FileSelector(self._path(folder), recursive=True, allow_not_found=True)
        start = len(self._root.rstrip("/")) + 1
        files = [info for info in self._fs.get_file_info(selector) if info.type == fs.FileType.File]
        return sorted((info.path[start:], int(info.size or 0)) for info in files)

    def set_aside(self, path: str) -> str:
        """Moves a file that cannot be trusted out of the way and returns where it went.

        Raises:
            FileNotFoundError: another run was faster.
        """
        if self._fs.get_file_info(self._path(path)).type == fs.FileType.NotFound:  # on S3 a plain OSError otherwise
            raise FileNotFoundError(path)
        target = f"{SET_ASIDE_FOLDER}/{path.replace('/', '_')}.{uuid.uuid4().hex[:8]}"
        self._fs.create_dir(self._path(SET_ASIDE_FOLDER), recursive=True)
        self._fs.move(self._path(path), self._path(target))
        return target

    def display(self, path: str) -> str:
        """A path as people can use it."""
        base, mark, options = self.uri.partition("?") if "://" in self.uri else (self.uri, "", "")
        return f"{base.rstrip('/')}/{path}{mark}{options}"

    def local_path(self, path: str) -> Path | None:
        """The file on this machine's disk, or None where the store is elsewhere."""
        return self.local / path if self.local is not None else None

    def _path(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}"


@contextlib.contextmanager
def naming(path: str) -> Iterator[None]:
    """Gives every OSError of the block the path that people know: a full disk names none by itself."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, _reason(error), path) from error


def _open_new(path: Path) -> BinaryIO:
    try:
        return open(path, "wb")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "wb")


def _replace(source: Path, target: str) -> None:
    try:
        os.replace(source, target)
    except FileNotFoundError:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, target)


@lru_cache(maxsize=8)
def open_store(uri: str) -> Store:
    """The store of a URI; workers open it once and keep it."""
    return Store(uri)


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return one_line(error)
