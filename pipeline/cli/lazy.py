"""Commands whose modules load only when they are called: importing torch takes seconds, ``--help`` must not."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup


@dataclass(frozen=True)
class LazyCommand:
    """Where a command lives and the line that ``--help`` shows for it."""

    module: str
    attribute: str
    help: str


LAZY_COMMANDS = {
    "compare": LazyCommand("pipeline.cli.compare", "compare", "What changed between two sweeps, design by design."),
    "show": LazyCommand("pipeline.cli.show", "show", "Everything that is known about one design."),
    "explain": LazyCommand("pipeline.cli.explain", "explain", "What each wire, device and converter costs a design."),
    "recommend": LazyCommand(
        "pipeline.cli.recommend", "recommend", "The cheapest mitigations that bring a design back."
    ),
    "deploy": LazyCommand("pipeline.cli.deploy", "deploy", "The network to load onto a design's chip."),
    "report": LazyCommand("pipeline.cli.report", "report", "A sweep as one HTML page, and as pictures for papers."),
    "export": LazyCommand("pipeline.cli.export", "export", "Tables as Parquet, CSV, Excel or DuckDB files."),
    "ui": LazyCommand("pipeline.cli.ui", "ui", "Open MLflow with a sweep's designs, on this machine only."),
    "train": LazyCommand("pipeline.cli.train", "train", "Train a binary network, or go on with a training."),
    "spice": LazyCommand("pipeline.cli.spice", "spice", "One read of one tile as an ngspice netlist, compared."),
    "partial-sums": LazyCommand(
        "pipeline.cli.partial_sums", "partial_sums", "How far flips lower a network's partial sums, without a circuit."
    ),
    "devices": LazyCommand("pipeline.cli.listings", "devices", "The bitcells that ship."),
    "effects": LazyCommand(
        "pipeline.cli.listings", "effects", "The device effects that ship: what makes chips differ."
    ),
    "models": LazyCommand("pipeline.cli.listings", "models", "The networks that ship."),
    "datasets": LazyCommand("pipeline.cli.listings", "datasets", "The data sets that ship, and those in data/."),
    "sweeps": LazyCommand("pipeline.cli.listings", "sweeps", "The sweep files that ship."),
    "bitcell": LazyCommand("pipeline.cli.bitcell", "bitcell_app", "Bitcell files from measured I-V curves."),
    "model": LazyCommand("pipeline.cli.model", "model_app", "Networks: import, check and show them."),
    "data": LazyCommand("pipeline.cli.data", "data_app", "Import datasets and look at them."),
}


class LazyGroup(TyperGroup):
    """A group that puts the real command in the place of its stand-in when it is called.

    Attributes:
        lazy: its lazy commands by their names.
    """

    lazy: ClassVar[Mapping[str, LazyCommand]] = LAZY_COMMANDS

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As the base class does, after loading what the first argument names."""
        if args and args[0] in self.lazy:
            self.commands[args[0]] = load(args[0], self.lazy)
        return super().resolve_command(ctx, args)


def add_lazy_commands(app: typer.Typer, commands: Mapping[str, LazyCommand] = LAZY_COMMANDS) -> None:
    """Registers a stand-in for every lazy command, for ``--help`` and completion."""
    for name, command in commands.items():
        app.command(name, help=command.help)(_stand_in)


def _stand_in() -> None:
    """Never called: the group replaces it."""


def load(name: str, commands: Mapping[str, LazyCommand] = LAZY_COMMANDS) -> Any:
    """The command itself, its module imported."""
    command = commands[name]
    found = getattr(importlib.import_module(command.module), command.attribute)
    parent = typer.Typer(add_completion=False, rich_markup_mode="markdown")  # as in app.py
    parent.callback()(_stand_in)  # makes it a group, whatever it holds
    if isinstance(found, typer.Typer):
        parent.add_typer(found, name=name)
    else:
        parent.command(name)(found)
    group: Any = typer.main.get_command(parent)
    return group.commands[name]
