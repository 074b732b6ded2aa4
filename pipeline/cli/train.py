"""``binsparx train``: train a binary network, or go on with a training that was stopped."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import rich.progress as bars
import torch
import typer
from rich.console import Console

from pipeline.cli.options import check_output
from simcore.datasets import SAMPLE_NAMES, Dataset, open_dataset
from simcore.errors import InputError
from simcore.network.accuracy import measure_accuracy
from simcore.network.checkpoint import Checkpoint, find_model, load_checkpoint, save_checkpoint
from simcore.network.definitions import define
from simcore.network.modules import GraphNetwork
from simcore.network.training.arithmetic import Processor
from simcore.network.training.loop import Progress, fresh_network
from simcore.network.training.loop import train as train_network
from simcore.network.training.recipe import Recipe, amended, default_recipe
from simcore.network.training.state import Identity, earlier_training, stored_arithmetic
from simcore.yaml_file import read_yaml

_MONITOR_IMAGES = 2_000
_LINE_EVERY_S = 60.0


def train(
    network: Annotated[str, typer.Argument(help="fashion-cnn, vgg-small or resnet18-cifar.")],
    data: Annotated[str, typer.Option(help="Dataset folder with the splits train and test.")],
    output: Annotated[Path, typer.Option(help="The trained network, written at the end (.safetensors).")],
    state: Annotated[
        Path | None, typer.Option(help="Folder to go on from when stopped. (default: state/NETWORK)")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data. (default: the recipe's)")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Decides start, order, crops and flips.")] = 0,
    init: Annotated[
        Path | None, typer.Option(help="Weights to start from: a network, a training state, latent weights.")
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(help="A network for the same data, whose answers are learnt beside the labels.")
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="YAML with the recipe's settings that are to differ.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads, part of the result. (default: all cores)")
    ] = None,
) -> None:
    """Train a network; running the same command again goes on where it stopped, on a CPU with the same result."""
    if output.suffix != ".safetensors":
        raise InputError("the name must end in .safetensors", f"--output {output}")
    check_output(output, "--output")
    check_output(state, "--state", is_folder=True)
    graph = define(network, "NETWORK")
    settings = _settings(network, recipe, epochs)
    dataset = open_dataset(data, "--data")
    _require_test_split(dataset)
    model = fresh_network(graph, seed, init)
    guide = load_checkpoint(find_model(teacher, "--teacher")) if teacher else None
    taught_by = guide.digest if guide else ""
    identity = Identity(settings.model_dump(), seed, dataset.digest, graph.to_json(), _file_digest(init), taught_by)
    folder = state or Path("state") / network
    provenance = {"name": output.stem, "network": network, **_provenance(identity, dataset, init, guide)}
    console = Console(stderr=True, markup=False, emoji=False)

    def save(path: Path, trained: GraphNetwork, epochs: int, measured: dict[str, Any]) -> str:
        computed = stored_arithmetic(folder)
        arithmetic = {"arithmetic": asdict(computed)} if computed else {}
        return save_checkpoint(path, trained, {**provenance, **arithmetic, "epochs": epochs, **measured})

    def export(trained: GraphNetwork, epoch: int) -> None:
        measured = _results(trained, [(dataset, _MONITOR_IMAGES)])
        save(folder / "latest.safetensors", trained, epoch, measured)
        console.print(f"epoch {epoch}: {_accuracy_line(measured)}", highlight=False, soft_wrap=True)

    on = Processor(_device(device), threads)
    with _reporting(console) as report:
        train_network(model, dataset, settings, identity, folder, report, export, on, guide.network if guide else None)
    measured = _results(model, [(dataset, None), *_shipped_sample(dataset)])
    digest = save(output, model, settings.epochs, measured)
    typer.echo(f"{output}: {_accuracy_line(measured)}, digest {digest[:12]}")


def _provenance(
    identity: Identity, dataset: Dataset, init: Path | None, teacher: Checkpoint | None
) -> dict[str, object]:
    """What the trained network tells of its training."""
    return {
        "recipe": identity.recipe,
        "seed": identity.seed,
        "start": _start(init, identity.start) if init else "random",
        "teacher": _who(teacher) if teacher else None,
        "dataset": {"name": dataset.name, "digest": dataset.digest, "source": dataset.source},
        "torch": torch.__version__,
    }


def _start(init: Path, sha256: str) -> dict[str, object]:
    """What a network tells of the weights it began with: the file, and how they were trained where it says so."""
    earlier = earlier_training(init)
    return {"file": init.name, "sha256": sha256} | ({"training": earlier} if earlier else {})


def _who(teacher: Checkpoint) -> dict[str, object]:
    """What a network tells of its teacher: which it was, and how right by its maker."""
    return {"name": teacher.name, "digest": teacher.digest, "accuracy": teacher.metadata.get("accuracy")}


def _settings(network: str, recipe: Path | None, epochs: int | None) -> Recipe:
    settings = default_recipe(network)
    if recipe is not None:
        content = read_yaml(recipe).data
        if not isinstance(content, dict):
            raise InputError("expected a recipe: YAML lines of the form 'setting: value'", str(recipe))
        settings = amended(settings, content, str(recipe))
    return settings if epochs is None else amended(settings, {"epochs": epochs}, "--epochs")


def _require_test_split(dataset: Dataset) -> None:
    if not dataset.splits.get("test"):
        raise InputError(f"dataset '{dataset.name}' has no split 'test' to measure the accuracy on", "--data")


def _file_digest(path: Path | None) -> str:
    """sha256 (hex) of a file that is known to be readable; empty for none."""
    return "" if path is None else hashlib.sha256(path.read_bytes()).hexdigest()


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise InputError(f"unknown device '{name}' (known: auto, cpu, cuda)", "--device")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("PyTorch finds no CUDA device here", "--device")
    return name


def _shipped_sample(dataset: Dataset) -> list[tuple[Dataset, int | None]]:
    """The sample of the same dataset that ships, so that the network's accuracy on it is known exactly. A dataset that
    shares its name alone has none: the network cannot take the sample, or knows other classes."""
    if dataset.name not in SAMPLE_NAMES:
        return []
    sample = open_dataset(dataset.name)
    alike = (sample.sample, sample.classes) == (dataset.sample, dataset.classes)
    return [(sample, None)] if alike and sample.digest != dataset.digest else []


def _results(network: GraphNetwork, wanted: list[tuple[Dataset, int | None]]) -> dict[str, Any]:
    """Accuracies in ideal arithmetic, float32; the first one is also the network's ``accuracy``."""
    accuracies = [measure_accuracy(network, dataset, "test", images) for dataset, images in wanted]
    results = [
        {"dataset": dataset.digest, "split": "test", **asdict(accuracy)}
        for (dataset, _), accuracy in zip(wanted, accuracies, strict=True)
    ]
    return {"accuracy": accuracies[0].fraction, "accuracies": results}


