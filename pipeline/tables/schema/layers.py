"""``layers.parquet``: one row a mapped layer of a design."""

from __future__ import annotations

import pyarrow as pa

from pipeline.columns import DIMENSIONLESS, INT, TEXT, column
from pipeline.tables.schema.axes import AXIS_FIELDS
from pipeline.tables.schema.costs import LAYER_COSTS
from pipeline.tables.schema.evidence import evidence_fields
from pipeline.tables.schema.sums import SUM_FIELDS

LAYERS_SCHEMA = pa.schema(
    [
        *AXIS_FIELDS,
        column("layer", TEXT, DIMENSIONLESS, "name of the network's layer"),
        column("layer_index", INT, DIMENSIONLESS, "place among the mapped layers, from 0"),
        column("images", INT, "images", "images evaluated, on every chip: counts are of all chips together"),
        *SUM_FIELDS,
        *LAYER_COSTS,
        column("inputs", INT, "rows", "rows that the layer fills"),
        column("stored_columns", INT, "columns", "columns of all row groups"),
        column(
            "weight_flips",
            INT,
            "columns",
            "columns that are stored complemented; on the first chip, where each has its own",
        ),
        column("activation_reads", INT, "1", "input sub-vectors applied, for all images on all chips"),
        column("activation_flips", INT, "1", "of activation_reads: sub-vectors applied complemented"),
        column("applied_ones", INT, "1", "rows driven, summed over activation_reads"),
        column("column_reads", INT, "1", "column reads, for all images on all chips"),
        column("clipped", INT, "1", "of column_reads: beyond the converter's range"),
        *evidence_fields("either kind of inputs"),
        column(
            "evidence_inputs",
            TEXT,
            DIMENSIONLESS,
            "kind of inputs on which codes miss more: ideal, of the ideal network, or own, of the arrays "
            "before; empty without evidence",
        ),
    ]
)
