"""Fits the pages, which are written to be read in the repository, to the site."""

from __future__ import annotations

import re
from typing import Any

_OUTSIDE = re.compile(r"(?<!!)\[([^\]]+)\]\(\.\./([^)]+)\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to files of the repository become their paths: the site does not hold them.

    The words after a fence's language, which tell the tests how to run an example, are left out.
    """
    text = _OUTSIDE.sub(
        lambda match: match[1] if match[1].strip("`") == match[2] else f"{match[1]} (`{match[2]}`)", markdown
    )
    return re.sub(r"^```(python|yaml|sh) \w+$", r"```\1", text, flags=re.MULTILINE)
