"""Tables of text: a row a sample, a column a feature, and a column of labels."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simcore.datasets.importers.base import (
    UNDIVIDED,
    Batch,
    Importer,
    ImportOptions,
    ImportSource,
    SplitSource,
    at_a_time,
    class_names,
    reading,
    reason,
)
from simcore.datasets.importers.columns import chosen_columns, find_label_column
from simcore.datasets.importers.labels import MAX_CLASSES
from simcore.datasets.importers.tensors import as_samples, sample_of
from simcore.datasets.sample_format import SampleFormat
from simcore.datasets.shards import Labels
from simcore.errors import InputError

_SUFFIXES = (".csv", ".tsv")
_DELIMITERS = ",;\t"
_ROWS_AT_ONCE = 1000


class CsvImporter(Importer):
    """A CSV file, or a folder of one a split, with or without a row of headings."""

    name = "csv"
    expects = "FILE.csv, or a folder of SPLIT.csv, with a column of labels and columns of numbers"
    reads_tensors = True
    reads_tables = True

    def recognises(self, path: Path) -> bool:
        return bool(_files(path))

    @contextmanager
    def open(self, path: Path, options: ImportOptions) -> Iterator[ImportSource]:
        files = _files(path)
        if not files:
            raise InputError(f"it has no .csv file; the csv importer reads {self.expects}", str(path))
        tables = {split: _read(file, options) for split, file in files.items()}
        first = next(iter(tables.values()))
        sample = sample_of((len(first.columns),), options, first.what)
        for table in tables.values():
            if table.columns != first.columns:
                raise InputError(f"it has other columns than {first.what}", table.what)
        yield ImportSource(
            name=path.resolve().stem if path.is_file() else path.resolve().name,
            classes=class_names(options, None, lambda: max(int(table.labels.max()) for table in tables.values())),
            sample=sample,
            source=f"CSV, columns {_shortened(first.columns)}",
            licence="unknown",
            splits={split: _split(table, sample, options) for split, table in tables.items()},
            source_dtype="text",
        )


@dataclass(frozen=True)
class _Table:
    """A file whose rows have been read.

    Attributes:
        what: the file.
        columns: names of the features.
        values: float64 (n, features).
        labels: int64 (n,).
        lines: (n,) line of the file where each row ends.
    """

    what: str
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    labels: Labels
    lines: NDArray[np.int64]


def _files(path: Path) -> dict[str, Path]:
    if path.is_file():
        return {UNDIVIDED: path} if path.suffix.lower() in _SUFFIXES else {}
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES) if path.is_dir() else []
    return {file.stem: file for file in found}


def _split(table: _Table, sample: SampleFormat, options: ImportOptions) -> SplitSource:
    return SplitSource(len(table.labels), lambda: table.labels, partial(_batches, table, sample, options))


def _batches(table: _Table, sample: SampleFormat, options: ImportOptions) -> Iterator[Batch]:
    count = at_a_time(sample)
    for start in range(0, len(table.labels), count):
        rows = slice(start, start + count)

        def place(index: int, first: int = start) -> str:
            return f"{table.what} line {table.lines[first + index]}"

        yield as_samples(table.values[rows], sample, options, place), table.labels[rows]


def _read(path: Path, options: ImportOptions) -> _Table:
    """All rows. Raises InputError with line and column of what is wrong."""
    try:
        with reading(str(path)), path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = _delimiter(file.readline())
            file.seek(0)
            return _table(path, csv.reader(file, delimiter=delimiter, strict=True), options)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"no readable CSV ({reason(error)})", str(path)) from None


def _delimiter(line: str) -> str:
    return max(_DELIMITERS, key=line.count)


class _Reader:
    """Rows of a CSV file that are not empty, each of as many cells as the first."""

    def __init__(self, what: str, rows: Iterator[list[str]]) -> None:
        self.what, self._rows, self.cells = what, rows, 0

    @property
    def place(self) -> str:
        return f"{self.what} line {self._rows.line_num}"  # type: ignore[attr-defined]

    @property
    def line(self) -> int:
        return int(self._rows.line_num)  # type: ignore[attr-defined]

    def __iter__(self) -> Iterator[list[str]]:
        for row in self._rows:
            if not row:
                continue
            self.cells = self.cells or len(row)
            if len(row) != self.cells:
                raise InputError(f"it has {len(row)} cells, the first row {self.cells}", self.place)
            yield row


def _table(path: Path, rows: Iterator[list[str]], options: ImportOptions) -> _Table:
    reader = _Reader(str(path), rows)
    lines = iter(reader)
    first = next(lines, None)
    if first is None:
        raise InputError("it is empty", str(path))
    headed = not all(_is_number(cell) for cell in first)
    names = [cell.strip() for cell in first] if headed else [str(number + 1) for number in range(len(first))]
    label = find_label_column(names, options.label_column, str(path), headed)
    chosen = chosen_columns(names, label, options.columns, str(path))
    places = [names.index(name) for name in chosen]
    labels: list[int] = []
    ends: list[int] = []
    blocks: list[NDArray[np.float64]] = []
    held: list[list[str]] = [] if headed else [first]
    if not headed:
        ends.append(reader.line)
        labels.append(_label(first[names.index(label)], label, reader.place, options.classes))
    for row in lines:
        labels.append(_label(row[names.index(label)], label, reader.place, options.classes))
        ends.append(reader.line)
        held.append(row)
        if len(held) == _ROWS_AT_ONCE:
            blocks.append(_numbers(held, places, names, ends[-len(held) :], str(path)))
            held = []
    if held:
        blocks.append(_numbers(held, places, names, ends[-len(held) :], str(path)))
    if not blocks:
        raise InputError("it has a row of headings and nothing below it", str(path))
    return _Table(
        str(path), tuple(chosen), np.concatenate(blocks), np.array(labels, np.int64), np.array(ends, np.int64)
    )


def _numbers(
    rows: list[list[str]], places: Sequence[int], names: Sequence[str], lines: Sequence[int], what: str
) -> NDArray[np.float64]:
    try:
        return np.array([[float(row[place]) for place in places] for row in rows], dtype=np.float64)
    except ValueError:
        pass
    line, name, cell = next(
        (line, names[place], row[place])
        for row, line in zip(rows, lines, strict=True)
        for place in places
        if not _is_number(row[place])
    )
    found = f"'{cell}' is no number" if cell.strip() else "the cell is empty"
    raise InputError(f"{found}; leave a column out with --columns", f"{what} line {line} column '{name}'")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _label(cell: str, column: str, place: str, classes: tuple[str, ...] | None) -> int:
    if classes is not None and cell.strip() in classes and not _is_number(cell):
        return classes.index(cell.strip())
    value = float(cell) if _is_number(cell) else -1.0
    if not (value.is_integer() and 0 <= value < MAX_CLASSES):
        known = f", or one of {', '.join(classes)}" if classes else "; name classes of text with --classes"
        raise InputError(
            f"the label is '{cell}'; expected a whole number from 0 to {MAX_CLASSES - 1}{known}",
            f"{place} column '{column}'",
        )
    return int(value)


def _shortened(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
