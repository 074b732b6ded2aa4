"""Settings of the tests of networks."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _small_networks(one_thread: None) -> None:
    pass
