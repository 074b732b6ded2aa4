"""Drills as programs of their own: what their rounds found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.pipeline.conftest import ROOT


def run_rounds(program: str, folder: Path, rounds: int, seed: int, seconds: float) -> list[dict[str, object]]:
    """Every round of a module's drill, each of which may take so many ``seconds``."""
    command = [sys.executable, "-m", program, str(folder), str(rounds), str(seed)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240 + seconds * rounds)
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"round"')]
