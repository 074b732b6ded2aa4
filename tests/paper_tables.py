"""Tables of the paper's experiments as an older and a newer version of the simulation would leave them, made from the
committed one, whichever of the two that is."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from paper_numbers import COSTS, DIGITAL  # found in docs by whoever imports this

from pipeline.tables.schema import HARDWARE_COLUMNS, SCHEMAS

IMAGES = 500
# What tables of solver version 5 do not have.
YOUNGER = (
    "adc_fit", "adc_range", "mean_column_current_A", "energy_leakage_J", "charge_per_image_C", "tops_per_mm2",
    "energy_digital_mac_J", "energy_digital_memory_J", "energy_digital_leakage_J", "latency_digital_s",
    "area_digital_m2", "digital_macs", "throughput_per_s", "energy_delay_Js", "front_candidate", "front_support",
    "evidence_changed", "evidence_converted_rms_lsb", "evidence_converted_worst_lsb", "evidence_top_bias_lsb",
    "evidence_output_error",
)  # fmt: skip

YOUNGER_PARTS = {
    "energy_per_image_J": (*DIGITAL["energy_per_image_J"], "energy_leakage_J"),
    "latency_per_image_s": DIGITAL["latency_per_image_s"],
    "area_m2": DIGITAL["area_m2"],
}


def older_rows(table: Path) -> list[dict]:
    """Rows without the younger columns and without designs fitted otherwise, of version 5."""
    return [
        {name: value for name, value in row.items() if name not in YOUNGER}
        | {"solver_version": "5"}
        | {total: _less(row, total, parts) for total, parts in YOUNGER_PARTS.items()}
        for row in pq.read_table(table).to_pylist()
        if row.get("adc_fit") != "least_squares"
    ]


def newer_rows(older: list[dict]) -> list[dict]:
    """Rows of version 6, of fewer images, accuracies moved by a few points, with digital layers in all totals, evidence
    after the converter, and designs of 64 rows fitted by least squares besides."""
    nominal = {
        "encoding": "zero_one",
        "effects": "none",
        "age_s": 1.0,
        "reads": 0.0,
        "temperature_K": 300.0,
        "calibrated_on": "design",
    }
    rows = [nominal | _newer(row) for row in older]
    dense = {tuple(row.get(name) for name in HARDWARE_COLUMNS): row for row in rows if row["sparsity"] == "dense"}
    for row in rows:
        own = dense.get(tuple(row.get(name) for name in HARDWARE_COLUMNS))
        if own and row["energy_change"] is not None:
            row |= {f"{cost}_change": row[column] / own[column] - 1 for column, cost in COSTS.items()}
    again = [
        row | {"adc_fit": "least_squares", "design_key": f"again-{row['design_key']}", **_accuracy(row, "again")}
        for row in rows
        if row["rows"] == 64
        and row["adc_reference"] == "calibrated"
        and (row["sparsity"], row["prune"], row["row_order"]) in (("dense", 0, "channel"), ("binsparx", 0, "channel"))
    ]
    return rows + again


def write_tables(folder: Path, committed: Path, rows: list[dict], schema: pa.Schema | None) -> None:
    """A folder like docs/results/paper with ``rows`` for designs; a table of halves is left out."""
    folder.mkdir(parents=True)
    for path in committed.parent.glob("*.parquet"):
        if path.stem not in ("designs", "halves"):
            shutil.copy(path, folder)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "designs.parquet")


def newer_schema() -> pa.Schema:
    """What the pipeline writes now."""
    return SCHEMAS["designs"]


def _less(row: dict, total: str, parts: tuple[str, ...]) -> float | None:
    """A total without what older tables do not count."""
    return None if row[total] is None else row[total] - sum(row.get(part) or 0.0 for part in parts)


def _draw(row: dict, what: str) -> float:
    """A number from 0 to 1 that belongs to a design."""
    return zlib.crc32(f"{what} {row['design_key']}".encode()) / 2**32


def _accuracy(row: dict, what: str) -> dict:
    near = max(
        0.0, 4 * min(row["accuracy"] - 0.1, row["ideal_accuracy"] - row["accuracy"])
    )  # the hopeless and the good stay
    right = round(
        IMAGES * min(max(row["accuracy"] + near * (0.2 * _draw(row, what) - 0.08), 0.08), row["ideal_accuracy"])
    )
    return {"accuracy": right / IMAGES, "accuracy_low": right / IMAGES - 0.04, "accuracy_high": right / IMAGES + 0.04}


def _newer(row: dict) -> dict:
    arrays, macs = row["energy_per_image_J"], {"vgg-small": 3.6e6}.get(row["model"], 8.1e6)
    digital = {
        "energy_digital_mac_J": macs * 1e-13,
        "energy_digital_memory_J": macs * 0.4e-13,
        "energy_digital_leakage_J": 1e-3 * row["latency_per_image_s"],
    }
    leakage = 2e-3 * row["latency_per_image_s"]
    time, area = macs / 256 * 1e-9, 2e-8
    extra = sum(digital.values()) + leakage
    share = arrays / (arrays + extra)
    changes = {
        f"energy_change{end}": None if row["energy_change"] is None else share * row[f"energy_change{end}"]
        for end in ("", "_low", "_high")
    }
    beyond = row["device"] == "1T-1ReRAM" and row["corner"] == "pessimistic" and row["rows"] == 128
    return row | _accuracy(row, "newer") | changes | digital | {
        "solver_version": "6",
        "adc_fit": "unbiased",
        "adc_range": "full_scale",
        "mitigations": "none",
        "chance_accuracy": 0.1,
        "above_floor": True,
        "images": IMAGES,
        "ideal_accuracy": round(IMAGES * row["ideal_accuracy"]) / IMAGES,
        "energy_leakage_J": leakage,
        "energy_per_image_J": arrays + extra,
        "latency_digital_s": time,
        "latency_per_image_s": row["latency_per_image_s"] + time,
        "area_digital_m2": area,
        "area_m2": row["area_m2"] + area,
        "front_support": 0.5,
        "front_candidate": True,
        "evidence_changed": 0.02 * _draw(row, "changed") + (0.2 if beyond else 0),
        "evidence_converted_rms_lsb": 0.05 * _draw(row, "rms") + (0.2 if beyond else 0),
        "evidence_converted_worst_lsb": 1.0,
        "evidence_top_bias_lsb": 0.0,
        "evidence_output_error": 0.01,
        "evidence_within_limits": not beyond,
    }  # fmt: skip
