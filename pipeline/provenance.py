"""Which code computed a result."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

PACK_FILE = "binsparx-pack.json"
"""Beside packed code: which code it was, and what the job is to do."""


@dataclass(frozen=True)
class Provenance:
    """The code that computes."""

    package_version: str
    git_commit: str


def find_provenance() -> Provenance:
    """The installed version, and the commit where the package runs from its own checkout or was packed from one."""
    pack = Path(__file__).resolve().parent.parent / PACK_FILE
    if pack.exists():
        about = json.loads(pack.read_text(encoding="utf-8"))
        return Provenance(str(about["package_version"]), str(about["git_commit"]))
    return Provenance(package_version(), _git_commit(Path(__file__).resolve().parent.parent))


def package_version() -> str:
    """The installed version of binsparx; empty where it is not installed."""
    try:
        return metadata.version("binsparx")
    except metadata.PackageNotFoundError:
        return ""


def _git_commit(root: Path) -> str:
    if not (root / ".git").exists():
        return ""
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return ""
    dirty = _git(root, "status", "--porcelain", "--untracked-files=no", "--", "simcore", "pipeline")
    return f"{commit}-dirty" if dirty else commit


def _git(root: Path, *arguments: str) -> str:
    try:
        command = ["git", "-C", str(root), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
