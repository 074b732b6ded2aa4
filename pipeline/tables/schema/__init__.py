"""The tables people read: one explicit schema each, every field with its unit and meaning in the metadata."""

from __future__ import annotations

from pipeline.sweep.axes import LEVEL_COLUMNS
from pipeline.tables.schema.axes import AXIS_FIELDS
from pipeline.tables.schema.chips import CHIPS_SCHEMA
from pipeline.tables.schema.designs import DESIGNS_SCHEMA
from pipeline.tables.schema.layers import LAYERS_SCHEMA
from pipeline.tables.schema.pareto import PARETO_SCHEMA
from pipeline.tables.schema.recommendations import RECOMMENDATIONS_SCHEMA
from pipeline.tables.schema.shards import SHARDS_SCHEMA
from pipeline.tables.schema.timings import TIMINGS_SCHEMA

AXIS_COLUMNS = tuple(field.name for field in AXIS_FIELDS)
"""Columns that name a design point, in every table that has one row for each."""

HARDWARE_COLUMNS = tuple(name for name in AXIS_COLUMNS if name not in ("design_key", "sweep", *LEVEL_COLUMNS))
"""Columns of ``designs`` that are the same for all sparsity levels of one hardware design."""

SCHEMAS = {
    "designs": DESIGNS_SCHEMA,
    "layers": LAYERS_SCHEMA,
    "chips": CHIPS_SCHEMA,
    "shards": SHARDS_SCHEMA,
    "pareto": PARETO_SCHEMA,
    "timings": TIMINGS_SCHEMA,
}
"""Written by every run."""

RECOMMENDATIONS = "recommendations"
TABLES = {**SCHEMAS, RECOMMENDATIONS: RECOMMENDATIONS_SCHEMA}
"""All that may lie in the folder of a sweep."""
