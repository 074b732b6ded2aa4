"""Fits the pages, which are written to be read in the repository, to the site."""

from __future__ import annotations

import re
from typing import Any

from mkdocs.structure.pages import Page


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Links to files of the repository become their paths: the site does not hold them.

    The words after a fence's language, which tell the tests how to run an example, are left out.
    """
    up = re.escape("../" * (page.file.src_uri.count("/") + 1))  # from the page's folder out of docs
    outside = re.compile(rf"(?<!!)\[([^\]]+)\]\({up}([^)]+)\)")
    text = outside.sub(
        lambda match: match[1] if match[1].strip("`") == match[2] else f"{match[1]} (`{match[2]}`)", markdown
    )
    return re.sub(r"^```(python|yaml|sh) \w+$", r"```\1", text, flags=re.MULTILINE)
