"""Where compiled numba kernels are kept between runs.

Numba's own cache looks only at the file of the outermost kernel, so an edit of an inner one would go unnoticed. Here
the cache folder carries a digest of every source that machine code is made of (``kernel_sources``): old machine code is
never run for new sources.
Numba asks for the folder where a kernel is declared, so ``simcore.kernels`` names it before any of its modules can be
imported; a module with cached kernels imports something of that package.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path

import numba

_PACKAGE = Path(__file__).parents[1]
_TAKES_FROM = re.compile(rf"^\s*from {_PACKAGE.name}\.([\w.]+) import".encode(), re.MULTILINE)


def set_cache_folder() -> None:
    """Point numba at ``cache_folder``, unless its own variable NUMBA_CACHE_DIR names another."""
    if not os.environ.get("NUMBA_CACHE_DIR"):
        numba.config.CACHE_DIR = str(cache_folder())


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/binsparx/kernels-DIGEST`` (default ~/.cache), or a temporary folder where that is read-only."""
    digest = hashlib.sha256()
    for source in kernel_sources():
        digest.update(source.read_bytes())
    name = f"kernels-{digest.hexdigest()[:16]}"
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "binsparx"
    try:
        (base / name).mkdir(parents=True, exist_ok=True)
        if os.access(base / name, os.W_OK):
            return base / name
    except OSError:
        pass
    return _private_temporary_folder() / name


def kernel_sources() -> list[Path]:
    """Sources that name numba, and those that they import from: a number of theirs is a constant of machine code."""
    found = set()
    for source in _PACKAGE.rglob("*.py"):
        text = source.read_bytes()
        if b"numba" in text:
            found.add(source)
            places = (_PACKAGE.joinpath(*name.decode().split(".")) for name in _TAKES_FROM.findall(text))
            found.update(place / "__init__.py" if place.is_dir() else place.with_suffix(".py") for place in places)
    return sorted(found)


def _private_temporary_folder() -> Path:
    """``TMPDIR/binsparx-UID``, or a fresh folder where that one may be another user's.

    Numba unpickles what it finds in its cache, and anybody may make a folder of a known name in /tmp: only a folder
    that this user owns and nobody else can write to is taken.
    """
    folder = Path(tempfile.gettempdir()) / f"binsparx-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()  # of a link, not of what it points at
    except OSError:
        return Path(tempfile.mkdtemp(prefix="binsparx-"))
    private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
    return folder if private else Path(tempfile.mkdtemp(prefix="binsparx-"))
