"""Where compiled kernels are kept: never where another user could have put something to unpickle."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simcore.kernels import cache as kernel_cache


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of a machine whose home cannot be written to."""
    (tmp_path / "home").write_text("a file: no folder can be made below it")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(kernel_cache.tempfile, "tempdir", str(tmp_path))
    return tmp_path / f"binsparx-{os.getuid()}"


def test_the_temporary_folder_is_the_users_alone_and_stays_the_same(temporary: Path) -> None:
    folder = kernel_cache.cache_folder()
    assert folder.parent == temporary and temporary.stat().st_mode & 0o777 == 0o700
    assert kernel_cache.cache_folder() == folder


def make_link(path: Path) -> None:
    (path.parent / "elsewhere").mkdir()
    path.symlink_to(path.parent / "elsewhere")


def make_open(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


@pytest.mark.parametrize("prepare", [make_link, make_open, Path.touch])
def test_a_folder_that_others_could_have_filled_is_not_used(temporary: Path, prepare) -> None:
    prepare(temporary)
    folder = kernel_cache.cache_folder()
    assert temporary not in folder.parents and folder.parent.stat().st_mode & 0o777 == 0o700


def test_another_users_folder_is_not_used(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary.mkdir(mode=0o700)
    owner = os.getuid()
    name = temporary.name
    monkeypatch.setattr(kernel_cache.os, "getuid", lambda: owner + 1)
    temporary.rename(temporary.with_name(name := f"binsparx-{owner + 1}"))
    assert kernel_cache.cache_folder().parent.name != name
