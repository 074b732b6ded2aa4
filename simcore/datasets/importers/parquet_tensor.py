"""Parquet files with numbers: a column of tensors (lists, nested or not), or a column a feature, and one of labels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from simcore.datasets.importers.base import (
    UNDIVIDED,
    Batch,
    Importer,
    ImportOptions,
    ImportSource,
    SplitSource,
    class_names,
    largest_label,
)
from simcore.datasets.importers.columns import chosen_columns, find_label_column
from simcore.datasets.importers.labels import whole_labels
from simcore.datasets.importers.parquet import class_names_of_schema, files_of_splits, has_images, reading_parquet
from simcore.datasets.importers.tensors import as_samples, at_a_time, sample_of
from simcore.datasets.sample_format import SampleFormat, Shape
from simcore.datasets.shards import Labels
from simcore.errors import InputError


class ParquetTensorImporter(Importer):
    """A Parquet file, or a folder of one or more a split, whose columns hold numbers."""

    name = "parquet-tensor"
    expects = "SPLIT.parquet or a folder of them, with a column of labels and one of tensors or several of numbers"
    reads_tensors = True
    reads_tables = True

    def recognises(self, path: Path) -> bool:
        try:
            files = [file for parts in files_of_splits(path).values() for file in parts]
            return bool(files) and not has_images(pq.read_schema(files[0]))
        except (pa.ArrowException, OSError):
            return False

    @contextmanager
    def open(self, path: Path, options: ImportOptions) -> Iterator[ImportSource]:
        files = {UNDIVIDED: [path]} if path.is_file() else files_of_splits(path)
        if not files:
            raise InputError(f"it has no Parquet file; the parquet-tensor importer reads {self.expects}", str(path))
        tables = {split: [_Table(file, options) for file in parts] for split, parts in files.items()}
        first = next((table for parts in tables.values() for table in parts if table.rows), None)
        if first is None:
            raise InputError("its Parquet files have no rows", str(path))
        shape = first.sample_shape()
        sample = sample_of(shape, options, first.what)
        splits = {split: _split(parts, shape, sample, options) for split, parts in tables.items()}
        yield ImportSource(
            name=path.resolve().stem if path.is_file() else path.resolve().name,
            classes=class_names(options, first.class_names(), lambda: largest_label(splits)),
            sample=sample,
            source="Parquet files with numbers",
            licence="unknown",
            splits=splits,
            source_dtype=first.dtype,
        )


def _split(parts: list[_Table], shape: Shape, sample: SampleFormat, options: ImportOptions) -> SplitSource:
    return SplitSource(
        sum(part.rows for part in parts),
        lambda: np.concatenate([part.labels() for part in parts]),
        partial(_batches, parts, shape, sample, options),
    )


def _batches(parts: list[_Table], shape: Shape, sample: SampleFormat, options: ImportOptions) -> Iterator[Batch]:
    for part in parts:
        yield from part.batches(shape, sample, options)


class _Table:
    """One file whose columns have been found fit."""

    def __init__(self, path: Path, options: ImportOptions) -> None:
        self.path, self.what = path, str(path)
        with reading_parquet(path), pq.ParquetFile(path) as file:
            self._schema, self.rows = file.schema_arrow, file.metadata.num_rows
        names = self._schema.names
        self._label = find_label_column(names, options.label_column, self.what)
        self._columns = chosen_columns(names, self._label, options.columns, self.what)
        kinds = {name: self._schema.field(name).type for name in self._columns}
        for name, kind in kinds.items():
            if not _is_number(_inner(kind)):
                raise InputError(f"it holds {kind}; expected numbers; leave it out with --columns", self._of(name))
        lists = [name for name, kind in kinds.items() if kind != _inner(kind)]
        if lists and len(self._columns) > 1:
            raise InputError(
                f"{lists[0]} holds tensors and stands beside other columns; name one with --columns", self.what
            )
        self.dtype = ", ".join(sorted({str(_inner(kind)) for kind in kinds.values()}))

    def class_names(self) -> tuple[str, ...] | None:
        return class_names_of_schema(self._schema, self._label)

    def sample_shape(self) -> Shape:
        """Of the first row."""
        if len(self._columns) > 1 or _is_number(self._schema.field(self._columns[0]).type):
            return (len(self._columns),)
        with reading_parquet(self.path), pq.ParquetFile(self.path) as file:
            batch = next(file.iter_batches(1, columns=self._columns, use_threads=False))
        return self._tensors(batch.column(0), 0)[1]

    def labels(self) -> Labels:
        with reading_parquet(self.path), pq.ParquetFile(self.path) as file:
            column = file.read(columns=[self._label], use_threads=False).column(0)
        return self._as_labels(column.combine_chunks(), 0)

    def batches(self, shape: Shape, sample: SampleFormat, options: ImportOptions) -> Iterator[Batch]:
        row = 0
        with reading_parquet(self.path), pq.ParquetFile(self.path) as file:
            names = [*self._columns, self._label]
            for batch in file.iter_batches(at_a_time(sample), columns=names, use_threads=False):
                values = self._values(batch, row, shape)

                def place(index: int, first: int = row) -> str:
                    return f"{self.what} row {first + index}"

                yield as_samples(values, sample, options, place), self._as_labels(batch.column(self._label), row)
                row += batch.num_rows

    def _values(self, batch: pa.RecordBatch, row: int, shape: Shape) -> NDArray[np.generic]:
        """(n, ...) of a batch that begins at a row."""
        parts = []
        for name in self._columns:
            values, own = self._tensors(batch.column(name), row)
            if len(self._columns) == 1 and own not in ((), shape):
                raise InputError(f"row {row} has a tensor of shape {own}, the first {shape}", self._of(name))
            parts.append(values)
        if len(parts) > 1 or shape == (1,):
            return np.stack(parts, axis=1)
        return parts[0].reshape(batch.num_rows, *shape)

    def _tensors(self, column: pa.Array, row: int) -> tuple[NDArray[np.generic], Shape]:
        """The numbers of a column from a row on, end to end, and the shape that those of one row have."""
        of_rows, shape = column, []
        if isinstance(column.type, pa.FixedShapeTensorType):
            return self._tensors(column.storage, row)[0], tuple(column.type.shape)
        while _is_list(column.type):
            if column.null_count:
                raise InputError(self._null(of_rows, row), self._of())
            lengths = pc.list_value_length(column).unique().to_pylist()
            if len(lengths) != 1:
                raise InputError(f"tensors from row {row} on have {min(lengths)} to {max(lengths)} values", self._of())
            shape.append(lengths[0])
            column = column.flatten()
        if column.null_count:
            raise InputError(self._null(of_rows, row), self._of())
        return column.to_numpy(zero_copy_only=False), tuple(shape)

    def _null(self, column: pa.Array, row: int) -> str:
        missing = next((i for i, value in enumerate(column.to_pylist()) if _has_none(value)), 0)
        return f"row {row + missing} has a value that is missing"

    def _of(self, name: str = "") -> str:
        return f"{self.what} column '{name or self._columns[0]}'"

    def _as_labels(self, column: pa.Array, row: int) -> Labels:
        where = self._of(self._label)
        if not _is_number(column.type):
            raise InputError(f"it holds {column.type}; expected whole numbers", where)
        if column.null_count:
            raise InputError(self._null(column, row), where)
        return whole_labels(column.to_numpy(zero_copy_only=False), lambda index: f"{where} row {row + index}")


def _has_none(value: object) -> bool:
    return value is None or (isinstance(value, list) and any(map(_has_none, value)))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _inner(kind: pa.DataType) -> pa.DataType:
    """What lists of lists hold."""
    while isinstance(kind, pa.FixedShapeTensorType) or _is_list(kind):
        kind = kind.value_type
    return kind


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))
