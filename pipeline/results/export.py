"""Tables of finished sweeps in the forms that other tools read, each with its data dictionary."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset

from pipeline.errors import NO_ROOM, DiskFull
from pipeline.results.finished import Results
from pipeline.tables.dictionary import data_dictionary
from pipeline.tables.schema import SCHEMAS
from simcore.errors import InputError, is_wrong_path, one_line, unknown_name

DICTIONARY = "data_dictionary"
_EARLIER = "earlier"  # in a draft: the export that the new one replaces
_PARTITIONS = ("sweep", "device")
_SIGNATURES = {"xlsx": (0, b"PK"), "duckdb": (8, b"DUCK")}
"""What files of a form hold, and where."""
_SHEET_ROWS = 1_048_575  # of a workbook, less the heading
Tables = dict[str, pa.Table]


def export_results(
    results: Results, sweeps: list[str], form: str, target: Path | None = None, force: bool = False
) -> Path:
    """Writes all tables of finished sweeps and their data dictionary, whole or not at all.

    Args:
        results: where the tables are.
        sweeps: names of sweeps; all there are if empty.
        form: ``parquet`` (a folder of partitioned data sets), ``csv`` (a folder), ``xlsx`` or ``duckdb`` (a file).
        target: where to; default ``binsparx-export`` with the suffix of the form.
        force: replace an earlier export that is there.

    Returns:
        The file or folder.

    Raises:
        InputError: unknown form or sweep, the target exists (without ``force``), is no earlier export, lies with the
            results or cannot be written, or a table is too long for a workbook.
        DiskFull: there is no room for it.
        OSError: the machine failed otherwise.
    """
    if form not in WRITERS:
        raise unknown_name("format", form, WRITERS, "--format")
    target = target or Path("binsparx-export" + ("" if form in ("parquet", "csv") else f".{form}"))
    _remove_abandoned(target)
    _check_target(target, form, results, force)
    tables = {name: _joined(results, name, sweeps) for name in SCHEMAS}
    tables[DICTIONARY] = data_dictionary({name: table.schema for name, table in tables.items()})
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _draft_folder(target) as draft:
            WRITERS[form](tables, draft / "made")
            _put_in_place(draft / "made", target, draft / _EARLIER)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFull(f"{target}: {error.strerror}") from None
        if is_wrong_path(error):
            raise InputError(f"cannot write '{target}': {error.strerror or error}", "--output") from None
        raise
    return target


@contextlib.contextmanager
def _draft_folder(target: Path) -> Iterator[Path]:
    """A hidden folder beside ``target``. A lock on it, which ends with this process, says that it is being used."""
    while True:
        draft = target.with_name(f".{target.name}-{uuid.uuid4().hex[:8]}")
        draft.mkdir()
        opened = os.open(draft, os.O_RDONLY)
        fcntl.flock(opened, fcntl.LOCK_EX)
        if draft.exists():
            break
        os.close(opened)  # another export came between and took it for abandoned
    try:
        yield draft
    finally:
        with contextlib.suppress(OSError):
            _remove_draft(draft, target)
        os.close(opened)


def _remove_draft(draft: Path, target: Path) -> None:
    """An earlier export goes back from it first, where nothing came in its place."""
    if (draft / _EARLIER).exists() and not target.exists():
        (draft / _EARLIER).rename(target)
    shutil.rmtree(draft, ignore_errors=True)


def _remove_abandoned(target: Path) -> None:
    """Drafts of exports to ``target`` that were killed: nobody holds their lock."""
    name = re.compile(rf"\.{re.escape(target.name)}-[0-9a-f]{{8}}")
    try:
        beside = list(target.parent.iterdir())
    except OSError:  # not there yet, or not to be looked into
        return
    for draft in beside:
        if not (name.fullmatch(draft.name) and draft.is_dir()):
            continue
        with contextlib.suppress(OSError):  # another user's, or in use: in nobody's way
            opened = os.open(draft, os.O_RDONLY)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove_draft(draft, target)
            finally:
                os.close(opened)


def _check_target(target: Path, form: str, results: Results, force: bool) -> None:
    """Refuses to replace anything but an earlier export: ``--force`` must not cost more than that."""
    where, place = "--output", target.resolve()
    if not target.name:
        raise InputError(f"'{target}' holds other things; name a new file or folder in it", where)
    if (kept := results.store.local) is not None:
        kept = kept.resolve()
        if place == kept or kept in place.parents or place in kept.parents:
            raise InputError(f"'{target}' is in or around the results folder; choose a place outside it", where)
    if not target.exists():
        return
    if not force:
        raise InputError(f"'{target}' exists; --force replaces it", where)
    found, made = (("folder" if is_one else "file") for is_one in (target.is_dir(), form in ("parquet", "csv")))
    if found != made:
        raise InputError(f"'{target}' is a {found}, but an export as {form} is a {made}", where)
    if target.is_dir() and any(target.iterdir()) and not any(target.glob(f"{DICTIONARY}*")):
        raise InputError(
            f"'{target}' is not an earlier export (it has no {DICTIONARY}), so --force does not replace it", where
        )
    if target.is_file() and not _is_form(target, form):
        raise InputError(
            f"'{target}' is not an earlier export (it is no {form} file), so --force does not replace it", where
        )


def _is_form(file: Path, form: str) -> bool:
    start, signature = _SIGNATURES[form]
    with file.open("rb") as opened:
        return opened.read(start + len(signature))[start:] == signature


def _joined(results: Results, name: str, sweeps: list[str]) -> pa.Table:
    if not sweeps:
        return results.table(name)
    return pa.concat_tables([results.table(name, sweep) for sweep in dict.fromkeys(sweeps)], promote_options="default")


def _write_parquet(tables: Tables, folder: Path) -> None:
    """A data set a table, in folders such as ``designs/sweep=quickstart/device=8T-SRAM``."""
    for name, table in tables.items():
        keys = [key for key in _PARTITIONS if key in table.column_names]
        partitioning = pa.dataset.partitioning(pa.schema([table.schema.field(key) for key in keys]), flavor="hive")
        pa.dataset.write_dataset(
            table,
            folder / name,
            format="parquet",
            partitioning=partitioning if keys else None,
            basename_template="part-{i}.parquet",
        )


def _write_csv(tables: Tables, folder: Path) -> None:
    folder.mkdir()
    for name, table in tables.items():
        pa.csv.write_csv(table, folder / f"{name}.csv")


def _write_xlsx(tables: Tables, path: Path) -> None:
    """A sheet a table; a text stays a text, whatever it begins with."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    # What cannot end well ends before the first row: openpyxl tears a half-written book down with tracebacks.
    for name, table in tables.items():
        if table.num_rows > _SHEET_ROWS:
            raise InputError(
                f"'{name}' has {table.num_rows} rows, a sheet holds {_SHEET_ROWS}: choose another format", "--format"
            )
    path.touch()
    book = Workbook(write_only=True)
    for name, table in tables.items():
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "B2"
        sheet.auto_filter.ref = f"A1:{get_column_letter(table.num_columns)}{table.num_rows + 1}"
        for index, column in enumerate(table.column_names, start=1):
            sheet.column_dimensions[get_column_letter(index)].width = max(11, min(60, len(column) + 4))

        def cell(value: object, bold: bool = False, sheet: object = sheet) -> object:
            made = WriteOnlyCell(sheet, value)
            if isinstance(value, str):
                made.data_type = "s"
            if bold:
                made.font = Font(bold=True)
            return made

        sheet.append([cell(column, bold=True) for column in table.column_names])
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            sheet.append([cell(value) for value in row])
    book.save(path)


