"""Every importer on small real files: what comes out is what went in, and bad files are refused by name."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from simcore.datasets import ImportOptions, ImportRequest, import_dataset
from simcore.datasets.importers import IMPORTERS, choose_importer
from simcore.errors import InputError
from tests.simcore.datasets.source_files import (
    CIFAR_BATCHES,
    cifar_binary_batch,
    cifar_python2_batch,
    cifar_python3_batch,
    encoded,
    idx_bytes,
    random_images,
    write_cifar,
    write_idx_pair,
    write_tar,
)

GRAY, GRAY_LABELS = random_images(7, (6, 5, 1))
COLOUR, COLOUR_LABELS = random_images(6, (4, 8, 3), classes=3)
CIFAR, CIFAR_LABELS = random_images(18, (32, 32, 3))


def run(source, target, importer=None, splits=None, **options):
    request = ImportRequest(source, importer=importer, splits=splits, shard_images=4, options=ImportOptions(**options))
    return import_dataset(request, target)


def everything(dataset, split):
    return dataset.read(split, 0, dataset.splits[split])


def assert_holds(dataset, split, images, labels):
    read_images, read_labels = everything(dataset, split)
    assert np.array_equal(read_images, images) and np.array_equal(read_labels, labels)


def assert_holds_in_any_order(dataset, split, images, labels):
    def pairs(images, labels):
        return sorted((int(label), image.tobytes()) for image, label in zip(images, labels, strict=True))

    assert pairs(*everything(dataset, split)) == pairs(np.asarray(images, np.uint8), labels)


def refused(source, tmp_path, match, **kwargs):
    target = tmp_path / "out"
    with pytest.raises(InputError, match=match) as error:
        run(source, target, **kwargs)
    assert "\n" not in str(error.value)
    assert not target.exists() and not list(tmp_path.glob(".out*"))
    return str(error.value)


# --- IDX ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compressed", [False, True])
def test_idx_files(tmp_path, compressed):
    write_idx_pair(tmp_path / "source", "t10k", GRAY, GRAY_LABELS, compressed)
    write_idx_pair(tmp_path / "source", "train", GRAY[::-1], GRAY_LABELS[::-1], compressed)
    assert choose_importer(tmp_path / "source").name == "idx"
    dataset = run(tmp_path / "source", tmp_path / "out")
    assert dataset.splits == {"test": 7, "train": 7} and dataset.sample.shape == (6, 5, 1)
    assert dataset.classes == tuple(str(label) for label in range(GRAY_LABELS.max() + 1))
    assert_holds(dataset, "test", GRAY, GRAY_LABELS)
    assert_holds(dataset, "train", GRAY[::-1], GRAY_LABELS[::-1])


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 9),
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    seed=st.integers(0, 2**32 - 1),
    compressed=st.booleans(),
)
def test_idx_round_trip(tmp_path_factory, count, height, width, seed, compressed):
    base = tmp_path_factory.mktemp("idx")
    images, labels = random_images(count, (height, width, 1), seed)
    write_idx_pair(base / "source", "train", images, labels, compressed)
    assert_holds(run(base / "source", base / "out"), "train", images, labels)


def test_idx_files_spelled_with_a_dot(tmp_path):
    (tmp_path / "t10k-images.idx3-ubyte").write_bytes(idx_bytes(GRAY[..., 0]))
    (tmp_path / "t10k-labels.idx1-ubyte").write_bytes(idx_bytes(GRAY_LABELS))
    assert_holds(run(tmp_path, tmp_path / "out"), "test", GRAY, GRAY_LABELS)


def test_idx_class_names_are_the_users(tmp_path):
    write_idx_pair(tmp_path / "source", "t10k", GRAY, GRAY_LABELS)
    names = tuple("abcdefghij")
    assert run(tmp_path / "source", tmp_path / "out", classes=names).classes == names


IDX_DAMAGE = {
    "image magic": ("images-idx3", lambda data: b"\x89PNG" + data[4:], "not an IDX file"),
    "label magic": ("labels-idx1", lambda data: b"\0\0\x0d\1" + data[4:], "not an IDX file"),
    "short images": ("images-idx3", lambda data: data[:-1], "truncated"),
    "short labels": ("labels-idx1", lambda data: data[:-1], "truncated"),
    "short header": ("images-idx3", lambda data: data[:9], "truncated"),
    "long images": ("images-idx3", lambda data: data + b"x", "more data"),
    "long labels": ("labels-idx1", lambda data: data + b"x", "more data"),
    "empty": ("images-idx3", lambda data: b"", "not an IDX file"),
    "other count": ("labels-idx1", lambda data: idx_bytes(GRAY_LABELS[:-1]), "6 labels for the 7 images"),
    "huge": ("images-idx3", lambda data: data[:8] + struct.pack(">2I", 2**32 - 1, 2**32 - 1), "claims"),
    "zero": ("images-idx3", lambda data: data[:8] + struct.pack(">2I", 0, 5), "claims"),
}


@pytest.mark.parametrize("case", IDX_DAMAGE)
def test_a_damaged_idx_file_is_refused_by_name(tmp_path, case):
    kind, damage, message = IDX_DAMAGE[case]
    write_idx_pair(tmp_path / "source", "t10k", GRAY, GRAY_LABELS)
    path = next((tmp_path / "source").glob(f"*{kind}*"))
    path.write_bytes(damage(path.read_bytes()))
    assert f"t10k-{kind}" in refused(tmp_path / "source", tmp_path, message) or case == "other count"


@pytest.mark.parametrize("damage", [lambda data: data[:-12], lambda data: b"no gzip" + data[7:], lambda data: data[:3]])
def test_a_damaged_gzip_file_is_refused_by_name(tmp_path, damage):
    write_idx_pair(tmp_path / "source", "t10k", GRAY, GRAY_LABELS, compressed=True)
    path = tmp_path / "source" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    assert "t10k-images-idx3-ubyte.gz" in refused(tmp_path / "source", tmp_path, "truncated|cannot be read")


def test_images_without_labels_are_refused(tmp_path):
    write_idx_pair(tmp_path / "source", "t10k", GRAY, GRAY_LABELS)
    (tmp_path / "source" / "t10k-labels-idx1-ubyte").unlink()
    refused(tmp_path / "source", tmp_path, "t10k-labels-idx1-ubyte")


def test_splits_of_different_image_sizes_are_refused(tmp_path):
    write_idx_pair(tmp_path / "source", "t10k", GRAY, GRAY_LABELS)
    write_idx_pair(tmp_path / "source", "train", GRAY[:, :-1], GRAY_LABELS)
    refused(tmp_path / "source", tmp_path, "different sizes")


# --- CIFAR-10 -------------------------------------------------------------------------------------------------------


def cifar_batches(write, suffix=""):
    parts = [slice(3 * i, 3 * i + 3) for i in range(6)]
    return {
        name + suffix: write(CIFAR[part], CIFAR_LABELS[part]) for name, part in zip(CIFAR_BATCHES, parts, strict=True)
    }


CIFAR_KINDS = {
    "binary": ("cifar10-binary", cifar_batches(cifar_binary_batch, ".bin"), "cifar-10-batches-bin"),
    "python 2": ("cifar10-python", cifar_batches(cifar_python2_batch), "cifar-10-batches-py"),
    "python 3": ("cifar10-python", cifar_batches(cifar_python3_batch), "cifar-10-batches-py"),
}


@pytest.mark.parametrize("place", ["archive", "plain tar", "folder", "parent folder"])
@pytest.mark.parametrize("kind", CIFAR_KINDS)
def test_cifar10(tmp_path, kind, place):
    importer, batches, folder = CIFAR_KINDS[kind]
    if "folder" in place:
        inner = write_cifar(tmp_path / "source" / folder, batches)
        source = inner if place == "folder" else tmp_path / "source"
    else:
        members = {f"{folder}/{name}": data for name, data in batches.items()}
        source = write_tar(tmp_path / "source.tar", members, "w:gz" if place == "archive" else "w")
    assert choose_importer(source).name == importer
    dataset = run(source, tmp_path / "out")
    assert dataset.name == "cifar10" and dataset.splits == {"test": 3, "train": 15}
    assert dataset.sample.shape == (32, 32, 3) and dataset.classes[0] == "airplane" and dataset.classes[9] == "truck"
    assert_holds(dataset, "train", CIFAR[:15], CIFAR_LABELS[:15])
    assert_holds(dataset, "test", CIFAR[15:], CIFAR_LABELS[15:])


def test_both_versions_of_cifar10_are_one_dataset(tmp_path):
    digests = set()
    for number, (_, batches, _) in enumerate(CIFAR_KINDS.values()):
        digests.add(run(write_cifar(tmp_path / f"in{number}", batches), tmp_path / f"out{number}").digest)
    assert len(digests) == 1


@pytest.mark.parametrize("kind", CIFAR_KINDS)
def test_a_missing_cifar10_batch_is_named(tmp_path, kind):
    _, batches, _ = CIFAR_KINDS[kind]
    source = write_cifar(tmp_path / "source", batches)
    missing = next(source.glob("data_batch_4*"))
    missing.unlink()
    assert missing.name in refused(source, tmp_path, "lacks")


def test_the_test_batch_alone_is_a_dataset(tmp_path):
    source = write_cifar(tmp_path / "source", {"test_batch.bin": cifar_binary_batch(CIFAR, CIFAR_LABELS)})
    assert run(source, tmp_path / "out").splits == {"test": 18}


def test_a_truncated_cifar10_binary_batch_is_named(tmp_path):
    batches = CIFAR_KINDS["binary"][1]
    source = write_cifar(tmp_path / "source", batches | {"data_batch_2.bin": batches["data_batch_2.bin"][:-1]})
    refused(source, tmp_path, "data_batch_2.bin is truncated")


def test_a_truncated_cifar10_archive_is_refused(tmp_path):
    members = {f"cifar-10-batches-bin/{name}": data for name, data in CIFAR_KINDS["binary"][1].items()}
    source = write_tar(tmp_path / "source.tar.gz", members)
    source.write_bytes(source.read_bytes()[:-5000])
    assert "source.tar.gz" in refused(source, tmp_path, "truncated|cannot be read|lacks")


@pytest.mark.parametrize("kind", ["xz", "gz", "bz2"])
@pytest.mark.parametrize("place", [20, 30_000])
def test_a_damaged_archive_is_refused_whatever_compresses_it(tmp_path, kind, place):
    members = {f"cifar-10-batches-bin/{name}": data for name, data in CIFAR_KINDS["binary"][1].items()}
    source = write_tar(tmp_path / f"source.tar.{kind}", members, f"w:{kind}")
    content = bytearray(source.read_bytes())
    content[place : place + 60] = bytes(60)
    source.write_bytes(content)
    assert f"source.tar.{kind}" in refused(source, tmp_path, "none of the datasets|truncated|cannot be read")


def test_a_label_without_a_class_is_refused(tmp_path):
    source = write_cifar(tmp_path / "source", {"test_batch.bin": cifar_binary_batch(CIFAR[:1], np.array([200]))})
    refused(source, tmp_path, "label 200, but there are 10 classes")


@pytest.mark.parametrize("name", ["../../outside", "/tmp/outside", "cifar-10-batches-bin/../../outside"])
def test_an_archive_whose_members_escape_is_refused(tmp_path, name):
    members = {f"cifar-10-batches-bin/{batch}": data for batch, data in CIFAR_KINDS["binary"][1].items()}
    source = write_tar(tmp_path / "source.tar.gz", members | {name: b"x"})
    refused(source, tmp_path, "leaves the archive")
    assert {path.name for path in tmp_path.iterdir()} == {"source.tar.gz"}


def test_a_link_in_an_archive_is_not_followed(tmp_path):
    (tmp_path / "secret").write_bytes(cifar_binary_batch(CIFAR, CIFAR_LABELS))
    source = tmp_path / "source.tar"
    with tarfile.open(source, "w") as archive:
        info = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        info.type, info.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        archive.addfile(info)
    refused(source, tmp_path, "no CIFAR-10 batches")


# --- image folders --------------------------------------------------------------------------------------------------


def write_folders(root, images, labels, kind="PNG", split="test", names=("bird", "cat", "dog")):
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = root / split / names[label]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{index:03d}.{kind.lower()}").write_bytes(encoded(image, kind))
    return root


@pytest.mark.parametrize("kind", ["PNG", "BMP", "PPM"])
def test_image_folders(tmp_path, kind):
    source = write_folders(tmp_path / "source", COLOUR, COLOUR_LABELS, kind)
    assert choose_importer(source).name == "folders"
    dataset = run(source, tmp_path / "out")
    assert dataset.sample.shape == (4, 8, 3)
    assert_holds_in_any_order(dataset, "test", COLOUR, COLOUR_LABELS)


def test_the_first_images_of_folders_are_of_many_classes_and_always_the_same(tmp_path):
    images, labels = random_images(300, (2, 2, 3), classes=3)
    source = write_folders(tmp_path / "source", images, labels)
    dataset = run(source, tmp_path / "out")
    assert set(dataset.labels("test")[:32].tolist()) == {0, 1, 2}
    assert_holds_in_any_order(dataset, "test", images, labels)
    assert run(source, tmp_path / "again").digest == dataset.digest


def test_grayscale_image_folders_in_several_splits(tmp_path):
    source = tmp_path / "source"
    for split in ("test", "train"):
        write_folders(source, GRAY, np.arange(7) % 3, split=split)
    (source / ".hidden" / "class").mkdir(parents=True)
    dataset = run(source, tmp_path / "out")
    assert dataset.sample.shape == (6, 5, 1) and dataset.splits == {"test": 7, "train": 7}
    assert dataset.classes == ("bird", "cat", "dog")


def test_the_users_class_order_sets_the_labels(tmp_path):
    source = write_folders(tmp_path / "source", COLOUR[:3], [0, 1, 2])
    dataset = run(source, tmp_path / "out", classes=("dog", "cat", "bird"))
    assert_holds_in_any_order(dataset, "test", COLOUR[[2, 1, 0]], [0, 1, 2])


def test_a_class_folder_that_the_user_did_not_name_is_refused(tmp_path):
    source = write_folders(tmp_path / "source", COLOUR[:3], [0, 1, 2])
    refused(source, tmp_path, "unknown class folder 'bird'", classes=("birds", "cat", "dog"))


def test_jpeg_images_are_decoded_as_pillow_does(tmp_path):
    source = write_folders(tmp_path / "source", COLOUR[:1], [0], "JPEG")
    path = next(source.rglob("*.jpeg"))
    assert_holds(run(source, tmp_path / "out"), "test", np.asarray(Image.open(path))[None], [0])


def test_images_of_different_sizes_need_a_size(tmp_path):
    source = write_folders(tmp_path / "source", COLOUR, COLOUR_LABELS)
    odd = source / "test" / "dog" / "zzz.png"
    odd.parent.mkdir(exist_ok=True)
    odd.write_bytes(encoded(COLOUR[0][:3]))
    assert "zzz.png" in refused(source, tmp_path, "--size")
    assert run(source, tmp_path / "out", size=(3, 4)).sample.shape == (3, 4, 3)


def test_resizing_a_flat_image_keeps_its_colour(tmp_path):
    flat = np.full((1, 9, 7, 3), (10, 200, 30), dtype=np.uint8)
    dataset = run(write_folders(tmp_path / "source", flat, [0]), tmp_path / "out", size=(4, 2))
    assert_holds(dataset, "test", np.full((1, 4, 2, 3), (10, 200, 30)), [0])


def test_mixed_colour_and_grayscale_need_a_choice(tmp_path):
    source = write_folders(tmp_path / "source", COLOUR[:2], [0, 1])
    (source / "test" / "cat" / "zzz.png").write_bytes(encoded(COLOUR[0][..., :1]))
    assert "zzz.png" in refused(source, tmp_path, "--channels")
    dataset = run(source, tmp_path / "out", channels=1)
    assert dataset.sample.shape == (4, 8, 1)
    assert any(np.array_equal(image, COLOUR[0][..., :1]) for image in everything(dataset, "test")[0])
    # A gray image as RGB has three equal channels.
    dataset = run(source, tmp_path / "out3", channels=3)
    gray = np.repeat(COLOUR[0][..., :1], 3, axis=-1)
    assert any(np.array_equal(image, gray) for image in everything(dataset, "test")[0])


def png_header(width, height, depth=8, rows=b"\0"):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def sixteen_bits():
    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 8), 40_000, dtype=np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


BAD_IMAGES = {
    "bomb": (png_header(5000, 5000), "claims 5000 x 5000"),
    "larger bomb": (png_header(60_000, 60_000), "claims"),
    "truncated": (encoded(COLOUR[0])[:60], "cannot be decoded"),
    "empty": (b"", "cannot be decoded"),
    "text": (b"hello", "cannot be decoded"),
    "other format": (encoded(COLOUR[0], "TIFF"), "cannot be decoded"),
    "16 bits": (sixteen_bits(), "more than 8 bits"),
    "16 bits of colour": (png_header(8, 4, 16, 4 * (b"\0" + bytes(range(48)))), "more than 8 bits"),
    "16 bits of colour in PPM": (b"P6 8 4 65535\n" + bytes(4 * 8 * 6), "more than 8 bits"),
}


@pytest.mark.parametrize("case", BAD_IMAGES)
@pytest.mark.parametrize("position", ["000", "999"])
def test_a_bad_image_is_refused_by_name(tmp_path, case, position):
    content, message = BAD_IMAGES[case]
    source = write_folders(tmp_path / "source", COLOUR[1:2], [0])
    (source / "test" / "bird" / f"{position}-bad.png").write_bytes(content)
    assert f"{position}-bad.png" in refused(source, tmp_path, message, size=(4, 8))


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "source" / "test" / "cat").mkdir(parents=True)
    refused(tmp_path / "source", tmp_path, "none of the datasets")
    refused(tmp_path / "source", tmp_path, "has no images", importer="folders")


@pytest.mark.parametrize("place", ["train/sheet.png", "train/cat/more/sheet.png"])
def test_images_beside_folders_of_images_are_refused(tmp_path, place):
    source = tmp_path / "source"
    for split in ("train", "test"):
        write_folders(source, COLOUR[:3], [0, 1, 2], split=split)
    (source / place).parent.mkdir(exist_ok=True)
    (source / place).write_bytes(encoded(COLOUR[0]))
    refused(source, tmp_path, "it holds images .* and folders of images", importer="folders")


@pytest.mark.parametrize("place", ["test/owl/part1/a.png", "test/owl/part1/a.gif", "preview.png", "test/cat/x/y/a.png"])
def test_images_that_are_in_no_class_folder_are_refused(tmp_path, place):
    source = write_folders(tmp_path / "source", COLOUR[:3], [0, 1, 2])
    (source / place).parent.mkdir(parents=True, exist_ok=True)
    (source / place).write_bytes(encoded(COLOUR[0]))
    assert str((source / place).parent) in refused(source, tmp_path, "would be left out|not read")


def test_a_split_beside_folders_of_classes_is_refused(tmp_path):
    write_folders(tmp_path, COLOUR[:3], [0, 1, 2], split="source")
    write_folders(tmp_path / "source", COLOUR[:1], [1], split="__MACOSX")  # as macOS makes beside what it packs
    assert run(tmp_path / "source", tmp_path / "packed").classes == ("bird", "cat", "dog")
    write_folders(tmp_path / "source", COLOUR[:1], [1], split="extra")
    refused(tmp_path / "source", tmp_path, "extra/cat: its images, such as 000.png, would be left out")


def test_a_class_without_images_is_refused_unless_the_user_names_it(tmp_path):
    source = write_folders(tmp_path / "source", COLOUR[:3], [0, 1, 2])
    (source / "test" / "owl").mkdir()
    refused(source, tmp_path, "--classes: the folder 'owl' would be a class without an image")
    write_folders(source, COLOUR[:1], [0], split="train", names=("owl",))
    assert run(source, tmp_path / "out").classes == ("bird", "cat", "dog", "owl")  # of another split
    classes = ("bird", "cat", "dog", "owl")
    assert run(source, tmp_path / "named", splits=("test",), classes=classes).classes == classes


def test_a_folder_that_links_lead_back_to_is_looked_at_once(tmp_path):
    source = write_folders(tmp_path / "source", COLOUR[:3], [0, 1, 2])
    for name in ("a", "b"):
        (source / "test" / "cat" / name).symlink_to(source / "test" / "cat" / "..")
    assert run(source, tmp_path / "out").splits == {"test": 3}


@pytest.mark.parametrize("name", ["labels.csv", "x.npy"])
def test_folders_of_images_beside_a_table_need_a_choice(tmp_path, name):
    source = write_folders(tmp_path / "source", COLOUR[:3], [0, 1, 2])
    (source / name).write_text("a,label\n1,0\n")
    refused(source, tmp_path, "source: it is of two kinds, .* choose with --from (csv|npy) or --from folders")
    assert run(source, tmp_path / "out", importer="folders").splits == {"test": 3}


def test_images_of_kinds_that_are_not_read_are_refused(tmp_path):
    source = write_folders(tmp_path / "source", COLOUR[:3], [0, 1, 2])
    for name in ("a.gif", "b.TIF"):
        (source / "test/cat" / name).write_bytes(encoded(COLOUR[0], "TIFF"))
    refused(source, tmp_path, "test/cat: 2 of its images are of kinds that are not read, such as a.gif")


# --- Parquet --------------------------------------------------------------------------------------------------------


def write_parquet(path, images, labels, *, hub=False, metadata=None, image_name="image"):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = [encoded(image) for image in images]
    column = pa.array([{"bytes": item, "path": "a.png"} for item in data]) if hub else pa.array(data, pa.binary())
    table = pa.table({image_name: column, "label": pa.array(labels, pa.int64() if hub else pa.uint8())})
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path


def test_parquet_files_one_a_split(tmp_path):
    write_parquet(tmp_path / "source" / "test.parquet", COLOUR, COLOUR_LABELS, metadata={"classes": "bird,cat,dog"})
    write_parquet(tmp_path / "source" / "train.parquet", COLOUR[::-1], COLOUR_LABELS[::-1])
    assert choose_importer(tmp_path / "source").name == "parquet"
    dataset = run(tmp_path / "source", tmp_path / "out")
    assert dataset.classes == ("bird", "cat", "dog") and dataset.sample.shape == (4, 8, 3)
    assert_holds(dataset, "test", COLOUR, COLOUR_LABELS)
    assert_holds(dataset, "train", COLOUR[::-1], COLOUR_LABELS[::-1])


def test_parquet_as_the_hub_writes_it(tmp_path):
    names = '{"info": {"features": {"label": {"names": ["x", "y", "z"], "_type": "ClassLabel"}}}}'
    for part in (0, 1):
        rows = slice(3 * part, 3 * part + 3)
        path = tmp_path / "source" / f"test-0000{part}-of-00002.parquet"
        labels = COLOUR_LABELS[rows]
        write_parquet(path, COLOUR[rows], labels, hub=True, metadata={"huggingface": names}, image_name="img")
    dataset = run(tmp_path / "source", tmp_path / "out")
    assert dataset.classes == ("x", "y", "z")
    assert_holds(dataset, "test", COLOUR, COLOUR_LABELS)


def test_parquet_as_the_hub_once_wrote_it(tmp_path):
    for part, digits in enumerate(("0a1b2c3d4e5f6789", "9f8e7d6c5b4a3210")):
        rows = slice(3 * part, 3 * part + 3)
        path = tmp_path / "source" / f"train-0000{part}-of-00002-{digits}.parquet"
        write_parquet(path, COLOUR[rows], COLOUR_LABELS[rows])
    assert_holds(run(tmp_path / "source", tmp_path / "out"), "train", COLOUR, COLOUR_LABELS)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("-00000-of-00003", "-00002-of-00003"), "'train' has 2 of its 3 files .*; part 1 is missing"),
        (
            ("-00000-of-00001-0a1b", "-00000-of-00002", "-00001-of-00002"),
            "00000-of-00002.*are both.*not of one revision",
        ),
        (("-00000-of-00001-0a1b", "-00000-of-00001"), "not of one revision"),
        (("", "-00000-of-00001"), "not of one revision"),
        (("-9-of-99999999999",), "1 of its 99999999999 files .*; part 0 is missing"),
    ],
)
@pytest.mark.parametrize("importer", ["parquet", "parquet-tensor"])
def test_a_split_of_which_parts_are_missing_or_twice_is_refused(tmp_path, names, message, importer):
    for name in names:
        write_parquet(tmp_path / f"source/train{name}.parquet", GRAY, GRAY_LABELS)
    refused(tmp_path / "source", tmp_path, message, importer=importer)


def test_parts_are_numbered_from_one_too(tmp_path):
    for part in (1, 2):
        write_parquet(tmp_path / f"source/train-{part}-of-2.parquet", GRAY, GRAY_LABELS)
    assert run(tmp_path / "source", tmp_path / "out").splits == {"train": 14}


def test_a_parquet_split_without_rows_is_refused_where_it_is_taken(tmp_path):
    write_parquet(tmp_path / "source" / "train.parquet", COLOUR, COLOUR_LABELS)
    write_parquet(tmp_path / "source" / "test.parquet", [], [])
    refused(tmp_path / "source", tmp_path, "test.* no image")
    assert run(tmp_path / "source", tmp_path / "out", splits=("train",)).splits == {"train": len(COLOUR)}


@pytest.mark.parametrize("metadata", [b"[" * 100_000, b'{"info": 1}', b"\xff"])
def test_metadata_that_names_no_classes_is_passed_over(tmp_path, metadata):
    path = write_parquet(tmp_path / "test.parquet", COLOUR, COLOUR_LABELS, metadata={"huggingface": metadata})
    assert run(path, tmp_path / "out").classes == ("0", "1", "2")


@pytest.mark.parametrize("importer", [None, "parquet", "parquet-tensor"])
def test_a_column_whose_name_is_no_text_is_refused(tmp_path, importer):
    path = tmp_path / "test.parquet"
    pq.write_table(pa.table({"image": [0.5], "label": [0]}), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"image", b"\xff\xfeage"))
    refused(path, tmp_path, "test.parquet is no readable Parquet file", importer=importer)


def test_parquet_files_that_order_their_classes_differently_are_refused(tmp_path):
    for split, names in (("test", "bird,cat,dog"), ("train", "cat,bird,dog")):
        write_parquet(tmp_path / "source" / f"{split}.parquet", COLOUR, COLOUR_LABELS, metadata={"classes": names})
    message = refused(tmp_path / "source", tmp_path, "expected bird, cat, dog")
    assert "train.parquet are cat, bird, dog" in message
    assert "as in" in message and "test.parquet" in message


def test_a_single_parquet_file_is_one_split(tmp_path):
    path = write_parquet(tmp_path / "validation.parquet", GRAY, GRAY_LABELS)
    dataset = run(path, tmp_path / "out", size=(3, 3), channels=3)
    assert dataset.splits == {"validation": 7} and dataset.sample.shape == (3, 3, 3)


PARQUET_DAMAGE = {
    "no label": (pa.table({"image": pa.array([b""])}), "columns image and label"),
    "image text": (pa.table({"image": ["a"], "label": [1]}), "expected PNG or JPEG"),
    "label text": (pa.table({"image": [b"a"], "label": ["1"]}), "expected integers"),
    "no bytes": (pa.table({"image": pa.array([None], pa.binary()), "label": [1]}), "without image bytes"),
    "null label": (pa.table({"image": [encoded(GRAY[0])], "label": pa.array([None], pa.int8())}), "without a label"),
    "raw": (pa.table({"image": pa.array([b"abcd"], pa.binary(4)), "label": [1]}), "raw images"),
    "no rows": (pa.table({"image": pa.array([], pa.binary()), "label": pa.array([], pa.int8())}), "no rows"),
    "no image": (pa.table({"image": [b"junk"], "label": [1]}), "row 0 cannot be decoded"),
    "bomb": (pa.table({"image": [png_header(60_000, 60_000)], "label": [0]}), "claims"),
    "negative label": (pa.table({"image": [encoded(GRAY[0])], "label": [-1]}), "-1"),
}


@pytest.mark.parametrize("case", PARQUET_DAMAGE)
def test_an_unfit_parquet_file_is_refused_by_name(tmp_path, case):
    table, message = PARQUET_DAMAGE[case]
    (tmp_path / "source").mkdir()
    pq.write_table(table, tmp_path / "source" / "test.parquet")
    classes = ("a", "b") if case in ("negative label", "null label") else None
    assert "source" in refused(tmp_path / "source", tmp_path, message, classes=classes)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 junk PAR1"])
def test_a_file_that_only_claims_to_be_parquet_is_refused(tmp_path, content):
    (tmp_path / "test.parquet").write_bytes(content)
    refused(tmp_path / "test.parquet", tmp_path, "test.parquet is no readable Parquet file")


def test_a_truncated_parquet_page_is_refused(tmp_path):
    path = write_parquet(tmp_path / "test.parquet", COLOUR, COLOUR_LABELS, metadata={"classes": "a,b,c"})
    content = bytearray(path.read_bytes())
    content[4:80] = bytes(76)
    path.write_bytes(content)
    assert "test.parquet" in refused(path, tmp_path, "test.parquet")


# --- choosing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("importer", ["folders", "parquet", "idx"])
def test_large_images_are_read_a_few_at_a_time(tmp_path, importer):
    """No more than 64 MiB together: a thousand photographs would be 36 GB."""
    pixels, count, options = 2**24, 5, ImportOptions()
    if importer == "idx":
        (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(count)))
        with (tmp_path / "t10k-images-idx3-ubyte").open("wb") as file:
            file.write(struct.pack(">BBBBIII", 0, 0, 8, 3, count, 4096, 4096))
            file.truncate(16 + count * pixels)
    else:
        options = ImportOptions(size=(4096, 4096), channels=1)
        images, labels = random_images(count, (2, 2, 1), classes=1)
        if importer == "folders":
            write_folders(tmp_path, images, labels)
        else:
            write_parquet(tmp_path / "test.parquet", images, labels)
    with choose_importer(tmp_path, importer).open(tmp_path, options) as source:
        sizes = [images.nbytes for images, _ in source.splits["test"].batches()]
    assert max(sizes) <= 2**26 and sum(sizes) == count * pixels


def test_an_idx_header_that_claims_too_many_images_is_refused_before_they_are_read(tmp_path):
    for kind, *sizes in (("images-idx3", 4_000_000_000, 1, 1), ("labels-idx1", 4_000_000_000)):
        header = struct.pack(f">BBBB{len(sizes)}I", 0, 0, 8, len(sizes), *sizes)
        (tmp_path / f"train-{kind}-ubyte.gz").write_bytes(gzip.compress(header))
    refused(tmp_path, tmp_path, "images-idx3-ubyte.gz: it claims a split of 4000000000 samples; at most 67108864")


@pytest.mark.parametrize("importer", ["npy", "parquet", "parquet-tensor"])
def test_splits_of_too_many_samples_are_refused(tmp_path, importer, monkeypatch):
    monkeypatch.setattr("simcore.datasets.importers.base.MOST_SAMPLES", 6)
    (tmp_path / "source").mkdir()
    if importer == "npy":
        np.save(tmp_path / "source/x.npy", GRAY)
        np.save(tmp_path / "source/y.npy", GRAY_LABELS)
    for number, part in enumerate((slice(3), slice(3, 7))):
        if importer == "parquet":
            write_parquet(tmp_path / f"source/test-{number}-of-2.parquet", GRAY[part], GRAY_LABELS[part])
        elif importer == "parquet-tensor":
            table = pa.table({"x": GRAY[part, 0, 0, 0], "label": GRAY_LABELS[part]})
            pq.write_table(table, tmp_path / f"source/test-{number}-of-2.parquet")
    refused(tmp_path / "source", tmp_path, "it claims a split of 7 samples; at most 6 are read", importer=importer)


def test_unknown_sources_and_importers_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    message = refused(tmp_path / "notes.txt", tmp_path, "none of the datasets")
    assert all(importer.name in message for importer in IMPORTERS)
    refused(tmp_path / "absent", tmp_path, "there is no file or folder")
    refused(tmp_path / "notes.txt", tmp_path, "did you mean 'parquet'", importer="parket")


@pytest.mark.parametrize("importer", [importer.name for importer in IMPORTERS])
@pytest.mark.parametrize("kind", ["text file", "empty folder"])
def test_every_importer_refuses_what_is_not_its_own(tmp_path, importer, kind):
    source = tmp_path / "odd"
    if kind == "text file":
        source.write_text("hello")
    else:
        source.mkdir()
    refused(source, tmp_path, "odd", importer=importer)


def test_a_dataset_is_not_imported_again(tmp_path):
    write_idx_pair(tmp_path / "source", "t10k", GRAY, GRAY_LABELS)
    dataset = run(tmp_path / "source", tmp_path / "first")
    refused(dataset.folder, tmp_path, "is a binsparx dataset already")


def test_size_and_channels_are_refused_where_they_mean_nothing(tmp_path):
    write_idx_pair(tmp_path / "source", "t10k", GRAY, GRAY_LABELS)
    refused(tmp_path / "source", tmp_path, "leave out --size", size=(8, 8))
    refused(tmp_path / "source", tmp_path, "leave out --size", channels=3)
