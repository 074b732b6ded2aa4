"""A run from plan to tables on a stand-in for Ray: what it says and keeps when something goes wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipeline.errors import Interrupted
from pipeline.runner import RunOptions, RunResult, run_sweep
from tests.pipeline import fake_ray
from tests.pipeline.fake_simcore import write_sweep

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture(autouse=True)
def ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of a real one; tasks run in this process."""
    fake_ray.install(monkeypatch)


def run(folder: Path, said: io.StringIO | None = None, only: str | None = None, **changes: Any) -> RunResult:
    options = RunOptions(results=str(folder / "results"), only=only, max_failures=changes.pop("max_failures", None))
    return run_sweep(write_sweep(folder, **changes), options, Console(file=said or io.StringIO()))


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["aggregate", "run_race", "_write"])
def test_an_interruption_beside_the_tasks_says_that_their_work_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(f"pipeline.runner.{where}", interrupt)
    with pytest.raises(Interrupted, match="^interrupted; all finished tasks are kept, go on with: binsparx run "):
        run(tmp_path, strategy="racing")


def test_an_interruption_of_the_planning_says_that_nothing_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.runner.make_plan", interrupt)
    with pytest.raises(Interrupted, match="before any work began"):
        run(tmp_path)
    assert not (tmp_path / "results").exists()
