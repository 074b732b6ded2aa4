"""The CPU's side of the comparison: reference currents and times of the SIMD solver.

Beside a GPU it runs in a process of its own while networks train, for compiling its kernels takes a minute or so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu import packages, scale

_KEPT_FOR_TRAINING = 4  # cores


class Processor:
    """Has the CPU's results when asked for them; ``apart``: computes them in another process from now on."""

    def __init__(self, work: scale.Scale, apart: bool) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="cpu-side-"))
        self._process: subprocess.Popen[bytes] | None = None
        if not apart:
            compute(work, self._folder)
        elif packages.has("numba"):
            threads = str(max(1, (os.cpu_count() or 1) - _KEPT_FOR_TRAINING))
            environment = {**os.environ, "NUMBA_NUM_THREADS": threads}
            with (self._folder / "log").open("wb") as log:
                command = [sys.executable, "-m", "benchmarks.gpu.processor", str(self._folder)]
                self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def currents(self, end: float) -> dict[str, np.ndarray]:
        """Sink currents by name of the circuit; empty where they are not there by ``end``."""
        path = self._wait("currents.npz", end)
        if path is None:
            return {}
        with np.load(path) as file:
            return {name: file[name] for name in file.files}

    def times(self, end: float) -> dict[str, dict[str, Any]]:
        """What was timed, by topology and rows; empty where it is not there by ``end``."""
        path = self._wait("times.json", end)
        return {} if path is None else json.loads(path.read_text())

    def log(self) -> str:
        """The last that the other process said."""
        path = self._folder / "log"
        return path.read_text(errors="replace")[-500:] if path.is_file() else ""

    def stop(self) -> None:
        """End the other process."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    def _wait(self, name: str, end: float) -> Path | None:
        path = self._folder / name
        while not path.is_file():
            if self._process is None or self._process.poll() is not None or time.monotonic() >= end:
                return path if path.is_file() else None
            time.sleep(0.1)
        return path


def compute(work: scale.Scale, folder: Path) -> None:
    """Write ``currents.npz``, then ``times.json``. Without numba nothing is written."""
    if not packages.has("numba"):
        return
    from benchmarks.gpu.circuits import random_cases, reference_cases
    from benchmarks.gpu.timing import time_on_cpu
    from simcore.crossbar import solve

    cases = [*reference_cases(), *random_cases(work.circuits)]
    currents = {case.name: solve(case.circuit, case.weights, case.inputs, 1e-11, device="numba") for case in cases}
    np.savez(folder / "new.npz", **{name: solution.sink_currents for name, solution in currents.items()})
    (folder / "new.npz").rename(folder / "currents.npz")
    (folder / "new.json").write_text(json.dumps(time_on_cpu(work)))
    (folder / "new.json").rename(folder / "times.json")


if __name__ == "__main__":
    packages.prepare()
    compute(scale.FULL, Path(sys.argv[1]))
