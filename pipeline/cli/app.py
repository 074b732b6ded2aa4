"""The commands. Heavy packages are imported by the command that needs them, so that ``--help`` is instant."""

from __future__ import annotations

import warnings
from typing import Annotated

import typer

from pipeline.cli.endings import show_warning
from pipeline.cli.jobs import cancel, logs, status, submit
from pipeline.cli.lazy import LazyGroup, add_lazy_commands
from pipeline.cli.plan import plan
from pipeline.cli.results import results
from pipeline.cli.run import run
from pipeline.cli.track import track
from pipeline.cli.verify import verify

app = typer.Typer(
    name="binsparx",
    cls=LazyGroup,
    help="Which compute-in-memory crossbar design, with how much BinSparX sparsification, is worth building? "
    "Write a sweep file, run it, look at the front.",
    epilog="**First steps**: `binsparx plan quickstart` shows what a sweep that ships would do, `binsparx run "
    "quickstart` does it (again: resumes), `binsparx report quickstart` writes the page to look at, "
    "`binsparx explain KEY` says why a design loses accuracy, `binsparx ui` opens MLflow. "
    "`binsparx COMMAND --help` has examples; `binsparx --install-completion` teaches the tab key.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _version(wanted: bool) -> None:
    if wanted:
        from pipeline.provenance import package_version

        typer.echo(f"binsparx {package_version() or '(not installed)'}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and stop.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    warnings.showwarning = show_warning


app.command()(plan)
app.command()(run)
app.command()(results)
app.command()(track)
app.command()(verify)
for _command in (submit, status, logs, cancel):
    app.command(rich_help_panel="On a cluster")(_command)
add_lazy_commands(app)
