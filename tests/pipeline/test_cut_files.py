"""The making of every file and database cut at random: what is there is whole, the next run completes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.conftest import ROOT


def drill(folder: Path, rounds: int, seed: int) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "tests.pipeline.cut", str(folder), str(rounds), str(seed)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240 + 60 * rounds)
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"round"')]


@pytest.mark.slow
def test_two_cuts(tmp_path: Path) -> None:
    found = drill(tmp_path, 2, seed=5)
    assert [one["wrong"] for one in found] == [[]] * 3
    assert found[-1]["there"] == found[-1]["of"]


@pytest.mark.drill
def test_fifty_cuts(tmp_path: Path) -> None:
    found = drill(tmp_path, 50, seed=2026)
    assert [one["wrong"] for one in found] == [[]] * 51
    assert found[-1]["there"] == found[-1]["of"]
    assert len({one["there"] for one in found}) > 10  # the cuts were at many places
