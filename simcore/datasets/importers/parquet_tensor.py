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
    at_a_time,
    bounded,
    class_names,
    largest_label,
)
from simcore.datasets.importers.columns import chosen_columns, find_label_column
from simcore.datasets.importers.labels import whole_labels
from simcore.datasets.importers.parquet import (
    class_names_of_schema,
    common_class_names,
    files_of_splits,
    has_images,
    parquet_files,
    reading_parquet,
)
from simcore.datasets.importers.tensors import as_float32, as_samples, sample_of
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
            files = parquet_files(path)
            return bool(files) and not has_images(pq.read_schema(files[0]))
        except (pa.ArrowException, OSError, UnicodeDecodeError):
            return False

    @contextmanager
    def open(self, path: Path, options: ImportOptions) -> Iterator[ImportSource]:
        files = {UNDIVIDED: [path]} if path.is_file() else files_of_splits(path)
        if not files:
            raise InputError(f"it has no Parquet file; the parquet-tensor importer reads {self.expects}", str(path))
        tables = {split: [_Table(file, options) for file in parts] for split, parts in files.items()}
        every = [table for parts in tables.values() for table in parts]
        first = next((table for table in every if table.rows), None)
        if first is None:
            raise InputError("its Parquet files have no rows", str(path))
        for table in every:
            if table.columns != first.columns:
                raise InputError(f"it has other columns than {first.what}, or in another order", table.what)
        shape = first.sample_shape()
        sample = sample_of(shape, options, first.what)
        splits = {split: _split(parts, shape, sample, options) for split, parts in tables.items()}
        yield ImportSource(
            name=path.resolve().stem if path.is_file() else path.resolve().name,
            classes=class_names(options, common_class_names(every), lambda: largest_label(splits)),
            sample=sample,
            source="Parquet files with numbers",
            licence="unknown",
            splits=splits,
            source_dtype=first.dtype,
        )


def _split(parts: list[_Table], shape: Shape, sample: SampleFormat, options: ImportOptions) -> SplitSource:
    return SplitSource(
        bounded(sum(part.rows for part in parts), parts[0].what),
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
        self.columns = chosen_columns(names, self._label, options.columns, self.what)
        kinds = {name: self._schema.field(name).type for name in self.columns}
        for name, kind in kinds.items():
            if not _is_number(_inner(kind)):
                raise InputError(f"it holds {kind}; expected numbers; leave it out with --columns", self._of(name))
        lists = [name for name, kind in kinds.items() if kind != _inner(kind)]
        if lists and len(self.columns) > 1:
            raise InputError(
                f"{lists[0]} holds tensors and stands beside other columns; name one with --columns", self.what
            )
        self.dtype = ", ".join(sorted({str(_inner(kind)) for kind in kinds.values()}))

    def class_names(self) -> tuple[str, ...] | None:
        return class_names_of_schema(self._schema, self._label)

    def sample_shape(self) -> Shape:
        """Of the first row."""
        if len(self.columns) > 1 or _is_number(self._schema.field(self.columns[0]).type):
            return (len(self.columns),)
        with reading_parquet(self.path), pq.ParquetFile(self.path) as file:
            batch = next(file.iter_batches(1, columns=self.columns, use_threads=False))
        return self._tensors(batch, self.columns[0], 0)[1]

    def labels(self) -> Labels:
        with reading_parquet(self.path), pq.ParquetFile(self.path) as file:
            column = file.read(columns=[self._label], use_threads=False).column(0)
        return self._as_labels(column.combine_chunks(), 0)

    def batches(self, shape: Shape, sample: SampleFormat, options: ImportOptions) -> Iterator[Batch]:
        row = 0
        with reading_parquet(self.path), pq.ParquetFile(self.path) as file:
            names = [*self.columns, self._label]
            for batch in file.iter_batches(at_a_time(sample), columns=names, use_threads=False):
                values = self._values(batch, row, shape)

                def place(index: int, first: int = row) -> str:
                    return f"{self.what} row {first + index}"

                yield as_samples(values, sample, options, place), self._as_labels(batch.column(self._label), row)
                row += batch.num_rows

    def _values(self, batch: pa.RecordBatch, row: int, shape: Shape) -> NDArray[np.generic]:
        """(n, ...) of a batch that begins at a row."""
        if len(self.columns) > 1:
            # Each on its own: beside a column of floats whole numbers would be rounded before they are looked at.
            return np.stack([self._feature(batch, name, row) for name in self.columns], axis=1)
        values, own = self._tensors(batch, self.columns[0], row)
        if (own or (1,)) != shape:
            raise InputError(
                f"row {row} has a tensor of shape {own or (1,)}, the first {shape}", self._of(self.columns[0])
            )
        return values.reshape(batch.num_rows, *shape)

    def _feature(self, batch: pa.RecordBatch, name: str, row: int) -> NDArray[np.float32]:
        """(n,) of a column of numbers."""
        values, _ = self._tensors(batch, name, row)
        return as_float32(values, lambda index: f"{self._of(name)} row {row + index}")

    def _tensors(self, batch: pa.RecordBatch, name: str, row: int) -> tuple[NDArray[np.generic], Shape]:
        """The numbers of a column from a row on, end to end, and the shape that those of one row have."""
        column = batch.column(name)
        if isinstance(column.type, pa.FixedShapeTensorType):
            values, stored = self._numbers(column.storage, name, row)[0], column.type.shape
            order = column.type.permutation or range(len(stored))  # of the stored axes
            tensors = values.reshape(-1, *stored).transpose(0, *(1 + axis for axis in order))
            return tensors.reshape(-1), tensors.shape[1:]
        return self._numbers(column, name, row)

    def _numbers(self, column: pa.Array, name: str, row: int) -> tuple[NDArray[np.generic], Shape]:
        """As ``_tensors``, of lists or plain numbers."""
        of_rows, shape = column, []
        while _is_list(column.type):
            if column.null_count:
                raise InputError(self._null(of_rows, row), self._of(name))
            lengths = pc.list_value_length(column).unique().to_pylist()
            if len(lengths) != 1:  # none at all below empty lists
                found = f"{min(lengths)} to {max(lengths)}" if lengths else "no"
                raise InputError(f"tensors from row {row} on have {found} values", self._of(name))
            shape.append(lengths[0])
            column = column.flatten()
        if column.null_count:
            raise InputError(self._null(of_rows, row), self._of(name))
        return column.to_numpy(zero_copy_only=False), tuple(shape)

    def _null(self, column: pa.Array, row: int) -> str:
        missing = next((i for i, value in enumerate(column.to_pylist()) if _has_none(value)), 0)
        return f"row {row + missing} has a value that is missing"

    def _of(self, name: str) -> str:
        return f"{self.what} column '{name}'"

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
