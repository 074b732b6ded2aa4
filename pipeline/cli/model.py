"""``binsparx model``: networks of other frameworks, what is in a network, and what is wrong with one."""

from __future__ import annotations

import typer

from pipeline.cli.lazy import LazyCommand, LazyGroup, add_lazy_commands

MODEL_COMMANDS = {
    "import": LazyCommand(
        "pipeline.cli.model_import", "import_command", "A network from an ONNX, QONNX, Keras or larq file."
    ),
    "check": LazyCommand("pipeline.cli.model_check", "check", "Whether a network is what its maker thinks it is."),
    "show": LazyCommand("pipeline.cli.model_show", "show", "A network's graph, and what each layer costs on arrays."),
}


class _ModelGroup(LazyGroup):
    """Loads a command on networks when it is called."""

    lazy = MODEL_COMMANDS


model_app = typer.Typer(
    name="model", cls=_ModelGroup, help="Networks: import, check and show them.", no_args_is_help=True
)


@model_app.callback()
def _group() -> None:
    """Networks: import, check and show them."""


add_lazy_commands(model_app, MODEL_COMMANDS)
