"""Shared by the pipeline tests: the stand-ins, one local Ray for all, and a way to steer the fake simulation."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # workers take over this path, and so find tests.pipeline.fake_inference

from tests.pipeline import fake_simcore  # noqa: E402
from tests.pipeline.fake_inference import CONTROL_VARIABLE  # noqa: E402


@pytest.fixture(scope="session")
def control_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file that the fake simulation reads at every call, in this process and in all workers."""
    path = tmp_path_factory.mktemp("control") / "control.json"
    os.environ[CONTROL_VARIABLE] = str(path)
    yield path
    os.environ.pop(CONTROL_VARIABLE, None)


@pytest.fixture
def control(control_file: Path) -> Iterator[Callable[..., None]]:
    """``control(fail=..., delay=..., calls=...)`` for the length of a test."""

    def set_control(**settings: Any) -> None:
        partial = control_file.with_suffix(".new")
        partial.write_text(json.dumps({name: str(v) if isinstance(v, Path) else v for name, v in settings.items()}))
        partial.replace(control_file)

    yield set_control
    control_file.unlink(missing_ok=True)


@pytest.fixture
def calls(tmp_path: Path, control: Callable[..., None]) -> Path:
    """A folder with one file for every call of the fake simulation."""
    folder = tmp_path / "calls"
    folder.mkdir()
    control(calls=folder)
    return folder


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-ins for networks, images and the simulation."""
    fake_simcore.install(monkeypatch.setattr)


@pytest.fixture(scope="session")
def ray_cluster(control_file: Path) -> Iterator[None]:
    """One local Ray with 2 CPUs for all tests of this process."""
    from pipeline.execution.cluster import ray_session

    with ray_session(None, threads=1):
        yield
