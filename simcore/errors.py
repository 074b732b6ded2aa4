"""Errors a person can act on: what is wrong, where, and what was expected."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Mapping
from typing import Any


class BinsparxError(Exception):
    """Base of every error raised on purpose by binsparx; the command line prints it as one line."""

    exit_code = 1


class InputError(BinsparxError):
    """Something a user supplied cannot be used: a sweep file, a name, a number, a shard, a checkpoint.

    Args:
        message: what is wrong and what was expected, in one sentence.
        where: the place to look, for example ``quickstart.yaml:12 devices[0].name``.
    """

    exit_code = 2

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.message = message
        self.where = where

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str]]:
        # Exceptions travel between processes by their arguments; the default would pass only the joined text.
        return type(self), (self.message, self.where)


class ConditionError(ValueError):
    """What a device effect knows does not hold under a condition.

    Args:
        field: of the design that has the condition.
        message: what does not hold, in one sentence.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def one_line(text: object) -> str:
    """What an error of somebody else's says, without its line breaks."""
    return " ".join(str(text).split())


_WRONG_PATHS = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError)


def is_wrong_path(error: OSError) -> bool:
    """Whether a path is to blame, and with it who named it; else the machine: a full disk, a server that is away."""
    return isinstance(error, _WRONG_PATHS) or error.errno == errno.ENAMETOOLONG


MOST_LISTED = 24
"""Names that a message lists: what still can be read. A judgement."""
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def broken_bound(kind: str, context: Mapping[str, Any]) -> str | None:
    """``expected more than 0``, of what pydantic calls ``greater_than``; None of what is no bound."""
    if kind not in _BOUNDS:
        return None
    bound, words = _BOUNDS[kind]
    return f"expected {words} {context[bound]:g}"


def nearest_name(name: str, choices: Iterable[str]) -> str | None:
    """The choice most like ``name`` (case ignored), or None where nothing is close."""
    by_folded = {choice.casefold(): choice for choice in choices}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.5)
    return by_folded[close[0]] if close else None


def unknown_name(kind: str, name: str, choices: Iterable[str], where: str = "") -> InputError:
    """An InputError for a name that is not among ``choices``, offering the nearest one and listing all, or of very
    many those most like it."""
    known = sorted(choices)
    nearest = nearest_name(name, known)
    hint = f"; did you mean '{nearest}'?" if nearest else ""
    listed = f"known: {', '.join(known)}"
    if len(known) > MOST_LISTED:
        alike = sorted(difflib.get_close_matches(name, known, n=MOST_LISTED, cutoff=0.0))
        listed = f"of {len(known)} known ones the most alike: {', '.join(alike)}"
    return InputError(f"unknown {kind} '{name}'{hint} ({listed})", where)
