"""URIs as people and logs may see them."""

from __future__ import annotations

import re

from simcore.errors import one_line

# After s3:// and such, a name without a colon or an @ is a bucket, and an @ behind it a part of the path; not so in
# options, which may name a server with its user.
_IN_BUCKET = r"(?:(?<=s3://)|(?<=gs://)|(?<=gcs://))[^\s/:@]+/[^\s?]*(?:\?[^\s@]*)?(?!\S)"
_USER = re.compile(rf"://(?!/|{_IN_BUCKET})\S*@")
# Options of a URI, or of the ODBC connection that one of them may be: "...;PWD={one word or two};...".
_SECRET_NAMES = "passw|passphrase|pwd|token|secret|credential|access_?key|api_?key|odbc_connect"
_VALUE = r"(?:\{[^}]*\}|[^\s&])*"
_SECRET_OPTION = re.compile(rf"([?&;] *[^\s=&;?]*(?:{_SECRET_NAMES})[^\s=&;?]*=)({_VALUE})", re.IGNORECASE)


def without_secret(text: str) -> str:
    """The text without the user name, the password and the values of secret options of every URI in it."""
    # A password may hold a slash, or an @ of its own: all up to the last @ goes. Without a host, as sqlite:////folder
    # and file:///folder are, there is no user either, and an @ is a part of the path.
    # What looks like an option may be a part of such a password, "user:a?token=b@host": its @ stays, to be the end.
    text = _SECRET_OPTION.sub(lambda found: found[1] + ("@" if "@" in found[2] else ""), text)
    return _USER.sub("://", text)


def safe_line(text: object) -> str:
    """What an error says, on one line and without secrets."""
    return without_secret(one_line(text))
