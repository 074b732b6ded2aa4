"""The ar format of Debian packages (deb(5)): a magic line, then members with a 60-byte text header each."""

from __future__ import annotations

from pathlib import Path

from simcore.datasets.importers.base import reading
from simcore.errors import InputError

_MAGIC = b"!<arch>\n"
_HEADER_BYTES = 60
_HEADER_END = b"`\n"


def read_ar_member(path: Path, prefix: str) -> tuple[str, bytes]:
    """Name and bytes of the first member whose name begins with ``prefix``.

    Raises:
        InputError: no ar archive, truncated, or without such a member.
    """
    with reading(str(path)), path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise InputError(f"{path} is no Debian package")
        while header := file.read(_HEADER_BYTES):
            name, size = _parse_header(header, path)
            if name.startswith(prefix):
                # Asks for no more than the file has, whatever the header claims.
                data = file.read(min(size, path.stat().st_size))
                if len(data) != size:
                    raise InputError(f"{path} is truncated: member {name} is incomplete")
                return name, data
            # Members begin at even positions.
            file.seek(size + size % 2, 1)
    raise InputError(f"{path} has no member {prefix}*; is it a complete Debian package?")


def _parse_header(header: bytes, path: Path) -> tuple[str, int]:
    size_field = header[48:58].strip()
    if len(header) != _HEADER_BYTES or header[58:60] != _HEADER_END or not size_field.isdigit():
        raise InputError(f"{path} is truncated or damaged: an ar header is not valid")
    return header[:16].decode("ascii", "replace").rstrip(" /"), int(size_field)
