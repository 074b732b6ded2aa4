"""What tasks cost: measured by earlier runs in the same results folder, else a rough model that says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.columns import DIMENSIONLESS, described_field
from pipeline.storage.store import Store
from pipeline.sweep.points import DesignPoint

COSTS_PATH = "costs.parquet"
ROUGH_PREPARE_SECONDS = 5.0
ROUGH_SECONDS_PER_IMAGE = 0.05
BYTES_PER_DESIGN = 2_500
BYTES_PER_SHARD = 4_500
BYTES_PER_IMAGE = 6

COSTS_SCHEMA = pa.schema(
    [
        described_field(
            "cost_class",
            pa.string(),
            DIMENSIONLESS,
            "what decides the cost: model, solver, circuit, array, sparsity",
        ),
        described_field("prepare_seconds", pa.float64(), "s", "typical wall time of a preparation"),
        described_field("seconds_per_image", pa.float64(), "s", "typical wall time of an image"),
        described_field("designs", pa.int64(), "1", "designs measured"),
    ]
)


@dataclass(frozen=True)
class Cost:
    """Seconds of one worker."""

    prepare_seconds: float
    seconds_per_image: float
    measured: bool
    designs: int = 1


ROUGH = Cost(ROUGH_PREPARE_SECONDS, ROUGH_SECONDS_PER_IMAGE, measured=False)


class CostModel:
    """Costs by class; an unknown class takes the median of the nearest known ones."""

    def __init__(self, costs: dict[str, Cost]) -> None:
        self._costs = costs
        starts: dict[str, list[Cost]] = {}
        for name, cost in costs.items():
            for start in _starts(name):
                starts.setdefault(start, []).append(cost)
        self._typical_by_start = {start: _typical(found) for start, found in starts.items()}

    @classmethod
    def load(cls, store: Store) -> CostModel:
        """The measured costs of a results folder; none where the file is missing or unreadable."""
        data = store.read(COSTS_PATH)
        if data is None:
            return cls({})
        try:
            rows = pq.read_table(pa.BufferReader(data), schema=COSTS_SCHEMA).to_pylist()
        except (pa.ArrowException, OSError):
            return cls({})  # costs only steer estimates: a damaged file is measured anew
        return cls(
            {
                row["cost_class"]: Cost(row["prepare_seconds"], row["seconds_per_image"], True, row["designs"])
                for row in rows
            }
        )

    def estimate(self, point: DesignPoint) -> Cost:
        """The cost of a point: its own class, else the most alike, else the rough model."""
        name = cost_class(point)
        if name in self._costs:
            return self._costs[name]
        for start in _starts(name):
            if start in self._typical_by_start:
                return self._typical_by_start[start]
        return ROUGH

    def with_measured(self, measured: Iterable[tuple[str, Cost]]) -> CostModel:
        """The newest measurement of a class replaces the older ones."""
        fresh: dict[str, list[Cost]] = {}
        for name, cost in measured:
            fresh.setdefault(name, []).append(cost)
        return CostModel({**self._costs, **{name: _typical(costs) for name, costs in fresh.items()}})

    def save(self, store: Store) -> None:
        """Writes the costs beside the results."""
        rows = [
            {
                "cost_class": name,
                "prepare_seconds": cost.prepare_seconds,
                "seconds_per_image": cost.seconds_per_image,
                "designs": cost.designs,
            }
            for name, cost in sorted(self._costs.items())
        ]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, schema=COSTS_SCHEMA), sink)
        store.put(COSTS_PATH, sink.getvalue().to_pybytes())


def cost_class(point: DesignPoint) -> str:
    """What decides the cost, the weightiest first, so that a common start means alike."""
    configuration = point.configuration
    parts = (
        configuration.model.digest[:12],
        str(configuration.setting("solver_setting")),
        getattr(configuration.circuit, "topology", ""),
        f"{configuration.rows}x{configuration.cols}",
        str(configuration.active_rows),
        str(point.level_columns["sparsity"]),
    )
    return "|".join(parts)


def disk_bytes(designs: int, shards: int, images: int) -> int:
    """Rough size of the records of so many designs and shards."""
    return designs * BYTES_PER_DESIGN + shards * BYTES_PER_SHARD + images * BYTES_PER_IMAGE


def _starts(name: str) -> list[str]:
    parts = name.split("|")
    return ["|".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]


def _typical(costs: list[Cost]) -> Cost:
    # The median: the first task of every worker also loads and compiles, which says nothing about the others.
    return Cost(
        median(cost.prepare_seconds for cost in costs),
        median(cost.seconds_per_image for cost in costs),
        True,
        sum(cost.designs for cost in costs),
    )
