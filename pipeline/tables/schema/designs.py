"""``designs.parquet``: one row a design."""

from __future__ import annotations

import pyarrow as pa

from pipeline.columns import DIMENSIONLESS, FLAG, FLOAT, INT, TEXT, column
from pipeline.tables.schema.axes import AXIS_FIELDS
from pipeline.tables.schema.costs import DESIGN_COSTS
from pipeline.tables.schema.evidence import evidence_fields
from pipeline.tables.schema.over_chips import CHIP_FIELDS
from pipeline.tables.schema.sums import SUM_FIELDS

DESIGNS_SCHEMA = pa.schema(
    [
        *AXIS_FIELDS,
        column("images", INT, "images", "images evaluated, on every chip"),
        column(
            "split_images",
            INT,
            "images",
            "of the whole split: shards of chip c are stored with c x split_images added to the image",
            True,
        ),
        column(
            "stopped",
            TEXT,
            DIMENSIONLESS,
            "why a race gave it no more images and chips: beaten (another one surely is better), or yield known (as "
            "well as pareto.yield_width asks, of all that are left of its model, data set, world); empty: it got all",
            True,
        ),
        column("accuracy", FLOAT, "fraction", "images classified rightly on the simulated hardware, mean of the chips"),
        column(
            "accuracy_low",
            FLOAT,
            "fraction",
            "lower end of the 95 % interval of the accuracy: Wilson's, of chips and images where chips differ",
        ),
        column("accuracy_high", FLOAT, "fraction", "upper end of the 95 % interval of the accuracy"),
        column("ideal_accuracy", FLOAT, "fraction", "accuracy of the same network and images in ideal arithmetic"),
        column("chance_accuracy", FLOAT, "fraction", "accuracy of guessing: 1 / number of classes of the data set"),
        column("accuracy_loss", FLOAT, "fraction", "ideal_accuracy - accuracy"),
        *CHIP_FIELDS,
        *SUM_FIELDS,
        *DESIGN_COSTS,
        column(
            "on_front",
            FLAG,
            DIMENSIONLESS,
            "on the front of its model, data set, world: corner, effects, age, reads, temperature",
        ),
        column(
            "above_floor",
            FLAG,
            DIMENSIONLESS,
            "as accurate as pareto.max_loss and min_accuracy ask; without either, more accurate than guessing by the "
            "low end of Wilson's 95 % interval of the images alone",
        ),
        column(
            "front_candidate",
            FLAG,
            DIMENSIONLESS,
            "no design that costs no more surely is more accurate: the true front is among these, with 95 % confidence "
            "for its model, data set, world and, where chips differ, the chips that were measured; false where stopped "
            "by a race or below the floor; null where chips differ and chip_accuracy is an objective",
            True,
        ),
        column(
            "pareto_rank",
            INT,
            "1",
            "1 on the front, 2 on the front of the rest ...; 0: an objective missing, below the floor, stopped by a "
            "race, a reference",
        ),
        column(
            "front_support",
            FLOAT,
            "fraction",
            "share of resamples of the images, and of the chips where chip_accuracy is an objective, with it on the "
            "front, no probability that it truly is; 0 stopped by a race or beyond the 2000 best ranks",
        ),
        column("knee", FLAG, DIMENSIONLESS, "the front's knee: farthest below the plane through its ends"),
        column("solver", TEXT, DIMENSIONLESS, "solver that was used"),
        *evidence_fields("any layer and kind of inputs"),
        column(
            "evidence_within_limits",
            FLAG,
            DIMENSIONLESS,
            "all of them converged, with codes within the limits of the sweep file in every layer; or every "
            "read was solved exactly",
        ),
        column("model_digest", TEXT, DIMENSIONLESS, "sha256 of graph and weights"),
        column("dataset_digest", TEXT, DIMENSIONLESS, "sha256 of images and labels"),
        column("dataset_split", TEXT, DIMENSIONLESS, "split of the data set"),
        column(
            "solver_version",
            TEXT,
            DIMENSIONLESS,
            "version of the simulation, passes and settings revised since, device if not numba",
        ),
        column("package_version", TEXT, DIMENSIONLESS, "version of binsparx that prepared the design"),
        column("git_commit", TEXT, DIMENSIONLESS, "commit that prepared the design, where it ran from a checkout"),
    ]
)
