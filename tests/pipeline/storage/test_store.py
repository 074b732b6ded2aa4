"""The store and its records: whole or not at all, and never trusted without their digest."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.storage.records import (
    DamagedRecord,
    DesignRecord,
    ShardRecord,
    Timing,
    decode_design,
    decode_shard,
    design_path,
    encode_design,
    encode_shard,
    parse_design_path,
    parse_shard_path,
    shard_path,
)
from pipeline.storage.store import Store
from pipeline.sweep.keys import digest_of
from simcore.errors import InputError

CONTENT = {"design": {"rows": 64}, "model": "m"}
KEY = digest_of(CONTENT)
TIMING = Timing(1.5, 1.25)


def shard_record() -> ShardRecord:
    layer = {"layer": "conv1", "column_reads": np.int64(10), "partial_sum": 0.1 + 0.2, "worst_error": np.float64(3.0)}
    return ShardRecord(KEY, 50, np.arange(5), np.arange(5)[::-1], np.zeros(5, np.int64), (layer,), TIMING)


def design_record() -> DesignRecord:
    return DesignRecord(KEY, CONTENT, {"solver": "fast", "evidence_rms_lsb": 0.01}, "0.1", "abc", TIMING)


def test_put_read_and_list(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "results"))
    assert store.read("a/b") is None
    assert store.list("a") == []
    store.put("a/b", b"one")
    store.put("a/b", b"two")
    assert store.read("a/b") == b"two"
    assert store.list("a") == [("a/b", 3)]
    assert list((tmp_path / "results" / ".partial").iterdir()) == []


def test_a_put_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(tmp_path))
    store.put("a", b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipeline.storage.store.os.replace", full)
    with pytest.raises(OSError, match="No space"):
        store.put("a", b"new")
    assert store.read("a") == b"old"
    assert list((tmp_path / ".partial").iterdir()) == []


def test_old_drafts_of_killed_writers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / ".partial"
    folder.mkdir()
    drafts = [f"123-{'a' * 32}", "b" * 32, f"probe-{'c' * 32}"]
    young, notes = f"123-{'d' * 32}", "notes.txt"
    for name in (*drafts, young, notes):
        (folder / name).write_bytes(b"half")
    for name in (*drafts, notes):
        os.utime(folder / name, (0, 0))
    Store(str(tmp_path)).ensure_writable()
    assert {path.name for path in folder.iterdir()} == {young, notes}


@pytest.mark.parametrize(
    "uri", ["/proc/binsparx/results", "{file}/below", "nosuch://place/results", "~nobody-here/results"]
)
def test_a_folder_that_cannot_be_used_is_bad_input(tmp_path: Path, uri: str) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    with pytest.raises(InputError, match="results folder"):
        Store(uri.format(file=file)).ensure_writable()


def test_a_local_file_uri(tmp_path: Path) -> None:
    store = Store((tmp_path / "r").as_uri())
    store.ensure_writable()
    store.put("x", b"1")
    assert (tmp_path / "r" / "x").read_bytes() == b"1"
    assert store.local_path("x") == tmp_path / "r" / "x"


def test_shard_round_trip_is_exact() -> None:
    record = decode_shard(encode_shard(shard_record()), KEY, 50, 5)
    assert record.layers[0] == {"layer": "conv1", "column_reads": 10, "partial_sum": 0.1 + 0.2, "worst_error": 3.0}
    assert record.predictions.tolist() == [4, 3, 2, 1, 0]
    assert record.timing == TIMING


def test_a_shard_file_is_plain_parquet_with_units(tmp_path: Path) -> None:
    path = tmp_path / "shard.parquet"
    path.write_bytes(encode_shard(shard_record()))
    table = pq.read_table(path)
    assert table["image"].to_pylist() == [50, 51, 52, 53, 54]
    assert table.schema.field("prediction").metadata[b"description"]


def test_design_round_trip() -> None:
    assert decode_design(encode_design(design_record()), KEY) == design_record()


def test_times_are_no_part_of_a_digest() -> None:
    slow = encode_design(DesignRecord(KEY, CONTENT, {}, "", "", Timing(99.0, 99.0)))
    fast = encode_design(DesignRecord(KEY, CONTENT, {}, "", "", Timing(1.0, 1.0)))
    assert json.loads(slow)["digest"] == json.loads(fast)["digest"]


def test_a_shard_of_an_older_release_is_still_read() -> None:
    """It had its record in the schema's metadata too, which is what was read then."""
    data = encode_shard(shard_record())
    table = pq.read_table(pa.BufferReader(data))
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(pq.read_metadata(pa.BufferReader(data)).metadata), sink)
    assert encode_shard(decode_shard(sink.getvalue().to_pybytes(), KEY, 50, 5)) == data


@pytest.mark.parametrize("damage", ["torn", "empty", "foreign", "other-range", "other-key", "changed"])
def test_a_damaged_shard_is_seen(damage: str) -> None:
    data = encode_shard(shard_record())
    key, first = KEY, 50
    if damage == "torn":
        data = data[:-20]
    elif damage == "empty":
        data = b""
    elif damage == "foreign":
        data = b"PAR1 something else PAR1"
    elif damage == "other-range":
        first = 0
    elif damage == "other-key":
        key = "f" * 64
    elif damage == "changed":
        table = pq.read_table(pa.BufferReader(data))
        changed = table.set_column(2, table.schema.field("prediction"), [pa.array([9] * 5, pa.int16())])
        sink = pa.BufferOutputStream()
        record = pq.read_metadata(pa.BufferReader(data)).metadata
        pq.write_table(changed.replace_schema_metadata(record), sink)
        data = sink.getvalue().to_pybytes()
    with pytest.raises(DamagedRecord):
        decode_shard(data, key, first, 5)


@pytest.mark.parametrize("damage", ["torn", "changed", "other-key", "list"])
def test_a_damaged_design_is_seen(damage: str) -> None:
    data = encode_design(design_record())
    key = KEY
    if damage == "torn":
        data = data[:-5]
    elif damage == "changed":
        data = data.replace(b'"rows":64', b'"rows":65')
    elif damage == "other-key":
        key = "f" * 64
    elif damage == "list":
        data = b"[1, 2]"
    with pytest.raises(DamagedRecord):
        decode_design(data, key)


def test_nan_never_becomes_a_record() -> None:
    bad = ShardRecord(KEY, 0, np.zeros(1), np.zeros(1), np.zeros(1), ({"layer": "a", "x": float("nan")},), TIMING)
    with pytest.raises(ValueError):
        encode_shard(bad)


def test_paths_round_trip_and_other_files_are_no_records() -> None:
    assert parse_shard_path(shard_path(KEY, 50, 5)) == (KEY, (50, 5))
    assert parse_design_path(design_path(KEY)) == KEY
    for other in ("designs/ab/notes.txt", shard_path(KEY, 0, 1) + ".tmp", "sweeps/x/designs.parquet"):
        assert parse_shard_path(other) is None and parse_design_path(other) is None
