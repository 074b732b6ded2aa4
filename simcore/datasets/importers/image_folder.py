"""Folders of images, SPLIT/CLASS/IMAGE or CLASS/IMAGE, as many training programs keep them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from simcore.datasets.importers.base import (
    UNDIVIDED,
    Batch,
    Importer,
    ImportOptions,
    ImportSource,
    SplitSource,
    at_a_time,
    reading,
)
from simcore.datasets.importers.image_codec import SUFFIXES, UNREAD_SUFFIXES, ImageDecoder
from simcore.datasets.sample_format import SampleFormat
from simcore.datasets.shards import Labels
from simcore.errors import InputError, unknown_name

_ORDER_SEED = 0
_OF_NO_SOURCE = "__MACOSX"
"""Folder that macOS adds to the archives it makes."""


class ImageFolderImporter(Importer):
    """SPLIT/CLASS/*.png (or .jpg, .bmp, .webp, .ppm), or CLASS/*.png without splits. A class's label is its place in
    the sorted class names, or in the user's list of classes. File order: a random one, always the same for the same
    files, for the first images of a split stand for all of it where a design is calibrated or part of a split is
    measured."""

    name = "folders"
    expects = "a folder SPLIT/CLASS/*.png (or .jpg, .bmp, .webp, .ppm), for example test/cat/0001.png; or CLASS/*.png"
    converts_images = True

    def recognises(self, path: Path) -> bool:
        try:
            return path.is_dir() and any(_images_in(one) for classes in _tree(path).values() for one in classes)
        except OSError:
            return False

    @contextmanager
    def open(self, path: Path, options: ImportOptions) -> Iterator[ImportSource]:
        if not path.is_dir():
            raise InputError(f"{path} is no folder; the folders importer reads {self.expects}")
        with reading(str(path)):
            found = _tree(path)
            taken = {folder for folders in found.values() for folder in folders}
            for folder in _all_folders(path):
                _require_nothing_left_out(folder, folder in taken)
            tree = {split: {folder.name: _images_in(folder) for folder in folders} for split, folders in found.items()}
        splits = {split: classes for split, classes in tree.items() if any(classes.values())}
        if not splits:
            raise InputError(f"{path} has no images; the folders importer reads {self.expects}")
        classes = _classes(splits, options)
        files = {split: _ordered_files(folders, classes) for split, folders in splits.items()}
        first = next(iter(files.values())).paths[0]  # by name, so that a message about it can be followed
        decoder = ImageDecoder.for_first(_read(first), str(first), options)
        yield ImportSource(
            name=path.resolve().name,
            classes=classes,
            sample=SampleFormat.image(decoder.image_shape),
            source="image folders",
            licence="unknown",
            splits={split: _split_source(_in_random_order(labelled), decoder) for split, labelled in files.items()},
        )


@dataclass(frozen=True)
class _LabelledFiles:
    paths: list[Path]
    labels: Labels


def _tree(path: Path) -> dict[str, list[Path]]:
    """Folders of classes by their split; where images lie in the folders themselves, these are the classes of one."""
    folders = _folders_in(path)
    if any(map(_images_in, folders)):
        return {UNDIVIDED: folders}
    return {split.name: _folders_in(split) for split in folders}


def _folders_in(path: Path) -> list[Path]:
    return sorted(
        entry
        for entry in path.iterdir()
        if entry.is_dir() and not entry.name.startswith(".") and entry.name != _OF_NO_SOURCE
    )


def _all_folders(path: Path) -> Iterator[Path]:
    """A folder and all below it, those of one depth together; one that links lead to again comes once."""
    seen: set[Path] = set()
    level = [path]
    while level:
        below = []
        for folder in level:
            if folder.resolve() not in seen:
                seen.add(folder.resolve())
                below += _folders_in(folder)
                yield folder
        level = below


def _images_in(folder: Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    return sorted(
        entry
        for entry in folder.iterdir()
        if entry.suffix.lower() in suffixes and entry.is_file() and not entry.name.startswith(".")
    )


def _require_nothing_left_out(folder: Path, is_class: bool) -> None:
    """Images that would be skipped are refused: beside folders of images, in a folder that is none of a class, or of
    kinds that are not read."""
    images, below = _images_in(folder), [inner for inner in _folders_in(folder) if _images_in(inner)]
    if images and below:
        raise InputError(
            f"it holds images ({images[0].name}) and folders of images ({below[0].name}): which are the classes? Move "
            "one of them away",
            str(folder),
        )
    if images and not is_class:
        raise InputError(
            f"its images, such as {images[0].name}, would be left out: the classes are folders elsewhere; move them to "
            "one of these, or away",
            str(folder),
        )
    unread = _images_in(folder, UNREAD_SUFFIXES)
    if unread:
        raise InputError(
            f"{len(unread)} of its images are of kinds that are not read, such as {unread[0].name}; convert them to "
            "PNG, or move them away",
            str(folder),
        )


def _classes(splits: dict[str, dict[str, list[Path]]], options: ImportOptions) -> tuple[str, ...]:
    found = sorted({name for folders in splits.values() for name in folders})
    if options.classes is None:
        for name in found:
            if not any(folders.get(name) for folders in splits.values()):
                raise InputError(
                    f"the folder '{name}' would be a class without an image: remove it, or list the classes",
                    "--classes",
                )
        return tuple(found)
    for name in found:
        if name not in options.classes:
            raise unknown_name("class folder", name, options.classes, "--classes")
    return options.classes


def _ordered_files(folders: dict[str, list[Path]], classes: tuple[str, ...]) -> _LabelledFiles:
    paths, labels = [], []
    for label, name in enumerate(classes):
        class_files = folders.get(name, [])
        paths += class_files
        labels += [label] * len(class_files)
    return _LabelledFiles(paths, np.array(labels, dtype=np.int64))


def _in_random_order(files: _LabelledFiles) -> _LabelledFiles:
    order = np.random.default_rng(_ORDER_SEED).permutation(len(files.paths))
    return _LabelledFiles([files.paths[index] for index in order], files.labels[order])


def _split_source(files: _LabelledFiles, decoder: ImageDecoder) -> SplitSource:
    return SplitSource(images=len(files.paths), labels=lambda: files.labels, batches=partial(_batches, files, decoder))


def _batches(files: _LabelledFiles, decoder: ImageDecoder) -> Iterator[Batch]:
    count = at_a_time(SampleFormat.image(decoder.image_shape))
    for start in range(0, len(files.paths), count):
        paths = files.paths[start : start + count]
        images = np.stack([decoder.decode(_read(path), str(path)) for path in paths])
        yield images, files.labels[start : start + count]


def _read(path: Path) -> bytes:
    with reading(str(path)):
        return path.read_bytes()
