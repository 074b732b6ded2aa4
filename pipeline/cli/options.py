"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.completion import conditions, design_keys, sweep_names

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from rich.console import Console

    from pipeline.results.finished import Results

RESULTS_FOLDER = "results"

SweepArgument = Annotated[
    str, typer.Argument(metavar="SWEEP.yaml", help="The sweep file, or the name of one that ships.")
]
SweepNameArgument = Annotated[
    str,
    typer.Argument(metavar="SWEEP", help="Name of a finished sweep, or its sweep file.", autocompletion=sweep_names),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="COLUMN=VALUE",
        help="Only designs with this value; may be given several times.",
        autocompletion=conditions,
    ),
]
DesignArgument = Annotated[
    str, typer.Argument(metavar="KEY", help="The first digits of a design's key.", autocompletion=design_keys)
]
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
    """A console of the terminal's width; wide where the output goes to a file, so that no column is cut.

    Names are shown as they are: a label such as ``x[/red]`` is no markup.
    """
    from rich.console import Console

    console = Console(markup=False, emoji=False)
    return console if console.is_terminal else Console(width=_WIDTH_OF_FILES, markup=False, emoji=False)


def check_output(path: Path | None, where: str, is_folder: bool = False) -> None:
    """Looks, before the work, whether its result can be written.

    Args:
        path: a file, or a folder for several, that may be there already; None: none is written.
        where: the option, for messages.
        is_folder: whether it is a folder.

    Raises:
        InputError: it cannot be.
    """
    import tempfile

    from simcore.errors import InputError

    if path is None:
        return
    if path.exists() and path.is_dir() != is_folder:
        raise InputError(f"'{path}' is a {'file' if is_folder else 'folder'}", where)
    if not is_folder and not path.name:
        raise InputError(f"'{path}' is no name of a file", where)
    place = path if is_folder else path.parent
    nearest = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    try:
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        raise InputError(f"nothing can be written into '{nearest}': {error.strerror}", where) from None


def open_sweep(sweep: str, results: str | None) -> tuple[Results, str]:
    """The results folder and the sweep's name, from a name or a sweep file.

    Raises:
        InputError: no such sweep, or a sweep file that is not right.
    """
    from pipeline.results.finished import Results
    from simcore.errors import unknown_name

    name, folder = sweep, results
    if sweep.endswith((".yaml", ".yml")):
        from pipeline.sweep.spec import load_sweep

        spec = load_sweep(sweep).spec
        name, folder = spec.name, results or spec.results
    opened = Results(folder or RESULTS_FOLDER)
    # The name goes into a path: only names that are really there are looked up.
    if name not in opened.sweeps():
        raise unknown_name(f"sweep in {opened.store.uri}", name, opened.sweeps())
    return opened, name


def select(designs: pd.DataFrame, where: list[str] | None) -> pd.DataFrame:
    """The rows that meet every ``column=value``; one column named several times may have any of its values.

    Raises:
        InputError: not of that form, no such column, or a value that no row has.
    """
    from simcore.errors import InputError, unknown_name

    wanted: dict[str, list[str]] = {}
    for condition in where or []:
        name, sign, value = condition.partition("=")
        if not sign:
            raise InputError(f"'{condition}' is not of the form COLUMN=VALUE, for example corner=nominal", "--where")
        if name not in designs:
            raise unknown_name("column", name, designs.columns, "--where")
        known = designs[name].astype(str).unique()
        if value not in known:
            raise unknown_name(f"value of {name}", value, known, "--where")
        wanted.setdefault(name, []).append(value)
    for name, values in wanted.items():
        designs = designs[designs[name].astype(str).isin(values)]
    return designs
