"""A training on disk: latent weights, Adam's moments and the place reached; it goes on as if never stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from simcore.errors import InputError, is_wrong_path
from simcore.network.checkpoint import write_atomically
from simcore.network.modules import GraphNetwork
from simcore.network.training.arithmetic import Arithmetic
from simcore.network.training.initial import copy_tensors
from simcore.network.training.recipe import Recipe

_FORMAT = "binsparx-training"
_MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Identity:
    """What makes two trainings the same one: the recipe's content, the seed, the data, the graph, the start and the
    teacher (digests; empty for none)."""

    recipe: dict[str, object]
    seed: int
    dataset: str
    graph: str
    start: str
    teacher: str = ""


@dataclass
class Place:
    """How far a training has come: steps done, and the mean training loss of each finished epoch.

    ``losses`` are those of the steps of the epoch that is not finished yet.
    """

    step: int = 0
    epoch_losses: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def end_epoch(self, mean_loss: float) -> None:
        """The epoch is finished."""
        self.epoch_losses.append(mean_loss)
        self.losses.clear()


def state_file(folder: Path) -> Path:
    """The file in which a training's state lies."""
    return folder / "state.safetensors"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keeps other trainings out of a state folder, which is made where there is none; the lock ends with the process.

    Raises:
        InputError: another training is at work in it, or it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock").acquire(timeout=0)
    except Timeout:
        raise InputError(
            "in use by another training; wait for its end, or give this one a folder of its own (--state)", str(folder)
        ) from None
    except OSError as error:
        if is_wrong_path(error):
            raise InputError(f"cannot write: {error.strerror or error}", str(folder)) from None
        raise
    with lock:
        yield


def save_state(
    folder: Path,
    network: GraphNetwork,
    optimizer: torch.optim.Optimizer,
    place: Place,
    identity: Identity,
    arithmetic: Arithmetic,
) -> None:
    """Write everything that the rest of the training depends on, atomically. Raises InputError where it cannot."""
    tensors = {f"model/{name}": tensor.contiguous().cpu() for name, tensor in network.named_tensors().items()}
    for name, parameter in trained_parameters(network):
        for moment in _MOMENTS if parameter in optimizer.state else ():
            tensors[f"adam/{moment}/{name}"] = optimizer.state[parameter][moment].contiguous().cpu()
    header = {"format": _FORMAT} | {
        name: json.dumps(vars(part))
        for name, part in (("place", place), ("identity", identity), ("arithmetic", arithmetic))
    }
    write_atomically(state_file(folder), save(tensors, metadata=header))


def stored_arithmetic(folder: Path) -> Arithmetic | None:
    """What the state in ``folder``, known to be whole, was computed in; None of states that do not say."""
    with safe_open(state_file(folder), framework="pt") as file:
        return _arithmetic_of(file.metadata())


def _arithmetic_of(header: dict[str, str]) -> Arithmetic | None:
    return Arithmetic(**json.loads(header["arithmetic"])) if "arithmetic" in header else None


def earlier_training(path: Path) -> dict[str, object] | None:
    """What a training that starts from the file ``path`` tells of the training whose state that is.

    Args:
        path: a safetensors file that can be read.

    Returns:
        ``epochs`` done, recipe, seed, and the digests of start and teacher; None where it is no training's state.

    Raises:
        InputError: the state does not say how it was trained.
    """
    with safe_open(path, framework="pt") as file:
        header = file.metadata() or {}
    if header.get("format") != _FORMAT:
        return None
    with _complete(path):
        trained, place = _told(header)
    told = {name: vars(trained)[name] for name in ("recipe", "seed", "start", "teacher")}
    return {"epochs": len(place.epoch_losses), **told}


@contextmanager
def _complete(path: Path) -> Iterator[None]:
    """What cannot be read of a state is one InputError."""
    try:
        yield
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"not a complete training state: {error}", str(path)) from None


def _told(header: dict[str, str]) -> tuple[Identity, Place]:
    """Which training a state is of, and how far that had come."""
    trained = Identity(**json.loads(header["identity"]))
    # what the recipe of an older state does not say was as it is by default
    trained = replace(trained, recipe=Recipe().model_dump() | trained.recipe)
    return trained, Place(**json.loads(header["place"]))


def load_state(
    folder: Path, network: GraphNetwork, optimizer: torch.optim.Optimizer, identity: Identity
) -> tuple[Place, Arithmetic | None] | None:
    """Put ``network`` and ``optimizer`` where the state in ``folder`` left them; None where there is no state.

    Returns:
        How far the training has come, and what it computed in (None of states that were written without it).

    Raises:
        InputError: a damaged file, or the state of another training (another recipe, seed, dataset, network or start).
    """
    path = state_file(folder)
    if not path.is_file():
        return None
    with _complete(path), safe_open(path, framework="pt") as file:
        header = file.metadata() or {}
        if header.get("format") != _FORMAT:
            raise InputError("not the state of a training", str(path))
        stored, place = _told(header)
        _require_same(stored, identity, str(path))
        arithmetic = _arithmetic_of(header)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (a file, not a mapping)
    model = {name.removeprefix("model/"): value for name, value in tensors.items() if name.startswith("model/")}
    copy_tensors(network, model, str(path))
    if place.step:
        _restore_moments(network, optimizer, tensors, place.step, str(path))
    return place, arithmetic


def trained_parameters(network: GraphNetwork) -> list[tuple[str, torch.nn.Parameter]]:
    """(``node.tensor``, parameter) in the order in which the optimizer has them."""
    return [
        (f"{name}.{key}", parameter)
        for name, layer in network.named_layers()
        for key, parameter in layer.named_parameters()
    ]


def _restore_moments(
    network: GraphNetwork, optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor], step: int, where: str
) -> None:
    for name, parameter in trained_parameters(network):
        moments = {moment: tensors.get(f"adam/{moment}/{name}") for moment in _MOMENTS}
        if any(value is None or value.shape != parameter.shape for value in moments.values()):
            raise InputError(f"Adam's moments of '{name}' are missing or do not fit", where)
        # empty_like: the moments must lie in memory as the parameter does, the fused optimizer relies on it.
        optimizer.state[parameter] = {
            "step": torch.tensor(float(step), device=parameter.device),  # where the fused optimizer looks for it
            **{key: torch.empty_like(parameter).copy_(value) for key, value in moments.items() if value is not None},
        }


def _require_same(stored: Identity, wanted: Identity, where: str) -> None:
    for name, value in vars(wanted).items():
        known = vars(stored)[name]
        if known != value:
            raise InputError(
                f"this is the state of a training with another {name}{_difference(known, value)}; use another state "
                f"folder, or the same {name} to go on with it",
                where,
            )


def _difference(stored: object, wanted: object) -> str:
    """The fields of recipes, and short values; digests and graphs say nothing to people."""
    if isinstance(wanted, int):
        return f" ({stored}, not {wanted})"
    if not (isinstance(stored, dict) and isinstance(wanted, dict)):
        return ""
    changed = [f"{name} {stored.get(name)}, not {wanted[name]}" for name in wanted if stored.get(name) != wanted[name]]
    return f" ({', '.join(changed)})" if changed else ""
