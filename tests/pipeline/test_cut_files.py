"""The making of every file and database cut at random: what is there is whole, the next run completes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.rounds import run_rounds


def drill(folder: Path, rounds: int, seed: int) -> list[dict[str, object]]:
    return run_rounds("tests.pipeline.cut", folder, rounds, seed, 60)


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
