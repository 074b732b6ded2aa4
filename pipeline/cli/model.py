"""``binsparx model``: networks from the files of other frameworks."""

from __future__ import annotations

import typer

from pipeline.cli.model_import import import_command

model_app = typer.Typer(name="model", help="Networks: import them from other frameworks.", no_args_is_help=True)


@model_app.callback()
def _group() -> None:
    """Networks: import them from other frameworks."""


model_app.command("import")(import_command)
