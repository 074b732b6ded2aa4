"""``shards.parquet``: one row a shard of images on a chip."""

from __future__ import annotations

import pyarrow as pa

from pipeline.columns import DIMENSIONLESS, FLOAT, INT, TEXT, column

SHARDS_SCHEMA = pa.schema(
    [
        column("design_key", TEXT, DIMENSIONLESS, "design"),
        column("sweep", TEXT, DIMENSIONLESS, "name of the sweep"),
        column("chip", INT, DIMENSIONLESS, "index of the chip; 0 where chips do not differ", True),
        column("first_image", INT, "images", "first image of the shard"),
        column("images", INT, "images", "images of the shard"),
        column("correct", INT, "images", "classified rightly on the simulated hardware"),
        column("ideal_correct", INT, "images", "classified rightly in ideal arithmetic"),
        column("column_reads", INT, "1", "column reads"),
        column("partial_sum", FLOAT, "LSB", "sum of analog partial sums"),
        column("dense_partial_sum", FLOAT, "LSB", "the same without flips and pruning"),
        column("squared_error", FLOAT, "LSB^2", "sum of squared errors of the partial sums"),
        column("column_current_A", FLOAT, "A", "sum of solved column currents"),
    ]
)
