"""The table of ``binsparx partial-sums``: a row for each layer, row order, rows read together and sparsity level."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from pipeline.columns import DIMENSIONLESS, FLOAT, INT, TEXT, Row, column
from simcore.analysis.partial_sums import LEVELS, LayerStatistics, reduction

ALL_LAYERS = "all"


PARTIAL_SUMS_SCHEMA = pa.schema(
    [
        column("model", TEXT, DIMENSIONLESS, "network"),
        column("model_digest", TEXT, DIMENSIONLESS, "sha256 of graph and weights"),
        column("dataset", TEXT, DIMENSIONLESS, "data set"),
        column("split", TEXT, DIMENSIONLESS, "split of the images measured"),
        column("images", INT, "images", "images measured"),
        column("layer", TEXT, DIMENSIONLESS, f"binary layer, or '{ALL_LAYERS}' of them"),
        column("inputs", INT, "rows", "inputs of the layer", True),
        column("row_order", TEXT, DIMENSIONLESS, "order in which inputs fill the rows"),
        column("rows_read_together", INT, "rows", "rows that a flip covers"),
        column("sparsity", TEXT, DIMENSIONLESS, "dense, weight, activation or binsparx (both flips)"),
        column("column_reads", INT, "1", "reads of a column, all images"),
        column("mean_partial_sum", FLOAT, "LSB", "mean partial sum of a column read"),
        column("partial_sum_reduction", FLOAT, "fraction", "1 - sum of partial sums / the dense sum"),
        column("interior_reduction", FLOAT, "fraction", "the same over windows without padding"),
        column("padded_reads", FLOAT, "fraction", "column reads whose sub-vector holds padding"),
        column("input_imbalance", FLOAT, "fraction", "mean of |sum x| / N over sub-vectors", True),
        column("weight_imbalance", FLOAT, "fraction", "mean of |sum w| / N over stored columns", True),
        column("input_bias", FLOAT, "fraction", "mean of |E x| over single inputs", True),
        column("ones_applied", FLOAT, "fraction", "share of +1 among inputs", True),
        column("ones_stored", FLOAT, "fraction", "share of +1 among weights", True),
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
