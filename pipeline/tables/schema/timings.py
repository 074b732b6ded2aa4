"""``timings.parquet``: how long each design took."""

from __future__ import annotations

import pyarrow as pa

from pipeline.columns import DIMENSIONLESS, FLOAT, TEXT, column

TIMINGS_SCHEMA = pa.schema(
    [
        column("design_key", TEXT, DIMENSIONLESS, "design"),
        column("sweep", TEXT, DIMENSIONLESS, "name of the sweep"),
        column("prepare_seconds", FLOAT, "s", "wall time of the preparation"),
        column("evaluate_seconds", FLOAT, "s", "wall time of all shards, summed"),
        column("cpu_seconds", FLOAT, "s", "CPU time of all tasks of the design"),
        column("seconds_per_image", FLOAT, "s", "evaluate_seconds per image"),
    ]
)
