"""Tables of text that cut nothing: where there is no room, names fold and numbers stay whole."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console

_LEAST_NAME = 20  # characters of a column of names that are folded


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: above it; folds at its spaces where the cells are narrower.
        number: its cells stand to the right.
        named: where names are folded into one column the heading stands before the value, for it says little alone.
    """

    heading: str
    number: bool = False
    named: bool = False


def print_table(
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    console: Console,
    names: int = 1,
    wide: bool = False,
) -> None:
    """Prints a table that fits the terminal, and as wide as it is where the output goes to a file.

    Where it does not fit, the first ``names`` columns become one that folds at its spaces; without names the last
    column folds. What is too wide even so is printed whole, and the terminal breaks its lines.

    Args:
        title: above the table; none where empty.
        columns: in their order.
        rows: a text a column; a cell of several lines keeps them.
        console: where to.
        names: columns, the first ones, that together name a row.
        wide: as wide as it is on a terminal too.
    """
    widths = _widths(columns, rows)
    room = console.width if console.is_terminal and not wide else None
    if room is not None and _total(widths) > room:
        if names:
            columns, rows = _with_one_name(columns, rows, names)
            widths = _widths(columns, rows)
        place = 0 if names else -1
        widest = widths[place]
        widths[place] = max(min(_LEAST_NAME, widest), min(widest, widest + room - _total(widths)))
    head = _lines([column.heading for column in columns], columns, widths)
    body = itertools.chain.from_iterable(_lines(row, columns, widths) for row in rows)
    lines = [*([title] if title else []), *head, "─" * _total(widths), *body]
    console.print("\n".join(lines), highlight=False, markup=False, emoji=False, soft_wrap=True)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    """Of the widest cell of each column, and of the widest word of its heading."""
    cells = zip(*rows, strict=True) if rows else ([] for _ in columns)
    return [
        max(map(cell_len, ["", *column.heading.split(), *"\n".join(own).split("\n")]))
        for column, own in zip(columns, cells, strict=True)
    ]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(widths) - 1


def _lines(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> Iterator[str]:
    """A row on as many lines as its longest cell needs."""
    folded = [_fold(text, width) for text, width in zip(cells, widths, strict=True)]
    for parts in itertools.zip_longest(*folded, fillvalue=""):
        padded = []
        for part, column, width in zip(parts, columns, widths, strict=True):
            gap = " " * (width - cell_len(part))
            padded.append(gap + part if column.number else part + gap)
        yield " ".join(padded).rstrip()


def _fold(text: str, width: int) -> list[str]:
    lines: list[str] = []
    for line in text.split("\n"):
        fits = cell_len(line) <= width
        lines += [line] if fits else textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
    return lines


def _with_one_name(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], names: int
) -> tuple[list[Column], list[list[str]]]:
    named = columns[:names]
    return [Column(named[0].heading), *columns[names:]], [[_joined(named, row), *row[names:]] for row in rows]


def _joined(columns: Sequence[Column], row: Sequence[str]) -> str:
    texts = [(column, text) for column, text in zip(columns, row, strict=False) if text]
    return "".join(f", {column.heading} {text}" if column.named else f" {text}" for column, text in texts).strip(" ,")
