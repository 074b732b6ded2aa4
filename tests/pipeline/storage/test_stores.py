"""Every kind of store keeps the contract of stores. S3 has a file of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.storage.store import Store, open_store
from tests.pipeline.storage.store_contract import StoreContract


class TestFolder(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return open_store(str(tmp_path / "results with a space"))


class TestFileUri(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return open_store(f"file://{tmp_path}/results")
