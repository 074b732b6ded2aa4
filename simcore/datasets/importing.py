"""From somebody else's files to a dataset folder: choose the importer, divide, select, build, put in place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simcore.datasets.dataset import Dataset, open_dataset
from simcore.datasets.importers import choose_importer
from simcore.datasets.importers.base import Batch, Importer, ImportOptions, ImportSource, SplitSource
from simcore.datasets.importers.image_codec import CHANNELS, MAX_PIXELS
from simcore.datasets.importers.labels import MAX_CLASSES
from simcore.datasets.manifest import Manifest, SplitManifest, TensorManifest, content_digest, write_manifest
from simcore.datasets.replace_folder import new_folder
from simcore.datasets.selection import batches_at, divided, select_images
from simcore.datasets.shards import Labels, Shard, content_records, write_shard
from simcore.errors import InputError, unknown_name

DEFAULT_SHARD_IMAGES = 500
_SHARD_BYTES = 2**27  # of samples: a shard is written and read as a whole
FIRST_IMAGES = 32  # as many as a design is calibrated on by default
# (split, images written, images to write)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ImportRequest:
    """Everything that decides what an import writes.

    Attributes:
        source: file or folder to import.
        importer: name of the importer; None recognises it from the files.
        name: the dataset's name; None takes the source's.
        splits: splits to take; None takes all.
        limits: most images to take of a split: the first ones in file order.
        balanced_seed: takes a class-balanced random selection of that size instead of the first images; the classes
            take turns in it.
        shuffle_seed: puts the images of every split into a random order before the first ones are taken.
        split_fractions: shares of the source's only split that become splits of these names, class by class; the rest
            becomes ``train``. Empty leaves the source's splits as they are.
        split_seed: of the random choice that ``split_fractions`` asks for.
        shard_images: images in a shard; fewer where these would be more than 128 MiB.
        options: what to do with the samples.
    """

    source: Path
    importer: str | None = None
    name: str | None = None
    splits: tuple[str, ...] | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    balanced_seed: int | None = None
    shuffle_seed: int | None = None
    split_fractions: Mapping[str, float] = field(default_factory=dict)
    split_seed: int = 0
    shard_images: int = DEFAULT_SHARD_IMAGES
    options: ImportOptions = ImportOptions()


def import_dataset(
    request: ImportRequest, target: Path | None = None, *, force: bool = False, progress: Progress | None = None
) -> Dataset:
    """Import a dataset into a new folder and open it; on any failure nothing is left behind.

    Args:
        request: what to import and how.
        target: folder to make; None takes ``data/NAME``.
        force: replace the dataset that is already there.
        progress: told how far the import has come.

    Raises:
        InputError: unusable source, options or target.
    """
    _check_request(request)
    if not request.source.exists():
        raise InputError(f"there is no file or folder {request.source}")
    importer = choose_importer(request.source, request.importer)
    _check_applicable(importer, request.options)
    with importer.open(request.source, request.options) as source:
        if not 0 < len(source.classes) <= MAX_CLASSES:
            raise InputError(f"{request.source} has {len(source.classes)} classes; 1 to {MAX_CLASSES} are possible")
        name = request.name or source.name
        if not name or not all(text.isprintable() for text in (name, *source.classes)):
            raise InputError("the dataset needs a name, and names must be printable", "--name or --classes")
        splits = _chosen_splits(source, request)
        folder = target or Path("data") / name
        with new_folder(folder, force=force) as partial:
            written = {
                split: _write_split(partial, split, splits[split], source, request, progress or _silent)
                for split in splits
            }
            write_manifest(partial, _manifest(name, source, written))
    return open_dataset(folder)


def _check_applicable(importer: Importer, options: ImportOptions) -> None:
    for applies, given, text in (
        (importer.converts_images, (options.size, options.channels), "--size and --channels"),
        (importer.reads_tensors, (options.shape, options.channels_last), "--shape and --channels-last"),
        (importer.reads_tables, (options.label_column, options.columns), "--label-column and --columns"),
    ):
        if not applies and any(given):
            raise InputError(f"the {importer.name} importer has no use for options of other sources; leave out {text}")


def splits_that_begin_with_one_class(dataset: Dataset) -> list[str]:
    """Splits whose first images, which designs are calibrated and samples measured on, are all of one class although
    the split has several."""
    found = []
    for split in dataset.splits:
        labels = dataset.labels(split)
        if len(np.unique(labels[:FIRST_IMAGES])) == 1 < len(np.unique(labels)):
            found.append(split)
    return found


def _silent(split: str, done: int, total: int) -> None:
    pass


def _check_request(request: ImportRequest) -> None:
    if request.shard_images < 1:
        raise InputError(f"a shard holds at least one image, not {request.shard_images}", "--shard-images")
    for split, limit in request.limits.items():
        if limit < 1:
            raise InputError(f"split '{split}' needs at least 1 image, got the limit {limit}", "--limit")
    if request.balanced_seed is not None and not request.limits:
        raise InputError(
            "a balanced selection needs a size for each split: give --limit SPLIT=N as well", "--balanced-seed"
        )
    if request.balanced_seed is not None and request.shuffle_seed is not None:
        raise InputError(
            "--balanced-seed already decides the order of the images: give one of the two", "--shuffle-seed"
        )
    if request.name is not None and (request.name.strip(". ") == "" or set(request.name) & set("/\\")):
        raise InputError(
            f"'{request.name}' cannot name a dataset: a name has more than dots and no '/' or '\\'", "--name"
        )
    if (
        any(not 0 < share < 1 for share in request.split_fractions.values())
        or sum(request.split_fractions.values()) >= 1
    ):
        raise InputError("shares lie between 0 and 1, and leave some samples for 'train'", "--split-fraction")
    if "train" in request.split_fractions:
        raise InputError("'train' is what the other splits leave; give their shares", "--split-fraction")
    size = request.options.size
    if size is not None and (min(size) < 1 or size[0] * size[1] > MAX_PIXELS):
        raise InputError(
            f"images can be resized to between 1 and {MAX_PIXELS} pixels, not to {size[0]} x {size[1]}", "--size"
        )
    if request.options.channels not in (None, *CHANNELS):
        raise InputError(f"images have 1 or 3 channels, not {request.options.channels}", "--channels")
    classes = request.options.classes
    if classes is not None and (len(set(classes)) != len(classes) or not all(classes)):
        raise InputError("class names must be different and not empty", "--classes")


def _chosen_splits(source: ImportSource, request: ImportRequest) -> dict[str, SplitSource]:
    splits = _divided(source, request)
    names = request.splits or tuple(splits)
    for option, given in (("--splits", names), ("--limit", request.limits)):
        for split in given:
            if split not in splits:
                raise unknown_name("split", split, splits, option)
    for split in request.limits:
        if split not in names:
            raise InputError(f"split '{split}' has a limit, but is not among the splits to import", "--limit")
    for split in names:
        if not split.replace("-", "").replace("_", "").isalnum() or not split.isascii():
            raise InputError(f"split name '{split}' may have letters, digits, '-' and '_' only")
    # Sorted, so that the manifest does not depend on the order in which splits were found or named.
    return {split: splits[split] for split in sorted(names)}


def _divided(source: ImportSource, request: ImportRequest) -> dict[str, SplitSource]:
    """The source's splits, or what its only one is divided into."""
    if not request.split_fractions:
        return source.splits
    if len(source.splits) != 1:
        raise InputError(
            f"{request.source} has the splits {', '.join(sorted(source.splits))} already; "
            "a source of one split can be divided",
            "--split-fraction",
        )
    ((name, whole),) = source.splits.items()
    return divided(name, whole, request.split_fractions, request.split_seed)


