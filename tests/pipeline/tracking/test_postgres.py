"""MLflow with PostgreSQL behind it, killed in mid-sweep and in mid-synchronisation: nothing is lost, nothing twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from pipeline.tracking.mlflow import _METRICS
from tests.pipeline.conftest import ROOT
from tests.pipeline.fake_inference import CONTROL_VARIABLE
from tests.pipeline.fake_simcore import write_sweep
from tests.pipeline.postgres import MlflowServer, Postgres, postgres_programs

pytestmark = pytest.mark.drill
LIMIT_SECONDS = 300
STUDY = "drill"


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    programs = postgres_programs()
    if programs is None:
        pytest.skip("NOT TESTED: MLflow on PostgreSQL needs PostgreSQL's programs (initdb, postgres)")
    pytest.importorskip("psycopg2", reason="NOT TESTED: MLflow on PostgreSQL needs the dev dependency psycopg2-binary")
    database = Postgres(programs)
    try:
        database.start()
        yield database
    finally:
        database.remove()


@pytest.fixture
def mlflow_server(postgres: Postgres, tmp_path: Path) -> Iterator[MlflowServer]:
    server = MlflowServer(postgres.uri, tmp_path)
    try:
        server.wait()
        yield server
    finally:
        server.remove()


class Sweep:
    """A small sweep in a folder, run and tracked by the command as a shell would call it."""

    def __init__(self, folder: Path, server: MlflowServer) -> None:
        self.folder, self._server = folder, server
        self._control = folder / "control.json"
        self.file = write_sweep(folder, study=STUDY, sparsity="[dense, weight, activation, binsparx]")
        self.slow_down(0.0)

    def slow_down(self, seconds: float) -> None:
        """What every shard takes from now on."""
        self._control.write_text(json.dumps({"delay": seconds}))

    def start(self, command: str) -> subprocess.Popen[str]:
        """``run`` or ``track``."""
        options = ["--results", str(self.folder / "results"), "--tracking-uri", self._server.uri]
        return subprocess.Popen(
            [sys.executable, "-m", "tests.pipeline.drive", command, self.file, *options],
            cwd=ROOT,
            env={**os.environ, CONTROL_VARIABLE: str(self._control), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> str:
        """All that a command said; it must have ended well."""
        output, errors = process.communicate(timeout=LIMIT_SECONDS)
        assert process.returncode == 0, output + errors
        return output + errors

    def shards(self) -> int:
        """How many are stored, in files of their own."""
        return len(list((self.folder / "results" / "designs").rglob("images-?????????-?????????.parquet")))

    def designs(self) -> int:
        """How many are in the tables."""
        return int(pq.read_metadata(self.folder / "results/sweeps/small/designs.parquet").num_rows)

    def runs(self) -> list[Run]:
        """What MLflow has of it now, less what was deleted."""
        client = MlflowClient(tracking_uri=self._server.uri)
        experiment = client.get_experiment_by_name(STUDY)
        return [] if experiment is None else list(client.search_runs([experiment.experiment_id], max_results=1000))

    def tables(self) -> dict[str, bytes]:
        """All that a sweep leaves for people, less what it took."""
        folder = self.folder / "results/sweeps/small"
        return {name: (folder / f"{name}.parquet").read_bytes() for name in ("designs", "layers", "shards", "pareto")}

    def check_tracked(self) -> None:
        """Every design of the tables has one run that says what the tables say, and the sweep has one above them."""
        designs = pq.read_table(self.folder / "results/sweeps/small/designs.parquet")
        rows = {row["design_key"]: row for row in designs.to_pylist()}
        runs = self.runs()
        (parent,) = [run for run in runs if run.data.tags["binsparx.kind"] == "sweep"]
        children = [run for run in runs if run is not parent]
        assert sorted(run.data.tags["design_key"] for run in children) == sorted(rows)
        for run in children:
            row = rows[run.data.tags["design_key"]]
            assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
            assert run.data.metrics["accuracy_pct"] == 100 * row["accuracy"]
            for name, (metric, factor) in _METRICS.items():
                expected = None if row[name] is None else factor * row[name]
                assert run.data.metrics.get(metric) == expected
            assert run.data.params["sparsity"] and run.info.status == "FINISHED"
        client = MlflowClient(tracking_uri=self._server.uri)
        assert len(client.list_artifacts(parent.info.run_id)) >= 4


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + LIMIT_SECONDS
    while not condition():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            pytest.fail(f"ended too early: {process.communicate()}")
        time.sleep(0.05)


def test_postgresql_killed_in_mid_sweep_and_in_mid_synchronisation(
    postgres: Postgres, mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    sweep = Sweep(tmp_path, mlflow_server)

    # Killed in mid-sweep and not back at its end: the results are complete, MLflow is one warning.
    sweep.slow_down(0.3)
    running = sweep.start("run")
    wait_for(lambda: sweep.shards() >= 3, running)
    postgres.kill()
    said = sweep.finish(running)
    assert "synchronise later with: binsparx track" in said and postgres.password not in said
    results = sweep.tables()

    # Back, and killed again while it is written to: the command says so, and what it wrote is not written again.
    postgres.start()
    tracking = sweep.start("track")
    wait_for(lambda: len(sweep.runs()) >= 3, tracking)
    postgres.kill()
    output, errors = tracking.communicate(timeout=LIMIT_SECONDS)
    assert tracking.returncode == 1 and "cannot be used" in errors, output + errors
    assert postgres.password not in output + errors
    postgres.start()
    begun = {run.info.run_id for run in sweep.runs()}
    assert 3 <= len(begun) < 9
    sweep.finish(sweep.start("track"))
    sweep.check_tracked()
    assert begun <= {run.info.run_id for run in sweep.runs()}
    assert "0 runs written, 9 already up to date" in sweep.finish(sweep.start("track"))
    assert sweep.tables() == results

    # Killed and back again in mid-sweep, beside runs that MLflow has: the sweep's own synchronisation or the next.
    write_sweep(
        tmp_path, study=STUDY, sparsity="[dense, weight, activation, binsparx]", arrays="[32x32, 64x64, 128x128]"
    )
    before = sweep.shards()
    running = sweep.start("run")
    wait_for(lambda: sweep.shards() >= before + 2, running)
    postgres.kill()
    time.sleep(1)
    postgres.start()
    sweep.finish(running)
    sweep.finish(sweep.start("track"))
    assert "0 runs written, 13 already up to date" in sweep.finish(sweep.start("track"))
    sweep.check_tracked()
    assert sweep.designs() == 12
