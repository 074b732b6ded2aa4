"""What runs on a worker: prepare a design, evaluate a shard. Both write their own result and return a small outcome.

A task never raises for what the simulation does: a failure comes back as an ``Outcome``, so that only failures of the
system itself (a worker or node that died) reach Ray's own retries.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.records import (
    DamagedRecord,
    DesignRecord,
    ShardRecord,
    Timing,
    decode_design,
    design_path,
    encode_design,
    encode_shard,
    shard_path,
)
from pipeline.simulation import load_evaluator
from pipeline.store import open_store
from simcore.errors import InputError

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


@dataclass(frozen=True)
class Provenance:
    """The code that computes."""

    package_version: str
    git_commit: str


@dataclass(frozen=True)
class TaskSettings:
    """What every task of a run shares."""

    evaluator: str
    store_uri: str
    threads: int
    provenance: Provenance


@dataclass(frozen=True)
class Outcome:
    """How a task ended. ``reason`` is one line, empty when all went well."""

    seconds: float
    cpu_seconds: float
    reason: str = ""
    cause: str = ""
    details: str = ""

    @property
    def ok(self) -> bool:
        return not self.reason


def prepare_design(
    settings: TaskSettings, key: str, content: dict[str, Any], design: Any, checkpoint: Any, dataset: Any
) -> tuple[Outcome, Any]:
    """Prepares a design, writes its record unless a sound one is there, and returns (outcome, prepared or None)."""
    clock = _Clock()
    try:
        evaluator = load_evaluator(settings.evaluator)
        with limited_threads(settings.threads):
            prepared = evaluator.prepare(checkpoint, design, dataset)
        record = DesignRecord(
            key,
            content,
            _plain_evidence(prepared),
            settings.provenance.package_version,
            settings.provenance.git_commit,
            clock.timing(),
        )
        _write_design(settings.store_uri, record)
    except Exception as error:
        return clock.failed(error), None
    return clock.done(), prepared


def evaluate_shard(
    settings: TaskSettings, key: str, prepared: Any, dataset: Any, split: str, first: int, count: int
) -> Outcome:
    """Evaluates one shard on a prepared design and writes its record."""
    clock = _Clock()
    try:
        evaluator = load_evaluator(settings.evaluator)
        with limited_threads(settings.threads):
            images, labels = dataset.read(split, first, count)
            result = evaluator.evaluate(prepared, images, labels, first)
        layers = tuple(dataclasses.asdict(layer) for layer in result.layers)
        record = ShardRecord(
            key, first, result.labels, result.predictions, result.ideal_predictions, layers, clock.timing()
        )
        open_store(settings.store_uri).put(shard_path(key, first, count), encode_shard(record))
    except Exception as error:
        return clock.failed(error)
    return clock.done()


@contextlib.contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Keeps torch, numba and BLAS to ``threads`` threads.

    Libraries that load later follow the environment (``thread_environment``); these are loaded already, in a worker
    that may have served a run with another number.
    """
    import threadpoolctl

    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads)
    if (numba := sys.modules.get("numba")) is not None:
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    with threadpoolctl.threadpool_limits(threads):
        yield


def thread_environment(threads: int) -> dict[str, str]:
    """Environment variables that give a fresh worker ``threads`` threads."""
    return {name: str(threads) for name in THREAD_VARIABLES}


class _Clock:
    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def timing(self) -> Timing:
        return Timing(time.perf_counter() - self._wall, time.process_time() - self._cpu)

    def done(self) -> Outcome:
        timing = self.timing()
        return Outcome(timing.seconds, timing.cpu_seconds)

    def failed(self, error: Exception) -> Outcome:
        timing = self.timing()
        text = " ".join(str(error).split())
        reason = text if isinstance(error, InputError) else f"{type(error).__name__}: {text}".rstrip(": ")
        details = "".join(traceback.format_exception(error))
        return Outcome(timing.seconds, timing.cpu_seconds, reason, type(error).__name__, details)


def _write_design(store_uri: str, record: DesignRecord) -> None:
    store = open_store(store_uri)
    path = design_path(record.key)
    existing = store.read(path)
    if existing is not None:
        with contextlib.suppress(DamagedRecord):
            decode_design(existing, record.key)
            return
    store.put(path, encode_design(record))


def _plain_evidence(prepared: Any) -> dict[str, Any]:
    """What the simulator says for itself: the solver it chose, and held-out reads of this very run solved exactly."""
    evidence = prepared.evidence
    sampled = int(evidence.reads) > 0
    return {
        "solver": str(prepared.solver),
        "reads": int(evidence.reads),
        "unsolved": int(evidence.unsolved),
        "evidence_rms_lsb": float(evidence.rms) if sampled else None,
        "evidence_worst_lsb": float(evidence.worst_error) if sampled else None,
        "kcl_residual": float(evidence.residual) if sampled else None,
    }


def cpu_count() -> int:
    """CPUs this process may use, which containers and batch systems set lower than the machine's number."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
