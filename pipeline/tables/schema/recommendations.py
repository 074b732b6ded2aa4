"""``recommendations.parquet``, written by ``binsparx recommend SWEEP.yaml`` beside the tables of a run."""

from __future__ import annotations

import pyarrow as pa

from pipeline.columns import DIMENSIONLESS, FLAG, FLOAT, INT, TEXT, column
from pipeline.tables.schema.axes import AXIS_FIELDS

DENSE_PLACE = -1
"""The ``place`` of dense storage, with which the rows of a piece of hardware begin."""

RECOMMENDATIONS_SCHEMA = pa.schema(
    [
        *AXIS_FIELDS,
        column("place", INT, DIMENSIONLESS, "0: recommended, or closest; 1, 2 ...: other finalists; -1: dense storage"),
        column("mitigation_set", TEXT, DIMENSIONLESS, "what is done, with plus signs between passes"),
        column(
            "verdict",
            TEXT,
            DIMENSIONLESS,
            "of the recommended set: confirmed, likely or missed (no set seems to reach the target); else empty",
        ),
        column("target", FLOAT, "fraction", "loss of accuracy against ideal arithmetic that is allowed"),
        column("confidence_asked", FLOAT, "fraction", "that a confirmed set loses less than the target"),
        column(
            "confidence",
            FLOAT,
            "fraction",
            "that the set loses less than the target, by itself; null: not tested",
            True,
        ),
        column(
            "confirmed", FLAG, DIMENSIONLESS, "as sure as was asked, and so is each finalist that was tested before it"
        ),
        column(
            "chips",
            INT,
            "chips",
            "that the images took turns on, for which alone all of this holds; null where all chips are alike",
            True,
        ),
        column("least", TEXT, DIMENSIONLESS, "cost that should be least"),
        column("images", INT, "images", "that confirm: none of them had a say in what was chosen"),
        column("accuracy", FLOAT, "fraction", "on the images that confirm"),
        column("accuracy_low", FLOAT, "fraction", "lower end of the 95 % Wilson interval of the accuracy"),
        column("accuracy_high", FLOAT, "fraction", "upper end of the 95 % Wilson interval of the accuracy"),
        column("ideal_accuracy", FLOAT, "fraction", "of ideal arithmetic on the same images"),
        column("change_from_ideal", FLOAT, "fraction", "accuracy - ideal_accuracy"),
        column("change_from_ideal_low", FLOAT, "fraction", "lower end of its 95 % interval, image by image"),
        column("change_from_ideal_high", FLOAT, "fraction", "upper end of its 95 % interval, image by image"),
        column("energy_per_image_J", FLOAT, "J", "energy of the network for an image", True),
        column("energy_change", FLOAT, "fraction", "against dense storage on the same hardware", True),
        column("latency_per_image_s", FLOAT, "s", "time of the network for an image", True),
        column("latency_change", FLOAT, "fraction", "against dense storage on the same hardware", True),
        column("area_m2", FLOAT, "m^2", "area of the network's tiles and digital layers", True),
        column("area_change", FLOAT, "fraction", "against dense storage on the same hardware", True),
        column("evidence_within_limits", FLAG, DIMENSIONLESS, "as in designs.parquet"),
        *(
            column(name, TEXT, DIMENSIONLESS, "as in designs.parquet; null of a version that did not note it", True)
            for name in ("model_digest", "dataset_digest", "dataset_split", "solver_version")
        ),
    ]
)
