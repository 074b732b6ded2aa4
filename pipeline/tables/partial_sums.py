"""The table of ``binsparx partial-sums``: a row for each layer, row order, rows read together and sparsity level."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from pipeline.columns import DIMENSIONLESS, Row, described_field
from simcore.analysis.partial_sums import LEVELS, LayerStatistics, reduction

ALL_LAYERS = "all"

_TEXT, _INT, _FLOAT = pa.string(), pa.int64(), pa.float64()

PARTIAL_SUMS_SCHEMA = pa.schema(
    [
        described_field("model", _TEXT, DIMENSIONLESS, "network"),
        described_field("model_digest", _TEXT, DIMENSIONLESS, "sha256 of graph and weights"),
        described_field("dataset", _TEXT, DIMENSIONLESS, "data set"),
        described_field("split", _TEXT, DIMENSIONLESS, "split of the images measured"),
        described_field("images", _INT, "images", "images measured"),
        described_field("layer", _TEXT, DIMENSIONLESS, f"binary layer, or '{ALL_LAYERS}' of them"),
        described_field("inputs", _INT, "rows", "inputs of the layer", True),
        described_field("row_order", _TEXT, DIMENSIONLESS, "order in which inputs fill the rows"),
        described_field("rows_read_together", _INT, "rows", "rows that a flip covers"),
        described_field("sparsity", _TEXT, DIMENSIONLESS, "dense, weight, activation or binsparx (both flips)"),
        described_field("column_reads", _INT, "1", "reads of a column, all images"),
        described_field("mean_partial_sum", _FLOAT, "LSB", "mean partial sum of a column read"),
        described_field("partial_sum_reduction", _FLOAT, "fraction", "1 - sum of partial sums / the dense sum"),
        described_field("interior_reduction", _FLOAT, "fraction", "the same over windows without padding"),
        described_field("padded_reads", _FLOAT, "fraction", "column reads whose sub-vector holds padding"),
        described_field("input_imbalance", _FLOAT, "fraction", "mean of |sum x| / N over sub-vectors", True),
        described_field("weight_imbalance", _FLOAT, "fraction", "mean of |sum w| / N over stored columns", True),
        described_field("input_bias", _FLOAT, "fraction", "mean of |E x| over single inputs", True),
        described_field("ones_applied", _FLOAT, "fraction", "share of +1 among inputs", True),
        described_field("ones_stored", _FLOAT, "fraction", "share of +1 among weights", True),
    ]
)


def partial_sum_table(
    statistics: Iterable[LayerStatistics], model: str, model_digest: str, dataset: str, split: str, images: int
) -> pa.Table:
    """Every layer, and all layers of a network together, at every sparsity level."""
    common: Row = {"model": model, "model_digest": model_digest, "dataset": dataset, "split": split, "images": images}
    rows: list[Row] = []
    settings: dict[tuple[str, int], list[LayerStatistics]] = {}
    for layer in statistics:
        settings.setdefault((layer.row_order, layer.rows_read_together), []).append(layer)
        own = {
            name: getattr(layer, name)
            for name in ("inputs", "input_imbalance", "weight_imbalance", "input_bias", "ones_applied", "ones_stored")
        }
        rows += [{**common, **row, **own} for row in _levels(layer.layer, [layer])]
    for layers in settings.values():
        rows += [{**common, **row} for row in _levels(ALL_LAYERS, layers)]
    return pa.Table.from_pylist(rows, schema=PARTIAL_SUMS_SCHEMA)


def _levels(name: str, layers: list[LayerStatistics]) -> list[Row]:
    reads = sum(layer.column_reads for layer in layers)
    sums = {level: sum(layer.partial_sums[level] for layer in layers) for level in LEVELS}
    inside = {level: sum(layer.interior_partial_sums[level] for layer in layers) for level in LEVELS}
    return [
        {
            "layer": name,
            "row_order": layers[0].row_order,
            "rows_read_together": layers[0].rows_read_together,
            "sparsity": level,
            "column_reads": reads,
            "mean_partial_sum": sums[level] / reads,
            "partial_sum_reduction": reduction(sums, level),
            "interior_reduction": reduction(inside, level),
            "padded_reads": sum(layer.padded_reads for layer in layers) / reads,
        }
        for level in LEVELS
    ]
