"""URIs as people and logs may see them."""

from __future__ import annotations

import re

# After s3:// and such, a name without a colon or an @ is a bucket, and an @ behind it a part of the path; not so in
# options, which may name a server with its user.
_IN_BUCKET = r"(?:(?<=s3://)|(?<=gs://)|(?<=gcs://))[^\s/:@]+/[^\s?]*(?:\?[^\s@]*)?(?!\S)"
_USER = re.compile(rf"://(?!/|{_IN_BUCKET})\S*@")


def without_secret(text: str) -> str:
    """The text with user name and password taken out of every URI in it."""
    # A password may hold a slash, or an @ of its own: all up to the last @ goes. Without a host, as sqlite:////folder
    # and file:///folder are, there is no user either, and an @ is a part of the path.
    return _USER.sub("://", text)
