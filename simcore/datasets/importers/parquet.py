"""Parquet files with encoded images: a column of PNG or JPEG bytes and a column of labels, one split a file.

The image column is called ``image`` or ``img`` and holds bytes or, as the Hugging Face hub writes it,
``struct{bytes, path}``. Class names are taken from the schema's metadata (``classes``, a comma-separated list, or the
``names`` of the hub's feature description).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simcore.datasets.importers.base import (
    Batch,
    Importer,
    ImportOptions,
    ImportSource,
    SplitSource,
    at_a_time,
    bounded,
    class_names,
    largest_label,
    reading,
    reason,
)
from simcore.datasets.importers.image_codec import ImageDecoder
from simcore.datasets.sample_format import SampleFormat
from simcore.datasets.shards import Labels
from simcore.errors import InputError

_IMAGE_COLUMNS = ("image", "img")
_LABEL_COLUMN = "label"
# The hub cuts a split into files such as train-00000-of-00002.parquet, formerly with digits of a hash behind.
_PART = re.compile(r"-(\d+)-of-(\d+)(-[0-9a-f]+)?$")


class ParquetImporter(Importer):
    """A Parquet file, or a folder of them, with a column of encoded images and a column of labels."""

    name = "parquet"
    expects = "SPLIT.parquet or a folder of them, with columns image (PNG or JPEG bytes) and label"
    converts_images = True

    def recognises(self, path: Path) -> bool:
        return bool(parquet_files(path))

    @contextmanager
    def open(self, path: Path, options: ImportOptions) -> Iterator[ImportSource]:
        files = files_of_splits(path)
        if not files:
            raise InputError(f"{path} has no Parquet file; the parquet importer reads {self.expects}")
        tables = {split: [_ParquetImages(file) for file in paths] for split, paths in files.items()}
        first = next((table for parts in tables.values() for table in parts if table.rows), None)
        if first is None:
            raise InputError(f"the Parquet files in {path} have no rows")
        decoder = first.decoder(options)
        splits = {split: _split_source(parts, decoder) for split, parts in tables.items()}
        yield ImportSource(
            name=path.resolve().stem if path.is_file() else path.resolve().name,
            classes=class_names(
                options,
                common_class_names(table for parts in tables.values() for table in parts),
                lambda: largest_label(splits),
            ),
            sample=SampleFormat.image(decoder.image_shape),
            source="Parquet files with encoded images",
            licence="unknown",
            splits=splits,
        )


def has_images(schema: pa.Schema) -> bool:
    """Whether a column is called as one of images is."""
    return any(name in schema.names for name in _IMAGE_COLUMNS)


def class_names_of_schema(schema: pa.Schema, label_column: str) -> tuple[str, ...] | None:
    """The classes that a file's metadata names."""
    metadata = schema.metadata or {}
    if b"classes" in metadata:
        return tuple(metadata[b"classes"].decode("utf-8", "replace").split(","))
    try:
        names = json.loads(metadata[b"huggingface"])["info"]["features"][label_column]["names"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return None
    return tuple(str(name) for name in names) if isinstance(names, list) else None


class NamedClasses(Protocol):
    """A file that may name its classes."""

    path: Path

    def class_names(self) -> tuple[str, ...] | None: ...


def common_class_names(files: Iterable[NamedClasses]) -> tuple[str, ...] | None:
    """The names that files bring; None where none does.

    Args:
        files: of one data set, all splits.

    Raises:
        InputError: two of them name or order the classes differently.
    """
    named = [(file, names) for file in files if (names := file.class_names())]
    for file, names in named[1:]:
        first, expected = named[0]
        if names != expected:
            text = f"the classes of {file.path} are {', '.join(names)}"
            raise InputError(f"{text}; expected {', '.join(expected)}, as in {first.path}")
    return named[0][1] if named else None


def files_of_splits(path: Path) -> dict[str, list[Path]]:
    """The Parquet files of a file or folder by the splits that their names say.

    Raises:
        InputError: of the files that a split is cut into a folder lacks some, or has those of two revisions.
    """
    splits: dict[str, list[Path]] = defaultdict(list)
    for file in parquet_files(path):
        splits[_PART.sub("", file.stem)].append(file)
    if path.is_dir():  # a file that is named alone is wanted alone
        for split, files in splits.items():
            _require_all_parts(split, files)
    return dict(splits)


def parquet_files(path: Path) -> list[Path]:
    """A Parquet file, or those of a folder."""
    if path.is_dir():
        return sorted(path.glob("*.parquet"))
    return [path] if path.is_file() and path.suffix == ".parquet" else []


def _require_all_parts(split: str, files: list[Path]) -> None:
    first, expected = files[0], _part(files[0])[1]
    parts: dict[int, Path] = {}
    for file in files:
        number, of = _part(file)
        other = parts.setdefault(number, file) if of == expected else first
        if other != file:
            raise InputError(
                f"it and {other.name} are both of split '{split}', but not of one revision; move one of them away",
                str(file),
            )
    # Numbers begin with 0 on the hub, with 1 elsewhere.
    if len(parts) != expected or not any(all(start + n in parts for n in range(expected)) for start in (0, 1)):
        missing = next(number for number in count() if number not in parts)
        raise InputError(
            f"split '{split}' has {len(files)} of its {expected} files ({first.name}); part {missing} is missing",
            str(first.parent),
        )


def _part(file: Path) -> tuple[int, int]:
    """Which part of its split a file is, and of how many."""
    found = _PART.search(file.stem)
    return (int(found[1]), int(found[2])) if found else (0, 1)


def _split_source(parts: list[_ParquetImages], decoder: ImageDecoder) -> SplitSource:
    return SplitSource(
        images=bounded(sum(part.rows for part in parts), str(parts[0].path)),
        labels=lambda: np.concatenate([part.labels() for part in parts]),
        batches=partial(_batches, parts, decoder),
    )


def _batches(parts: list[_ParquetImages], decoder: ImageDecoder) -> Iterator[Batch]:
    for part in parts:
        yield from part.batches(decoder)


class _ParquetImages:
    """One Parquet file whose columns have been found fit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with reading_parquet(path), pq.ParquetFile(path) as file:
            self._schema = file.schema_arrow
            self.rows = file.metadata.num_rows
            names = self._schema.names
        image = next((name for name in _IMAGE_COLUMNS if name in names), None)
        if image is None or _LABEL_COLUMN not in names:
            raise InputError(f"{path} needs columns image and label, it has {', '.join(names)}")
        self._image = image
        self._check_types()

    def _check_types(self) -> None:
        image, label = self._schema.field(self._image).type, self._schema.field(_LABEL_COLUMN).type
        if pa.types.is_struct(image) and image.get_field_index("bytes") >= 0:
            image = image.field("bytes").type
        if pa.types.is_fixed_size_binary(image):
            raise InputError(
                f"{self.path} holds raw images; the parquet importer reads encoded ones (PNG or JPEG bytes)"
            )
        if not (pa.types.is_binary(image) or pa.types.is_large_binary(image)):
            raise InputError(f"column {self._image} of {self.path} holds {image}; expected PNG or JPEG bytes")
        if not pa.types.is_integer(label):
            raise InputError(f"column {_LABEL_COLUMN} of {self.path} holds {label}; expected integers")

    def class_names(self) -> tuple[str, ...] | None:
        return class_names_of_schema(self._schema, _LABEL_COLUMN)

    def decoder(self, options: ImportOptions) -> ImageDecoder:
        with reading_parquet(self.path), pq.ParquetFile(self.path) as file:
            batch = next(file.iter_batches(batch_size=1, columns=[self._image], use_threads=False))
        return ImageDecoder.for_first(self._encoded(batch)[0], f"{self.path} row 0", options)

    def labels(self) -> Labels:
        with reading_parquet(self.path), pq.ParquetFile(self.path) as file:
            return self._label_array(file.read(columns=[_LABEL_COLUMN], use_threads=False).column(_LABEL_COLUMN))

    def batches(self, decoder: ImageDecoder) -> Iterator[Batch]:
        row, count = 0, at_a_time(SampleFormat.image(decoder.image_shape))
        with reading_parquet(self.path), pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(count, columns=[self._image, _LABEL_COLUMN], use_threads=False):
                encoded = self._encoded(batch)
                images = [decoder.decode(data, f"{self.path} row {row + i}") for i, data in enumerate(encoded)]
                row += len(images)
                yield np.stack(images), self._label_array(batch.column(_LABEL_COLUMN))

    def _encoded(self, batch: pa.RecordBatch) -> list[bytes]:
        column = batch.column(self._image)
        if pa.types.is_struct(column.type):
            column = pc.struct_field(column, "bytes")
        if column.null_count:
            raise InputError(f"column {self._image} of {self.path} has rows without image bytes")
        encoded: list[bytes] = column.to_pylist()
        return encoded

    def _label_array(self, column: pa.Array | pa.ChunkedArray) -> Labels:
        if column.null_count:
            raise InputError(f"column {_LABEL_COLUMN} of {self.path} has rows without a label")
        labels: Labels = column.to_numpy().astype(np.int64)
        return labels


@contextmanager
def reading_parquet(path: Path) -> Iterator[None]:
    """As ``reading``, for what Arrow raises."""
    try:
        with reading(str(path)):
            yield
    except (pa.ArrowException, UnicodeDecodeError) as error:  # the latter of names of columns
        raise InputError(f"{path} is no readable Parquet file ({reason(error)})") from error
