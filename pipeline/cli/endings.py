"""What ended a command early, in lines for people and an exit code."""

from __future__ import annotations

import sys
import tempfile
import traceback
from typing import Any, TextIO

import typer

from pipeline.errors import NO_ROOM, DiskFull, describe_full_disk
from pipeline.uris import safe_line, without_secret
from simcore.errors import BinsparxError, is_wrong_path, nearest_name

INTERRUPTED = 130
_FAILED = 1
_BAD_INPUT = 2
# What a command line is not like; Typer gives no public name to the class, which is click's or its own copy.
_UsageError = typer.BadParameter.__mro__[1]


def explain_end(error: BaseException) -> tuple[list[str], int]:
    """The lines that tell of an error, and the exit code.

    What nobody foresaw is one line as well: its traceback goes into a file, for a report.
    """
    if isinstance(error, BinsparxError):
        return str(error).splitlines() or [type(error).__name__], error.exit_code
    if isinstance(error, _UsageError):
        return _usage_lines(error), _BAD_INPUT
    if isinstance(error, KeyboardInterrupt):
        return ["interrupted"], INTERRUPTED
    if isinstance(error, MemoryError):
        return ["there is not enough memory for this"], _FAILED
    if isinstance(error, OSError):  # a storage or a server that is away, requests' errors among them
        return [_system_line(error)], _BAD_INPUT if is_wrong_path(error) else _FAILED
    if type(error).__module__ == "pyarrow.lib":
        return [safe_line(error)], _BAD_INPUT
    return [f"unforeseen: {type(error).__name__}: {safe_line(error)} (please report it: {_kept(error)})"], _FAILED


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """In place of ``warnings.showwarning``: one line, without the place in the program."""
    print(f"warning: {safe_line(message)}", file=file or sys.stderr)


def _usage_lines(error: Any) -> list[str]:
    """One line: what is wrong with the command line, the nearest option, and the help that tells of them.

    Nothing where a group was called without a command: its help has been printed.
    """
    if type(error).__name__ == "NoArgsIsHelpError":
        return []
    text, wrong = error.message, getattr(error, "option_name", "").lstrip("-")
    if not hasattr(error, "possibilities"):  # of an option: the line has the nearest of all
        text = error.format_message()
    text = f"{text[:1].lower()}{text[1:].rstrip('.')}".replace(". Did you mean", "; did you mean")
    if error.ctx is None:
        return [text]
    options = [option for parameter in error.ctx.command.params for option in parameter.opts if option[:2] == "--"]
    nearest = nearest_name(wrong, [option[2:] for option in options]) if wrong else None
    hint = f"; did you mean '--{nearest}'?" if nearest and nearest != wrong else ""
    return [f"{text}{hint} (see: {error.ctx.command_path} --help)"]


def _system_line(error: OSError) -> str:
    if error.errno in NO_ROOM:
        return without_secret(str(DiskFull(describe_full_disk(error))))
    reason = without_secret(error.strerror) if error.filename and error.strerror else safe_line(error)
    return without_secret(f"{error.filename}: {reason}" if error.filename and error.strerror else reason)


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
