"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

RESULTS_FOLDER = "results"

SweepArgument = Annotated[str, typer.Argument(metavar="SWEEP.yaml", help="The sweep file.")]
ResultsOption = Annotated[
    str | None,
    typer.Option("--results", metavar="URI", help="Results folder or URI (s3://..., gs://...). [default: results]"),
]
TrackingUriOption = Annotated[
    str | None,
    typer.Option("--tracking-uri", metavar="URI", help="MLflow server. [default: mlflow.db in the results folder]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


_WIDTH_OF_FILES = 120


def make_console() -> Console:
    """A console of the terminal's width; wide where the output goes to a file, so that no column is cut."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH_OF_FILES)
