"""What runs on a worker: prepare a design, evaluate shards. Both write their own results and return small outcomes.

A task never raises for what the simulation does: a failure comes back as an ``Outcome`` that says of what kind it was.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import NO_ROOM, ResultsNotShared, describe_full_disk
from pipeline.execution.retries import FailureKind, kind_of
from pipeline.provenance import Provenance
from pipeline.storage.layer_totals import Totals, sum_layers
from pipeline.storage.records import (
    DamagedRecord,
    DesignRecord,
    ShardRecord,
    Timing,
    decode_design,
    decode_shard,
    design_path,
    encode_design,
    encode_shard,
    shard_path,
)
from pipeline.storage.shard_files import find_shard_files
from pipeline.storage.shards import Range
from pipeline.storage.store import PARTIAL_FOLDER, open_store
from pipeline.sweep.protocols import Checkpoint, Dataset, Evaluator, Prepared, ShardResult
from pipeline.tables.evidence import evidence_record
from simcore.errors import InputError, one_line

if TYPE_CHECKING:
    from simcore.design import Design

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


_CONTROL_GROUP = Path("/sys/fs/cgroup")
LONGEST_TASK_SECONDS = 60.0
"""A task of several shards begins no further one after this time."""


@dataclass(frozen=True)
class TaskSettings:
    """What every task of a run shares. ``mark`` is a file of the store that a task must find, if it is named."""

    evaluator: Evaluator
    store_uri: str
    threads: int
    provenance: Provenance
    mark: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a task ended. ``reason`` is one line, empty when all went well."""

    seconds: float
    cpu_seconds: float
    reason: str = ""
    cause: str = ""
    details: str = ""
    kind: FailureKind | None = None

    @property
    def ok(self) -> bool:
        return self.kind is None


@contextlib.contextmanager
def marked_results(settings: TaskSettings, address: str | None) -> Iterator[TaskSettings]:
    """The settings for tasks of a cluster: while the block lasts they find a mark in the results or refuse to work.

    A folder may be another one on every machine, and a worker would fill its own with what the driver never finds.

    Args:
        settings: of the tasks.
        address: of the cluster; None: a Ray of this machine, where nothing is to be checked.
    """
    if address is None:
        yield settings
        return
    store, mark = open_store(settings.store_uri), f"{PARTIAL_FOLDER}/run-{uuid.uuid4().hex}"
    store.put(mark, b"")
    try:
        yield dataclasses.replace(settings, mark=mark)
    finally:
        with contextlib.suppress(OSError):
            store.delete([mark])


def _check_shared(settings: TaskSettings) -> None:
    store = open_store(settings.store_uri)
    if settings.mark and store.read(settings.mark) is None:
        raise ResultsNotShared(
            f"results must be reachable from all machines: on {socket.gethostname()}, '{store.uri}' is not what it is "
            "for the driver; name a URI (s3://..., gs://...) or a folder that all machines share",
            "--results",
        )


def prepare_design(
    settings: TaskSettings,
    key: str,
    content: dict[str, Any],
    design: Design,
    checkpoint: Checkpoint,
    dataset: Dataset,
) -> tuple[Outcome, Prepared | None]:
    """Prepares a design, writes its record unless a sound one is there, and returns (outcome, prepared or None)."""
    clock = _Clock()
    try:
        _check_shared(settings)
        settings.evaluator.load()  # before the threads are limited: libraries must be there to be found
        with limited_threads(settings.threads):
            prepared = settings.evaluator.prepare(checkpoint, design, dataset)
        record = DesignRecord(
            key,
            content,
            evidence_record(prepared),
            settings.provenance.package_version,
            settings.provenance.git_commit,
            clock.timing(),
        )
        _write_design(settings.store_uri, record)
    except Exception as error:
        return clock.failed(error), None
    return clock.done(), prepared


def evaluate_shards(
    settings: TaskSettings,
    key: str,
    prepared: Prepared,
    dataset: Dataset,
    split: str,
    shards: tuple[Range, ...],
    batch: int | None,
) -> list[Outcome]:
    """Evaluates shards of one prepared design, one after the other, and writes their records.

    A sound record that is there by now is kept: an earlier try's, or that of another run of the same designs, which may
    have bundled it.

    Args:
        batch: images at a time; None: a whole shard, of which the evaluator takes as many at a time as it likes.

    Returns:
        An outcome for each shard; fewer where the task took much longer than it should: the rest was not begun.
    """
    outcomes: list[Outcome] = []
    clock = _Clock()
    try:
        _check_shared(settings)
        settings.evaluator.load()
        with limited_threads(settings.threads):
            chips = _Chips(settings.evaluator, prepared, dataset.splits[split])
            there = find_shard_files(open_store(settings.store_uri), key)
            for shard in shards:
                if outcomes and clock.timing().seconds > LONGEST_TASK_SECONDS:
                    break
                if there.bundle_of(shard) is not None:
                    outcomes.append(_Clock().done())
                    continue
                outcomes.append(_evaluate_shard(settings, key, chips, dataset, split, shard, batch))
    except Exception as error:  # no task could be done here: the evaluator cannot be loaded, say
        outcomes += [clock.failed(error)] * (len(shards) - len(outcomes))
    return outcomes


