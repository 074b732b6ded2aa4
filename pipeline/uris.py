"""URIs as people and logs may see them."""

from __future__ import annotations

import re


def without_secret(text: str) -> str:
    """The text with user name and password taken out of every URI in it."""
    # A password may hold a slash, or an @ of its own: all up to the last @ goes. Without a host, as sqlite:////folder
    # and file:///folder are, there is no user either, and an @ is a part of the path.
    return re.sub(r"://(?!/)\S*@", "://", text)
