"""Workers, raylets and the driver killed at random on a cluster of several raylets: every round ends, nothing is lost,
nothing is counted twice, and no byte of the tables tells."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.conftest import ROOT


def drill(folder: Path, rounds: int, seed: int) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "tests.pipeline.drill", str(folder), str(rounds), str(seed)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240 + 180 * rounds)
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"round"')]


@pytest.mark.slow
def test_a_short_drill(tmp_path: Path) -> None:
    (found,) = drill(tmp_path, 1, seed=3)
    assert found["same"] and found["killed"]


@pytest.mark.drill
def test_twenty_rounds(tmp_path: Path) -> None:
    found = drill(tmp_path, 20, seed=2026)
    assert [one["same"] for one in found] == [True] * 20
    kinds = {kind for one in found for kind in one["killed"]}  # type: ignore[attr-defined]
    assert {"worker", "raylet", "driver"} <= kinds
