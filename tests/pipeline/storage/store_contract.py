"""What every store must keep, wherever it is: a file of tests that gives it a ``store`` has them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.storage.store import PARTIAL_FOLDER, Store


class StoreContract:
    """Tests of a writable ``store`` without any file."""

    def test_what_was_put_is_read_and_listed(self, store: Store) -> None:
        store.put("designs/ab/one", b"first")
        store.put("designs/cd/two", b"second!", synced=False)
        assert store.read("designs/ab/one") == b"first"
        assert store.list("designs") == [("designs/ab/one", 5), ("designs/cd/two", 7)]
        assert store.list("designs/cd") == [("designs/cd/two", 7)]
        assert store.read_all(["designs/cd/two", "designs/none", "designs/ab/one"]) == [b"second!", None, b"first"]

    def test_what_is_not_there(self, store: Store) -> None:
        assert store.read("designs/none") is None
        assert store.list("nothing") == []
        store.delete(["designs/none"])
        with pytest.raises(FileNotFoundError):
            store.set_aside("designs/none")

    def test_a_put_replaces_a_file_whole(self, store: Store) -> None:
        store.put("a/file", b"long content")
        store.put("a/file", b"short")
        assert store.read("a/file") == b"short"
        store.put("a/file", b"")
        assert (store.read("a/file"), store.list("a")) == (b"", [("a/file", 0)])

    def test_a_file_of_this_machine(self, store: Store, tmp_path: Path) -> None:
        content = bytes(range(256)) * 40_000  # more than one piece of an upload
        (tmp_path / "table").write_bytes(content)
        store.put_file("tables/whole", tmp_path / "table")
        assert store.read("tables/whole") == content
        assert store.list("tables") == [("tables/whole", len(content))]

    def test_files_are_deleted(self, store: Store) -> None:
        for name in ("a/one", "a/two", "b/three"):
            store.put(name, b"x")
        store.delete(["a/one", "b/three"])
        assert [path for path, _ in (*store.list("a"), *store.list("b"))] == ["a/two"]

    def test_what_cannot_be_trusted_goes_out_of_the_way(self, store: Store) -> None:
        store.put("designs/ab/one", b"damaged")
        place = store.set_aside("designs/ab/one")
        assert store.read("designs/ab/one") is None
        assert store.read(place) == b"damaged"

    def test_it_can_be_made_ready_twice_and_holds_no_more_for_it(self, store: Store) -> None:
        store.put("designs/ab/one", b"kept")
        store.ensure_writable()
        assert store.list("designs") == [("designs/ab/one", 4)]
        assert store.list(PARTIAL_FOLDER) == []

    def test_two_openings_are_one_store(self, store: Store) -> None:
        store.put("a/file", b"x")
        assert Store(store.absolute_uri).read("a/file") == b"x"
