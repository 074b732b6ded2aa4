"""Outcomes of a sweep that end a command early; bad input is ``simcore.errors.InputError``."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path

from simcore.errors import BinsparxError, InputError, one_line

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_FULL_BYTES = 1 << 20


class Interrupted(BinsparxError):
    """The user stopped the sweep; what is finished is kept, and the same command goes on from there."""

    exit_code = 130


class PointsFailed(BinsparxError):
    """The sweep ended, but some design points could not be computed."""

    exit_code = 1


class RayNotStarted(BinsparxError):
    """No Ray came up on this machine: nothing is wrong with the input."""

    exit_code = 1


class ResultsNotShared(InputError):
    """A worker writes its results where the driver does not read: all that it computes would be lost."""


class DiskFull(BinsparxError):
    """There is no room for results: what is finished is kept, and trying again would take as long and fail the same.

    Args:
        found: what ``describe_full_disk`` says.
    """

    exit_code = 1

    def __init__(self, found: str) -> None:
        super().__init__(f"{found}; what is finished is kept, the same command goes on when there is room")


def describe_full_disk(error: OSError) -> str:
    """``PATH: No space left on device``; where the error names no path, the usual folders that lie on a full disk."""
    reason = error.strerror or one_line(error)
    if error.filename:
        return f"{error.filename}: {reason}"
    full = _full_places()
    return f"{reason} (full: {', '.join(full)})" if full else reason


def _full_places() -> list[str]:
    """Of the folders that a command writes to without being told, those on a full disk."""
    places = [os.getcwd(), tempfile.gettempdir(), str(Path.home())]
    return [place for place in dict.fromkeys(places) if shutil.disk_usage(place).free < _FULL_BYTES]
