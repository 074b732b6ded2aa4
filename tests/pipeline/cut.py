"""Every kind of file and database that the program makes, and a drill that cuts their making.

``python -m tests.pipeline.cut make FOLDER`` makes them; ``python -m tests.pipeline.cut drill FOLDER ROUNDS SEED``
starts that again and again, kills it at random and looks at what is there.
"""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
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
from tests.pipeline.conftest import ROOT
from tests.pipeline.finished_sweep import finish_sweep

DATASET = "images"


def make(folder: Path) -> None:
    """Everything, one after the other, over what is there; says when it begins."""
    fake_simcore.install()
    _draw_source(folder / "source")
    network = GraphNetwork(define("fashion-cnn")).eval()
    print("ready", flush=True)
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
    if missing := {*SCHEMAS, "data_dictionary"} - names:
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


def start(folder: Path) -> subprocess.Popen[str]:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.pipeline.cut", "make", str(folder)]
    made = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if made.stdout is None or made.stdout.readline() != "ready\n":
        raise RuntimeError(made.communicate()[1])
    return made


def drill(folder: Path, rounds: int, seed: int) -> None:
    """Prints one JSON line a round; every other one begins where the last was cut."""
    chance = random.Random(seed)
    begun = time.monotonic()
    whole = start(folder / "whole")
    if whole.wait() != 0:
        raise RuntimeError(whole.communicate()[1])
    seconds = time.monotonic() - begun
    complete, wrong = look(folder / "whole")
    if wrong:
        raise RuntimeError("; ".join(wrong))
    for number in range(rounds):
        place = folder / f"cut-{number // 2}"
        made = start(place)
        time.sleep(chance.uniform(0, seconds))
        os.kill(made.pid, signal.SIGKILL)
        made.communicate()
        there, wrong = look(place)
        print(json.dumps({"round": number, "there": there, "of": complete, "wrong": wrong}), flush=True)
    last = start(place)
    if last.wait() != 0:
        raise RuntimeError(last.communicate()[1])
    there, wrong = look(place)
    print(json.dumps({"round": "last", "there": there, "of": complete, "wrong": wrong}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]))
    else:
        drill(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