def _manifest(name: str, source: ImportSource, splits: dict[str, SplitManifest]) -> Manifest:
    image_shape, tensor = None, None
    if source.sample.is_image:
        height, width, channels = source.sample.shape
        image_shape = height, width, channels
    else:
        tensor = TensorManifest(shape=source.sample.shape, source_dtype=source.source_dtype)
    return Manifest(
        format_version=1 if source.sample.is_image else 2,
        name=name,
        source=source.source,
        licence=source.licence,
        licence_text=source.licence_text,
        classes=source.classes,
        image_shape=image_shape,
        tensor=tensor,
        digest=content_digest(source.sample, splits),
        splits=splits,
    )


def _write_split(
    folder: Path, split: str, source: SplitSource, whole: ImportSource, request: ImportRequest, progress: Progress
) -> SplitManifest:
    """Write the selected images of one split as shards into ``folder``."""
    if source.images == 0:
        raise InputError(f"split '{split}' of {request.source} has no images")
    shuffle = request.shuffle_seed
    if source.origin and shuffle is None:
        shuffle = request.split_seed
    selection = select_images(source, request.limits.get(split), request.balanced_seed, shuffle)
    total = len(selection.indices)
    shards: list[Shard] = []
    content = hashlib.sha256()
    done = 0
    progress(split, done, total)
    chosen = _checked(_selected(source, np.sort(selection.indices)), whole, f"split '{split}' of {request.source}")
    shard_images = max(1, min(request.shard_images, _SHARD_BYTES // whole.sample.bytes))
    for images, labels in _regroup(_in_order(chosen, selection.indices), shard_images):
        shards.append(write_shard(folder / f"{split}-{len(shards):05d}.parquet", whole.sample, images, labels))
        content.update(content_records(images, labels))
        done += len(labels)
        progress(split, done, total)
    if done != total:
        raise InputError(f"the files of split '{split}' in {request.source} hold {done} images, {total} were announced")
    return SplitManifest(
        images=total,
        selection=source.origin + selection.description,
        content_sha256=content.hexdigest(),
        shards=tuple(shards),
    )


def _selected(source: SplitSource, indices: NDArray[np.int64]) -> Iterator[Batch]:
    """The images at ``indices`` (ascending), reading a partly selected split no further than the last of them."""
    left = len(indices)
    for images, labels in batches_at(source, indices):
        yield images, labels
        left -= len(labels)
        # A whole split is read to its end, where importers notice files that are too long.
        if left == 0 and len(indices) < source.images:
            return


def _checked(batches: Iterator[Batch], whole: ImportSource, what: str) -> Iterator[Batch]:
    """The same batches; raises InputError at labels without a class and images of another shape."""
    for images, labels in batches:
        _check_labels(labels, len(whole.classes), what)
        if images.shape[1:] != whole.sample.shape:
            raise InputError(f"{what} has samples of shape {images.shape[1:]}, expected {whole.sample.shape}")
        yield images, labels


def _in_order(batches: Iterator[Batch], indices: NDArray[np.int64]) -> Iterator[Batch]:
    """The images at ``indices``, that come in ascending order of them, in the order of ``indices``: where that is
    another one, they are held in memory."""
    if np.all(np.diff(indices) > 0):
        yield from batches
        return
    parts = list(batches)
    if parts:
        images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        rank = np.argsort(np.argsort(indices))
        rank = rank[rank < len(labels)]  # a source may end early
        yield images[rank], labels[rank]


def _regroup(batches: Iterator[Batch], size: int) -> Iterator[Batch]:
    """The same images and labels in the same order, ``size`` at a time."""
    images: list[np.ndarray] = []
    labels: list[Labels] = []
    held = 0
    for batch_images, batch_labels in batches:
        start = 0
        while start < len(batch_labels):
            stop = min(start + size - held, len(batch_labels))
            images.append(batch_images[start:stop])
            labels.append(batch_labels[start:stop])
            held += stop - start
            start = stop
            if held == size:
                yield np.concatenate(images), np.concatenate(labels)
                images, labels, held = [], [], 0
    if held:
        yield np.concatenate(images), np.concatenate(labels)


def _check_labels(labels: Labels, classes: int, what: str) -> None:
    outside = labels[(labels < 0) | (labels >= classes)]
    if len(outside):
        raise InputError(f"{what} has the label {outside[0]}, but there are {classes} classes (0 to {classes - 1})")
