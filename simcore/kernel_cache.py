"""Where compiled numba kernels are kept between runs.

Numba's own cache looks only at the file of the outermost kernel, so an edit of an inner one would go unnoticed. Here
the cache folder carries a digest of every source that names numba: old machine code is never run for new sources.
Import this module before the first ``numba.njit(cache=True)``.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import numba

_PACKAGE = Path(__file__).parent


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/binsparx/kernels-DIGEST`` (default ~/.cache), or a temporary folder where that is read-only."""
    digest = hashlib.sha256()
    for source in sorted(_PACKAGE.rglob("*.py")):
        text = source.read_bytes()
        if b"numba" in text:
            digest.update(text)
    name = f"kernels-{digest.hexdigest()[:16]}"
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "binsparx"
    try:
        (base / name).mkdir(parents=True, exist_ok=True)
        if os.access(base / name, os.W_OK):
            return base / name
    except OSError:
        pass
    return Path(tempfile.gettempdir()) / f"binsparx-{os.getuid()}" / name


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = str(cache_folder())
