"""What the end of a run takes once the last task is done: tables, front, report, picture, what the terminal shows.

``python -m benchmarks.ending [--seeds N]``: 32 designs a seed, computed by the stand-ins of the tests; the best of
three times, in CPU time of this process, so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.report.page import build_report
from pipeline.report.picture import draw_front
from pipeline.report.terminal import MOST_LINES, print_costs, print_designs, print_front
from pipeline.results.finished import Results
from pipeline.storage.compute_time import ComputeTimes
from pipeline.storage.work import find_work
from pipeline.tables.aggregate import aggregate
from tests.pipeline import fake_simcore
from tests.pipeline.finished_sweep import DEVICES, finish_sweep

TIMES = 3


def measure(seeds: int, folder: Path) -> None:
    """Prints milliseconds a design of every step."""
    plan, store = finish_sweep(
        folder,
        devices=DEVICES,
        corners="[nominal, pessimistic]",
        sparsity="[dense, weight, activation, binsparx]",
        seeds=str(list(range(seeds))),
        dataset="{name: fake-images, images: 20, calibration_images: 10}",
        shard_images="20",
    )
    design_works = find_work(plan, store, ComputeTimes.load(store))
    tables = aggregate(plan, design_works, store).tables
    designs, pareto = tables["designs"], tables["pareto"]

    def show() -> None:
        console = Console(file=io.StringIO(), width=120)
        print_designs(designs, console, MOST_LINES)
        print_costs(designs, console, MOST_LINES)
        print_front(pareto, console)

    steps: dict[str, Callable[[], Any]] = {
        "tables and front": lambda: aggregate(plan, design_works, store),
        "report": lambda: build_report(Results(store.absolute_uri), plan.name),
        "picture": lambda: draw_front(designs, plan.sweep.spec.pareto.objectives),
        "terminal": show,
    }
    found = {name: _seconds(step) for name, step in steps.items()}
    print(f"{len(plan.points)} designs, {pareto.num_rows} on the front\n\n| step | s | ms a design |\n|---|---|---|")
    for name, seconds in [*found.items(), ("all", sum(found.values()))]:
        print(f"| {name} | {seconds:.1f} | {1e3 * seconds / len(plan.points):.2f} |")


def _seconds(step: Callable[[], Any]) -> float:
    """The shortest CPU time of several."""
    times = []
    for _ in range(TIMES):
        begin = time.process_time()
        step()
        times.append(time.process_time() - begin)
    return min(times)


def main() -> None:
    """Prints the table of docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    fake_simcore.install()
    with tempfile.TemporaryDirectory() as folder:
        measure(parser.parse_args().seeds, Path(folder))


if __name__ == "__main__":
    main()
