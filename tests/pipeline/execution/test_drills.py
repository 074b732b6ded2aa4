"""Workers, raylets and the driver killed at random on a cluster of several raylets: every round ends, nothing is lost,
nothing is counted twice, and no byte of the tables tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.rounds import run_rounds


def drill(folder: Path, rounds: int, seed: int) -> list[dict[str, object]]:
    return run_rounds("tests.pipeline.drill", folder, rounds, seed, 180)


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
