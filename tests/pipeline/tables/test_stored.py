"""Tables as they are read: one that is damaged or of another version names itself and hides no other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.results.finished import Results, UnreadSweep
from pipeline.tables.schema import DESIGNS_SCHEMA
from pipeline.tables.stored import UnusableTable, read_table
from tests.pipeline.cli.test_command_line import command
from tests.pipeline.finished_sweep import finish_sweep

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture
def designs(tmp_path: Path) -> Path:
    """The table of sweep ``other``, beside that of ``small``."""
    finish_sweep(tmp_path)
    sweeps = tmp_path / "results/sweeps"
    shutil.copytree(sweeps / "small", sweeps / "other")
    return sweeps / "other/designs.parquet"


def opened(designs: Path) -> Results:
    return Results(str(designs.parents[2]))


@pytest.mark.parametrize("length", [0, 1, 1000, -1])
def test_a_damaged_table_names_itself_and_hides_no_other(designs: Path, length: int) -> None:
    designs.write_bytes(designs.read_bytes()[:length])
    results = opened(designs)
    with pytest.raises(UnusableTable, match=f"^{designs}: the table is damaged .* running sweep 'other' again writes"):
        results.designs("other")
    with pytest.warns(UnreadSweep, match="left out: .*other/designs.parquet: the table is damaged") as told:
        everything = results.designs()
        results.designs()
    assert len(told) == 1
    assert everything.equals(results.designs("small"))


def test_the_only_table_is_not_left_out(designs: Path) -> None:
    shutil.rmtree(designs.parents[1] / "small")
    designs.write_bytes(b"")
    with pytest.raises(UnusableTable, match="the table is damaged"):
        opened(designs).designs()


def test_every_column_of_another_version_is_filled_in_or_named(designs: Path) -> None:
    results = opened(designs)
    table = pq.read_table(designs)
    filled = set()
    for field in DESIGNS_SCHEMA:
        pq.write_table(table.drop_columns([field.name]), designs)
        try:
            read = read_table("other", "designs", results.store)
        except UnusableTable as error:
            assert not field.nullable and f"without a column '{field.name}'" in str(error)
            continue
        assert read is not None and read.schema.names == table.schema.names
        filled.add(field.name)
        if field.name in ("solver_setting", "prune", "seed"):
            assert read[field.name].equals(table[field.name])  # the sweep has the defaults
    assert {"solver_setting", "prune", "seed", "adc_noise", "energy_per_image_J"} <= filled
    assert not {"images", "accuracy", "device", "sparsity"} & filled


def test_a_column_that_is_no_more_is_kept_and_one_of_another_kind_is_named(designs: Path) -> None:
    results = opened(designs)
    table = pq.read_table(designs)
    pq.write_table(table.append_column("mood", pa.array(["fine"] * table.num_rows)), designs)
    assert "mood" in results.designs("other") and "mood" in results.designs()
    place = table.schema.get_field_index("images")
    pq.write_table(table.set_column(place, "images", pa.array(["many"] * table.num_rows)), designs)
    with pytest.raises(UnusableTable, match="column 'images' holds string, expected int64"):
        results.designs("other")


@pytest.mark.parametrize(
    "words",
    ["results", "results small", "results other", "show KEY", "compare small other", "export -o x", "report other"],
)
def test_every_command_says_it_in_one_line(
    designs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    monkeypatch.chdir(designs.parents[3])
    key = pq.read_table(designs)["design_key"][0].as_py()
    designs.write_bytes(b"PAR1 and more")
    code = command(monkeypatch, *words.replace("KEY", key[:12]).split())
    said = capsys.readouterr().err
    assert code == (2 if "other" in words else 0), said
    if words == "results small":
        assert said == ""
    else:
        assert len(said.splitlines()) == 1 and "results/sweeps/other/designs.parquet: the table is damaged" in said
    assert "UserWarning" not in said and ".py:" not in said
