"""What ended a command early, in lines for people and an exit code."""

from __future__ import annotations

import errno
import sys
import tempfile
import traceback
from typing import TextIO

from pipeline.errors import NO_ROOM, DiskFull, describe_full_disk
from pipeline.uris import without_secret
from simcore.errors import BinsparxError

_INTERRUPTED = 130
_FAILED = 1
_BAD_INPUT = 2
_NOT_THE_INPUT = (*NO_ROOM, errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE)


def explain_end(error: BaseException) -> tuple[list[str], int]:
    """The lines that tell of an error, and the exit code.

    What nobody foresaw is one line as well: its traceback goes into a file, for a report.
    """
    if isinstance(error, BinsparxError):
        return str(error).splitlines() or [type(error).__name__], error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return ["interrupted"], _INTERRUPTED
    if isinstance(error, MemoryError):
        return ["there is not enough memory for this"], _FAILED
    if isinstance(error, OSError):  # a storage or a server that is away, requests' errors among them
        return [_system_line(error)], _FAILED if error.errno in _NOT_THE_INPUT else _BAD_INPUT
    if type(error).__module__ == "pyarrow.lib":
        return [_one_line(error)], _BAD_INPUT
    return [f"unforeseen: {type(error).__name__}: {_one_line(error)} (please report it: {_kept(error)})"], _FAILED


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """In place of ``warnings.showwarning``: one line, without the place in the program."""
    print(f"warning: {without_secret(' '.join(str(message).split()))}", file=file or sys.stderr)


def _system_line(error: OSError) -> str:
    if error.errno in NO_ROOM:
        return without_secret(str(DiskFull(describe_full_disk(error))))
    reason = without_secret(error.strerror) if error.filename and error.strerror else _one_line(error)
    return without_secret(f"{error.filename}: {reason}" if error.filename and error.strerror else reason)


def _one_line(error: BaseException) -> str:
    return without_secret(" ".join(str(error).split()))


def _kept(error: BaseException) -> str:
    """The traceback, in a file where there is room for one."""
    text = without_secret("".join(traceback.format_exception(error)))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="binsparx-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
            return f"details in {file.name}"
    except OSError:
        return f"at {' < '.join(text.splitlines()[-4:-1])}"
