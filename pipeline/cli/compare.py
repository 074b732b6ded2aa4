"""``binsparx compare``: what changed between two sweeps, point by point."""

from __future__ import annotations

import json as json_module
from typing import Annotated, Any

import pandas as pd
import typer
from rich.console import Console

from pipeline.cli.completion import sweep_names
from pipeline.cli.json_output import json_row
from pipeline.cli.options import (
    RESULTS_FOLDER,
    JsonOption,
    ResultsOption,
    WhereOption,
    WideOption,
    is_sweep_file,
    make_console,
    open_sweep,
    select,
)
from pipeline.report.text_table import Column, print_table
from pipeline.results.comparison import Comparison, compare_designs
from pipeline.results.names import design_name, hardware_name
from pipeline.storage.store import Store
from pipeline.sweep.names import level_name
from pipeline.sweep.objectives import known_costs
from pipeline.sweep.spec import load_sweep
from simcore.errors import InputError


def compare(
    sweep_a: Annotated[str, typer.Argument(metavar="SWEEP_A", help="A finished sweep.", autocompletion=sweep_names)],
    sweep_b: Annotated[str, typer.Argument(metavar="SWEEP_B", help="Another one.", autocompletion=sweep_names)],
    where: WhereOption = None,
    wide: WideOption = False,
    results: ResultsOption = None,
    json: JsonOption = False,
) -> None:
    """What changes from one sweep to another, design by design, with 95 % intervals of the change.

    Designs are paired where they agree in every axis but those whose values never agree between the sweeps. Where both
    saw the same images, they are compared image by image.

    Examples: `binsparx compare before after`, `binsparx compare before after --where corner=nominal`.
    """
    opened, name_a = open_sweep(sweep_a, results)
    folder = results or opened.store.absolute_uri
    if is_sweep_file(sweep_b) and results is None:
        own = Store(load_sweep(sweep_b).spec.results or RESULTS_FOLDER)
        if own.absolute_uri != folder:
            raise InputError(
                f"its results are in {own.uri}, those of {sweep_a} in {opened.store.uri}: two sweeps are compared in "
                "one results folder, which --results names",
                sweep_b,
            )
    _, name_b = open_sweep(sweep_b, folder)
    a, b = (select(opened.designs(name), where) for name in (name_a, name_b))
    compared = compare_designs(a, b, (name_a, name_b), opened.store)
    if json:
        print(json_module.dumps(_plain(compared, name_a, name_b), indent=2))
    else:
        _print(compared, name_a, name_b, make_console(), wide)


def _plain(compared: Comparison, name_a: str, name_b: str) -> dict[str, Any]:
    return {
        "a": name_a,
        "b": name_b,
        "changed": compared.changed,
        "points": [json_row(point) for point in compared.points.to_dict("records")],
        "only_a": compared.only_a.design_key.tolist(),
        "only_b": compared.only_b.design_key.tolist(),
    }


def _print(compared: Comparison, name_a: str, name_b: str, console: Console, wide: bool) -> None:
    points = compared.points
    for name, (before, after) in compared.changed.items():
        console.print(f"{name.replace('_', ' ')}: {before} -> {after}", highlight=False, soft_wrap=True, markup=False)
    costs = known_costs(points, "_change")[:2]
    headings = (name_a, name_b, "change", "95 % interval", *(cost.label.removesuffix(" per image") for cost in costs))
    columns = [Column("design"), *(Column(heading, number=True) for heading in headings)]
    lines = []
    for _, row in points.sort_values("accuracy_change", ascending=False, kind="stable").iterrows():
        told = " " if row.verdict == "undecided" else "*"
        level = f" {level_name(row, short=True)}" if "sparsity" in row else ""
        lines.append(
            [
                _name(row, points) + level,
                f"{100 * row.accuracy_a:.1f} %",
                f"{100 * row.accuracy_b:.1f} %",
                f"{100 * row.accuracy_change:+.1f}{told}",
                f"{100 * row.change_low:+.1f} to {100 * row.change_high:+.1f}",
                *(f"{100 * row[f'{cost.column}_change']:+.1f} %" for cost in costs),
            ]
        )
    print_table(f"{name_a} -> {name_b}", columns, lines, console, wide=wide)
    console.print()
    counts = points.verdict.value_counts()
    better, worse, undecided = (int(counts.get(name, 0)) for name in ("better", "worse", "undecided"))
    paired = "compared image by image" if points.paired.all() else "not all on the same images"
    console.print(
        f"{len(points)} pairs, {paired}: {better}* better, {worse}* worse, {undecided} undecided", highlight=False
    )
    for note in (
        "*: more than chance explains; with 95 % confidence that is so of every pair marked",
        "95 % interval: of each pair by itself",
    ):
        console.print(note, highlight=False)
    for name, alone in ((name_a, compared.only_a), (name_b, compared.only_b)):
        if len(alone):
            console.print(f"{len(alone)} designs only in {name}", highlight=False)


def _name(row: pd.Series, points: pd.DataFrame) -> str:
    """The design by the axes that both share; one that sets the sweeps apart is said above the table."""
    needed = {"device", "corner", "rows", "cols", "active_rows", "model"}
    return design_name(row, points).replace(" in the ", ", ") if needed <= set(points.columns) else hardware_name(row)
