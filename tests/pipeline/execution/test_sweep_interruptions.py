"""The driver dies or is stopped in mid-sweep: the same command finishes, and no byte tells."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipeline.execution.runner import RunOptions, run_sweep
from pipeline.provenance import Provenance
from pipeline.storage.records import parse_bundle_path, parse_shard_path
from pipeline.storage.shards import Range
from tests.pipeline.conftest import ROOT
from tests.pipeline.fake_inference import CONTROL_VARIABLE
from tests.pipeline.fake_simcore import write_sweep

SHARDS = 16
LIMIT_SECONDS = 120


def start(folder: Path, results: str, control: Path) -> subprocess.Popen[str]:
    """The command in a process group of its own, as a shell would start it."""
    command = [sys.executable, "-m", "tests.pipeline.drive", "run", str(folder / "small.yaml"), "--results"]
    return subprocess.Popen(
        [*command, str(folder / results), "--no-tracking"],
        cwd=ROOT,
        env={**os.environ, CONTROL_VARIABLE: str(control), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def stored_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in (folder / "designs").rglob("*.parquet"))


def stored_shards(folder: Path) -> set[tuple[str, Range]]:
    """Design and images of shards in files of their own and in bundles of those of a design that is finished."""
    found: set[tuple[str, Range]] = set()
    for path in stored_files(folder):
        if shard := parse_shard_path(path):
            found.add(shard)
        elif bundle := parse_bundle_path(path):
            found |= {(bundle[0], images) for images in bundle[1].ranges()}
    return found


def wait_for_shards(process: subprocess.Popen[str], folder: Path, number: int) -> None:
    end = time.monotonic() + LIMIT_SECONDS
    while len(stored_shards(folder)) < number:
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            pytest.fail(f"ended before {number} shards were there: {process.communicate()}")
        time.sleep(0.02)


def tables(folder: Path) -> dict[str, bytes]:
    names = ("designs", "layers", "shards", "pareto")
    return {name: (folder / "sweeps" / "small" / f"{name}.parquet").read_bytes() for name in names}


def tables_left(folder: Path) -> bytes | None:
    path = folder / "sweeps" / "small" / "designs.parquet"
    return path.read_bytes() if path.exists() else None


def check_stopped(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 130
    last = errors.splitlines()[-1]
    assert re.fullmatch(r"error: interrupted after \d+ of 20 tasks; .* the same command goes on", last)
    assert "Traceback" not in errors
    assert "SIGTERM" not in errors


@pytest.mark.usefixtures("fakes")
def test_who_asks_a_run_to_end_gets_what_interrupts_get(tmp_path: Path) -> None:
    write_sweep(tmp_path)
    slow = tmp_path / "slow.json"
    slow.write_text(json.dumps({"delay": 0.4}))
    process = start(tmp_path, "results", slow)
    wait_for_shards(process, tmp_path / "results", 1)
    process.send_signal(signal.SIGTERM)
    check_stopped(process)
    assert stored_shards(tmp_path / "results")


@pytest.mark.slow  # `test_who_asks_a_run_to_end` stops a run in the fast tests, drills kill them by the dozen
@pytest.mark.usefixtures("fakes", "ray_cluster")
def test_stopped_and_killed_runs_end_with_the_bytes_of_an_undisturbed_one(tmp_path: Path) -> None:
    write_sweep(tmp_path)
    slow, fast = tmp_path / "slow.json", tmp_path / "fast.json"
    slow.write_text(json.dumps({"delay": 0.4}))
    (tmp_path / "calls").mkdir()
    fast.write_text(json.dumps({"calls": str(tmp_path / "calls")}))

    stopped = start(tmp_path, "disturbed", slow)
    wait_for_shards(stopped, tmp_path / "disturbed", 2)
    stopped.send_signal(signal.SIGINT)
    check_stopped(stopped)
    kept = stored_shards(tmp_path / "disturbed")
    assert 2 <= len(kept) < SHARDS
    left = tables_left(tmp_path / "disturbed")
    assert left is None or pq.read_table(pa.BufferReader(left)).num_rows < 4  # of what is finished

    killed = start(tmp_path, "disturbed", slow)
    wait_for_shards(killed, tmp_path / "disturbed", len(kept) + 2)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=LIMIT_SECONDS)
    assert killed.returncode == -signal.SIGKILL
    kept = stored_shards(tmp_path / "disturbed")
    assert len(kept) < SHARDS
    assert tables_left(tmp_path / "disturbed") == left  # who is killed writes none

    resumed = start(tmp_path, "disturbed", fast)
    options = RunOptions(results=str(tmp_path / "undisturbed"), provenance=Provenance("0", ""))
    run_sweep(str(tmp_path / "small.yaml"), options, Console(file=io.StringIO()))
    _, errors = resumed.communicate(timeout=LIMIT_SECONDS)
    assert resumed.returncode == 0, errors
    assert tables(tmp_path / "disturbed") == tables(tmp_path / "undisturbed")
    # A worker that outlived its killed driver may have finished a shard more, never one twice.
    evaluated = [file for file in (tmp_path / "calls").iterdir() if "-evaluate-" in file.name]
    assert len(evaluated) <= SHARDS - len(kept)
