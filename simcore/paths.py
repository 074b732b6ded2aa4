"""Paths as people write them."""

from __future__ import annotations

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
