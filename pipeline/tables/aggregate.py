"""From the records of the tasks to the tables of a sweep: same records, same bytes."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pipeline.columns import Row
from pipeline.front.chips import NO_CHIPS, accuracy_interval, chip_columns
from pipeline.front.fronts import bits_of
from pipeline.front.intervals import wilson_interval
from pipeline.front.yields import YieldRule
from pipeline.storage.chips import correct_by_chip, ideal_correct, shards_by_chip
from pipeline.storage.compute_time import ComputeTime, time_class
from pipeline.storage.layer_totals import OF_THE_DESIGN, Totals, in_units, sum_layers, sum_network
from pipeline.storage.records import DesignRecord, ShardRecord
from pipeline.storage.shard_files import ShardReading, bundle_shards
from pipeline.storage.store import Store
from pipeline.storage.trusted import read_trusted
from pipeline.storage.work import DesignWork, StopReason
from pipeline.sweep.plan import Plan
from pipeline.sweep.points import DesignPoint
from pipeline.tables.evidence import design_columns, layer_columns
from pipeline.tables.files import TableFiles
from pipeline.tables.hardware_cost import HardwareCosts
from pipeline.tables.schema import SCHEMAS
from pipeline.tables.yields import yield_rule
from pipeline.uris import safe_line

TIMES_OF_A_CLASS = 1000
"""Designs of one class whose times are looked at: their median is all that is kept."""
_SUMS = ("partial_sum", "dense_partial_sum", "squared_error", "column_current_A")
_COUNTS = ("activation_reads", "activation_flips", "applied_ones", "clipped", "column_reads")


@dataclass
class Aggregate:
    """The tables of all finished designs, the files that could not be trusted, and how long the designs took.

    ``damaged`` says by the design's key what was set aside; ``unbundled`` why shards could not be bundled, empty where
    all went well.
    """

    tables: TableFiles
    damaged: dict[str, list[str]] = field(default_factory=dict)
    times: list[tuple[str, ComputeTime]] = field(default_factory=list)
    unbundled: str = ""


def aggregate(plan: Plan, design_works: Iterable[DesignWork], store: Store) -> Aggregate:
    """Reads the records of every finished design, in the order of the plan, and bundles its shards.

    A damaged record is set aside and listed; its design is left out until it has been computed again.
    """
    result = Aggregate(TableFiles(plan.sweep.spec.pareto))
    costs = HardwareCosts(plan)
    measured: Counter[str] = Counter()
    # The plan keeps the levels of one hardware together: only they are held, to be compared.
    for _, levels in itertools.groupby(design_works, key=lambda work: tuple(work.point.configuration.columns.values())):
        rows: dict[str, list[Row]] = {name: [] for name in SCHEMAS}
        finished: list[DesignPoint] = []
        correct = []
        for work in levels:
            if not work.done:
                continue
            read = read_trusted(store, work.point.key, work.files, work.cover.stored)
            if read.set_aside:
                result.damaged[work.point.key] = read.set_aside
            if read.set_aside or read.record is None:
                continue
            done = _Finished(work.point, read.record, read.shards.records, work.stopped)
            _add_rows(rows, plan, costs, done)
            _bundle(result, work.point.key, read.shards, store)
            # Of all of its shards no more is needed: a hardware may have many sets.
            finished.append(done.point)
            correct.append(bits_of(done.correct, plan.sweep.spec.pareto))
            name = time_class(work.point)
            measured[name] += 1
            if measured[name] <= TIMES_OF_A_CLASS:
                result.times.append((name, done.compute_time()))
        costs.add_changes(rows["designs"], rows["layers"], finished)
        result.tables.add(rows, correct)
    result.tables.finish()
    return result


def _bundle(result: Aggregate, key: str, reading: ShardReading, store: Store) -> None:
    """Bundling only saves files: where it fails the results are as good, and it is tried no more."""
    if result.unbundled:
        return
    try:
        bundle_shards(store, key, reading)
    except OSError as error:
        reason = safe_line(error)
        result.unbundled = f"shards of finished designs stay in files of their own: {reason}"


@dataclass(frozen=True)
class _Finished:
    """A finished design with all of its records."""

    point: DesignPoint
    record: DesignRecord
    shards: list[ShardRecord]
    stopped: StopReason | None

    @property
    def evaluations(self) -> int:
        """Images of all chips."""
        return sum(shard.count for shard in self.shards)

    @cached_property
    def correct(self) -> np.ndarray:
        """(chips, images) bool: classified rightly."""
        return correct_by_chip(self.shards, self.point.split_images)

    @cached_property
    def ideal_correct(self) -> np.ndarray:
        """(images,) bool: classified rightly in ideal arithmetic."""
        return ideal_correct(self.shards, self.point.split_images)

    def accuracy_columns(self, rule: YieldRule) -> Row:
        """Accuracy with its 95 % interval, what ideal arithmetic reaches on the same images, and how chips differ."""
        ideal = float(self.ideal_correct.mean())
        accuracy = float(self.correct.mean())
        low, high = accuracy_interval(self.correct)
        return {
            "images": self.correct.shape[1],
            "split_images": self.point.split_images,
            "stopped": self.stopped or "",
            "accuracy": accuracy,
            "accuracy_low": low,
            "accuracy_high": high,
            "ideal_accuracy": ideal,
            "chance_accuracy": 1 / len(self.point.dataset.classes),
            "accuracy_loss": (int(self.ideal_correct.sum()) * len(self.correct) - int(self.correct.sum()))
            / self.correct.size,
            **(chip_columns(self.correct, self.ideal_correct, rule) if self.point.chips_differ else NO_CHIPS),
        }

    def provenance_columns(self) -> Row:
        """What the design was computed from and with."""
        return {
            **self.point.sources,
            "package_version": self.record.package_version,
            "git_commit": self.record.git_commit,
        }

    def compute_time(self) -> ComputeTime:
        """What it took."""
        seconds = math.fsum(shard.timing.seconds for shard in self.shards)
        return ComputeTime(self.record.timing.seconds, seconds / self.evaluations, True)

    def timing_row(self, sweep_name: str) -> Row:
        """The row of ``timings``."""
        timing = self.record.timing
        return {
            "design_key": self.point.key,
            "sweep": sweep_name,
            "prepare_seconds": timing.seconds,
            "evaluate_seconds": math.fsum(shard.timing.seconds for shard in self.shards),
            "cpu_seconds": timing.cpu_seconds + math.fsum(shard.timing.cpu_seconds for shard in self.shards),
            "seconds_per_image": self.compute_time().seconds_per_image,
        }


_FRONT_UNKNOWN: Row = {
    "on_front": False, "above_floor": False, "front_candidate": False, "pareto_rank": 0, "front_support": 0.0,
    "knee": False,
}  # fmt: skip
"""Of a design until all are known."""


def _add_rows(rows: dict[str, list[Row]], plan: Plan, hardware: HardwareCosts, done: _Finished) -> None:
    sweep_name = plan.name
    point, evidence, images = done.point, done.record.evidence, done.evaluations
    axes = axis_columns(sweep_name, point)
    totals = sum_layers([shard.layers for shard in done.shards])
    layers, total = [in_units(layer) for layer in totals], in_units(sum_network(totals))
    costs, layer_costs = hardware.columns(point, layers, images)
    rows["designs"].append(
        {
            **axes,
            **done.accuracy_columns(yield_rule(plan)),
            **_ratios(total, images, point),
            **costs,
            **_FRONT_UNKNOWN,
            **design_columns(evidence, point.design.evidence),
            **done.provenance_columns(),
        }
    )
    for index, layer in enumerate(layers):
        counts = {name: layer[name] for name in (*_COUNTS, *OF_THE_DESIGN)}
        name = {"layer": layer["layer"], "layer_index": index, "images": done.correct.shape[1]}
        found = {**_ratios(layer, images, point), **layer_costs[index]}
        rows["layers"].append({**axes, **name, **found, **counts, **layer_columns(evidence, layer["layer"])})
    rows["shards"] += [_shard_row(sweep_name, shard, point.split_images) for shard in done.shards]
    if point.chips_differ:
        rows["chips"] += _chip_rows(axes, done)
    rows["timings"].append(done.timing_row(sweep_name))


def _chip_rows(axes: Row, done: _Finished) -> Iterator[Row]:
    """A row a chip: how accurate it is, and what its currents are."""
    shards = shards_by_chip(done.shards, done.point.split_images)
    ideal = float(done.ideal_correct.mean())
    for chip, correct in zip(shards, done.correct, strict=True):
        total = in_units(sum_network(sum_layers([shard.layers for shard in shards[chip]])))
        low, high = wilson_interval(int(correct.sum()), len(correct))
        yield {
            **axes,
            "chip": chip,
            "images": len(correct),
            "accuracy": float(correct.mean()),
            "accuracy_low": low,
            "accuracy_high": high,
            "accuracy_loss": ideal - float(correct.mean()),
            **_ratios(total, len(correct), done.point),
        }


def _matches(classes: np.ndarray, shard: ShardRecord) -> int:
    return int((classes == shard.labels).sum())


def axis_columns(sweep_name: str, point: DesignPoint) -> Row:
    """The columns that name a design point."""
    return {
        "design_key": point.key,
        "sweep": sweep_name,
        "dataset": point.dataset.name,
        "topology": point.configuration.circuit.topology,
        **point.columns,
    }


def _ratios(total: Totals, images: int, point: DesignPoint) -> Row:
    """Means over reads and images; currents of nothing that is solved are unknown."""
    reads = total["column_reads"]
    solved = not point.configuration.is_reference
    dense = total["dense_partial_sum"]
    return {
        "mean_partial_sum": total["partial_sum"] / reads if reads else 0.0,
        "partial_sum_reduction": 1.0 - total["partial_sum"] / dense if dense else 0.0,
        "rms_error_lsb": math.sqrt(total["squared_error"] / reads) if reads else 0.0,
        "worst_error_lsb": total["worst_error"],
        "clipped_fraction": total["clipped"] / reads if reads else 0.0,
        "mean_column_current_A": (total["column_current_A"] / reads if reads else 0.0) if solved else None,
        "array_current_A": total["column_current_A"] / images if solved else None,
        "column_reads_per_image": reads / images,
    }


def _shard_row(sweep_name: str, shard: ShardRecord, split_images: int) -> Row:
    totals = in_units(sum_network(shard.layers))
    chip, first = divmod(shard.first, split_images)
    return {
        "design_key": shard.key,
        "sweep": sweep_name,
        "chip": chip,
        "first_image": first,
        "images": shard.count,
        "correct": _matches(shard.predictions, shard),
        "ideal_correct": _matches(shard.ideal_predictions, shard),
        "column_reads": totals["column_reads"],
        **{name: float(totals[name]) for name in _SUMS},
    }