@dataclass
class _Chips:
    """The chips of a prepared design, of which the last one is kept: shards of a chip follow one another.

    Attributes:
        evaluator: makes them.
        prepared: the nominal design.
        split_images: of the whole split, see ``storage.shards.cover_chips``.
    """

    evaluator: Evaluator
    prepared: Prepared
    split_images: int
    _last: tuple[int, Prepared] | None = None

    def of(self, first: int) -> tuple[Prepared, int]:
        """The chip that a shard belongs to, and its first image in the split.

        Args:
            first: of the shard.
        """
        chip, image = divmod(first, self.split_images)
        if self._last is None or self._last[0] != chip:
            self._last = chip, self.evaluator.on_chip(self.prepared, chip)
        return self._last[1], image


def _evaluate_shard(
    settings: TaskSettings,
    key: str,
    chips: _Chips,
    dataset: Dataset,
    split: str,
    shard: Range,
    batch: int | None,
) -> Outcome:
    clock = _Clock()
    first, count = shard
    path = shard_path(key, first, count)
    try:
        store = open_store(settings.store_uri)
        if _is_sound_shard(store.read(path), key, shard):
            return clock.done()
        prepared, image = chips.of(first)
        images, labels = dataset.read(split, image, count)
        size = batch or count
        parts = [
            settings.evaluator.evaluate(prepared, images[piece], labels[piece], image + piece.start)
            for piece in (slice(start, start + size) for start in range(0, count, size))
        ]
        record = ShardRecord(
            key,
            first,
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.predictions for part in parts]),
            np.concatenate([part.ideal_predictions for part in parts]),
            tuple(_layers_of(parts)),
            clock.timing(),
        )
        store.put(path, encode_shard(record), synced=False)
    except Exception as error:
        return clock.failed(error)
    return clock.done()


def _layers_of(parts: list[ShardResult]) -> list[Totals]:
    layers = [[dataclasses.asdict(layer) for layer in part.layers] for part in parts]
    return layers[0] if len(layers) == 1 else sum_layers(layers)


def _is_sound_shard(data: bytes | None, key: str, shard: Range) -> bool:
    if data is None:
        return False
    try:
        decode_shard(data, key, *shard)
    except DamagedRecord:
        return False
    return True


@dataclass(frozen=True)
class TaskFunctions:
    """What an execution runs on workers.

    Args:
        prepare: takes and gives what ``prepare_design`` does.
        evaluate: takes and gives what ``evaluate_shards`` does.
    """

    prepare: Callable[..., tuple[Outcome, Prepared | None]] = prepare_design
    evaluate: Callable[..., list[Outcome]] = evaluate_shards


TASK_FUNCTIONS = TaskFunctions()


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
        details = "".join(traceback.format_exception(error))
        return Outcome(
            timing.seconds, timing.cpu_seconds, _reason(error), type(error).__name__, details, kind_of(error)
        )


def _reason(error: Exception) -> str:
    """One line."""
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return describe_full_disk(error)
    text = one_line(error)
    return text if isinstance(error, InputError) else f"{type(error).__name__}: {text}".rstrip(": ")


def _write_design(store_uri: str, record: DesignRecord) -> None:
    store = open_store(store_uri)
    path = design_path(record.key)
    existing = store.read(path)
    if existing is not None:
        with contextlib.suppress(DamagedRecord):
            decode_design(existing, record.key)
            return
    store.put(path, encode_design(record))


def cpu_count() -> int:
    """CPUs this process may use, which containers and batch systems set lower than the machine's number."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, whole_cpus(_read_quota()) or allowed)


def whole_cpus(quota: str) -> int | None:
    """The CPUs that a quota of time comes to, rounded down but at least 1; None where there is none.

    Args:
        quota: microseconds of all CPUs together and the period they are for, as Linux' ``cpu.max`` has them.
    """
    try:
        time_us, period_us = map(int, quota.split())
    except ValueError:  # nothing, or ``max``: as much as there is
        return None
    return max(1, time_us // period_us) if time_us > 0 and period_us > 0 else None


def _read_quota() -> str:
    """Of this process' container, from either version of Linux' control groups; empty where there is none."""
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        with contextlib.suppress(OSError):
            return " ".join((_CONTROL_GROUP / name).read_text() for name in names)
    return ""
