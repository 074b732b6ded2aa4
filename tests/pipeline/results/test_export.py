"""Exports as other tools read them: the same values, and a dictionary that names every column."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from openpyxl import load_workbook

from pipeline.errors import DiskFull
from pipeline.results.export import WRITERS, export_results
from pipeline.results.finished import Results
from pipeline.tables.schema import SCHEMAS
from simcore.errors import InputError
from tests.pipeline.finished_sweep import finish_sweep

_LABEL = "=1+1 a/b"  # a path in a folder's name and a formula in a sheet, unless it is treated as text


@pytest.fixture
def results(tmp_path: Path, fakes: None) -> Results:
    finish_sweep(tmp_path, devices=f"[8T-SRAM, {{name: 1T-1ReRAM, label: '{_LABEL}'}}]")
    finish_sweep(tmp_path, name="wider", arrays="128x128")
    return Results(str(tmp_path / "results"))


def by_key(frame: pd.DataFrame) -> pd.DataFrame:
    """Text as text and rows in the same order, however the tool holds them."""
    ordered = frame.sort_values(["design_key", "sweep"]).reset_index(drop=True)
    return ordered.astype({name: str for name in ("sweep", "device", "design_key", "sparsity")})


def test_partitioned_parquet_reads_as_it_is_in_pandas_polars_and_duckdb(results: Results, tmp_path: Path) -> None:
    folder = export_results(results, [], "parquet", tmp_path / "out")
    designs = folder / "designs"
    assert (designs / "sweep=wider/device=8T-SRAM/part-0.parquet").exists()
    names = list(results.designs().columns)
    expected = by_key(results.designs())
    read = {
        "pandas": pd.read_parquet(designs),
        "polars": pl.read_parquet(f"{designs}/**/*.parquet", hive_partitioning=True).to_pandas(),
        "duckdb": duckdb.sql(f"SELECT * FROM read_parquet('{designs}/**/*.parquet', hive_partitioning = true)").df(),
    }
    for tool, frame in read.items():
        assert set(frame.columns) == set(names), tool
        pd.testing.assert_frame_equal(by_key(frame[names]), expected, check_dtype=False, obj=tool)


def test_the_dictionary_names_every_column_of_every_table(results: Results, tmp_path: Path) -> None:
    folder = export_results(results, ["small"], "csv", tmp_path / "out")
    dictionary = pd.read_csv(folder / "data_dictionary.csv", keep_default_na=False)
    for table, schema in SCHEMAS.items():
        rows = dictionary[dictionary.table == table]
        assert list(rows.column) == schema.names
        assert list(pd.read_csv(folder / f"{table}.csv").columns) == schema.names
        assert all(rows.meaning)
    row = dictionary[(dictionary.table == "designs") & (dictionary.column == "array_current_A")].iloc[0]
    assert (row.unit, row.type) == ("A", "double")
    assert len(pd.read_csv(folder / "designs.csv")) == 8


def test_workbook_holds_the_values_and_text_stays_text(results: Results, tmp_path: Path) -> None:
    book = load_workbook(export_results(results, [], "xlsx", tmp_path / "out.xlsx"))
    assert set(book.sheetnames) == {*SCHEMAS, "data_dictionary"}
    heading, *rows = book["designs"].iter_rows(values_only=True)
    assert list(heading) == SCHEMAS["designs"].names
    frame = pd.DataFrame(rows, columns=heading)
    assert frame.accuracy.tolist() == results.designs().accuracy.tolist()
    device = heading.index("device") + 1
    cells = [book["designs"].cell(row, device) for row in range(2, len(rows) + 2)]
    assert {(cell.value, cell.data_type) for cell in cells} == {("8T-SRAM", "s"), (_LABEL, "s")}


def test_database_carries_the_meaning_of_its_columns(results: Results, tmp_path: Path) -> None:
    path = export_results(results, [], "duckdb", tmp_path / "out.duckdb")
    with duckdb.connect(str(path), read_only=True) as database:
        counts = database.sql("SELECT sweep, count(*) FROM designs GROUP BY ALL ORDER BY ALL").fetchall()
        assert counts == [("small", 8), ("wider", 2)]
        where = "table_name = 'designs' AND column_name = 'mean_column_current_A'"
        ((comment,),) = database.sql(f"SELECT comment FROM duckdb_columns() WHERE {where}").fetchall()
    assert "solved current of a column" in comment and comment.endswith("[A]")


@pytest.mark.parametrize("form", WRITERS)
def test_what_is_there_is_replaced_only_when_told_to(results: Results, tmp_path: Path, form: str) -> None:
    target = tmp_path / "target"
    export_results(results, ["wider"], form, target)
    with pytest.raises(InputError, match="--force"):
        export_results(results, [], form, target)
    assert export_results(results, [], form, target, force=True).exists()
    assert {path.name for path in tmp_path.iterdir()} == {"small.yaml", "wider.yaml", "results", "target"}


@pytest.mark.parametrize("form", WRITERS)
def test_force_replaces_nothing_but_an_earlier_export(results: Results, tmp_path: Path, form: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    for target, message in (
        (other, "not an earlier export|is a folder"),
        (tmp_path / "results", "in or around the results folder"),
        (tmp_path / "results" / "sweeps", "in or around the results folder"),
        (tmp_path, "in or around the results folder"),
        (Path("."), "name a new file or folder"),
    ):
        with pytest.raises(InputError, match=message):
            export_results(results, [], form, target, force=True)
    assert (other / "thesis.txt").read_text() == "mine" and results.sweeps()
    (tmp_path / "file").write_text("mine")
    message = "is a file" if form in ("parquet", "csv") else f"not an earlier export .it is no {form} file"
    with pytest.raises(InputError, match=message):
        export_results(results, [], form, tmp_path / "file", force=True)
    assert (tmp_path / "file").read_text() == "mine"


def test_drafts_of_killed_exports_go_and_those_in_use_stay(results: Results, tmp_path: Path) -> None:
    killed, used, other = (tmp_path / f".{name}" for name in ("out-01234567", "out-89abcdef", "out-other"))
    for folder in (killed, used, other):
        folder.mkdir()
        (folder / "made").write_text("half of it")
    opened = os.open(used, os.O_RDONLY)
    fcntl.flock(opened, fcntl.LOCK_EX)
    export_results(results, [], "csv", tmp_path / "out")
    assert [folder.exists() for folder in (killed, used, other)] == [False, True, True]
    os.close(opened)
    export_results(results, [], "csv", tmp_path / "out", force=True)
    assert not used.exists()


def test_an_earlier_export_comes_back_where_the_new_one_does_not_take_its_place(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, killed = tmp_path / "out", tmp_path / ".out-01234567"
    export_results(results, ["wider"], "csv", target)
    before = (target / "designs.csv").read_bytes()

    def full(self: Path, place: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(DiskFull):
            export_results(results, [], "csv", target, force=True)
    assert (target / "designs.csv").read_bytes() == before
    killed.mkdir()
    target.rename(killed / "earlier")
    with pytest.raises(InputError, match="--force"):
        export_results(results, [], "csv", target)
    assert (target / "designs.csv").read_bytes() == before and not killed.exists()


def test_a_full_disk_is_no_bad_input(results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object, path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = set(tmp_path.iterdir())
    monkeypatch.setitem(WRITERS, "csv", full)
    with pytest.raises(DiskFull, match=f"^{tmp_path}/out: No space left on device"):
        export_results(results, [], "csv", tmp_path / "out")
    assert set(tmp_path.iterdir()) == before


def test_unknown_names_and_failures_leave_nothing(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="did you mean 'parquet'"):
        export_results(results, [], "parket")
    with pytest.raises(InputError, match="did you mean 'small'"):
        export_results(results, ["smal"], "csv")
    before = set(tmp_path.iterdir())
    monkeypatch.setitem(WRITERS, "csv", lambda tables, path: (path.mkdir(), pa.csv.write_csv(tables["none"], path))[0])
    with pytest.raises(KeyError):
        export_results(results, [], "csv")
    assert set(tmp_path.iterdir()) == before


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="NO /proc: no folder that nobody can write")
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("form", WRITERS)
def test_a_place_that_cannot_be_written_is_said_in_one_line(results: Results, form: str) -> None:
    with pytest.raises(InputError, match="cannot write '/proc/self/out'") as caught:
        export_results(results, [], form, Path("/proc/self/out"))
    gc.collect()  # nothing half-written may complain when it is torn down
    assert len(str(caught.value).splitlines()) == 1