def _accuracy_line(measured: dict[str, Any]) -> str:
    images = measured["accuracies"][0]["images"]
    return f"accuracy {100 * measured['accuracy']:.2f} % on {images} test images"


@contextmanager
def _reporting(console: Console) -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal; elsewhere one plain line a minute."""
    if not console.is_terminal:
        yield _line_reporter(console)
        return
    columns = (
        bars.TextColumn("epoch {task.fields[epoch]}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("loss {task.fields[loss]:.3f}"),
        bars.TextColumn("{task.fields[left]}"),
    )
    with bars.Progress(*columns, console=console) as shown:
        task = shown.add_task("", epoch="", loss=0.0, left="", total=None)
        yield lambda progress: shown.update(
            task,
            total=progress.steps,
            completed=progress.step,
            epoch=f"{progress.epoch}/{progress.epochs}",
            loss=progress.loss,
            left=_left(progress),
        )


def _line_reporter(console: Console) -> Callable[[Progress], None]:
    shown = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal shown
        if time.monotonic() - shown < _LINE_EVERY_S and progress.step < progress.steps:
            return
        shown = time.monotonic()
        console.print(
            f"epoch {progress.epoch}/{progress.epochs} step {progress.step}/{progress.steps} "
            f"loss {progress.loss:.3f} rate {progress.learning_rate:.2e} {_left(progress)}",
            highlight=False,
            soft_wrap=True,
        )

    return report


def _left(progress: Progress) -> str:
    if progress.seconds_left is None:
        return ""
    minutes, seconds = divmod(round(progress.seconds_left), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d} left"
