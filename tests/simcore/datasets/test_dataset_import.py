"""What an import selects, where it writes, and that it writes all or nothing."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.datasets import ImportOptions, ImportRequest, import_dataset
from simcore.datasets.selection import balanced_indices
from simcore.errors import InputError
from tests.simcore.datasets.source_files import random_images, write_idx_pair

IMAGES, LABELS = random_images(40, (3, 3, 1), classes=4)


@pytest.fixture
def source(tmp_path):
    write_idx_pair(tmp_path / "source", "t10k", IMAGES, LABELS)
    write_idx_pair(tmp_path / "source", "train", IMAGES[:30], LABELS[:30])
    return tmp_path / "source"


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_limits_take_the_first_images(tmp_path, source):
    dataset = import_dataset(ImportRequest(source, limits={"test": 17}, shard_images=5), tmp_path / "out")
    assert dataset.splits == {"test": 17, "train": 30}
    assert np.array_equal(dataset.read("test", 0, 17)[0], IMAGES[:17])
    assert dataset.manifest.splits["test"].selection == "first 17 of 40"
    assert [shard.images for shard in dataset.manifest.splits["test"].shards] == [5, 5, 5, 2]


def test_shards_have_fewer_images_where_these_are_large(tmp_path, source, monkeypatch):
    monkeypatch.setattr("simcore.datasets.importing._SHARD_BYTES", 12 * IMAGES[0].nbytes)
    dataset = import_dataset(ImportRequest(source, splits=("test",)), tmp_path / "out")
    assert [shard.images for shard in dataset.manifest.splits["test"].shards] == [12, 12, 12, 4]
    assert np.array_equal(dataset.read("test", 0, 40)[0], IMAGES)


def test_a_limit_beyond_the_split_takes_everything(tmp_path, source):
    dataset = import_dataset(ImportRequest(source, limits={"test": 1000}), tmp_path / "out")
    assert dataset.splits["test"] == 40 and dataset.manifest.splits["test"].selection == "all 40"


def test_splits_are_chosen_by_name(tmp_path, source):
    assert import_dataset(ImportRequest(source, splits=("train",)), tmp_path / "out").splits == {"train": 30}


def test_a_balanced_selection_is_seeded_and_keeps_pairs_together(tmp_path, source):
    def chosen(seed, target):
        request = ImportRequest(source, splits=("test",), limits={"test": 12}, balanced_seed=seed)
        return import_dataset(request, tmp_path / target)

    one, again, other = chosen(1, "one"), chosen(1, "again"), chosen(2, "other")
    assert one.digest == again.digest != other.digest
    images, labels = one.read("test", 0, 12)
    assert np.bincount(labels).tolist() == [3, 3, 3, 3]
    positions = [int(np.flatnonzero((IMAGES == image).all(axis=(1, 2, 3)))[0]) for image in images]
    assert positions != sorted(positions) and np.array_equal(LABELS[positions], labels)
    assert all(sorted(labels[turn : turn + 4]) == [0, 1, 2, 3] for turn in (0, 4, 8))
    assert "class-balanced, seed 1" in one.manifest.splits["test"].selection


@pytest.mark.parametrize(("limit", "selection"), [(None, "all 40"), (12, "first 12 of 40"), (1000, "all 40")])
def test_any_source_can_be_shuffled(tmp_path, source, limit, selection):
    limits = {"test": limit} if limit else {}

    def shuffled(seed, target):
        request = ImportRequest(source, splits=("test",), limits=limits, shuffle_seed=seed, shard_images=7)
        return import_dataset(request, tmp_path / target)

    one, again, other = shuffled(1, "one"), shuffled(1, "again"), shuffled(2, "other")
    assert one.digest == again.digest != other.digest
    assert one.manifest.splits["test"].selection == f"{selection}, shuffled, seed 1"
    images, labels = one.read("test", 0, one.splits["test"])
    positions = [int(np.flatnonzero((IMAGES == image).all(axis=(1, 2, 3)))[0]) for image in images]
    assert len(set(positions)) == min(limit or 40, 40) and positions != sorted(positions)
    assert np.array_equal(LABELS[positions], labels)


@settings(max_examples=100, deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_balanced_indices(labels, share, seed):
    values = np.array(labels)
    count = int(share * len(values))
    indices = balanced_indices(values, count, seed)
    assert len(set(indices.tolist())) == count
    available, taken = np.bincount(values, minlength=5), np.bincount(values[indices], minlength=5)
    # A class falls behind another only where it has no more images.
    unexhausted = taken[taken < available]
    assert all(level >= taken.max() - 1 for level in unexhausted)
    if count:
        assert np.array_equal(balanced_indices(values, count - 1, seed), indices[:-1])


REFUSED = {
    "unknown split": (dict(splits=("tset",)), "--splits: unknown split 'tset'; did you mean 'test'"),
    "unknown limit": (dict(limits={"tain": 3}), "--limit: unknown split 'tain'; did you mean 'train'"),
    "limit not taken": (dict(limits={"test": 3}, splits=("train",)), "has a limit, but is not among"),
    "zero limit": (dict(limits={"test": 0}), "needs at least 1 image"),
    "zero shard": (dict(shard_images=0), "at least one image"),
    "seed alone": (dict(balanced_seed=1), "give --limit SPLIT=N as well"),
    "two orders": (dict(limits={"test": 3}, balanced_seed=1, shuffle_seed=1), "give one of the two"),
    "same classes": (dict(options=ImportOptions(classes=("a", "a"))), "must be different"),
    "empty class": (dict(options=ImportOptions(classes=("a", ""))), "not empty"),
    "too few classes": (dict(options=ImportOptions(classes=("a", "b"))), "there are 2 classes"),
    "unprintable class": (dict(options=ImportOptions(classes=("a\n", "b", "c", "d"))), "printable"),
    "name with a slash": (dict(name="../evil"), "cannot name a dataset"),
    "name of dots": (dict(name=".."), "cannot name a dataset"),
    "empty name": (dict(name=""), "cannot name a dataset"),
    "channels": (dict(options=ImportOptions(channels=2)), "1 or 3 channels"),
    "zero size": (dict(options=ImportOptions(size=(0, 4))), "can be resized to between"),
    "huge size": (dict(options=ImportOptions(size=(10**6, 10**6))), "can be resized to between"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_options_that_cannot_be_met_are_refused_and_leave_nothing(tmp_path, source, case):
    options, message = REFUSED[case]
    with pytest.raises(InputError, match=message) as error:
        import_dataset(ImportRequest(source, **options), tmp_path / "out")
    assert "\n" not in str(error.value)
    assert {path.name for path in tmp_path.iterdir()} == {"source"}


def test_the_default_target_is_the_data_folder(tmp_path, source, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset = import_dataset(ImportRequest(source, name="mine"))
    assert dataset.folder == tmp_path / "data" / "mine" and dataset.name == "mine"


def test_progress_tells_every_split_to_its_end(tmp_path, source):
    seen = []
    import_dataset(ImportRequest(source, shard_images=20), tmp_path / "out", progress=lambda *state: seen.append(state))
    assert seen == [
        ("test", 0, 40),
        ("test", 20, 40),
        ("test", 40, 40),
        ("train", 0, 30),
        ("train", 20, 30),
        ("train", 30, 30),
    ]


# --- all or nothing -------------------------------------------------------------------------------------------------


class Stopped(BaseException):
    """Anything at all, as Control-C may arrive at any moment."""


def stop_in_train(split, done, total):
    if split == "train" and done:
        raise Stopped


@pytest.mark.parametrize("target", ["out", "new/deeper/out"])
def test_an_import_that_is_stopped_leaves_nothing(tmp_path, source, target):
    with pytest.raises(Stopped):
        import_dataset(ImportRequest(source, shard_images=10), tmp_path / target, progress=stop_in_train)
    assert {path.name for path in tmp_path.iterdir()} == {"source"}


def test_the_target_appears_only_when_it_is_complete(tmp_path, source):
    existed = []
    target = tmp_path / "out"
    import_dataset(ImportRequest(source), target, progress=lambda *_: existed.append(target.exists()))
    assert existed and not any(existed) and target.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"source", "out"}


def test_an_existing_dataset_is_kept_unless_forced(tmp_path, source):
    target = tmp_path / "out"
    import_dataset(ImportRequest(source, splits=("test",)), target)
    before = contents(target)
    with pytest.raises(InputError, match="--force"):
        import_dataset(ImportRequest(source, splits=("train",)), target)
    assert contents(target) == before
    with pytest.raises(Stopped):
        import_dataset(ImportRequest(source), target, force=True, progress=stop_in_train)
    assert contents(target) == before
    assert import_dataset(ImportRequest(source, splits=("train",)), target, force=True).splits == {"train": 30}
    assert {path.name for path in tmp_path.iterdir()} == {"source", "out"}


def test_force_reads_the_new_images_not_those_remembered(tmp_path, source):
    target = tmp_path / "out"
    first = import_dataset(ImportRequest(source), target)
    assert np.array_equal(first.read("test", 0, 40)[0], IMAGES)
    write_idx_pair(tmp_path / "source", "t10k", 255 - IMAGES, LABELS)
    second = import_dataset(ImportRequest(source), target, force=True)
    assert np.array_equal(second.read("test", 0, 40)[0], 255 - IMAGES)


@pytest.mark.parametrize("kind", ["file", "empty folder", "folder", "dataset with other files", "link"])
@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_dataset_is_never_replaced(tmp_path, source, kind, force):
    target = tmp_path / "out"
    if kind == "file":
        target.write_text("precious")
    elif kind == "link":
        import_dataset(ImportRequest(source), tmp_path / "real")
        target.symlink_to(tmp_path / "real")
    else:
        target.mkdir()
        if kind != "empty folder":
            (target / "precious.txt").write_text("precious")
        if kind == "dataset with other files":
            (target / "dataset.json").write_text("{}")
    before = contents(tmp_path)
    with pytest.raises(InputError, match="is no dataset"):
        import_dataset(ImportRequest(source), target, force=force)
    assert contents(tmp_path) == before


def test_a_target_below_a_file_is_refused(tmp_path, source):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written to .*file/out"):
        import_dataset(ImportRequest(source), tmp_path / "file" / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"source", "file"}


def test_a_folder_without_write_permission_is_refused(tmp_path, source):
    if os.geteuid() == 0:
        pytest.skip("the superuser may write everywhere")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    with pytest.raises(InputError, match="cannot be written"):
        import_dataset(ImportRequest(source), locked / "out")


def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path, source, monkeypatch):
    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="No space left on device"):
        import_dataset(ImportRequest(source), tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"source"}


def test_imported_files_are_as_readable_as_others(tmp_path, source):
    (tmp_path / "usual").mkdir()
    dataset = import_dataset(ImportRequest(source), tmp_path / "out")
    assert dataset.folder.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_two_imports_of_the_same_files_are_the_same_bytes(tmp_path, source):
    import_dataset(ImportRequest(source), tmp_path / "one")
    import_dataset(ImportRequest(source), tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
