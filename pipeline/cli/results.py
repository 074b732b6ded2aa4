"""``binsparx results``: the tables of a finished sweep again."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import JsonOption, ResultsOption, make_console


def results(
    sweep: Annotated[str, typer.Argument(metavar="SWEEP", help="A sweep file, or the name of a sweep.")],
    results: ResultsOption = None,
    json: JsonOption = False,
) -> None:
    """Show dense against sparsified accuracy and cost design by design, and the front."""
    import json as json_module

    from pipeline.report import print_costs, print_designs, print_front
    from pipeline.runner import DEFAULT_RESULTS
    from pipeline.spec import load_sweep
    from pipeline.store import Store
    from pipeline.table_files import SWEEPS_FOLDER, read_table
    from simcore.errors import unknown_name

    name, folder = sweep, results
    if sweep.endswith((".yaml", ".yml")):
        spec = load_sweep(sweep).spec
        name, folder = spec.name, results or spec.results
    store = Store(folder or DEFAULT_RESULTS)
    # The name goes into a path: only names that are really there are looked up.
    known = sorted({path.split("/")[1] for path, _ in store.list(SWEEPS_FOLDER) if path.endswith("/designs.parquet")})
    designs = read_table(name, "designs", store) if name in known else None
    pareto = read_table(name, "pareto", store) if name in known else None
    if designs is None or pareto is None:
        raise unknown_name(f"sweep in {store.uri}", name, known)
    if json:
        print(json_module.dumps({"designs": designs.to_pylist(), "pareto": pareto.to_pylist()}, indent=2))
        return
    console = make_console()
    print_designs(designs, console)
    print_costs(designs, console)
    print_front(pareto, console)
