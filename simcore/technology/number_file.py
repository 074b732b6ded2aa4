"""Tables of numbers that lie beside a YAML file of the user's own, as CSV."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from simcore.errors import InputError


class NumberFile(NamedTuple):
    """What messages say of a kind of table.

    Attributes:
        field: of the YAML file, which names the table.
        owner: what the YAML file is.
        content: what the table holds.
        columns: what its columns are.
    """

    field: str
    owner: str
    content: str
    columns: str


def read_number_rows(folder: Path, name: str, kind: NumberFile, where: str) -> tuple[tuple[float, ...], ...]:
    """The rows of a CSV; a first line that is no numbers is a heading.

    Args:
        folder: of the YAML file; the CSV lies in it or below.
        name: of the CSV, from there.
        kind: what it is.
        where: the place that names it.

    Raises:
        InputError: it lies elsewhere, cannot be read, or holds something that is no number.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{kind.field} '{name}' is not a file beside the {kind.owner} or below it", where)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read the {kind.content} '{path}': {error}", where) from None
    found: list[tuple[float, ...]] = []
    for number, row in enumerate(rows, start=1):
        try:
            found.append(tuple(float(cell) for cell in row))
        except ValueError:
            if number > 1:
                raise InputError(
                    f"expected numbers {kind.columns}, got {','.join(row)!r}", f"{path}:{number}"
                ) from None
    return tuple(found)
