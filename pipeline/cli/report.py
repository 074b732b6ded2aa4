"""``binsparx report``: a sweep as one HTML page, and as pictures for papers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import ResultsOption, SweepNameArgument, check_output, open_sweep
from pipeline.report.page import build_report
from simcore.network.checkpoint import write_atomically


def report(
    sweep: SweepNameArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.html", help="The page. [default: SWEEP.html]")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option("--figures", metavar="FOLDER", help="PNG and SVG pictures for papers go there too.")
    ] = None,
    results: ResultsOption = None,
) -> None:
    """Write a finished sweep as one HTML page that opens from disk and needs no network.

    Examples: `binsparx report quickstart`, `binsparx report quickstart --figures pictures`.
    """
    opened, name = open_sweep(sweep, results)
    path = output or Path(f"{name}.html")
    check_output(path, "--output")
    check_output(figures, "--figures", is_folder=True)
    page = build_report(opened, name).encode()
    write_atomically(path, page)
    if figures is not None:
        from pipeline.report.figures import draw_figures

        for file, content in draw_figures(opened, name):
            write_atomically(figures / file, content)
            typer.echo(str(figures / file))
    typer.echo(f"{path} ({len(page) / 1e3:.0f} kB, opens in any browser)")
