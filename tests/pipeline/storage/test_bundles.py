"""Shards of a finished design move into one file: nothing that is read from them changes, whenever the move is cut."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pipeline.execution.runner import RunOptions, RunResult, run_sweep
from pipeline.storage.compute_time import ComputeTimes
from pipeline.storage.predictions import Predictions
from pipeline.storage.records import (
    DamagedRecord,
    ShardRecord,
    Timing,
    bundle_path,
    decode_bundle,
    design_folder,
    encode_bundle,
    encode_shard,
    parse_bundle_path,
    parse_shard_path,
    shard_path,
)
from pipeline.storage.shard_files import ShardReading, bundle_shards, find_shard_files, read_shards
from pipeline.storage.shards import BUNDLE_SHARDS, Bundle, Range, bundles_of, cover
from pipeline.storage.store import Store
from pipeline.storage.work import find_work
from pipeline.sweep.plan import make_plan
from pipeline.sweep.spec import load_sweep
from pipeline.tables.aggregate import aggregate
from pipeline.tables.schema import SCHEMAS
from tests.pipeline.fake_simcore import write_sweep

KEY = "ab" + "0" * 62


def record(first: int, count: int) -> ShardRecord:
    """A shard whose content follows from its range alone, its times included."""
    numbers = np.arange(first, first + count)
    layers = ({"layer": "conv1", "column_reads": count, "partial_sum": first * 0.1 + 0.2},)
    return ShardRecord(KEY, first, numbers % 10, numbers % 7, numbers % 5, layers, Timing(first + 0.5, count / 3))


def put_shards(store: Store, shards: Iterable[Range]) -> None:
    for shard in shards:
        store.put(shard_path(KEY, *shard), encode_shard(record(*shard)))


def bundle_up_to(store: Store, images: int, shard_images: int = 25) -> ShardReading:
    """What an aggregation of the first images does with the shards of a design."""
    files = find_shard_files(store, KEY)
    covered = cover(images, shard_images, files.ranges())
    assert not covered.missing
    reading = read_shards(store, KEY, files, covered.stored)
    assert not reading.damaged
    bundle_shards(store, KEY, reading)
    return reading


def contents(store: Store) -> dict[str, bytes | None]:
    """The files of the design by name."""
    return {path.rsplit("/", 1)[1]: store.read(path) for path, _ in store.list(design_folder(KEY))}


def same(found: list[ShardRecord], expected: list[ShardRecord]) -> bool:
    return [encode_shard(one) for one in found] == [encode_shard(one) for one in expected]


@pytest.mark.parametrize("first", [0, 7, 999_999_999, 1_000_000_000, 9_007_199_254_740_992])
def test_names_of_shards_and_bundles_are_read_as_they_are_written(first: int) -> None:
    assert parse_shard_path(shard_path(KEY, first, 50)) == (KEY, (first, 50))
    assert parse_bundle_path(bundle_path(KEY, Bundle(first, 150, 50))) == (KEY, Bundle(first, 150, 50))
    assert parse_shard_path(shard_path(KEY, first, 50).replace("images-", "images-0")) is None


@given(st.lists(st.integers(1, 4), min_size=1, max_size=30))
def test_bundles_hold_every_shard_once(counts: list[int]) -> None:
    shards = [(sum(counts[:index]), count) for index, count in enumerate(counts)]
    bundles = bundles_of(shards)
    assert [shard for bundle in bundles for shard in bundle.ranges()] == shards
    for bundle in bundles:
        assert [shard for shard in shards if bundle.holds(shard)] == list(bundle.ranges())
        assert len(list(bundle.ranges())) == bundle.shards


def test_a_bundle_is_bounded_and_a_full_one_stays_what_it_is() -> None:
    shards = [(index, 1) for index in range(2 * BUNDLE_SHARDS + 1)]
    assert [bundle.shards for bundle in bundles_of(shards)] == [BUNDLE_SHARDS, BUNDLE_SHARDS, 1]
    assert bundles_of(shards[: BUNDLE_SHARDS + 9])[0] == bundles_of(shards)[0]


def test_a_shorter_shard_ends_a_bundle_or_begins_its_own() -> None:
    assert bundles_of([(0, 50), (50, 50), (100, 20)]) == [Bundle(0, 120, 50)]
    assert bundles_of([(0, 50), (50, 10), (60, 10)]) == [Bundle(0, 50, 50), Bundle(50, 20, 10)]


def test_paths_of_bundles_round_trip_and_no_other_name_is_one() -> None:
    bundle = Bundle(50, 120, 50)
    path = bundle_path(KEY, bundle)
    assert parse_bundle_path(path) == (KEY, bundle) and parse_shard_path(path) is None
    assert parse_bundle_path(shard_path(KEY, 50, 5)) is None
    for wrong in (Bundle(0, 5, 0), Bundle(0, 5, 5), Bundle(0, 999999999, 1)):
        assert parse_bundle_path(bundle_path(KEY, wrong)) is None


@pytest.mark.parametrize("damage", ["torn", "empty", "one shard", "other key", "other ranges", "fewer", "changed"])
def test_a_damaged_bundle_is_seen(damage: str) -> None:
    bundle, key = Bundle(0, 60, 25), KEY
    shards = [record(*shard) for shard in bundle.ranges()]
    data = encode_bundle(shards)
    assert same(decode_bundle(data, KEY, bundle), shards)
    if damage == "torn":
        data = data[:-20]
    elif damage == "empty":
        data = b""
    elif damage == "one shard":
        data = encode_shard(record(0, 60))
    elif damage == "other key":
        key = "f" * 64
    elif damage == "other ranges":
        bundle = Bundle(0, 60, 30)
    elif damage == "fewer":
        data = encode_bundle(shards[:2])
    elif damage == "changed":
        assert data.count(b'"partial_sum":2.7') == 1
        data = data.replace(b'"partial_sum":2.7', b'"partial_sum":2.8')
    with pytest.raises(DamagedRecord):
        decode_bundle(data, key, bundle)


def test_the_shards_of_a_design_become_one_file_and_grow_with_its_images(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "grown"))
    put_shards(store, [(first, 25) for first in range(0, 100, 25)])
    before = set(find_shard_files(store, KEY).ranges())
    bundle_up_to(store, 100)
    assert list(contents(store)) == ["images-000000000-000000100-000000025.parquet"]
    assert set(find_shard_files(store, KEY).ranges()) == before

    bundle_up_to(store, 50)  # fewer images, the same files
    put_shards(store, [(100, 25)])
    bundle_up_to(store, 125)
    assert len(contents(store)) == 2  # one shard more is not worth a bundle
    put_shards(store, [(125, 25), (150, 5)])
    bundle_up_to(store, 155)
    assert list(contents(store)) == ["images-000000000-000000155-000000025.parquet"]

    at_once = Store(str(tmp_path / "at_once"))
    put_shards(at_once, [*[(first, 25) for first in range(0, 150, 25)], (150, 5)])
    bundle_up_to(at_once, 155)
    assert contents(at_once) == contents(store)


def test_shards_of_several_sizes_stay_apart(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    shards = [(0, 25), (25, 25), (50, 5), (55, 20), (75, 25), (100, 25)]
    put_shards(store, shards)
    bundle_up_to(store, 125)
    assert sorted(find_shard_files(store, KEY).ranges()) == shards
    assert len(contents(store)) == 3
    assert same(bundle_up_to(store, 125).records, [record(*shard) for shard in shards])


class Cut(Exception):
    """The process dies here."""


class CutStore(Store):
    """Dies before the ``steps``-th change of the store."""

    def __init__(self, uri: str, steps: int) -> None:
        super().__init__(uri)
        self.steps = steps

    def _step(self) -> None:
        if self.steps == 0:
            raise Cut
        self.steps -= 1

    def put(self, path: str, data: bytes, synced: bool = True) -> None:
        self._step()
        super().put(path, data, synced)

    def _delete(self, path: str) -> None:
        self._step()
        super()._delete(path)


@pytest.mark.parametrize("steps", range(6))
def test_a_move_that_is_cut_at_any_step_changes_nothing_that_is_read(tmp_path: Path, steps: int) -> None:
    store = Store(str(tmp_path))
    put_shards(store, [(0, 25), (25, 25)])
    bundle_up_to(store, 50)
    put_shards(store, [(50, 25), (75, 25), (100, 5)])
    shards = sorted(find_shard_files(store, KEY).ranges())
    finished = False
    try:
        bundle_up_to(CutStore(str(tmp_path), steps), 105)  # one file to write and four to delete
        finished = True
    except Cut:
        pass
    assert finished == (steps == 5)
    files = find_shard_files(store, KEY)
    assert sorted(set(files.ranges())) == shards
    assert cover(105, 25, files.ranges()).stored == tuple(shards)
    assert same(bundle_up_to(store, 105).records, [record(*shard) for shard in shards])
    assert list(contents(store)) == ["images-000000000-000000105-000000025.parquet"]


def test_files_that_another_run_bundles_meanwhile_are_found(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    shards = [(first, 25) for first in range(0, 100, 25)]
    put_shards(store, shards)
    old = find_shard_files(store, KEY)
    bundle_up_to(store, 100)
    reading = read_shards(store, KEY, old, shards)
    assert not reading.damaged and same(reading.records, [record(*shard) for shard in shards])
    store.delete([bundle_path(KEY, Bundle(0, 100, 25))])
    gone = read_shards(store, KEY, old, shards)
    assert gone.records == [] and sorted(gone.damaged) == [shard_path(KEY, *shard) for shard in shards]


def test_a_damaged_bundle_beside_its_shards_costs_nothing(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    shards = [(0, 25), (25, 25)]
    put_shards(store, shards)
    path = bundle_path(KEY, Bundle(0, 50, 25))
    store.put(path, b"torn")
    reading = read_shards(store, KEY, find_shard_files(store, KEY), shards)
    assert list(reading.damaged) == [path]
    store.set_aside(path)
    assert same(bundle_up_to(store, 50).records, [record(*shard) for shard in shards])


# Whole sweeps ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def sweeps(fakes: None, ray_cluster: None) -> Iterator[None]:
    yield


def run(folder: Path, **changes: str) -> RunResult:
    options = RunOptions(results=str(folder / "results"))
    return run_sweep(write_sweep(folder, **changes), options, Console(file=io.StringIO()))


def images_files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "results/designs").rglob("images-*.parquet"))


def tables_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / "results/sweeps/small" / f"{name}.parquet").read_bytes() for name in SCHEMAS}


def aggregate_with(folder: Path, store: Store) -> None:
    """What a run does when all is computed, on another store object."""
    plan = make_plan(load_sweep(folder / "small.yaml"))
    design_works = find_work(plan, store, ComputeTimes({}))
    aggregate(plan, design_works, store).tables.publish(plan.name, store)


@pytest.mark.usefixtures("sweeps")
def test_a_finished_sweep_has_one_file_a_design_and_the_same_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: Path
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.tables.aggregate.bundle_shards", lambda *_: None)
        run(tmp_path)
    assert len(images_files(tmp_path)) == 16
    before, made = tables_of(tmp_path), len(list(calls.iterdir()))
    keys = run(tmp_path).tables["designs"]["design_key"].to_pylist()
    assert images_files(tmp_path) == ["images-000000000-000000100-000000025.parquet"] * 4
    assert tables_of(tmp_path) == before  # timings and all
    assert run(tmp_path).tasks_run == 0 and tables_of(tmp_path) == before
    assert len(list(calls.iterdir())) == made
    assert len(Predictions.read(Store(str(tmp_path / "results")), keys[0], 200)) == 100
    more = run(tmp_path, dataset="{name: fake-images, images: 150, calibration_images: 10}")
    assert more.tasks_run == 4 * (1 + 2)
    assert images_files(tmp_path) == ["images-000000000-000000150-000000025.parquet"] * 4


@pytest.mark.usefixtures("sweeps")
def test_an_aggregation_that_is_cut_at_any_step_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.tables.aggregate.bundle_shards", lambda *_: None)
        run(tmp_path, arrays="32x32")
    before = tables_of(tmp_path)
    cuts = 0
    # Each time a step further, from where the last one was cut; before the tables come three drawings go.
    while True:
        try:
            aggregate_with(tmp_path, CutStore(str(tmp_path / "results"), cuts % 5))
            break
        except Cut:
            cuts += 1
            assert cuts < 100
    assert cuts >= 4
    assert len(images_files(tmp_path)) == 2 and tables_of(tmp_path) == before
    assert run(tmp_path, arrays="32x32").tasks_run == 0


@pytest.mark.usefixtures("sweeps")
def test_a_store_that_cannot_be_bundled_is_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.storage.shard_files.encode_bundle", _no_room)
    result = run(tmp_path)
    assert result.warnings == ["shards of finished designs stay in files of their own: [Errno 28] no room"]
    assert result.failures == [] and result.tables["designs"].num_rows == 4
    assert len(images_files(tmp_path)) == 16


def _no_room(records: list[ShardRecord]) -> bytes:
    raise OSError(28, "no room")


def test_predictions_are_read_along_the_chain_of_shards_that_reaches_farthest(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    put_shards(store, [(0, 60), (0, 50), (50, 50), (100, 50), (150, 50)])
    labels = np.arange(200) % 10
    assert np.array_equal(Predictions.read(store, KEY, 1000).labels, labels)
    store.put(shard_path(KEY, 50, 50), b"torn")
    assert np.array_equal(Predictions.read(store, KEY, 1000).labels, labels[:60])
    store.put(shard_path(KEY, 0, 60), b"torn")
    store.put(shard_path(KEY, 0, 50), b"torn")
    assert len(Predictions.read(store, KEY, 1000)) == 0
