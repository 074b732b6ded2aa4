"""Arrays of samples and of labels that find each other by their names: ``x_train`` and ``y_train``, ``test/images`` and
``test/labels``, ``data`` and ``target``."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from simcore.datasets.importers.base import (
    UNDIVIDED,
    Batch,
    ImportOptions,
    ImportSource,
    SplitSource,
    at_a_time,
    bounded,
    class_names,
    largest_label,
)
from simcore.datasets.importers.labels import whole_labels
from simcore.datasets.importers.npy import NpyArray
from simcore.datasets.importers.tensors import as_samples, sample_of
from simcore.datasets.sample_format import SampleFormat
from simcore.datasets.shards import Labels
from simcore.errors import InputError

_SAMPLE_WORDS = {
    "x",
    "data",
    "image",
    "images",
    "input",
    "inputs",
    "feature",
    "features",
    "sample",
    "samples",
    "tokens",
}
_LABEL_WORDS = {"y", "label", "labels", "target", "targets", "class", "classes"}
_LABELS_AT_ONCE = 2**20


def place_of(name: str) -> tuple[str, bool] | None:
    """Split and kind that a name says.

    Args:
        name: of an array, with those of folders before it.

    Returns:
        the split, and whether these are labels; None where the name says neither samples nor labels.

    Example:
        >>> place_of("x_train"), place_of("test/labels"), place_of("data"), place_of("weights")
        (('train', False), ('test', True), ('all', False), None)
    """
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    if not _SAMPLE_WORDS.union(_LABEL_WORDS).intersection(words):
        return None
    rest = [word for word in words if word not in _SAMPLE_WORDS | _LABEL_WORDS]
    return "-".join(rest) or UNDIVIDED, bool(_LABEL_WORDS.intersection(words))


def source_of_arrays(path: Path, arrays: Mapping[str, NpyArray], kind: str, options: ImportOptions) -> ImportSource:
    """The source that named arrays make.

    Args:
        path: of the file or folder.
        arrays: by their names.
        kind: of files, for the manifest.
        options: the user's.

    Raises:
        InputError: names that say nothing, samples without labels, or arrays that do not fit together.
    """
    places = {name: place for name in arrays if (place := place_of(name)) is not None}
    naming = _naming(arrays, places)
    found: dict[str, dict[bool, NpyArray]] = defaultdict(dict)
    for name, (split, is_labels) in places.items():
        array = arrays[name]
        if array in naming:
            continue
        if array.is_text:
            raise InputError(f"it holds {array.dtype}; expected numbers", array.what)
        if is_labels in found[split]:
            raise InputError(f"it and {found[split][is_labels].what} are both of split '{split}'", array.what)
        found[split][is_labels] = array
    if not found:
        raise InputError(
            f"no array is named as samples or labels are (x_train and y_train, data and labels); "
            f"there are: {', '.join(arrays) or 'none'}",
            str(path),
        )
    for split, pair in found.items():
        for is_labels, missing in ((False, "samples, such as x"), (True, "labels, such as y")):
            if is_labels not in pair:
                raise InputError(f"split '{split}' has no array of {missing}", pair[not is_labels].what)
    first = next(iter(found.values()))[False]
    sample = sample_of(_sample_shape(first), options, first.what)
    splits = {split: _split(pair[False], pair[True], sample, options) for split, pair in found.items()}
    return ImportSource(
        name=path.resolve().stem if path.is_file() else path.resolve().name,
        classes=class_names(options, _common_names(naming), lambda: largest_label(splits)),
        sample=sample,
        source=kind,
        licence="unknown",
        splits=splits,
        source_dtype=", ".join(sorted({str(pair[False].dtype) for pair in found.values()})),
    )


def _naming(arrays: Mapping[str, NpyArray], places: Mapping[str, tuple[str, bool]]) -> list[NpyArray]:
    """The arrays of text that name the classes: called as labels are, where a split has numbers for these, or has no
    samples."""
    labelled = {split for name, (split, is_labels) in places.items() if is_labels and not arrays[name].is_text}
    sampled = {split for split, is_labels in places.values() if not is_labels}
    return [
        arrays[name]
        for name, (split, is_labels) in places.items()
        if is_labels and arrays[name].is_text and (split in labelled or split not in sampled)
    ]


def _common_names(naming: list[NpyArray]) -> tuple[str, ...] | None:
    """The names of classes, which arrays of several splits may repeat; None without any."""
    for array in naming[1:]:
        if array.names() != naming[0].names():
            raise InputError(f"it names other classes than {naming[0].what}", array.what)
    return naming[0].names() if naming else None


def _sample_shape(samples: NpyArray) -> tuple[int, ...]:
    if len(samples.shape) < 2:
        raise InputError(f"samples have the shape {samples.shape}; expected (samples, ...)", samples.what)
    return samples.shape[1:]


def _split(samples: NpyArray, labels: NpyArray, sample: SampleFormat, options: ImportOptions) -> SplitSource:
    own = sample_of(_sample_shape(samples), options, samples.what)
    if own != sample:
        raise InputError(f"samples have the shape {own.shape}, those of another split {sample.shape}", samples.what)
    if labels.shape not in ((samples.shape[0],), (samples.shape[0], 1)):
        one_hot = labels.shape[:1] == samples.shape[:1] and len(labels.shape) == 2
        hint = "; of one-hot labels save argmax(axis=1)" if one_hot else ""
        raise InputError(
            f"labels have the shape {labels.shape} for {samples.shape[0]} samples; "
            f"expected ({samples.shape[0]},){hint}",
            labels.what,
        )
    count = bounded(samples.shape[0], samples.what)
    return SplitSource(count, partial(_labels, labels), partial(_batches, samples, labels, sample, options))


def _labels(array: NpyArray) -> Labels:
    parts = [block.reshape(-1) for block in array.blocks(_LABELS_AT_ONCE)]
    values = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    return whole_labels(values, lambda index: f"{array.what} index {index}")


def _batches(samples: NpyArray, labels: NpyArray, sample: SampleFormat, options: ImportOptions) -> Iterator[Batch]:
    known, start = _labels(labels), 0
    for block in samples.blocks(at_a_time(sample)):

        def place(index: int, first: int = start) -> str:
            return f"{samples.what} index {first + index}"

        values = as_samples(block, sample, options, place)
        yield values, known[start : start + len(values)]
        start += len(values)
