"""``binsparx verify``: the solver against reference circuits."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.json_output import json_row
from pipeline.cli.options import JsonOption, make_console


def verify(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Folder of reference circuits (JSON).")],
    tol: Annotated[float, typer.Option("--tol", help="Largest relative error of a sink current.")] = 1e-6,
    json: JsonOption = False,
) -> None:
    """Solve every reference circuit of a folder and compare the currents."""
    import json as json_module
    import math

    from pipeline.report.text_table import Column, print_table
    from simcore.crossbar.reference import verify_folder
    from simcore.errors import BinsparxError, InputError

    if not (math.isfinite(tol) and tol > 0):
        raise InputError(f"expected a tolerance above 0, found {tol}", "--tol")
    results = verify_folder(folder, tol)
    wrong = 0
    rows: list[dict[str, object]] = []
    lines: list[list[str]] = []
    for result in results:
        status = result.status.name.lower()
        # A solve that did not converge is wrong whatever it returned, and so is NaN.
        good = result.relative_error <= tol and status == "converged"
        wrong += not good
        verdict = "ok" if good else "WRONG"
        circuit = {"circuit": result.name, "solver": status, "ok": bool(good)}
        rows.append(circuit | {"relative_error": result.relative_error, "residual": result.residual})
        lines.append([result.name, f"{result.relative_error:.2e}", f"{result.residual:.1e}", status, verdict])
    if json:
        print(json_module.dumps({"tolerance": tol, "circuits": [json_row(row) for row in rows]}, indent=2))
    else:
        numbers = [Column(name, number=True) for name in ("relative error", "residual")]
        title = f"{len(results)} reference circuits, tolerance {tol:g}"
        print_table(title, [Column("circuit"), *numbers, Column("solver"), Column("")], lines, make_console())
        worst = max(
            results, key=lambda found: found.relative_error if math.isfinite(found.relative_error) else math.inf
        )
        print(f"worst relative error {worst.relative_error:.3e} ({worst.name})")
    if wrong:
        raise BinsparxError(f"{wrong} of {len(results)} circuits differ by more than {tol:g} or did not converge")
