"""Outcomes of a sweep that end a command early; bad input is ``simcore.errors.InputError``."""

from __future__ import annotations

from simcore.errors import BinsparxError


class Interrupted(BinsparxError):
    """The user stopped the sweep; what is finished is kept, and the same command goes on from there."""

    exit_code = 130


class PointsFailed(BinsparxError):
    """The sweep ended, but some design points could not be computed."""

    exit_code = 1
