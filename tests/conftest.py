"""Settings for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

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
    "simcore.effects",
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


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small tensors lose more time in waiting for a second thread than it saves."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
