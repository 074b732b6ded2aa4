"""A fault drill: ``python -m tests.pipeline.drill FOLDER ROUNDS SEED`` starts a Ray cluster of several raylets on this
machine, runs the small sweep on it and kills workers, raylets and the driver at random until the round ends."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from tests.pipeline.conftest import ROOT
from tests.pipeline.fake_inference import CONTROL_VARIABLE
from tests.pipeline.fake_simcore import write_sweep

NODES = 2
KILLS = 4
DRIVER_STARTS = 30
TABLES = ("designs", "layers", "shards", "pareto")


class Drill:
    """The cluster, the driver, and what may be done to them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.sweep = write_sweep(folder, shard_images="5")
        self._surroundings()
        from ray.cluster_utils import Cluster

        self.cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **_small()}
        )
        for _ in range(NODES):
            self.cluster.add_node(num_cpus=1, **_small())
        self.cluster.wait_for_nodes()

    def _surroundings(self) -> None:
        """Raylets and their workers take over this process's environment; the token is the drill's own."""
        token = self.folder / "token"
        token.write_text(uuid.uuid4().hex + uuid.uuid4().hex)
        control = self.folder / "control.json"
        control.write_text(json.dumps({"delay": 0.1}))
        os.environ.update(
            {
                "RAY_AUTH_MODE": "token",
                "RAY_AUTH_TOKEN_PATH": str(token),
                "RAY_USAGE_STATS_ENABLED": "0",
                "PYTHONPATH": str(ROOT),
                CONTROL_VARIABLE: str(control),
            }
        )

    def start(self, results: str) -> subprocess.Popen[str]:
        """The command, as a shell would start it."""
        command = [sys.executable, "-m", "tests.pipeline.drive", "run", self.sweep, "--no-tracking"]
        return subprocess.Popen(
            [*command, "--address", self.cluster.address, "--results", str(self.folder / results)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=open(self.folder / f"{results}.err", "a"),
            text=True,
        )

    def undisturbed(self) -> None:
        """The run that all others are compared with."""
        if self.start("undisturbed").wait(300) != 0:
            raise RuntimeError((self.folder / "undisturbed.err").read_text())

    def round(self, results: str) -> dict[str, Any]:
        """One run, with kills at random moments; whenever the driver dies the same command is given again."""
        killed: list[str] = []
        starts, driver = 1, self.start(results)
        pause = time.monotonic() + self.random.uniform(1.0, 4.0)
        while True:
            code = driver.poll()
            if code == 0:
                break
            if code is not None:
                if starts == DRIVER_STARTS:
                    raise RuntimeError((self.folder / f"{results}.err").read_text()[-4000:])
                starts, driver = starts + 1, self.start(results)
            if time.monotonic() > pause and len(killed) < KILLS:
                killed += self._kill_something(driver)
                pause = time.monotonic() + self.random.uniform(0.3, 3.0)
            time.sleep(0.05)
        return {"round": results, "killed": killed, "driver_starts": starts, "same": self.same_tables(results)}

    def _kill_something(self, driver: subprocess.Popen[str]) -> list[str]:
        """What was killed; nothing where no worker is up yet."""
        kind = self.random.choice(["worker", "worker", "raylet", "driver"])
        if kind == "driver":
            driver.send_signal(signal.SIGKILL)
            driver.wait()
        elif kind == "raylet":
            self._kill_raylet()
        elif not self._kill_worker():
            return []
        return [kind]

    def _kill_worker(self) -> bool:
        import psutil

        workers = []
        for node in self.cluster.worker_nodes:
            raylet = psutil.Process(_raylet(node))
            workers += [child.pid for child in raylet.children() if _is_worker(child)]
        if not workers:
            return False
        os.kill(self.random.choice(sorted(workers)), signal.SIGKILL)
        return True

    def _kill_raylet(self) -> None:
        """The node is gone with all its objects; another one takes its place."""
        node = self.random.choice(sorted(self.cluster.worker_nodes, key=_raylet))
        os.kill(_raylet(node), signal.SIGKILL)
        self.cluster.remove_node(node, allow_graceful=False)
        self.cluster.add_node(num_cpus=1, **_small())

    def same_tables(self, results: str) -> bool:
        """Whether every table has the bytes of the undisturbed run."""
        place = "sweeps/small"
        return all(
            (self.folder / results / place / f"{name}.parquet").read_bytes()
            == (self.folder / "undisturbed" / place / f"{name}.parquet").read_bytes()
            for name in TABLES
        )


def _small() -> dict[str, Any]:
    return {"object_store_memory": 80 << 20}


def _raylet(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


def _is_worker(process: Any) -> bool:
    import psutil

    try:
        name = process.cmdline()[0]
    except (psutil.Error, IndexError):
        return False
    return name.startswith("ray::") and "Agent" not in name


def main() -> None:
    """Prints one JSON line a round."""
    folder, rounds, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    drill = Drill(folder, seed)
    try:
        drill.undisturbed()
        for index in range(rounds):
            print(json.dumps(drill.round(f"round-{index}")), flush=True)
    finally:
        drill.cluster.shutdown()


if __name__ == "__main__":
    main()
