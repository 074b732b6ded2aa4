"""Paths as people write them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from simcore.errors import InputError


def expand_home(path: str | Path, where: str = "") -> Path:
    """The path with ``~`` and ``~USER`` replaced by the home folder.

    Args:
        path: as it was written.
        where: the place it was read from, for the error message.

    Raises:
        InputError: no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InputError(f"there is no home folder '{Path(path).parts[0]}'", where) from None


def check_folder(folder: Path, where: str) -> None:
    """Looks whether files can be written into a folder, which may be yet to be made.

    Args:
        folder: to write into.
        where: the option or field that named it, for the error message.

    Raises:
        InputError: they cannot be.
    """
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    try:
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        raise InputError(f"nothing can be written into '{nearest}': {error.strerror}", where) from None
