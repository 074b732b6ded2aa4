"""Tables of text: a row a sample, a column a feature, and a column of labels."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
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
        tables = {split: _read(file, options) for split, file in _by_split(path, files).items()}
        first = next(iter(tables.values()))
        sample = sample_of((len(first.columns),), options, first.what)
        for table in tables.values():
            if table.columns != first.columns:
                raise InputError(f"it has other columns than {first.what}", table.what)
        labels = _labels(tables, options.classes)
        yield ImportSource(
            name=path.resolve().stem if path.is_file() else path.resolve().name,
            classes=class_names(options, None, lambda: max(int(one.max()) for one in labels.values())),
            sample=sample,
            source=f"CSV, columns {_shortened(first.columns)}",
            licence="unknown",
            splits={split: _split(table, labels[split], sample, options) for split, table in tables.items()},
            source_dtype="text",
        )


@dataclass(frozen=True)
class _Table:
    """A file whose rows have been read.

    Attributes:
        what: the file.
        columns: names of the features.
        values: float64 (n, features).
        label: name of the column of labels.
        cells: (n) of that column, as they stand there.
        lines: (n,) line of the file where each row ends.
    """

    what: str
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    label: str
    cells: list[str]
    lines: NDArray[np.int64]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() in _SUFFIXES else []
    return sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES) if path.is_dir() else []


def _by_split(path: Path, files: list[Path]) -> dict[str, Path]:
    """The files by the splits that their names say."""
    if path.is_file():
        return {UNDIVIDED: path}
    splits: dict[str, Path] = {}
    for file in files:
        if file.stem in splits:
            raise InputError(f"it and {splits[file.stem].name} are both of split '{file.stem}'", str(file))
        splits[file.stem] = file
    return splits


def _split(table: _Table, labels: Labels, sample: SampleFormat, options: ImportOptions) -> SplitSource:
    return SplitSource(len(labels), lambda: labels, partial(_batches, table, labels, sample, options))


def _batches(table: _Table, labels: Labels, sample: SampleFormat, options: ImportOptions) -> Iterator[Batch]:
    count = at_a_time(sample)
    for start in range(0, len(labels), count):
        rows = slice(start, start + count)

        def place(index: int, first: int = start) -> str:
            return f"{table.what} line {table.lines[first + index]}"

        yield as_samples(table.values[rows], sample, options, place), labels[rows]


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
    headed = _is_headed(first, options)
    _require_clear(first, headed, str(path))
    names = [cell.strip() for cell in first] if headed else [str(number + 1) for number in range(len(first))]
    label = find_label_column(names, options.label_column, str(path), headed)
    chosen = chosen_columns(names, label, options.columns, str(path))
    places, label_place = [names.index(name) for name in chosen], names.index(label)
    if headed and _is_sample(first, label_place, places, options.classes):
        raise InputError(
            f"its first row is a sample of the class '{label}', not one of headings: give places in place of names "
            f"(--label-column {label_place + 1})",
            str(path),
        )
    cells: list[str] = []
    ends: list[int] = []
    blocks: list[NDArray[np.float64]] = []
    held: list[list[str]] = []
    for row in lines if headed else chain([first], lines):
        cells.append(sys.intern(row[label_place].strip()))
        ends.append(reader.line)
        held.append(row)
        if len(held) == _ROWS_AT_ONCE:
            blocks.append(_numbers(held, places, names, ends[-len(held) :], str(path)))
            held = []
    if held:
        blocks.append(_numbers(held, places, names, ends[-len(held) :], str(path)))
    if not blocks:
        raise InputError("it has a row of headings and nothing below it", str(path))
    return _Table(str(path), tuple(chosen), np.concatenate(blocks), label, cells, np.array(ends, np.int64))


def _is_headed(first: list[str], options: ImportOptions) -> bool:
    """Whether the first row has text other than a class's name where the user says that labels are."""
    if all(_is_number(cell) for cell in first):
        return False
    places = {str(number + 1): number for number in range(len(first))}
    if options.label_column not in places or any(name not in places for name in options.columns or ()):
        return True
    label = places[options.label_column]
    chosen = [places[name] for name in options.columns or places if places[name] != label]
    return not _is_sample(first, label, chosen, options.classes)


def _is_sample(row: list[str], label: int, chosen: Sequence[int], classes: tuple[str, ...] | None) -> bool:
    """Whether a row reads as numbers beside the name of a class."""
    name = row[label].strip()
    return name in (classes or ()) and not _is_number(name) and all(_is_number(row[place]) for place in chosen)


def _require_clear(first: list[str], headed: bool, what: str) -> None:
    """Numbers from 0 or 1 on in the first row are headings that a program wrote, or a sample that looks like them; a
    pair of 1 and 2 is a sample."""
    cells = [cell.strip() for cell in first]
    for start in (0, 1):
        if not headed and len(cells) > 1 + start and cells == [str(start + n) for n in range(len(cells))]:
            raise InputError(
                f"its first row counts from {start} to {cells[-1]}, as headings of columns without names do: leave "
                "them out (pandas: to_csv(index=False, header=False)), or put a row of names above it if it is a "
                "sample",
                what,
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


def _labels(tables: dict[str, _Table], classes: tuple[str, ...] | None) -> dict[str, Labels]:
    """Labels of all splits: places among the classes where every cell has the name of one, be it a number."""
    cells = {cell for table in tables.values() for cell in table.cells}
    named = _labels_of_names(cells, classes or ())
    numbers = {cell: int(float(cell)) for cell in cells if _is_label(cell)}
    known = named if len(named) == len(cells) else named | numbers
    return {split: _labels_of(table, known, classes) for split, table in tables.items()}


def _labels_of_names(cells: set[str], classes: tuple[str, ...]) -> dict[str, int]:
    """The labels of cells that name a class; 1.0 names the class 1."""
    labels = {name: label for label, name in enumerate(classes)}
    plain = {cell: str(int(float(cell))) if cell not in labels and _is_label(cell) else cell for cell in cells}
    return {cell: labels[name] for cell, name in plain.items() if name in labels}


def _labels_of(table: _Table, known: dict[str, int], classes: tuple[str, ...] | None) -> Labels:
    for cell, line in zip(table.cells, table.lines, strict=True):
        if cell not in known:
            named = f", or one of {', '.join(classes)}" if classes else "; name classes of text with --classes"
            raise InputError(
                f"the label is '{cell}'; expected a whole number from 0 to {MAX_CLASSES - 1}{named}",
                f"{table.what} line {line} column '{table.label}'",
            )
    return np.array([known[cell] for cell in table.cells], np.int64)


def _is_label(cell: str) -> bool:
    return _is_number(cell) and float(cell).is_integer() and 0 <= float(cell) < MAX_CLASSES


def _shortened(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
