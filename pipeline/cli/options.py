"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.results import Results

RESULTS_FOLDER = "results"

SweepArgument = Annotated[str, typer.Argument(metavar="SWEEP.yaml", help="The sweep file.")]
SweepNameArgument = Annotated[str, typer.Argument(metavar="SWEEP", help="Name of a finished sweep, or its sweep file.")]
DesignArgument = Annotated[str, typer.Argument(metavar="KEY", help="The first digits of a design's key.")]
SweepFileOption = Annotated[
    str | None, typer.Option("--sweep", metavar="SWEEP.yaml", help="Sweep file with the design. [default: the results]")
]
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


def open_sweep(sweep: str, results: str | None) -> tuple[Results, str]:
    """The results folder and the sweep's name, from a name or a sweep file.

    Raises:
        InputError: no such sweep, or a sweep file that is not right.
    """
    from pipeline.results import Results
    from simcore.errors import unknown_name

    name, folder = sweep, results
    if sweep.endswith((".yaml", ".yml")):
        from pipeline.spec import load_sweep

        spec = load_sweep(sweep).spec
        name, folder = spec.name, results or spec.results
    opened = Results(folder or RESULTS_FOLDER)
    # The name goes into a path: only names that are really there are looked up.
    if name not in opened.sweeps():
        raise unknown_name(f"sweep in {opened.store.uri}", name, opened.sweeps())
    return opened, name
