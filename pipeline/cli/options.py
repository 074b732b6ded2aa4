"""Options that several commands share."""

from __future__ import annotations

import operator
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.completion import conditions, design_keys, sweep_names

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from rich.console import Console

    from pipeline.results.finished import Results

RESULTS_FOLDER = "results"
_COMPARED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}

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
        metavar="CONDITION",
        help="Only designs that meet it: corner=nominal, 'accuracy > 0.9', 'energy < 100nJ'; several times: all of "
        "them, of values of one column any.",
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
    typer.Option(
        "--tracking-uri",
        metavar="URI",
        help="MLflow server. [default: the sweep's, else mlflow.db in a local results folder]",
    ),
]
SortOption = Annotated[
    list[str] | None,
    typer.Option("--sort", metavar="COLUMN", help="List designs in this order; -COLUMN begins with the largest."),
]
WideOption = Annotated[
    bool, typer.Option("--wide", help="A column an axis, however narrow the terminal; files are wide anyway.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def make_console() -> Console:
    """A console of the terminal's width. Names are shown as they are: a label such as ``x[/red]`` is no markup."""
    from rich.console import Console

    return Console(markup=False, emoji=False)


def check_output(path: Path | None, where: str, is_folder: bool = False) -> None:
    """Looks, before the work, whether its result can be written.

    Args:
        path: a file, or a folder for several, that may be there already; None: none is written.
        where: the option, for messages.
        is_folder: whether it is a folder.

    Raises:
        InputError: it cannot be.
    """
    from simcore.errors import InputError
    from simcore.paths import check_folder

    if path is None:
        return
    if path.exists() and path.is_dir() != is_folder:
        raise InputError(f"'{path}' is a {'file' if is_folder else 'folder'}", where)
    if not is_folder and not path.name:
        raise InputError(f"'{path}' is no name of a file", where)
    check_folder(path if is_folder else path.parent, where)


def check_network_output(path: Path, force: bool) -> None:
    """``check_output`` of a network.

    Args:
        path: a file.
        force: whether one that is there may be replaced.

    Raises:
        InputError: it cannot be written, is called otherwise, or is there.
    """
    from simcore.errors import InputError

    check_output(path, "--output")
    if path.suffix != ".safetensors":
        raise InputError(f"'{path}' does not end in .safetensors", "--output")
    if path.exists() and not force:
        raise InputError(f"'{path}' is there already; --force replaces it, --output names another", "--output")


def is_sweep_file(text: str) -> bool:
    """Whether what was given for a sweep or a design is a sweep file, and no name or key."""
    return text.endswith((".yaml", ".yml"))


def open_sweep(sweep: str, results: str | None) -> tuple[Results, str]:
    """The results folder and the sweep's name, from a name or a sweep file.

    Raises:
        InputError: no such sweep, or a sweep file that is not right.
    """
    from pipeline.results.finished import Results
    from simcore.errors import unknown_name

    name, folder = sweep, results
    if is_sweep_file(sweep):
        from pipeline.sweep.spec import load_sweep

        spec = load_sweep(sweep).spec
        name, folder = spec.name, results or spec.results
    opened = Results(folder or RESULTS_FOLDER)
    # The name goes into a path: only names that are really there are looked up.
    if name not in opened.sweeps():
        raise unknown_name(f"sweep in {opened.store.uri}", name, opened.sweeps())
    return opened, name


def select(designs: pd.DataFrame, where: list[str] | None) -> pd.DataFrame:
    """The rows that meet every condition, ``corner=nominal`` or ``accuracy > 0.9``.

    One column with several values may have any of them. An objective may be called as sweep files call it, and its
    value carry a unit: ``energy < 100nJ``, ``accuracy >= 90%``. Numbers are equal however they are written, and so
    are true and false.

    Raises:
        InputError: not of that form, no such column, a value that no row has, or no number where one is compared.
    """
    from simcore.errors import unknown_name

    required: list[pd.Series] = []
    wanted: dict[str, pd.Series] = {}
    for condition in where or []:
        name, sign, value = _split_condition(condition)
        column = find_column(designs, name, "--where")
        if sign in _COMPARED:
            required.append(_COMPARED[sign](designs[column], _number(designs, name, column, value)))
            continue
        same = _equal(designs, name, column, value)
        if sign == "!=":
            required.append(~same)
            continue
        if not same.any():
            known = designs[column].dropna().unique()
            texts = [f"{one:g}" if isinstance(one, float) else str(one) for one in known]
            raise unknown_name(f"value of {name}", value, texts, "--where")
        wanted[column] = wanted[column] | same if column in wanted else same
    for met in (*required, *wanted.values()):
        designs = designs[met[designs.index]]
    return designs


def _equal(designs: pd.DataFrame, name: str, column: str, text: str) -> pd.Series:
    """Whether each row has this value."""
    from pandas.api.types import infer_dtype

    from pipeline.results.finished import holds_numbers

    values = designs[column]
    if holds_numbers(values):
        return values == _number(designs, name, column, text)
    if infer_dtype(values, skipna=True) == "boolean":  # an earlier version may have left some empty
        return values.astype(str).str.lower() == text.lower()
    return values.astype(str).eq(text) & values.notna()


def _split_condition(condition: str) -> tuple[str, str, str]:
    """Column, sign and value."""
    from simcore.errors import InputError

    match = re.fullmatch(r"\s*(\w+)\s*(<=|>=|!=|==?|<|>)\s*(.*?)\s*", condition)
    if match is None:
        expected = "COLUMN=VALUE or COLUMN > VALUE, for example corner=nominal or 'accuracy > 0.9'"
        raise InputError(f"'{condition}' is not of the form {expected}", "--where")
    name, sign, value = match.groups()
    return name, sign, value


def none_left(designs: pd.DataFrame, where: list[str]) -> str:
    """A line for conditions that no design meets: between what the columns lie that were compared.

    Args:
        designs: all of them.
        where: the conditions, as ``select`` takes them.
    """
    ranges = {}
    for name, sign, _ in map(_split_condition, where):
        values = designs[find_column(designs, name, "--where")].dropna()
        if sign in _COMPARED and len(values):
            unit = designs.attrs.get("units", {}).get(values.name, "")
            ranges[name] = f"{name} is {values.min():.4g} to {values.max():.4g}{f' ({unit})' if unit else ''}"
    found = f"; {', '.join(ranges.values())}" if ranges else ""
    return f"none of {len(designs)} designs meets {' and '.join(where)}{found}"


def sort(designs: pd.DataFrame, by: list[str] | None) -> pd.DataFrame:
    """The rows in the order of columns, of the first one first; ``-accuracy`` begins with the largest.

    Raises:
        InputError: no such column.
    """
    if not by:
        return designs
    columns = [find_column(designs, name.removeprefix("-"), "--sort") for name in by]
    return designs.sort_values(columns, ascending=[not name.startswith("-") for name in by], kind="stable")


def find_column(designs: pd.DataFrame, name: str, where: str) -> str:
    """A column by its name, or by that of the objective it holds.

    Raises:
        InputError: neither.
    """
    from pipeline.sweep.objectives import OBJECTIVES
    from simcore.errors import unknown_name

    if name in designs:
        return name
    if name in OBJECTIVES and OBJECTIVES[name].column in designs:
        return OBJECTIVES[name].column
    raise unknown_name("column", name, dict.fromkeys([*designs.columns, *OBJECTIVES]), where)


def hundredths(text: str) -> float:
    """The fraction that is nearest to so many hundredths as they are written: 1.4 / 100 is less than 0.014.

    Raises:
        ValueError: no number.
    """
    try:
        return float(Decimal(text) / 100)
    except InvalidOperation:
        raise ValueError(f"no number: '{text}'") from None


def _number(designs: pd.DataFrame, name: str, column: str, text: str) -> float:
    """What a column is compared with, in its unit."""
    from pipeline.results.finished import holds_numbers
    from pipeline.sweep.objectives import OBJECTIVES
    from simcore.errors import InputError

    if not holds_numbers(designs[column]):
        raise InputError(f"'{name}' holds no numbers: give = or !=", "--where")
    unit = designs.attrs.get("units", {}).get(column, "")
    try:
        return hundredths(text[:-1]) if unit == "fraction" and text.endswith("%") else float(text)
    except ValueError:
        pass
    objective = next((one for one in OBJECTIVES.values() if one.column == column), None)
    value = None if objective is None else objective.read(text)
    if value is None:
        raise InputError(f"'{text}' is no number in the unit of '{name}'{f' ({unit})' if unit else ''}", "--where")
    return value
