"""``binsparx verify``: the solver against reference circuits."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import JsonOption, make_console


def verify(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Folder of reference circuits (JSON).")],
    tol: Annotated[float, typer.Option("--tol", help="Largest relative error of a sink current.")] = 1e-6,
    json: JsonOption = False,
) -> None:
    """Solve every reference circuit of a folder and compare the currents."""
    import json as json_module
    import math

    from rich.table import Table

    from simcore.crossbar.reference import verify_folder
    from simcore.errors import BinsparxError, InputError

    if not (math.isfinite(tol) and tol > 0):
        raise InputError(f"expected a tolerance above 0, found {tol}", "--tol")
    results = verify_folder(folder, tol)
    table = Table(title=f"{len(results)} reference circuits, tolerance {tol:g}")
    table.add_column("circuit")
    for name in ("relative error", "residual"):
        table.add_column(name, justify="right")
    for name in ("solver", ""):
        table.add_column(name)
    wrong = 0
    rows: list[dict[str, object]] = []
    for result in results:
        status = result.status.name.lower()
        # A solve that did not converge is wrong whatever it returned, and so is NaN.
        good = result.relative_error <= tol and status == "converged"
        wrong += not good
        verdict = "ok" if good else "WRONG"
        circuit = {"circuit": result.name, "solver": status, "ok": bool(good)}
        rows.append(circuit | {"relative_error": result.relative_error, "residual": result.residual})
        table.add_row(result.name, f"{result.relative_error:.2e}", f"{result.residual:.1e}", status, verdict)
    if json:
        print(json_module.dumps({"tolerance": tol, "circuits": rows}, indent=2))
    else:
        make_console().print(table)
        worst = max(
            results, key=lambda found: found.relative_error if math.isfinite(found.relative_error) else math.inf
        )
        print(f"worst relative error {worst.relative_error:.3e} ({worst.name})")
    if wrong:
        raise BinsparxError(f"{wrong} of {len(results)} circuits differ by more than {tol:g} or did not converge")
