"""A Ray cluster whose nodes are in network namespaces of their own, and the sweep that runs on it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil

from pipeline.storage.records import shard_path
from pipeline.sweep.plan import make_plan
from pipeline.sweep.spec import load_sweep
from tests.pipeline.conftest import ROOT
from tests.pipeline.fake_inference import CONTROL_VARIABLE
from tests.pipeline.fake_simcore import write_sweep
from tests.pipeline.namespaces import Network

HEAD, WORKERS = "head", ("a", "b")
LIMIT_SECONDS = 600
TABLES = ("designs", "layers", "shards", "pareto")
_PORT = 6379
_OBJECT_STORE_BYTES = 80 << 20
_TRIES = 3  # Ray gives a raylet half a minute to start, which a busy machine may exceed
_PATIENCE = {
    # A node that does not answer is counted as dead after 20 seconds, not after a minute.
    "RAY_health_check_initial_delay_ms": "5000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "3000",
    "RAY_health_check_failure_threshold": "5",
    # So is a connection.
    "RAY_grpc_client_keepalive_time_ms": "10000",
    "RAY_grpc_client_keepalive_timeout_ms": "10000",
    # A node that is away does not give up by itself before the drill is through with it.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "600",
}


class SeparateNodes:
    """A head without CPUs and workers of one CPU each. They share the disk, as machines share a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sweep = write_sweep(
            folder, shard_images="5", dataset="{name: fake-images, images: 200, calibration_images: 10}"
        )
        self.network = Network((HEAD, *WORKERS))
        self._starts = 0
        self._ray_folder = Path(tempfile.mkdtemp(prefix="bsx-"))  # short: names of sockets have at most 107 bytes
        try:
            (self._ray_folder / "token").write_text(uuid.uuid4().hex + uuid.uuid4().hex)
            for host in WORKERS:
                self.calls(host).mkdir()
                self.pace(host)
            self._start_ray(HEAD, "--head", f"--port={_PORT}", "--num-cpus=0", "--include-dashboard=false")
            for host in WORKERS:
                self.start_node(host)
        except BaseException:
            self.remove()
            raise

    @property
    def address(self) -> str:
        """What ``--address`` takes."""
        return f"{self.network.addresses[HEAD]}:{_PORT}"

    def start_node(self, host: str) -> None:
        """A raylet with one CPU on a worker's host, whatever ran there before."""
        self._start_ray(host, f"--address={self.address}", "--num-cpus=1")

    def complete(self) -> None:
        """A new raylet on every worker's host that has none."""
        for host in WORKERS:
            if self.raylet(host) is None:
                self.start_node(host)

    def raylet(self, host: str) -> int | None:
        """The process of the host's raylet, or None where it has none."""
        for pid in self.network.processes(host):
            try:
                if Path(psutil.Process(pid).exe()).name == "raylet":
                    return pid
            except psutil.Error:
                continue
        return None

    def kill_raylet(self, host: str) -> None:
        """SIGKILL to the raylet: its workers are orphans, and its objects are gone."""
        pid = self.raylet(host)
        assert pid is not None, f"no raylet on {host}"
        os.kill(pid, signal.SIGKILL)

    def calls(self, host: str) -> Path:
        """The folder in which every call of the simulation on a worker's host leaves a file."""
        return self.folder / f"calls-{host}"

    def evaluations(self, host: str) -> int:
        """How many evaluations began on a host."""
        return len(list(self.calls(host).glob("*-evaluate-*")))

    def pace(self, host: str, delay: float = 0.0, hold: bool = False) -> None:
        """Seconds that an evaluation on a host takes from now on; ``hold``: none ends until the next call of this."""
        control = self._control(host)
        partial = control.with_suffix(".new")
        partial.write_text(json.dumps({"calls": str(self.calls(host)), "delay": delay, "hold": hold}))
        partial.replace(control)

    def hold(self, host: str, run: Run) -> Path:
        """Stops a host in mid-evaluation; returns the record that it is about to write."""
        for old in self.calls(host).glob("*-held-*"):
            old.unlink()
        self.pace(host, hold=True)
        wait_until(lambda: any(self.calls(host).glob("*-held-*")), f"{host} evaluates", run)
        (note,) = self.calls(host).glob("*-held-*")
        rows, sparsity, _, first, count, *_ = note.name.split("-")
        return run.results / shard_path(self._key(int(rows), sparsity), int(first), int(count))

    def run(self, results: str) -> Run:
        """The command, as a shell on the head would start it."""
        return Run(self, self.folder / results)

    def remove(self) -> None:
        """Ends everything and leaves nothing behind but the results."""
        self.network.remove()
        shutil.rmtree(self._ray_folder, ignore_errors=True)

    def start(self, host: str, *arguments: str, log: Path) -> subprocess.Popen[str]:
        """A Python program on a host."""
        surroundings = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        surroundings |= {
            **_PATIENCE,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self._ray_folder / "token"),
            "RAY_USAGE_STATS_ENABLED": "0",
            "PYTHONPATH": str(ROOT),
            CONTROL_VARIABLE: str(self._control(host)),  # raylets hand it on to their workers
        }
        with log.open("a") as output:
            return self.network.start(
                host, [sys.executable, *arguments], cwd=ROOT, env=surroundings, stdout=output, stderr=output
            )

    def _start_ray(self, host: str, *options: str) -> None:
        log = self.folder / f"ray-{host}.log"
        command = ["-m", "ray.scripts.scripts", "start", f"--node-ip-address={self.network.addresses[host]}"]
        command += [*options, f"--object-store-memory={_OBJECT_STORE_BYTES}", "--include-log-monitor=false"]
        for _ in range(_TRIES):
            self.network.kill_all(host)
            self._starts += 1
            place = self._ray_folder / str(self._starts)
            if self.start(host, *command, f"--temp-dir={place}", log=log).wait(LIMIT_SECONDS) == 0:
                return
        raise RuntimeError(log.read_text()[-4000:])

    def _control(self, host: str) -> Path:
        return self.folder / f"control-{host}.json"

    def _key(self, rows: int, sparsity: str) -> str:
        points = make_plan(load_sweep(self.sweep), None).points
        (key,) = [p.key for p in points if (p.design.rows, p.design.sparsity) == (rows, sparsity)]
        return key


class Run:
    """One call of ``binsparx run`` on the cluster."""

    def __init__(self, nodes: SeparateNodes, results: Path) -> None:
        self.results = results
        self._log = results.with_suffix(".log")
        command = ["-m", "tests.pipeline.drive", "run", nodes.sweep, "--no-tracking", "--address", nodes.address]
        self._driver = nodes.start(HEAD, *command, "--results", str(results), log=self._log)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._driver.poll() is None

    def end(self) -> int:
        """Waits for the end; returns the exit code."""
        return self._driver.wait(LIMIT_SECONDS)

    def log(self) -> str:
        """What the command printed last."""
        return self._log.read_text()[-4000:]

    def tables(self) -> dict[str, bytes]:
        """Every table's bytes."""
        return {name: (self.results / "sweeps/small" / f"{name}.parquet").read_bytes() for name in TABLES}


def wait_until(condition: Callable[[], bool], what: str, during: Run | None = None) -> None:
    """Waits for something, which a sweep may have to be running for.

    Raises:
        AssertionError: the sweep ended before, or it does not happen.
    """
    end = time.monotonic() + LIMIT_SECONDS
    while not condition():
        ended = during is not None and not during.running
        if ended or time.monotonic() > end:
            why = "the sweep ended before" if ended else "it does not happen"
            raise AssertionError(f"{why}: {what}\n{during.log() if during else ''}")
        time.sleep(0.1)
