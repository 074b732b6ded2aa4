"""What names a design, in every table that has one row for each: one column an axis, and what belongs to it."""

from __future__ import annotations

import itertools

from pipeline.columns import DIMENSIONLESS, FLOAT, INT, TEXT, column
from pipeline.sweep.axes import AXES

_TYPES = {str: TEXT, int: INT, float: FLOAT}
# What names a design beside its axes, each behind the axis that it belongs to.
_BEHIND = {
    "model": [column("dataset", TEXT, DIMENSIONLESS, "data set")],
    "overrides": [column("topology", TEXT, DIMENSIONLESS, "circuit topology: input_sourced or gate_driven")],
}
AXIS_FIELDS = [
    column(
        "design_key",
        TEXT,
        DIMENSIONLESS,
        "sha256 of the design, the model, the data set, its split and the solver version",
    ),
    column("sweep", TEXT, DIMENSIONLESS, "name of the sweep"),
    *itertools.chain.from_iterable(
        [column(axis.column, _TYPES[axis.kind], axis.unit, axis.meaning, axis.nullable), *_BEHIND.get(axis.column, [])]
        for axis in AXES
    ),
]