def _write_duckdb(tables: Tables, path: Path) -> None:
    """A database with the meaning of every column as its comment.

    Raises:
        OSError: it cannot be written.
    """
    import duckdb

    try:
        _fill_database(tables, path)
    except duckdb.IOException as error:
        raise OSError(one_line(error)) from error


def _fill_database(tables: Tables, path: Path) -> None:
    import duckdb

    with duckdb.connect(str(path)) as database:
        for name, table in tables.items():
            database.register("arrow_table", table)
            database.execute(f'CREATE TABLE "{name}" AS SELECT * FROM arrow_table')
            database.unregister("arrow_table")
        for row in tables[DICTIONARY].to_pylist():
            note = row["meaning"] + (f" [{row['unit']}]" if row["unit"] else "")
            quoted = note.replace("'", "''")
            database.execute(f"""COMMENT ON COLUMN "{row["table"]}"."{row["column"]}" IS '{quoted}'""")


def _put_in_place(made: Path, target: Path, earlier: Path) -> None:
    """A file is replaced at once; a folder is out of the way first, and its draft's end brings it back on failure."""
    if target.is_dir():
        target.rename(earlier)
    made.replace(target)


WRITERS: dict[str, Callable[[Tables, Path], None]] = {
    "parquet": _write_parquet,
    "csv": _write_csv,
    "xlsx": _write_xlsx,
    "duckdb": _write_duckdb,
}
