"""What MLflow holds of a sweep and of each of its designs: parameters, metrics with their units, tags."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.results.finished import seen_all
from pipeline.results.names import hardware_name
from pipeline.sweep.keys import digest_of, short_key
from pipeline.sweep.names import level_name
from pipeline.sweep.spec import SweepFile
from pipeline.tables.schema import AXIS_COLUMNS, DESIGNS_SCHEMA
from pipeline.tracking.client import PREFIX

_SHOWN_CHARACTERS = 9  # of a value in MLflow's parallel coordinates
PARAMETERS = [*(name for name in AXIS_COLUMNS if name not in ("design_key", "sweep")), "solver"]

_FRACTIONS = {
    "accuracy": "accuracy_pct",
    "accuracy_low": "accuracy_low_pct",
    "accuracy_high": "accuracy_high_pct",
    "ideal_accuracy": "ideal_accuracy_pct",
    "accuracy_loss": "accuracy_loss_points",
    "accuracy_chip_std": "accuracy_chip_std_points",
    "accuracy_chip_p5": "accuracy_chip_p5_pct",
    "yield": "yield_pct",
    "yield_low": "yield_low_pct",
    "yield_high": "yield_high_pct",
    "partial_sum_reduction": "partial_sum_reduction_pct",
    "clipped_fraction": "clipped_pct",
    "evidence_changed": "evidence_changed_pct",
    "energy_change": "energy_change_pct",
    "latency_change": "latency_change_pct",
    "area_change": "area_change_pct",
}

_METRICS = {
    name: (name, 1.0)
    for name in (
        "images chips worst_error_lsb rms_error_lsb throughput_per_s tops_per_watt tops_per_mm2 column_reads_per_image "
        "evidence_rms_lsb evidence_worst_lsb evidence_converted_rms_lsb evidence_converted_worst_lsb "
        "evidence_top_bias_lsb evidence_output_error"
    ).split()
} | {
    "mean_partial_sum": ("mean_partial_sum_lsb", 1.0),
    "mean_column_current_A": ("mean_column_current_uA", 1e6),
    "charge_per_image_C": ("charge_per_image_nC", 1e9),
    "energy_delay_Js": ("energy_delay_nJus", 1e15),
    "area_m2": ("area_mm2", 1e6),
    "area_digital_m2": ("area_digital_mm2", 1e6),
}
"""Columns with the names of their metrics and what they are multiplied by: units whose numbers people can read."""
for _column in DESIGNS_SCHEMA.names:
    if _column.startswith("energy_") and _column.endswith("_J"):
        _METRICS[_column] = (f"{_column.removesuffix('_J')}_nJ", 1e9)
    elif _column.startswith("latency_") and _column.endswith("_s"):
        _METRICS[_column] = (f"{_column.removesuffix('_s')}_us", 1e6)


@dataclass(frozen=True)
class Entry:
    """All that MLflow holds about one run."""

    name: str
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]

    @property
    def digest(self) -> str:
        return digest_of([self.name, self.params, self.metrics, self.tags])


def parent_entry(sweep: SweepFile, rows: list[dict[str, Any]], artifacts: dict[str, bytes], failed: bool) -> Entry:
    """The run of the sweep itself.

    Args:
        sweep: the sweep file.
        rows: of ``designs``.
        artifacts: files that the run has, by name.
        failed: some designs could not be computed.
    """
    spec = sweep.spec
    metrics: dict[str, float] = {"designs": len(rows), "designs_on_front": sum(row["on_front"] for row in rows)}
    if rows and not (compared := seen_all(pd.DataFrame(rows))).empty:
        metrics["best_accuracy_pct"] = 100 * float(compared.accuracy.max())
    tags = {
        f"{PREFIX}.sweep": spec.name,
        f"{PREFIX}.kind": "sweep",
        f"{PREFIX}.failed": str(failed).lower(),
        f"{PREFIX}.artifacts": digest_of({name: hashlib.sha256(data).hexdigest() for name, data in artifacts.items()}),
        "mlflow.note.content": spec.description,
    }
    return Entry(spec.name, {}, metrics, tags)


def child_entry(row: dict[str, Any], sweep_name: str, parent_id: str, params: dict[str, str], in_sample: bool) -> Entry:
    """The run of one design.

    Args:
        row: of ``designs``.
        sweep_name: its sweep.
        parent_id: of the sweep's run.
        params: of this design (``distinct_parameters``).
        in_sample: it is one of the sample of designs beside the front.
    """
    metrics = {metric: 100 * float(row[name]) for name, metric in _FRACTIONS.items() if row[name] is not None}
    known = ((name, metric, factor) for name, (metric, factor) in _METRICS.items() if row[name] is not None)
    metrics |= {metric: float(row[name]) * factor for name, metric, factor in known}
    tags = {
        "mlflow.parentRunId": parent_id,
        "design_key": row["design_key"],
        "on_front": str(row["on_front"]).lower(),
        "in_sample": str(in_sample).lower(),
        f"{PREFIX}.sweep": sweep_name,
        f"{PREFIX}.kind": "design",
        "git_commit": row["git_commit"],
        "package_version": row["package_version"],
    }
    run_name = f"{hardware_name(row)} {level_name(row)} {short_key(row['design_key'])}"
    return Entry(run_name, params, metrics, tags)


def distinct_parameters(rows: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """The parameters of every design by key.

    MLflow's parallel coordinates cut values short: of values that would look the same there, each begins with what sets
    it apart, or with digits of its digest where that is too long as well.
    """
    shown = {name: told_apart({str(row[name]) for row in rows}) for name in PARAMETERS}
    return {row["design_key"]: {name: shown[name][str(row[name])] for name in PARAMETERS} for row in rows}


def told_apart(values: set[str]) -> dict[str, str]:
    """How each value is written so that the first characters of no two agree."""
    alike: dict[str, list[str]] = {}
    for value in sorted(values):
        alike.setdefault(value[:_SHOWN_CHARACTERS], []).append(value)
    shown: dict[str, str] = {}
    for group in alike.values():
        common = len(os.path.commonprefix(group))
        tails = {value: value[common:].strip(" -_;=") if len(group) > 1 else "" for value in group}
        shown |= {value: f"{tail} {value}" if tail else value for value, tail in tails.items()}
    starts = [text[:_SHOWN_CHARACTERS] for text in shown.values()]
    return {
        value: text if starts.count(text[:_SHOWN_CHARACTERS]) == 1 else f"{digest_of(value)[:4]} {value}"
        for value, text in shown.items()
    }
