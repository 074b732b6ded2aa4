"""From the records of the tasks to the tables of a sweep: same records, same bytes."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.front.intervals import wilson_interval
from pipeline.storage.compute_time import Cost, cost_class
from pipeline.storage.layer_totals import OF_THE_DESIGN, in_units, sum_layers, sum_network
from pipeline.storage.records import (
    DamagedRecord,
    DesignRecord,
    ShardRecord,
    decode_design,
    design_path,
)
from pipeline.storage.shard_files import ShardReading, bundle_shards, read_shards
from pipeline.storage.store import Store
from pipeline.storage.work import DesignWork
from pipeline.sweep.plan import Plan
from pipeline.sweep.points import DesignPoint
from pipeline.tables.evidence import design_columns, layer_columns
from pipeline.tables.files import TableFiles
from pipeline.tables.hardware_cost import HardwareCosts
from pipeline.tables.schema import SCHEMAS
from pipeline.uris import without_secret

COSTS_OF_A_CLASS = 1000
"""Designs of one class whose times are looked at: their median is all that is kept."""
_SUMS = ("partial_sum", "dense_partial_sum", "squared_error", "column_current_A")
_COUNTS = ("activation_reads", "activation_flips", "applied_ones", "clipped", "column_reads")


@dataclass
class Aggregate:
    """The tables of all finished designs, the files that could not be trusted, and what the designs cost.

    ``damaged`` says by the design's key what was set aside; ``unbundled`` why shards could not be bundled, empty where
    all went well.
    """

    tables: TableFiles
    damaged: dict[str, list[str]] = field(default_factory=dict)
    costs: list[tuple[str, Cost]] = field(default_factory=list)
    unbundled: str = ""


def aggregate(plan: Plan, works: Iterable[DesignWork], store: Store) -> Aggregate:
    """Reads the records of every finished design, in the order of the plan, and bundles its shards.

    A damaged record is set aside and listed; its design is left out until it has been computed again.
    """
    result = Aggregate(TableFiles(plan.sweep.spec.pareto))
    costs = HardwareCosts(plan)
    measured: Counter[str] = Counter()
    # The plan keeps the levels of one hardware together: only they are held, to be compared.
    for _, levels in itertools.groupby(works, key=lambda work: tuple(work.point.configuration.columns.values())):
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}
        points, correct = [], []
        for work in levels:
            if not work.done:
                continue
            design, reading, damaged = _read_records(work, store)
            if damaged:
                result.damaged[work.point.key] = damaged
            if damaged or design is None:
                continue
            shards = reading.records
            _add_rows(rows, plan, costs, work.point, design, shards)
            _bundle(result, work.point.key, reading, store)
            points.append(work.point)
            correct.append(_correct_images(shards))
            timing = rows["timings"][-1]
            name = cost_class(work.point)
            measured[name] += 1
            if measured[name] <= COSTS_OF_A_CLASS:
                result.costs.append((name, Cost(timing["prepare_seconds"], timing["seconds_per_image"], True)))
        costs.add_changes(rows["designs"], rows["layers"], points)
        result.tables.add(rows, correct)
    result.tables.finish()
    return result


def _read_records(work: DesignWork, store: Store) -> tuple[DesignRecord | None, ShardReading, list[str]]:
    key = work.point.key
    design: DesignRecord | None = None
    damaged: dict[str, DamagedRecord] = {}
    try:
        design = decode_design(store.read(design_path(key)) or b"", key)
    except DamagedRecord as error:
        damaged[design_path(key)] = error
    reading = read_shards(store, key, work.files, work.cover.stored)
    damaged |= reading.damaged
    return design, reading, [_put_away(store, path, error) for path, error in damaged.items()]


def _put_away(store: Store, path: str, error: DamagedRecord) -> str:
    try:
        return f"{path}: {error}; moved to {store.set_aside(path)}"
    except FileNotFoundError:
        return f"{path}: the file was deleted in the meantime"


def _bundle(result: Aggregate, key: str, reading: ShardReading, store: Store) -> None:
    """Bundling only saves files: where it fails the results are as good, and it is tried no more."""
    if result.unbundled:
        return
    try:
        bundle_shards(store, key, reading)
    except OSError as error:
        reason = without_secret(" ".join(str(error).split()))
        result.unbundled = f"shards of finished designs stay in files of their own: {reason}"


def _add_rows(
    rows: dict[str, list[dict[str, Any]]],
    plan: Plan,
    hardware: HardwareCosts,
    point: DesignPoint,
    design: DesignRecord,
    shards: list[ShardRecord],
) -> None:
    axes = axis_columns(plan.name, point)
    totals = sum_layers([shard.layers for shard in shards])
    layers, total = [in_units(layer) for layer in totals], in_units(sum_network(totals))
    images = sum(shard.count for shard in shards)
    correct = sum(int((shard.predictions == shard.labels).sum()) for shard in shards)
    ideal_correct = sum(int((shard.ideal_predictions == shard.labels).sum()) for shard in shards)
    low, high = wilson_interval(correct, images)
    accuracy, ideal = correct / images, ideal_correct / images
    costs, layer_costs = hardware.columns(point, layers, images)
    solved = ("mean_column_current_A", "array_current_A")
    current = dict.fromkeys(solved) if point.configuration.is_reference else {}
    rows["designs"].append(
        {
            **axes,
            "images": images,
            "accuracy": accuracy,
            "accuracy_low": low,
            "accuracy_high": high,
            "ideal_accuracy": ideal,
            "accuracy_loss": (ideal_correct - correct) / images,
            **_ratios(total, images),
            **current,
            **costs,
            # until all are known
            **{"on_front": False, "front_candidate": False, "pareto_rank": 0, "front_support": 0.0, "knee": False},
            **design_columns(design.evidence, point.design.evidence),
            "model_digest": point.model.digest,
            "dataset_digest": point.dataset.digest,
            "dataset_split": point.split,
            "solver_version": point.solver_version,
            "package_version": design.package_version,
            "git_commit": design.git_commit,
        }
    )
    for index, layer in enumerate(layers):
        counts = {name: layer[name] for name in (*_COUNTS, *OF_THE_DESIGN)}
        name = {"layer": layer["layer"], "layer_index": index, "images": images}
        evidence = layer_columns(design.evidence, layer["layer"])
        found = {**_ratios(layer, images), **current, **layer_costs[index]}
        rows["layers"].append({**axes, **name, **found, **counts, **evidence})
    for shard in shards:
        rows["shards"].append(_shard_row(plan.name, shard))
    evaluate_seconds = math.fsum(shard.timing.seconds for shard in shards)
    rows["timings"].append(
        {
            "design_key": point.key,
            "sweep": plan.name,
            "prepare_seconds": design.timing.seconds,
            "evaluate_seconds": evaluate_seconds,
            "cpu_seconds": design.timing.cpu_seconds + math.fsum(shard.timing.cpu_seconds for shard in shards),
            "seconds_per_image": evaluate_seconds / images,
        }
    )


def _correct_images(shards: list[ShardRecord]) -> np.ndarray:
    """One bit an image, in the order of the images: classified rightly."""
    in_order = sorted(shards, key=lambda shard: shard.first)
    return np.packbits(np.concatenate([shard.predictions == shard.labels for shard in in_order]))


def axis_columns(sweep_name: str, point: DesignPoint) -> dict[str, Any]:
    """The columns that name a design point."""
    return {
        "design_key": point.key,
        "sweep": sweep_name,
        "dataset": point.dataset.name,
        "topology": str(getattr(point.configuration.circuit, "topology", "")),
        **point.columns,
    }


def _ratios(total: dict[str, Any], images: int) -> dict[str, float]:
    reads = total["column_reads"]
    dense = total["dense_partial_sum"]
    return {
        "mean_partial_sum": total["partial_sum"] / reads if reads else 0.0,
        "partial_sum_reduction": 1.0 - total["partial_sum"] / dense if dense else 0.0,
        "rms_error_lsb": math.sqrt(total["squared_error"] / reads) if reads else 0.0,
        "worst_error_lsb": total["worst_error"],
        "clipped_fraction": total["clipped"] / reads if reads else 0.0,
        "mean_column_current_A": total["column_current_A"] / reads if reads else 0.0,
        "array_current_A": total["column_current_A"] / images,
        "column_reads_per_image": reads / images,
    }


def _shard_row(sweep_name: str, shard: ShardRecord) -> dict[str, Any]:
    totals = in_units(sum_network(shard.layers))
    return {
        "design_key": shard.key,
        "sweep": sweep_name,
        "first_image": shard.first,
        "images": shard.count,
        "correct": int((shard.predictions == shard.labels).sum()),
        "ideal_correct": int((shard.ideal_predictions == shard.labels).sum()),
        "column_reads": totals["column_reads"],
        **{name: float(totals[name]) for name in _SUMS},
    }
