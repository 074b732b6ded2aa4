"""Every kind of file and database that the program makes, and a drill that cuts their making.

``python -m tests.pipeline.cut FOLDER ROUNDS SEED`` starts it again and again, kills it at random and looks at what is
there.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import random
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb
import openpyxl
import pyarrow.parquet as pq
import yaml
from PIL import Image

from pipeline.report.figures import draw_figures
from pipeline.report.page import build_report
from pipeline.results.export import WRITERS, export_results
from pipeline.results.finished import Results
from pipeline.storage.compute_time import ComputeTimes
from pipeline.tables.completeness import Asked, write_asked
from pipeline.tables.schema import SCHEMAS
from pipeline.tracking.database import database_state
from pipeline.tracking.sweeps import track_sweep
from simcore.datasets import ImportRequest, import_dataset, open_dataset
from simcore.network.checkpoint import load_checkpoint, save_checkpoint, write_atomically
from simcore.network.definitions import define
from simcore.network.modules import GraphNetwork
from tests.pipeline import fake_simcore
from tests.pipeline.finished_sweep import finish_sweep

DATASET = "images"
_IMPORTED_ONCE = ["mlflow", "pipeline.report.figures", "pipeline.results.export", "simcore.network.modules"]
"""Importing these takes longer than making everything."""


def make(folder: Path, begun: Event) -> None:
    """Everything, one after the other, over what is there; says when it begins."""
    fake_simcore.install()
    _draw_source(folder / "source")
    network = GraphNetwork(define("fashion-cnn")).eval()
    begun.set()
    plan, store = finish_sweep(folder)
    write_asked(Asked(len(plan.points), plan.images, False), plan.name, store)
    ComputeTimes.load(store).save(store)
    track_sweep(plan.sweep, store)
    results = Results(str(folder / "results"))
    write_atomically(folder / "report.html", build_report(results, plan.name).encode())
    for form in WRITERS:
        export_results(results, [], form, folder / f"export-{form}", force=True)
    save_checkpoint(folder / "network.safetensors", network, {"name": "network"})
    import_dataset(ImportRequest(source=folder / "source"), folder / DATASET, force=True)
    for name, content in draw_figures(results, plan.name):
        write_atomically(folder / "figures" / name, content)


def _draw_source(folder: Path) -> None:
    for split in ("train", "test"):
        for label in ("a", "b"):
            (folder / split / label).mkdir(parents=True, exist_ok=True)
            for index in range(30):
                Image.new("L", (8, 8), 7 * index).save(folder / split / label / f"{index}.png")


def _read_parquet(path: Path) -> None:
    pq.read_table(path)


def _read_json(path: Path) -> None:
    json.loads(path.read_text())


def _read_picture(path: Path) -> None:
    with Image.open(path) as image:
        image.load()


def _read_text_to(end: str) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        if not path.read_text().rstrip().endswith(end):
            raise ValueError(f"{path} is cut")

    return read


def _read_export(path: Path) -> None:
    form = path.name.removeprefix("export-")
    if form in ("csv", "parquet"):
        names = {entry.name.partition(".")[0] for entry in path.iterdir()}
    elif form == "xlsx":
        names = set(openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True).sheetnames)
    else:
        with duckdb.connect(str(path), read_only=True) as database:
            names = {name for (name,) in database.execute("SHOW TABLES").fetchall()}
    if missing := {*SCHEMAS, "data_dictionary"} - {"chips"} - names:  # of these designs no chips differ
        raise ValueError(f"{path} lacks {missing}")


def _read_database(path: Path) -> None:
    if (state := database_state(path)) != "sound":
        raise ValueError(f"{path} is {state}")


READERS: dict[str, Callable[[Path], object]] = {
    "results/**/*.parquet": _read_parquet,
    "results/**/*.json": _read_json,
    "results/**/sweep.yaml": lambda path: yaml.safe_load(path.read_text())["name"],
    "results/mlflow.db": _read_database,
    "export-*": _read_export,
    "report.html": _read_text_to("</html>"),
    "figures/*.svg": _read_text_to("</svg>"),
    "figures/*.png": _read_picture,
    "network.safetensors": load_checkpoint,
    DATASET: lambda path: open_dataset(path).verify(),
}


def look(folder: Path) -> tuple[int, list[str]]:
    """How many files and databases there are under their names, and what is wrong with them."""
    there, wrong = 0, []
    for pattern, read in READERS.items():
        for path in folder.glob(pattern):
            if any(part in (".partial", "set_aside") for part in path.parts):
                continue
            there += 1
            try:
                read(path)
            except Exception as error:
                wrong.append(f"{path.relative_to(folder)}: {type(error).__name__}: {error}")
    return there, wrong


def start(folder: Path, server: ForkServerContext) -> BaseProcess:
    """A process that makes everything in ``folder``, and has begun to."""
    folder.mkdir(parents=True, exist_ok=True)
    begun = server.Event()
    made = server.Process(target=make, args=(folder, begun))
    made.start()
    while not begun.wait(1):
        if made.exitcode is not None:
            raise RuntimeError(f"ended with {made.exitcode} before it began")
    return made


def complete(folder: Path, server: ForkServerContext) -> tuple[int, list[str]]:
    """Makes everything without a cut and looks at it."""
    whole = start(folder, server)
    whole.join()
    if whole.exitcode != 0:
        raise RuntimeError(f"the making of everything in {folder} ended with {whole.exitcode}")
    return look(folder)


def drill(folder: Path, rounds: int, seed: int) -> None:
    """Prints one JSON line a round; every other one begins where the last was cut."""
    chance = random.Random(seed)
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(_IMPORTED_ONCE)
    complete(folder / "first", server)
    begun = time.monotonic()
    of, wrong = complete(folder / "whole", server)
    seconds = time.monotonic() - begun
    if wrong:
        raise RuntimeError("; ".join(wrong))
    for number in range(rounds):
        place = folder / f"cut-{number // 2}"
        made = start(place, server)
        made.join(chance.uniform(0, seconds))
        made.kill()
        made.join()
        there, wrong = look(place)
        print(json.dumps({"round": number, "there": there, "of": of, "wrong": wrong}), flush=True)
    there, wrong = complete(place, server)
    print(json.dumps({"round": "last", "there": there, "of": of, "wrong": wrong}), flush=True)


if __name__ == "__main__":
    drill(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
