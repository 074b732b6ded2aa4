"""``binsparx results``: the tables of a finished sweep again, or the sweeps there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.completion import sweep_names
from pipeline.cli.options import (
    RESULTS_FOLDER,
    JsonOption,
    ResultsOption,
    SortOption,
    WhereOption,
    WideOption,
    make_console,
    none_left,
    open_sweep,
    select,
    sort,
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
    designs: Annotated[
        bool, typer.Option("--designs", help="One line a design, with its key, also off the front.")
    ] = False,
    where: WhereOption = None,
    sort_by: SortOption = None,
    wide: WideOption = False,
    results: ResultsOption = None,
    json: JsonOption = False,
) -> None:
    """Show dense against sparsified accuracy and cost, design by design, and the front; without SWEEP, the sweeps.

    Examples: `binsparx results`, `binsparx results quickstart --where corner=nominal --where device=8T-SRAM`,
    `binsparx results quickstart --where "accuracy > 0.9" --sort energy` (one line a design, with its key).
    """
    import json as json_module

    from pipeline.commands import command
    from pipeline.report.terminal import (
        print_chips,
        print_costs,
        print_designs,
        print_front,
        print_list,
        print_robust_front,
    )
    from pipeline.tables.completeness import what_is_missing
    from simcore.errors import InputError

    if sweep is None:
        if designs or where or sort_by:
            raise InputError("--designs, --where and --sort are of the designs of one sweep: name it", "SWEEP")
        from pipeline.results.finished import Results

        _list_sweeps(Results(results or RESULTS_FOLDER), json)
        return
    opened, name = open_sweep(sweep, results)
    tables = {table: opened.table(table, name) for table in ("designs", "pareto")}
    missing = what_is_missing(tables["designs"], name, opened.store)
    if where or sort_by:
        import pyarrow as pa
        import pyarrow.compute as pc

        chosen = sort(select(opened.designs(name), where), sort_by)
        tables["designs"] = tables["designs"].take(chosen.index.to_numpy())
        tables["pareto"] = tables["pareto"].filter(
            pc.is_in(tables["pareto"]["design_key"], pa.array(chosen.design_key))
        )
    if json:
        found = {key: table.to_pylist() for key, table in tables.items()}
        print(json_module.dumps({**found, "incomplete": missing}, indent=2))
        return
    console = make_console()
    if where and not tables["designs"].num_rows:
        console.print(none_left(opened.designs(name), where), highlight=False, soft_wrap=True)
        return
    if designs or sort_by:
        print_list(tables["designs"], console, wide)
    else:
        print_designs(tables["designs"], console, wide=wide)
        print_chips(tables["designs"], console, wide=wide)
        print_costs(tables["designs"], console, wide=wide)
        print_front(tables["pareto"], console, wide)
        print_robust_front(tables["designs"], console, wide)
        print(f"\nkeys of all designs: {command('results', sweep, '--designs', results=results)}")
    if missing:
        console.print(missing, highlight=False, soft_wrap=True)


def _list_sweeps(opened: Results, json: bool) -> None:
    import json as json_module
    import warnings

    from pipeline.report.text_table import Column, print_table
    from pipeline.results.finished import UnreadSweep, seen_all
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
                "best_accuracy": None if (compared := seen_all(designs)).empty else float(compared.accuracy.max()),
                "incomplete": what_is_missing(opened.table("designs", name), name, opened.store),
            }
        )
    if json:
        print(json_module.dumps({"sweeps": rows}, indent=2))
        return
    columns = [Column("sweep"), Column("networks"), Column("devices")]
    columns += [Column(heading, number=True) for heading in ("designs", "images", "best")]
    lines = []
    for row in rows:
        best = "" if row["best_accuracy"] is None else f"{100 * row['best_accuracy']:.1f} %"
        names = (", ".join(row["models"]), ", ".join(row["devices"]))
        lines.append([row["sweep"], *names, str(row["designs"]), str(row["images"]), best])
    console = make_console()
    print_table("", columns, lines, console, names=3)
    for row in rows:
        if row["incomplete"]:
            console.print(row["incomplete"], highlight=False, soft_wrap=True)
