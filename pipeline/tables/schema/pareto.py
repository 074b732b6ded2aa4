"""``pareto.parquet``: the fronts."""

from __future__ import annotations

import pyarrow as pa

from pipeline.columns import DIMENSIONLESS, FLAG, FLOAT, INT, TEXT, column
from pipeline.tables.schema.axes import AXIS_FIELDS
from pipeline.tables.schema.over_chips import CHIP_FIELDS

PARETO_SCHEMA = pa.schema(
    [
        column(
            "front_position",
            INT,
            DIMENSIONLESS,
            "place on the front of its model, data set, world; 0 is cheapest in the first cost",
        ),
        *AXIS_FIELDS,
        column("objectives", TEXT, DIMENSIONLESS, "what the front was drawn for, with commas"),
        column(
            "front_support",
            FLOAT,
            "fraction",
            "share of resamples of the images, and of the chips where chip_accuracy is an objective, with it on the "
            "front",
        ),
        column("knee", FLAG, DIMENSIONLESS, "the front's knee: farthest below the plane through its ends"),
        column("accuracy", FLOAT, "fraction", "images classified rightly on the simulated hardware"),
        column("accuracy_low", FLOAT, "fraction", "lower end of the 95 % interval of the accuracy"),
        column("accuracy_high", FLOAT, "fraction", "upper end of the 95 % interval of the accuracy"),
        *CHIP_FIELDS,
        column("energy_per_image_J", FLOAT, "J", "energy of the network for an image", True),
        column("energy_change", FLOAT, "fraction", "against the dense design of the same hardware", True),
        column("latency_per_image_s", FLOAT, "s", "time of the network for an image", True),
        column("area_m2", FLOAT, "m^2", "area of the network's tiles and digital layers", True),
        column("mean_column_current_A", FLOAT, "A", "solved current of a column while it is read, mean"),
    ]
)
