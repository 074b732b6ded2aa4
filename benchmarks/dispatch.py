"""What the pipeline costs beside a bare Ray loop: dispatch of 100,000 shards that compute nothing, driver memory,
and planning a million points. ``python -m benchmarks.dispatch [--shards N] [--points N]``; one run, one machine."""

from __future__ import annotations

import argparse
import itertools
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.no_op import NoImages, NoOp
from pipeline.execution.cluster import ray_session
from pipeline.execution.driver import Execution
from pipeline.execution.task_size import TaskSizer
from pipeline.execution.tasks import Outcome, TaskFunctions, TaskSettings, cpu_count, prepare_design
from pipeline.provenance import Provenance
from pipeline.storage.compute_time import ROUGH
from pipeline.storage.shards import Range, cover
from pipeline.storage.work import DesignWork
from pipeline.sweep.axes import SCALARS
from pipeline.sweep.field_types import NO_EFFECTS
from pipeline.sweep.plan import make_plan
from pipeline.sweep.point_keys import PointProduct
from pipeline.sweep.points import Bitcell, Configuration, Study
from pipeline.sweep.simulation import Model, circuit_parameters
from pipeline.sweep.spec import load_sweep

SHARDS_A_DESIGN = 500


class Memory:
    """Resident memory of this process in MiB, sampled ten times a second."""

    def __init__(self) -> None:
        self.samples: list[float] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self) -> None:
        while not self._end.wait(0.1):
            self.samples.append(resident())

    def __enter__(self) -> Memory:
        self.samples = [resident()]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def over_time(self) -> str:
        """At the start, after each quarter, and the most."""
        places = [self.samples[round(i * (len(self.samples) - 1) / 4)] for i in range(5)]
        return " ".join(f"{value:.0f}" for value in places) + f" (most {max(self.samples):.0f}) MiB"


def resident() -> float:
    """Resident memory of this process, MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


class Silent:
    """Listens and says nothing."""

    def task_done(self, work: DesignWork, images: int, expected_seconds: float, outcome: Outcome) -> None:
        """Only a failure would matter."""
        if not outcome.ok:
            raise RuntimeError(outcome.reason)

    def task_retried(self, work: DesignWork, outcome: Outcome) -> None:
        """Nothing fails here."""
        raise RuntimeError(outcome.reason)

    def shards_abandoned(self, work: DesignWork, shards: Sequence[Range]) -> None:
        """Nothing is given up here."""

    def slots_found(self, slots: int) -> None:
        """How many run at once changes nothing here."""

    def held_up(self, reason: str) -> None:
        """No machine leaves here."""
        raise RuntimeError(reason)


def design_works(shards: int) -> list[DesignWork]:
    """Designs with so many shards of one image in all."""
    fields = {"calibration_images": 1, "layers": None, "evidence": {}, "effects": ()}
    study = Study(NoImages(), "test", NoOp(), fields, NO_EFFECTS)
    circuit = circuit_parameters("8T-SRAM", "nominal", {}, "")
    cell = Bitcell("8T-SRAM", "8T-SRAM", "nominal", (), "")
    base = Configuration(study, Model("none", "1" * 64, None), cell, circuit, 64, 64, None)
    one_each = {axis.column: [axis.default] for axis in SCALARS}
    points = list(PointProduct(base, one_each | {"seed": list(range(shards // SHARDS_A_DESIGN))}))
    return [DesignWork(point, cover(SHARDS_A_DESIGN, 1, []), False, ROUGH) for point in points]


def evaluate_nothing(
    settings: Any, key: str, prepared: Any, dataset: Any, split: str, shards: Any, batch: Any
) -> list[Outcome]:
    """Stands in for ``evaluate_shards``: takes the same and does nothing."""
    return [Outcome(0.0, 0.0) for _ in shards]


def measure_dispatch(shards: int) -> None:
    """The pipeline's loop one task a shard, the pipeline as it is, and bare loops beside them."""
    with tempfile.TemporaryDirectory() as folder, ray_session(None, threads=1) as ray:
        settings = TaskSettings(NoOp(), folder, 1, Provenance("", ""))
        bare = ray.remote(num_cpus=1, max_retries=0)(evaluate_nothing)
        shared = ray.put(NoImages())

        def bare_task(index: int) -> Any:
            return bare.remote(settings, "k" * 64, shared, shared, "test", ((index, 1),), None)

        ray.get([bare_task(i) for i in range(1000)])  # workers are up
        window = 4 * cpu_count()

        def pipeline() -> None:
            Execution(ray, settings, Silent()).run(design_works(shards))

        def pipeline_one_each() -> None:
            functions = TaskFunctions(prepare_design, evaluate_nothing)
            sizer = TaskSizer(most_shards=1)
            Execution(ray, settings, Silent(), functions=functions, sizer=sizer).run(design_works(shards))

        loops: dict[str, Callable[[], object]] = {
            # Those whose memory counts come first: what others have left behind would hide what they take.
            "pipeline, a task a shard, nothing stored": pipeline_one_each,
            "pipeline as it is, records stored": pipeline,
            "bare Ray loop, bounded window": lambda: _bare_window(ray, bare_task, shards, window),
            "bare Ray loop, all submitted at once": lambda: ray.get([bare_task(i) for i in range(shards)]),
        }
        rows = [(name, *_measured(loop)) for name, loop in loops.items()]
    reference = rows[-1][1]
    print("| loop | s | us a shard | x bare | driver memory |\n|---|---|---|---|---|")
    for name, seconds, used in rows:
        print(f"| {name} | {seconds:.1f} | {1e6 * seconds / shards:.0f} | {seconds / reference:.2f} | {used} |")


def _measured(loop: Callable[[], object]) -> tuple[float, str]:
    """Seconds, and the memory of this process over time."""
    begin = time.perf_counter()
    with Memory() as memory:
        loop()
    return time.perf_counter() - begin, memory.over_time


def _bare_window(ray: Any, submit: Any, tasks: int, window: int) -> None:
    numbers = iter(range(tasks))
    flying = [submit(i) for i in itertools.islice(numbers, window)]
    while flying:
        done, flying = ray.wait(flying)
        ray.get(done)
        flying += [submit(i) for i in itertools.islice(numbers, len(done))]


def measure_planning(points: int) -> None:
    """Time and memory of planning so many points, at a tenth and in full."""
    print("\n| points | s | memory MiB |\n|---|---|---|")
    for number in (points // 10, points):
        seeds = ", ".join(str(seed) for seed in range(number // 200))
        text = (
            "{name: many, models: fashion-cnn, devices: 8T-SRAM, corners: [nominal, pessimistic], "
            "arrays: [32x32, 64x64, 128x128, 32x64, 64x128], sparsity: [dense, weight, activation, binsparx], "
            f"prune: [0, 0.05, 0.1, 0.15, 0.2], seeds: [{seeds}], dataset: fashion-mnist}}"
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "many.yaml"
            path.write_text(text)
            before, begin = resident(), time.perf_counter()
            plan = make_plan(load_sweep(path))
            seconds = time.perf_counter() - begin
            print(f"| {len(plan.points)} | {seconds:.1f} | {resident() - before:.0f} |")
            del plan


def main() -> None:
    """Prints the two tables of docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=100_000)
    parser.add_argument("--points", type=int, default=1_000_000)
    arguments = parser.parse_args()
    measure_dispatch(arguments.shards)
    measure_planning(arguments.points)


if __name__ == "__main__":
    main()
