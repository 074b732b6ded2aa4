"""Commands of this program as they are typed, for messages that say what to do next."""

from __future__ import annotations

import shlex

from pipeline.uris import without_secret


def command(*words: str, **options: str | None) -> str:
    """A command that a shell takes as it is meant, without user names and passwords.

    >>> command("track", "my sweep.yaml", results=None, tracking_uri="http://mlflow:5000")
    "binsparx track 'my sweep.yaml' --tracking-uri http://mlflow:5000"

    Args:
        words: what stands before the options.
        options: their values; one that is None or empty is left out.
    """
    given = [(f"--{name.replace('_', '-')}", without_secret(value)) for name, value in options.items() if value]
    return shlex.join(["binsparx", *words, *(word for option in given for word in option)])
