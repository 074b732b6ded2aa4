"""``binsparx results``: the tables of a finished sweep again, or the sweeps there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.completion import sweep_names
from pipeline.cli.options import (
    RESULTS_FOLDER,
    JsonOption,
    ResultsOption,
    WhereOption,
    make_console,
    open_sweep,
    select,
)

if TYPE_CHECKING:
    from pipeline.results.finished import Results


def results(
    sweep: Annotated[
        str | None,
        typer.Argument(
            metavar="[SWEEP]",
            help="A sweep file, or the name of a sweep. [default: all sweeps]",
            autocompletion=sweep_names,
        ),
    ] = None,
    where: WhereOption = None,
    results: ResultsOption = None,
    json: JsonOption = False,
) -> None:
    """Show dense against sparsified accuracy and cost, design by design, and the front; without SWEEP, the sweeps.

    Examples: `binsparx results`, `binsparx results quickstart --where corner=nominal --where device=8T-SRAM`.
    """
    import json as json_module

    from pipeline.report.terminal import print_costs, print_designs, print_front
    from pipeline.tables.completeness import what_is_missing

    if sweep is None:
        from pipeline.results.finished import Results

        _list_sweeps(Results(results or RESULTS_FOLDER), json)
        return
    opened, name = open_sweep(sweep, results)
    tables = {table: opened.table(table, name) for table in ("designs", "pareto")}
    missing = what_is_missing(tables["designs"]["images"].to_pylist(), name, opened.store)
    if where:
        kept = set(select(opened.designs(name), where).design_key)
        tables = {
            key: table.filter([row in kept for row in table["design_key"].to_pylist()]) for key, table in tables.items()
        }
    if json:
        found = {key: table.to_pylist() for key, table in tables.items()}
        print(json_module.dumps({**found, "incomplete": missing}, indent=2))
        return
    console = make_console()
    print_designs(tables["designs"], console)
    print_costs(tables["designs"], console)
    print_front(tables["pareto"], console)
    if missing:
        console.print(missing, highlight=False, soft_wrap=True)


def _list_sweeps(opened: Results, json: bool) -> None:
    import json as json_module
    import warnings

    from rich import box
    from rich.table import Table

    from pipeline.results.finished import UnreadSweep
    from pipeline.tables.completeness import what_is_missing
    from pipeline.tables.stored import UnusableTable

    rows = []
    for name in opened.sweeps():
        try:
            designs = opened.designs(name)
        except UnusableTable as error:
            warnings.warn(UnreadSweep(f"left out: {error}"), stacklevel=1)
            continue
        rows.append(
            {
                "sweep": name,
                "designs": len(designs),
                "images": int(designs.images.max()) if len(designs) else 0,
                "models": designs.model.unique().tolist(),
                "devices": designs.device.unique().tolist(),
                "best_accuracy": float(designs.accuracy.max()) if len(designs) else None,
                "incomplete": what_is_missing(designs.images.tolist(), name, opened.store),
            }
        )
    if json:
        print(json_module.dumps({"sweeps": rows}, indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), show_edge=False)
    for heading in ("sweep", "designs", "images", "best", "networks", "devices"):
        table.add_column(heading, justify="right" if heading in ("designs", "images", "best") else "left")
    for row in rows:
        best = "" if row["best_accuracy"] is None else f"{100 * row['best_accuracy']:.1f} %"
        names = (", ".join(row["models"]), ", ".join(row["devices"]))
        table.add_row(row["sweep"], str(row["designs"]), str(row["images"]), best, *names)
    console = make_console()
    console.print(table, highlight=False)
    for row in rows:
        if row["incomplete"]:
            console.print(row["incomplete"], highlight=False, soft_wrap=True)
