"""Shards and manifests: what is written is read back; what was damaged is refused by name."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simcore.datasets import ImportRequest, import_dataset, open_dataset
from simcore.datasets.manifest import Manifest, content_digest, read_manifest, write_manifest
from simcore.datasets.sample_format import SampleFormat
from simcore.datasets.shards import read_labels, read_shard, write_shard
from simcore.errors import InputError
from tests.simcore.datasets.source_files import random_images, write_idx_pair

IMAGES, LABELS = random_images(23, (5, 4, 1))


@pytest.fixture
def source(tmp_path):
    write_idx_pair(tmp_path / "source", "t10k", IMAGES, LABELS)
    return tmp_path / "source"


@pytest.fixture
def folder(tmp_path, source):
    import_dataset(ImportRequest(source, shard_images=10, name="small"), tmp_path / "small")
    return tmp_path / "small"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    count=st.integers(1, 12),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6), st.sampled_from([1, 3])),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_shard_gives_back_what_was_written(tmp_path_factory, count, shape, seed):
    images, labels = random_images(count, shape, seed)
    folder = tmp_path_factory.mktemp("shard")
    sample = SampleFormat.image(shape)
    shard = write_shard(folder / "test-00000.parquet", sample, images, labels)
    read_images, read_label_values = read_shard(folder, shard, sample)
    assert read_images.dtype == np.uint8 and read_images.shape == (count, *shape)
    assert np.array_equal(read_images, images)
    assert read_label_values.dtype == np.int64 and np.array_equal(read_label_values, labels)
    assert np.array_equal(read_labels(folder, shard, sample), labels)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_reads_do_not_depend_on_shard_boundaries(tmp_path_factory, data):
    base = tmp_path_factory.mktemp("boundaries")
    write_idx_pair(base / "source", "t10k", IMAGES, LABELS)
    size = data.draw(st.integers(1, 30))
    dataset = import_dataset(ImportRequest(base / "source", shard_images=size), base / "out")
    start = data.draw(st.integers(0, 23))
    count = data.draw(st.integers(0, 23 - start))
    images, labels = dataset.read("test", start, count)
    assert np.array_equal(images, IMAGES[start : start + count])
    assert np.array_equal(labels, LABELS[start : start + count])


def test_what_read_returns_belongs_to_the_caller(folder):
    dataset = open_dataset(folder)
    images, labels = dataset.read("test", 0, 5)
    images[:] = 0
    labels[:] = -1
    again, labels_again = dataset.read("test", 0, 5)
    assert np.array_equal(again, IMAGES[:5]) and np.array_equal(labels_again, LABELS[:5])


def test_labels_are_all_labels_of_the_split(folder):
    labels = open_dataset(folder).labels("test")
    assert labels.dtype == np.int64 and np.array_equal(labels, LABELS)


def test_a_dataset_travels_between_processes_without_its_images(folder):
    packed = pickle.dumps(open_dataset(folder))
    assert len(packed) < 10_000
    assert np.array_equal(pickle.loads(packed).read("test", 7, 9)[0], IMAGES[7:16])


def test_every_shard_field_has_a_unit_and_a_description(folder):
    schema = pq.read_schema(folder / "test-00000.parquet")
    assert [field.name for field in schema] == ["image", "label"]
    assert all(set(field.metadata) >= {b"unit", b"description"} for field in schema)
    assert schema.field("image").type.byte_width == 20
    assert pq.ParquetFile(folder / "test-00000.parquet").metadata.row_group(0).column(0).compression == "ZSTD"


def test_the_digest_is_that_of_images_and_labels_only(tmp_path, source):
    one = import_dataset(ImportRequest(source, shard_images=10, name="one"), tmp_path / "one")
    two = import_dataset(ImportRequest(source, shard_images=3, name="two"), tmp_path / "two")
    assert one.digest == two.digest and one.name != two.name


@pytest.mark.parametrize("change", ["pixel", "label", "order", "fewer"])
def test_the_digest_changes_with_the_content(tmp_path, source, change):
    before = import_dataset(ImportRequest(source), tmp_path / "before")
    images, labels = IMAGES.copy(), LABELS.copy()
    if change == "pixel":
        images[11, 2, 1, 0] ^= 1
    elif change == "label":
        labels[3] = (labels[3] + 1) % 10
    elif change == "order":
        images[[0, 1]], labels[[0, 1]] = images[[1, 0]], labels[[1, 0]]
    else:
        images, labels = images[:-1], labels[:-1]
    write_idx_pair(tmp_path / "changed", "t10k", images, labels)
    assert import_dataset(ImportRequest(tmp_path / "changed"), tmp_path / "after").digest != before.digest


def test_the_digest_knows_which_split_an_image_is_in(tmp_path, source):
    write_idx_pair(tmp_path / "train", "train", IMAGES, LABELS)
    test = import_dataset(ImportRequest(source), tmp_path / "a")
    train = import_dataset(ImportRequest(tmp_path / "train"), tmp_path / "b")
    assert test.digest != train.digest


@pytest.mark.parametrize(("start", "count"), [(-1, 2), (0, 24), (23, 1), (5, -1)])
def test_a_range_outside_the_split_is_refused(folder, start, count):
    with pytest.raises(InputError, match="has 23"):
        open_dataset(folder).read("test", start, count)


def test_an_unknown_split_is_refused_with_the_nearest_name(folder):
    with pytest.raises(InputError, match="did you mean 'test'"):
        open_dataset(folder).read("tset", 0, 1)
    with pytest.raises(InputError, match="unknown split"):
        open_dataset(folder).labels("validation")


# --- damage ---------------------------------------------------------------------------------------------------------


def one_line(error: pytest.ExceptionInfo[InputError]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_truncated_shard_is_named(folder):
    path = folder / "test-00001.parquet"
    path.write_bytes(path.read_bytes()[:-7])
    dataset = open_dataset(folder)
    assert len(dataset.read("test", 0, 10)[0]) == 10  # the undamaged shard before it still serves
    with pytest.raises(InputError, match="truncated") as error:
        dataset.read("test", 5, 10)
    assert "test-00001.parquet" in one_line(error) and "import" in str(error.value)
    with pytest.raises(InputError, match="truncated"):
        dataset.labels("test")


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_is_noticed(tmp_path_factory, data):
    base = tmp_path_factory.mktemp("flip")
    write_idx_pair(base / "source", "t10k", IMAGES, LABELS)
    dataset = import_dataset(ImportRequest(base / "source"), base / "out")
    path = base / "out" / "test-00000.parquet"
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with pytest.raises(InputError, match="test-00000.parquet was modified"):
        dataset.read("test", 0, 1)


def test_a_missing_shard_is_named(folder):
    (folder / "test-00002.parquet").unlink()
    with pytest.raises(InputError, match="test-00002.parquet is missing") as error:
        open_dataset(folder).read("test", 20, 3)
    one_line(error)


@pytest.mark.parametrize("file", ["test-00000.parquet", "dataset.json"])
def test_a_file_of_another_dataset_is_refused(folder, tmp_path, file):
    write_idx_pair(tmp_path / "other", "t10k", 255 - IMAGES, LABELS)
    import_dataset(ImportRequest(tmp_path / "other", shard_images=10), tmp_path / "foreign")
    shutil.copy(tmp_path / "foreign" / file, folder / file)
    with pytest.raises(InputError, match="test-00000.parquet"):
        open_dataset(folder).read("test", 0, 1)


def test_a_shard_that_is_no_parquet_is_refused_even_if_its_digest_is_listed(folder):
    _list_shard_bytes(folder, b"not parquet at all")
    with pytest.raises(InputError, match="no readable Parquet") as error:
        open_dataset(folder).read("test", 0, 1)
    one_line(error)


def test_a_manifest_that_claims_another_image_shape_is_refused(folder):
    manifest = read_manifest(folder)
    write_manifest(folder, _with(manifest, image_shape=(4, 5, 1)))
    with pytest.raises(InputError, match="does not hold what the dataset's manifest says"):
        open_dataset(folder).read("test", 0, 1)


def test_a_manifest_that_claims_huge_images_is_refused(folder):
    write_manifest(folder, _with(read_manifest(folder), image_shape=(2**20, 2**20, 3)))
    with pytest.raises(InputError, match="dataset.json is not valid .*more than 67108864 bytes"):
        open_dataset(folder)


def test_verify_accepts_what_is_whole_and_names_what_is_not(folder):
    open_dataset(folder).verify()
    manifest = read_manifest(folder)
    split = manifest.splits["test"]
    first = split.shards[0].model_copy(update={"content_sha256": "0" * 64})
    changed = split.model_copy(update={"shards": (first, *split.shards[1:])})
    write_manifest(folder, _with(manifest, splits={"test": changed}))
    with pytest.raises(InputError, match="shard .*test-00000.parquet differ"):
        open_dataset(folder).verify()


def test_verify_notices_labels_without_a_class(folder):
    write_manifest(folder, _with(read_manifest(folder), classes=("only",)))
    with pytest.raises(InputError, match="label outside"):
        open_dataset(folder).verify()


@pytest.mark.parametrize("field", ["name", "classes", "digest", "licence"])
def test_an_edited_manifest_is_refused(folder, field):
    path = folder / "dataset.json"
    content = json.loads(path.read_text())
    content[field] = ["x"] if field == "classes" else "edited"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="dataset.json was modified") as error:
        open_dataset(folder, "sweep.yaml:3 dataset")
    assert one_line(error).startswith("sweep.yaml:3 dataset: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("[]", "not a binsparx-dataset manifest"),
        ('{"format": "coco"}', "not a binsparx-dataset manifest"),
        ('{"format": "binsparx-dataset", "format_version": 99}', "format version 99"),
        ('{"format": "binsparx-dataset", "format_version": 1}', "was modified"),
    ],
)
def test_a_wrong_manifest_is_refused(folder, text, message):
    (folder / "dataset.json").write_text(text)
    with pytest.raises(InputError, match=message) as error:
        open_dataset(folder)
    assert "dataset.json" in one_line(error)


def test_a_truncated_manifest_is_refused(folder):
    path = folder / "dataset.json"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="dataset.json cannot be read"):
        open_dataset(folder)


@pytest.mark.parametrize("file", ["../secret.parquet", "/etc/passwd.parquet", "a/b.parquet", ".hidden.parquet"])
def test_a_manifest_cannot_point_outside_its_folder(folder, file):
    manifest = read_manifest(folder)
    split = manifest.splits["test"]
    outside = split.shards[0].model_copy(update={"file": file})
    changed = split.model_copy(update={"shards": (outside, *split.shards[1:])})
    write_manifest(folder, _with(manifest, splits={"test": changed}))
    with pytest.raises(InputError, match="not valid"):
        open_dataset(folder)


@pytest.mark.parametrize("update", [{"digest": "0" * 64}, {"image_shape": (0, 4, 1)}, {"classes": ()}])
def test_a_manifest_that_contradicts_itself_is_refused(folder, update):
    manifest = read_manifest(folder).model_copy(update=update)
    write_manifest(folder, manifest)
    with pytest.raises(InputError, match="not valid") as error:
        open_dataset(folder)
    one_line(error)


def test_shards_must_add_up_to_the_split(folder):
    manifest = read_manifest(folder)
    changed = manifest.splits["test"].model_copy(update={"images": 22})
    write_manifest(folder, _with(manifest, splits={"test": changed}))
    with pytest.raises(InputError, match="not valid .*22"):
        open_dataset(folder)


# --- opening --------------------------------------------------------------------------------------------------------


def test_an_unknown_name_is_refused_with_the_nearest_sample():
    with pytest.raises(InputError, match="sweep.yaml:4: unknown dataset 'fashion_mnist'; did you mean 'fashion-mnist'"):
        open_dataset("fashion_mnist", "sweep.yaml:4")


@pytest.mark.parametrize("kind", ["absent", "file", "empty"])
def test_a_path_that_is_no_dataset_is_refused(tmp_path, kind):
    path = tmp_path / "place"
    if kind == "file":
        path.write_text("")
    elif kind == "empty":
        path.mkdir()
    with pytest.raises(InputError) as error:
        open_dataset(str(path))
    assert str(path) in one_line(error)


def test_the_name_of_a_sample_wins_over_a_folder_of_that_name(tmp_path, folder, monkeypatch):
    shutil.copytree(folder, tmp_path / "here" / "fashion-mnist")
    monkeypatch.chdir(tmp_path / "here")
    assert open_dataset("fashion-mnist").splits == {"test": 2500, "train": 500}
    assert open_dataset("./fashion-mnist").splits == {"test": 23}


def _with(manifest: Manifest, **update: object) -> Manifest:
    """The manifest with changes, its digest made to agree with them."""
    changed = manifest.model_copy(update=update)
    return changed.model_copy(update={"digest": content_digest(changed.sample, changed.splits)})


def _list_shard_bytes(folder, data: bytes) -> None:
    """Put ``data`` in place of the first shard and make the manifest vouch for it."""
    manifest = read_manifest(folder)
    split = manifest.splits["test"]
    (folder / split.shards[0].file).write_bytes(data)
    shard = split.shards[0].model_copy(
        update={"sha256": hashlib.sha256(data).hexdigest(), "file_bytes": len(data)},
    )
    changed = split.model_copy(update={"shards": (shard, *split.shards[1:])})
    write_manifest(folder, _with(manifest, splits={"test": changed}))
