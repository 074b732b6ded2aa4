"""``binsparx partial-sums``: the table it prints and writes, and bad input."""

from __future__ import annotations

import re

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from pipeline.cli.partial_sums import partial_sums
from pipeline.tables.partial_sums import ALL_LAYERS, PARTIAL_SUMS_SCHEMA
from simcore.errors import InputError


@pytest.fixture
def run():
    app = typer.Typer()
    app.command()(partial_sums)

    def invoke(*arguments):
        return CliRunner().invoke(app, ["--images", "2", "--calibration-images", "4", *arguments])

    return invoke


def test_images_that_set_the_order_are_not_measured(run):
    for arguments, message in (
        (["--split", "train", "--images", "497"], "first 496 can be measured, not 497"),
        (["--calibration-images", "501"], "501 calibration images were asked for, split 'train' of .* has 500"),
    ):
        result = run("--rows", "64", "--row-order", "grouped", *arguments)
        assert isinstance(result.exception, InputError) and re.search(message, str(result.exception))


def test_table_of_the_network_that_ships(run, tmp_path):
    file = tmp_path / "sums.parquet"
    result = run("--rows", "16", "--rows", "64", "--row-order", "channel", "--row-order", "grouped", "-o", str(file))
    assert result.exit_code == 0, result.exception
    assert "coin flips" in result.output and "grouped" in result.output
    table = pq.read_table(file)
    assert table.schema.equals(PARTIAL_SUMS_SCHEMA, check_metadata=True)
    rows = table.to_pylist()
    assert len(rows) == (4 + 1) * 2 * 2 * 4  # layers and all of them, orders, rows, levels
    both = [row for row in rows if row["sparsity"] == "binsparx"]
    whole = {(row["row_order"], row["rows_read_together"]): row for row in both if row["layer"] == ALL_LAYERS}
    for setting, row in whole.items():
        layers = [r for r in both if r["layer"] != ALL_LAYERS and (r["row_order"], r["rows_read_together"]) == setting]
        mean = sum(r["mean_partial_sum"] * r["column_reads"] for r in layers) / sum(r["column_reads"] for r in layers)
        assert row["mean_partial_sum"] == pytest.approx(mean)
    reductions = {setting: row["partial_sum_reduction"] for setting, row in whole.items()}
    assert reductions["channel", 16] > reductions["channel", 64] > 0
    assert reductions["grouped", 64] > reductions["channel", 64]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--row-order", "chanel"], "channel"),
        (["--split", "tests"], "test"),
        (["--images", "2501"], "has 2500 images, not 2501"),
        (["--dataset", "fashion-minst"], "fashion-mnist"),
        (["no-such-network"], "no-such-network"),
    ],
)
def test_bad_input_is_named(run, arguments, message):
    result = run(*arguments)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
