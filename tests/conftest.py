"""Settings for all tests."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

# In these modules the shapes and types that functions and dataclasses declare are checked at every call. A module with
# compiled functions (numba) cannot be among them, nor one that imports a type for the type checker alone.
SHAPES_CHECKED = [
    "pipeline.front.intervals",
    "pipeline.front.pareto",
    "pipeline.front.significance",
    "simcore.analysis.partial_sums",
    "simcore.cost",
    "simcore.mapping.row_groups",
    "simcore.mitigation",
    "simcore.network.checkpoint",
    "simcore.network.definitions",
    "simcore.network.graph",
    "simcore.network.operations",
    "simcore.readout.adc",
    "simcore.technology",
]
# A whole number is a float too.
install_import_hook(SHAPES_CHECKED, "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

# Continuous integration draws the same cases every time; elsewhere every run draws new ones and finds what is left.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Of several processes (``-n 2``) one runs all files that need a Ray, which starts once; every other file runs in
    one of them, so that what is made for a file is made once."""
    from xdist.scheduler import LoadFileScheduling

    class OneRay(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _ray_or_file(str(config.rootpath / super()._split_scope(nodeid)))

    return OneRay(config, log)


@functools.cache
def _ray_or_file(path: str) -> str:
    return "ray" if "ray_cluster" in Path(path).read_text(encoding="utf-8") else path


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small tensors lose more time in waiting for a second thread than it saves."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
