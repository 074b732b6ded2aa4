"""``binsparx model``: look at networks, and for what is wrong with them."""

from __future__ import annotations

import typer

from pipeline.cli.lazy import LazyCommand, LazyGroup, add_lazy_commands

MODEL_COMMANDS = {
    "check": LazyCommand("pipeline.cli.model_check", "check", "Whether a network is what its maker thinks it is."),
    "show": LazyCommand("pipeline.cli.model_show", "show", "A network's graph, and what each layer costs on arrays."),
}


class _ModelGroup(LazyGroup):
    """Loads a command on networks when it is called."""

    lazy = MODEL_COMMANDS


model_app = typer.Typer(
    name="model", cls=_ModelGroup, help="Look at networks, and for what is wrong with them.", no_args_is_help=True
)


@model_app.callback()
def _group() -> None:
    """Look at networks, and for what is wrong with them."""


add_lazy_commands(model_app, MODEL_COMMANDS)
