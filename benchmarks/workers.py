"""A real sweep on one worker and on two, and what the machine allows: `make bench-workers`.

``python -m benchmarks.workers [--sweep SWEEP.yaml] [--images N]``. Each worker is a Ray node with one CPU, the head has
none, and each figure is the time of a whole ``binsparx run`` into an empty folder. Two sweeps at once, each on a
cluster of its own with one worker, share nothing but the machine: what they gain over one after the other is the most
that two workers could.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

_OBJECT_STORE_BYTES = 200 << 20


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[str]:
    """The address of a Ray cluster with so many workers, on the loopback address alone."""
    from ray.cluster_utils import Cluster

    small: dict[str, Any] = {"object_store_memory": _OBJECT_STORE_BYTES}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **small})
    try:
        for _ in range(workers):
            made.add_node(num_cpus=1, **small)
        made.wait_for_nodes()
        yield made.address
    finally:
        made.shutdown()


def start(sweep: Path, results: Path, address: str) -> subprocess.Popen[bytes]:
    """The command, as a shell would start it."""
    command = [sys.executable, "-m", "pipeline.cli", "run", str(sweep), "--no-tracking"]
    command += ["--address", address, "--results", str(results)]
    with results.with_suffix(".log").open("w") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def measure(sweep: Path, folder: Path) -> None:
    """Prints the table."""
    with cluster(1) as address:
        warm(sweep, folder, address)
        one = timed([start(sweep, folder / "one", address)])
    with cluster(2) as address:
        two = timed([start(sweep, folder / "two", address)])
    with cluster(1) as first, cluster(1) as second:
        apart = timed([start(sweep, folder / "left", first), start(sweep, folder / "right", second)])
    name = yaml.safe_load(sweep.read_text())["name"]
    tables = [(folder / place / "sweeps" / name / "designs.parquet").read_bytes() for place in ("one", "two")]
    print("| run | s | efficiency |\n|---|---|---|")
    for what, seconds, efficiency in (
        ("one worker", one, 1.0),
        ("two workers", two, one / (2 * two)),
        ("two sweeps at once, a worker each", apart, one / apart),
    ):
        print(f"| {what} | {seconds:.1f} | {100 * efficiency:.0f} % |")
    print(f"\nthe tables of one and of two workers are {'the same' if tables[0] == tables[1] else 'NOT THE SAME'}")


def warm(sweep: Path, folder: Path, address: str) -> None:
    """Few images first, so that nothing is compiled or read from a cold disk while the clock runs."""
    content = yaml.safe_load(sweep.read_text())
    content["dataset"]["images"] = 1
    few = folder / "few.yaml"
    few.write_text(yaml.safe_dump(content))
    timed([start(few, folder / "warm", address)])


def timed(runs: list[subprocess.Popen[bytes]]) -> float:
    """Seconds until all have ended.

    Raises:
        RuntimeError: one failed.
    """
    begin = time.perf_counter()
    for run in runs:
        if run.wait() != 0:
            raise RuntimeError(f"{' '.join(map(str, run.args))} ended with {run.returncode}")
    return time.perf_counter() - begin


def main() -> None:
    """Prints the table of docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweep", type=Path, default=Path("sweeps/quickstart.yaml"))
    parser.add_argument("--images", type=int, help="of the data set, instead of the sweep's own number")
    arguments = parser.parse_args()
    content = yaml.safe_load(arguments.sweep.read_text())
    if arguments.images is not None:
        content["dataset"]["images"] = arguments.images
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        token = folder / "token"
        token.write_text(uuid.uuid4().hex + uuid.uuid4().hex)
        # Raylets and commands take over this process's environment.
        os.environ.update(
            RAY_AUTH_MODE="token",
            RAY_AUTH_TOKEN_PATH=str(token),
            RAY_USAGE_STATS_ENABLED="0",
            RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",  # loopback alone
        )
        sweep = folder / arguments.sweep.name
        sweep.write_text(yaml.safe_dump(content))
        measure(sweep, folder)


if __name__ == "__main__":
    main()
