"""Blocks of numbers in the text files that instruments write: delimiter, decimal mark and headings are found.

A file may hold remarks, one or two rows of headings, and several blocks, one below the other.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from simcore.errors import InputError
from simcore.technology.quantities import unit_of

FEWEST_ROWS = 3  # fewer numbers below each other are a remark
_SPACES = " "  # any run of them is one delimiter
# Where two ways read equally many rows the first one holds: (delimiter, decimal mark).
_WAYS = (
    (",", "."), (";", ","), (";", "."), ("\t", "."), ("\t", ","), ("|", "."), (_SPACES, "."), (_SPACES, ","),
    (",", ","),
)  # fmt: skip
_COMMENT = re.compile(r"\s*(#|%|!|//)+\s*")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|nan|[-+]?inf", re.IGNORECASE)
_OVERFLOW = 9e37  # what instruments write where they measured nothing (SCPI: 9.9E37)
_LINES_TO_JUDGE_BY = 1000
_LARGEST_FILE = 1 << 28


@dataclass(frozen=True)
class Block:
    """Numbers below each other.

    Attributes:
        headings: of each column, the rows of a two-row head joined by a space; empty where there are none.
        values: one row a line, NaN where a cell is empty or the instrument measured nothing.
        line: of the file, where the numbers begin.
    """

    headings: tuple[str, ...]
    values: Float[np.ndarray, "rows columns"]
    line: int


def read_blocks(path: Path) -> list[Block]:
    """The blocks of numbers of a file, in its order.

    Args:
        path: text in UTF-8, UTF-16 or Latin-1.

    Raises:
        InputError: the file cannot be read, is no text, or holds no three rows of two numbers below each other.
    """
    lines = _text(path).splitlines()
    first = {way: _rows(lines[:_LINES_TO_JUDGE_BY], *way) for way in _WAYS}
    way = max(_WAYS, key=lambda way: sum(row.numbers is not None for row in first[way]))
    blocks = _blocks(_rows(lines, *way), str(path))
    if not blocks:
        raise InputError(
            f"expected columns of numbers, {FEWEST_ROWS} rows of voltage and current or more, found none",
            str(path),
        )
    return blocks


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InputError(f"larger than {_LARGEST_FILE >> 20} MiB: no table of measured points", str(path))
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the measured points: {error.strerror}", str(path)) from None
    if content.startswith(b"PK"):
        raise InputError("this is a spreadsheet, not a text: save its table as CSV", str(path))
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "latin-1"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InputError("this is no text file", str(path))


@dataclass(frozen=True)
class _Row:
    line: int
    cells: tuple[str, ...]
    numbers: tuple[float, ...] | None  # None: a heading or a remark


def _rows(lines: Sequence[str], delimiter: str, decimal: str) -> list[_Row]:
    """Every line cut into cells; with the numbers of those that hold at least two numbers and nothing else.

    A first cell that says the same word in many such lines (``DataValue``) is left out.
    """
    cut = [(number, *_cut(line, delimiter)) for number, line in enumerate(lines, 1)]
    first_words = Counter(
        cells[0]
        for _, comment, cells in cut
        if not comment and len(cells) > 2 and _numbers(cells[1:], decimal) is not None
    )
    tags = {
        word
        for word, count in first_words.items()
        if count >= FEWEST_ROWS and word and not _NUMBER.fullmatch(_with_point(word, decimal))
    }
    rows = []
    for number, comment, cells in cut:
        numbers = None if comment else _numbers(cells[1:] if cells and cells[0] in tags else cells, decimal)
        rows.append(_Row(number, cells[1:] if tags else cells, numbers))
    return rows


def _cut(line: str, delimiter: str) -> tuple[bool, tuple[str, ...]]:
    comment = _COMMENT.match(line)
    text = line[comment.end() :] if comment else line
    if not text.strip():
        return bool(comment), ()
    if delimiter == _SPACES:
        return bool(comment), tuple(text.split())
    try:
        (row,) = csv.reader([text.strip(" ")], delimiter=delimiter, skipinitialspace=True)
    except csv.Error:  # a cell of more characters than the module reads: no number, whatever it is
        return bool(comment), (text,)
    cells = [cell.strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return bool(comment), tuple(cells)


def _numbers(cells: Sequence[str], decimal: str) -> tuple[float, ...] | None:
    numbers = []
    for cell in cells:
        written = _with_point(cell, decimal)
        if not written:
            numbers.append(np.nan)
        elif _NUMBER.fullmatch(written):
            number = float(written)
            numbers.append(number if abs(number) < _OVERFLOW else np.nan)
        else:
            return None
    return tuple(numbers) if np.count_nonzero(np.isfinite(numbers)) >= 2 else None


def _with_point(cell: str, decimal: str) -> str:
    """A number as Python writes it: with a plain minus sign, and a point where it has a decimal comma."""
    written = cell.replace("\N{MINUS SIGN}", "-")
    if decimal == "," and "." not in written:
        return re.sub(r"(?<=\d),(?=\d)", ".", written, count=1)
    return written


def _blocks(rows: Sequence[_Row], where: str) -> list[Block]:
    blocks: list[Block] = []
    heads: list[_Row] = []
    numbers: list[_Row] = []

    def close() -> None:
        if len(numbers) >= FEWEST_ROWS:
            blocks.append(_block(heads, numbers, blocks, where))
        if numbers:
            heads.clear()
        numbers.clear()

    for row in rows:
        if row.numbers is None or (numbers and len(row.cells) > len(numbers[0].cells)):
            close()
        if row.numbers is not None:
            numbers.append(row)
        elif row.cells:
            heads.append(row)
    close()
    return blocks


def _block(heads: Sequence[_Row], numbers: Sequence[_Row], before: Sequence[Block], where: str) -> Block:
    width = max(len(row.numbers or ()) for row in numbers)
    values = np.full((len(numbers), width), np.nan)
    for index, row in enumerate(numbers):
        values[index, : len(row.numbers or ())] = row.numbers
    headings = _headings(heads, width)
    if not headings and before and before[-1].values.shape[1] == width:
        headings = before[-1].headings
    last = heads[-1] if heads else None
    if not headings and last is not None and 2 <= len(last.cells) < width and 2 * len(last.cells) == width:
        raise InputError(
            f"{len(last.cells)} headings above {width} numbers a row: commas that part the columns and decimal commas "
            "cannot be told apart; part the columns with semicolons",
            f"{where}:{numbers[0].line}",
        )
    return Block(headings, values, numbers[0].line)


def _headings(heads: Sequence[_Row], width: int) -> tuple[str, ...]:
    """The last row above the numbers that is as wide as they are; two rows where the second holds units alone."""
    fitting = [row for row in heads if len(row.cells) == width]
    if not fitting or fitting[-1] is not heads[-1]:
        return ()
    last = fitting[-1].cells
    units_alone = all(unit_of(cell.strip("()[] ")) is not None or not cell for cell in last)
    if units_alone and len(fitting) > 1 and fitting[-2] is heads[-2]:
        return tuple(f"{name} ({unit.strip('()[] ')})" for name, unit in zip(fitting[-2].cells, last, strict=True))
    return last
