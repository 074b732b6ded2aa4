"""``chips.parquet``: one row a chip of a design."""

from __future__ import annotations

import pyarrow as pa

from pipeline.columns import DIMENSIONLESS, FLOAT, INT, column
from pipeline.tables.schema.axes import AXIS_FIELDS
from pipeline.tables.schema.sums import SUM_FIELDS

CHIPS_SCHEMA = pa.schema(
    [
        *AXIS_FIELDS,
        column(
            "chip",
            INT,
            DIMENSIONLESS,
            "index of the chip, from 0: the same chip in every design and sweep of one seed",
        ),
        column("images", INT, "images", "images evaluated on the chip"),
        column("accuracy", FLOAT, "fraction", "images classified rightly on the chip"),
        column("accuracy_low", FLOAT, "fraction", "lower end of the 95 % Wilson interval of the chip's accuracy"),
        column("accuracy_high", FLOAT, "fraction", "upper end of the 95 % Wilson interval of the chip's accuracy"),
        column("accuracy_loss", FLOAT, "fraction", "ideal arithmetic's accuracy - accuracy"),
        *SUM_FIELDS,
    ]
)
