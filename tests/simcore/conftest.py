"""Shared by the simulation tests: a small network and images for it."""

from __future__ import annotations

import pytest

from tests.simcore.small_networks import small_checkpoint, small_dataset


@pytest.fixture(scope="session")
def checkpoint():
    return small_checkpoint()


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    return small_dataset(tmp_path_factory.mktemp("small"))
