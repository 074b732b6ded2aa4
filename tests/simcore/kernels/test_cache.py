"""Where compiled kernels are kept: never where another user could have put something to unpickle."""

from __future__ import annotations

import ast
import importlib
import numbers
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import simcore
from simcore.kernels import cache as kernel_cache

PACKAGE = Path(simcore.__file__).parent


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


def imported(source: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of all that a source imports from this package."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "simcore":
            yield from ((str(node.module), alias.name) for alias in node.names)


def origin(module: str, name: str) -> Path:
    """The source that gives a name its value, however many hand it on."""
    source = Path(str(importlib.import_module(module).__file__))
    handed_on = {name: module for module, name in imported(source)}
    return origin(handed_on[name], name) if name in handed_on else source


def test_every_number_that_kernels_take_from_elsewhere_is_of_a_source_in_the_digest() -> None:
    """It is a constant of their machine code: after an edit of it the old code must not run."""
    hashed, taken = set(kernel_cache.kernel_sources()), set()
    for kernel in (source for source in PACKAGE.rglob("*.py") if "numba" in source.read_text()):
        for module, name in imported(kernel):
            value = getattr(importlib.import_module(module), name, None)
            if isinstance(value, numbers.Number):
                taken.add(name)
                assert origin(module, name) in hashed, f"{kernel.name}: {name}"
    assert {"ERRORS_A_LSB", "CURRENTS_A_LSB", "LANES"} <= taken
