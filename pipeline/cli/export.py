"""``binsparx export``: the tables in the forms that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import RESULTS_FOLDER, ResultsOption
from pipeline.results.export import WRITERS, export_results
from pipeline.results.finished import Results


def export(
    sweeps: Annotated[
        list[str] | None, typer.Argument(metavar="[SWEEP]...", help="Names of sweeps. [default: all]")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", "-f", help=", ".join(WRITERS) + ".", autocompletion=lambda: list(WRITERS))
    ] = "parquet",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder (parquet, csv) or file. [default: binsparx-export...]")
    ] = None,
    results: ResultsOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Write all tables with a data dictionary, for pandas, polars, DuckDB, R or a spreadsheet.

    Examples: `binsparx export` (partitioned Parquet of all sweeps), `binsparx export quickstart --format xlsx`.
    """
    opened = Results(results or RESULTS_FOLDER)
    path = export_results(opened, sweeps or [], form, output, force)
    names = ", ".join(sweeps or opened.sweeps())
    typer.echo(f"{names}: {path}{'/' if path.is_dir() else ''} (every column explained in its table data_dictionary)")
