"""``python -m benchmarks.gpu``: what a GPU is used for in a few minutes. Writes gpu.json, table.md and the networks."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.gpu import packages
from benchmarks.gpu.budget import Budget
from benchmarks.gpu.results import Results, Tell
from benchmarks.gpu.scale import FULL, SMALL, Scale

if TYPE_CHECKING:  # at run time only once the packages are prepared
    import torch

    from benchmarks.gpu.images import Images
    from benchmarks.gpu.processor import Processor
    from simcore.network.training.recipe import Recipe

BEGAN = time.monotonic()
OUT_VARIABLE = "BINSPARX_GPU_OUT"
DEFAULT_OUT = Path("build/gpu-out")
SHARES = {"vgg-small": 0.33, "resnet18-cifar": 0.43, "equality": 0.14, "timing": 0.10}
"""In order of value; the two networks as their epochs take."""
_ENDING_S = 5.0


def main(arguments: list[str] | None = None) -> int:
    """0 where every part was done, 1 where one was not, 2 for arguments that cannot be used."""
    options = _parser().parse_args(arguments)
    notes = packages.prepare()
    if options.forecast:
        from benchmarks.gpu.forecast import forecast

        print(forecast(options.minutes, SHARES, _ENDING_S))
        return 0
    import torch

    from simcore.errors import BinsparxError

    has_gpu = torch.cuda.is_available()
    device = torch.device("cuda" if has_gpu else "cpu")
    work = FULL if has_gpu else SMALL
    notes.append("" if has_gpu else "NO GPU was found: about a thousandth of the work, on the CPU; proves nothing")
    parts = [part for part in SHARES if part in options.parts]
    try:
        images = _images(options.data, work, has_gpu and _trains(parts))
        recipes = _recipes(options.recipe, work)
    except BinsparxError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    settings = {"minutes": options.minutes, "seed": options.seed, "parts": parts, "data": images.about}
    results = Results(_out(), _machine(device), settings)
    print(*notes, results.table().splitlines()[0], sep="\n", flush=True)
    return _run(parts, _Task(options, work, device, images, recipes), results, notes)


@dataclass(frozen=True)
class _Task:
    """What the parts work on."""

    options: argparse.Namespace
    work: Scale
    device: torch.device
    images: Images
    recipes: dict[str, Recipe]


def _run(parts: list[str], task: _Task, results: Results, notes: list[str]) -> int:
    from benchmarks.gpu.processor import Processor

    end = BEGAN + 60 * task.options.minutes
    note = "; ".join(filter(None, notes))
    processor: list[Processor] = []

    def stop() -> None:
        """The clock has run out in the middle of a part: what is known is printed, and that is the end."""
        print(results.finish(f"{note}; stopped by the clock".lstrip("; "), parts), flush=True)
        for each in processor:
            each.stop()
        os._exit(1)

    watchdog = threading.Timer(max(0.0, end - time.monotonic()), stop)
    watchdog.daemon = True
    watchdog.start()
    budget = Budget(end - _ENDING_S, {part: SHARES[part] for part in parts})
    try:
        if {"equality", "timing"} & set(parts):
            processor.append(Processor(task.work, apart=task.device.type == "cuda"))
        for part in parts:
            print(f"{time.monotonic() - BEGAN:.0f} s: {part}", flush=True)
            results.run(part, partial(_part, part, budget.end_of(part), task, results.folder, processor))
    finally:
        watchdog.cancel()
        for each in processor:
            each.stop()
    print(results.finish(note, parts), flush=True)
    return 1 if results.failed else 0


def _part(part: str, end: float, task: _Task, folder: Path, processor: list[Processor], tell: Tell) -> None:
    """One part; what it imports is imported here, so that what is missing for one does not stop another."""
    work, device = task.work, task.device
    if part == "equality":
        from benchmarks.gpu.equality import compare

        compare(work, device, processor[0], end, tell)
    elif part == "timing":
        from benchmarks.gpu.timing import time_solver

        time_solver(work, device, processor[0], end, tell)
    else:
        from benchmarks.gpu.training import Job, train

        job = Job(part, task.recipes[part], task.options.seed, task.images, work.held_out, device, folder)
        train(job, end, tell)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--minutes", type=float, default=8.0, help="after which all is over, whatever is not done (8)")
    parser.add_argument("--parts", type=_parts, default=list(SHARES), help=f"some of {','.join(SHARES)} (all)")
    data = f"packed images or a data set's folder ({_default_images()}; without a GPU made-up images)"
    parser.add_argument("--data", type=Path, help=data)
    parser.add_argument("--seed", type=int, default=0, help="of the trainings (0)")
    parser.add_argument("--recipe", default="{}", help="JSON with the recipes' settings that are to differ")
    parser.add_argument("--forecast", action="store_true", help="only print what the minutes should be enough for")
    return parser


def _parts(text: str) -> list[str]:
    unknown = [part for part in text.split(",") if part not in SHARES]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown part '{unknown[0]}' (known: {', '.join(SHARES)})")
    return text.split(",")


def _default_images() -> Path:
    return packages.CARRIED / "images.npz"


def _images(path: Path | None, work: Scale, needed: bool) -> Images:
    """Images to train on: made-up ones where none are named and no GPU needs any. Raises InputError where there are
    none."""
    from benchmarks.gpu.images import load_images, made_up

    if path is None and not needed:
        return made_up(SMALL.train_images, SMALL.test_images)
    return load_images(path or _default_images()).first(work.train_images, work.test_images)


_NOT_DONE_HERE = {
    "small_crop", "small_crop_share", "mixup", "norm_batches", "teacher_share", "teacher_mirrored",
}  # fmt: skip
"""Settings of a recipe that would say of a network what was not done."""


def _recipes(text: str, work: Scale) -> dict[str, Recipe]:
    """The recipe of every network. Raises InputError for settings that are none."""
    from benchmarks.gpu.training import RECIPES
    from simcore.errors import InputError
    from simcore.network.training.recipe import amended

    try:
        changes = json.loads(text)
    except ValueError as error:
        raise InputError(f"not JSON ({error})", "--recipe") from None
    if not isinstance(changes, dict):
        raise InputError("a recipe is a mapping of settings to values", "--recipe")
    for name in _NOT_DONE_HERE & set(changes):
        raise InputError("this training does not do it; `binsparx train` does", f"--recipe {name}")
    fixed = {"epochs": work.epochs, "batch_size": work.batch_size}
    return {name: amended(recipe, {**fixed, **changes}, "--recipe") for name, recipe in RECIPES.items()}


def _trains(parts: list[str]) -> bool:
    return bool({"vgg-small", "resnet18-cifar"} & set(parts))


def _out() -> Path:
    named = os.environ.get(OUT_VARIABLE)
    print(f"{OUT_VARIABLE} is not set: results go to {DEFAULT_OUT}" if not named else f"results go to {named}")
    return Path(named or DEFAULT_OUT)


def _machine(device: torch.device) -> dict[str, object]:
    import torch

    found: dict[str, object] = {"device": device.type}
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        found = {"device": card.name, "memory": f"{card.total_memory / 2**30:.0f} GiB"}
        found |= {"capability": f"{card.major}.{card.minor}", "CUDA": torch.version.cuda}
        found["cuDNN"] = torch.backends.cudnn.version()
    found |= {"cores": os.cpu_count(), "Python": platform.python_version()}
    return found | {name: _version(name) for name in ("torch", "numpy", "numba")}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


if __name__ == "__main__":
    sys.exit(main())
