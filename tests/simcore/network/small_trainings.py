"""Trainings of a tiny network, a second or two each, that can be ended in the middle."""

from __future__ import annotations

from pathlib import Path

from simcore.network.graph import NetworkGraph
from simcore.network.modules import GraphNetwork
from simcore.network.training.loop import Progress, fresh_network, train
from simcore.network.training.recipe import Recipe
from simcore.network.training.state import Identity
from tests.simcore.network.in_memory import Stripes
from tests.simcore.network.networks import tiny_graph


class Stop(Exception):
    """Stands for whatever ends a process."""


def identity_of(recipe: Recipe, seed: int = 4, graph: NetworkGraph | None = None, teacher: str = "") -> Identity:
    """Of a training from random weights; the digests are made up."""
    return Identity(recipe.model_dump(), seed, "d" * 64, (graph or tiny_graph()).to_json(), "", teacher)


def train_tiny(
    folder: Path,
    recipe: Recipe,
    stop_at: int | None = None,
    seed: int = 4,
    dataset: Stripes | None = None,
    teacher: GraphNetwork | None = None,
) -> GraphNetwork:
    """A network trained as far as step ``stop_at``, where Stop is raised, or to its end."""

    def on_step(progress: Progress) -> None:
        if progress.step == stop_at:
            raise Stop

    network = fresh_network(tiny_graph(), seed)
    identity = identity_of(recipe, seed, teacher="t" if teacher else "")
    train(network, dataset or Stripes(), recipe, identity, folder, on_step, teacher=teacher)
    return network
