"""How long tasks take: measured by earlier runs in the same results folder, else a rough model that says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.columns import DIMENSIONLESS, FLOAT, INT, TEXT, column
from pipeline.storage.store import Store
from pipeline.sweep.axes import ENCODING
from pipeline.sweep.evaluator import NUMBA
from pipeline.sweep.field_types import NO_EFFECTS
from pipeline.sweep.points import DesignPoint

COSTS_PATH = "costs.parquet"
ROUGH_PREPARE_SECONDS = 5.0
ROUGH_SECONDS_PER_IMAGE = 0.05
BYTES_PER_DESIGN = 2_500
BYTES_PER_SHARD = 4_500
BYTES_PER_IMAGE = 6

COSTS_SCHEMA = pa.schema(
    [
        column(
            "cost_class",
            TEXT,
            DIMENSIONLESS,
            "what decides the cost: where exact solves run, model, solver, circuit, array, sparsity, mitigations",
        ),
        column("prepare_seconds", FLOAT, "s", "typical wall time of a preparation"),
        column("seconds_per_image", FLOAT, "s", "typical wall time of an image"),
        column("designs", INT, "1", "designs measured"),
    ]
)


@dataclass(frozen=True)
class ComputeTime:
    """Seconds of one worker, measured or guessed.

    Args:
        prepare_seconds: of a preparation.
        seconds_per_image: of an evaluation.
        measured: whether an earlier run took them.
        designs: designs that they are the median of.
    """

    prepare_seconds: float
    seconds_per_image: float
    measured: bool
    designs: int = 1


ROUGH = ComputeTime(ROUGH_PREPARE_SECONDS, ROUGH_SECONDS_PER_IMAGE, measured=False)


class ComputeTimes:
    """Compute times by class of designs; an unknown class takes the median of the nearest known ones."""

    def __init__(self, times: dict[str, ComputeTime]) -> None:
        self._times = times
        starts: dict[str, list[ComputeTime]] = {}
        for name, time in times.items():
            for start in _starts(name):
                starts.setdefault(start, []).append(time)
        self._typical_by_start = {start: _typical(found) for start, found in starts.items()}

    @classmethod
    def load(cls, store: Store) -> ComputeTimes:
        """The times measured in a results folder; none where the file is missing or unreadable."""
        data = store.read(COSTS_PATH)
        if data is None:
            return cls({})
        try:
            rows = pq.read_table(pa.BufferReader(data), schema=COSTS_SCHEMA).to_pylist()
        except (pa.ArrowException, OSError):
            return cls({})  # times only steer estimates: a damaged file is measured anew
        return cls(
            {
                row["cost_class"]: ComputeTime(row["prepare_seconds"], row["seconds_per_image"], True, row["designs"])
                for row in rows
            }
        )

    def estimate(self, point: DesignPoint) -> ComputeTime:
        """The time of a point: its own class, else the most alike, else the rough model."""
        name = time_class(point)
        if name in self._times:
            return self._times[name]
        for start in _starts(name):
            if start in self._typical_by_start:
                return self._typical_by_start[start]
        return ROUGH

    def with_measured(self, measured: Iterable[tuple[str, ComputeTime]], newer: bool = True) -> ComputeTimes:
        """These times too.

        Args:
            measured: by the class of the design.
            newer: whether they replace those of the same class; else they only tell of the other classes.
        """
        fresh: dict[str, list[ComputeTime]] = {}
        for name, time in measured:
            fresh.setdefault(name, []).append(time)
        found = {name: _typical(times) for name, times in fresh.items()}
        return ComputeTimes(self._times | found if newer else found | self._times)

    def save(self, store: Store) -> None:
        """Writes the times beside the results."""
        rows = [
            {
                "cost_class": name,
                "prepare_seconds": time.prepare_seconds,
                "seconds_per_image": time.seconds_per_image,
                "designs": time.designs,
            }
            for name, time in sorted(self._times.items())
        ]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, schema=COSTS_SCHEMA), sink)
        store.put(COSTS_PATH, sink.getvalue().to_pybytes())


def time_class(point: DesignPoint) -> str:
    """What decides how long a design takes, the weightiest first, so that a common start means alike."""
    configuration = point.configuration
    device = configuration.study.evaluator.device
    elsewhere = "" if device == NUMBA else f"{device}:"  # exact solves that a GPU does say nothing of those of a CPU
    parts = (
        f"{elsewhere}{configuration.model.digest[:12]}",
        str(configuration.setting("solver_setting")),
        configuration.circuit.topology,
        f"{configuration.rows}x{configuration.cols}",
        str(configuration.active_rows),
        str(point.level_columns["sparsity"]),
        str(point.level_columns["mitigations"]),  # bends and recalibrated outputs take reads of their own
        *([str(encoding)] if (encoding := configuration.setting(ENCODING.column)) != ENCODING.default else []),
        *(["chips"] if configuration.study.effects != NO_EFFECTS else []),  # cells of their own to read
    )
    return "|".join(parts)


def disk_bytes(designs: int, shards: int, images: int) -> int:
    """Rough size of the records of so many designs and shards."""
    return designs * BYTES_PER_DESIGN + shards * BYTES_PER_SHARD + images * BYTES_PER_IMAGE


def _starts(name: str) -> list[str]:
    parts = name.split("|")
    return ["|".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]


def _typical(times: list[ComputeTime]) -> ComputeTime:
    # The median: the first task of every worker also loads and compiles, which says nothing about the others.
    return ComputeTime(
        median(time.prepare_seconds for time in times),
        median(time.seconds_per_image for time in times),
        True,
        sum(time.designs for time in times),
    )
