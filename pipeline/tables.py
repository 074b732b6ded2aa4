"""The tables people read: one explicit schema each, every field with its unit and meaning in the metadata."""

from __future__ import annotations

import pyarrow as pa

DIMENSIONLESS = ""


def _field(name: str, kind: pa.DataType, unit: str, description: str, nullable: bool = False) -> pa.Field:
    metadata = {"unit": unit, "description": description}
    return pa.field(name, kind, nullable=nullable, metadata=metadata)


_TEXT, _INT, _FLOAT, _FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()

_AXES = [
    _field("design_key", _TEXT, DIMENSIONLESS, "sha256 of the design, the model, the data set and the solver version"),
    _field("sweep", _TEXT, DIMENSIONLESS, "name of the sweep"),
    _field("model", _TEXT, DIMENSIONLESS, "network"),
    _field("dataset", _TEXT, DIMENSIONLESS, "data set"),
    _field("device", _TEXT, DIMENSIONLESS, "bitcell preset, or the label of the user's own"),
    _field("corner", _TEXT, DIMENSIONLESS, "parameter corner of the bitcell and the wires"),
    _field("overrides", _TEXT, DIMENSIONLESS, "circuit parameters replaced, as name=value;name=value"),
    _field("topology", _TEXT, DIMENSIONLESS, "circuit topology: input_sourced or gate_driven"),
    _field("rows", _INT, "rows", "rows of an array"),
    _field("cols", _INT, "columns", "columns of an array"),
    _field("active_rows", _INT, "rows", "rows read together; the flips cover as many"),
    _field("row_order", _TEXT, DIMENSIONLESS, "order in which channels and kernel positions fill the rows"),
    _field("sparsity", _TEXT, DIMENSIONLESS, "dense, weight, activation or binsparx (both flips)"),
    _field("prune", _FLOAT, "fraction", "part of the remaining stored ones that is stored as zero"),
    _field("adc_bits", _INT, "bit", "resolution of the converter"),
    _field("adc_reference", _TEXT, DIMENSIONLESS, "how one LSB of the converter is set"),
    _field("adc_offset", _FLOAT, "LSB", "offset of the converter"),
    _field("adc_gain", _FLOAT, "1", "gain of the converter"),
    _field("adc_noise", _FLOAT, "LSB", "rms noise of the converter"),
    _field("seed", _INT, DIMENSIONLESS, "seed of all that is random in the design"),
    _field("solver_setting", _TEXT, DIMENSIONLESS, "solver that was asked for: auto, exact, fast or ideal"),
]

_ERRORS_AND_SUMS = [
    _field("mean_partial_sum", _FLOAT, "LSB", "mean analog partial sum of a column read, as applied"),
    _field("partial_sum_reduction", _FLOAT, "fraction", "1 - sum of partial sums / the same without any flip"),
    _field("rms_error_lsb", _FLOAT, "LSB", "rms of converted minus true partial sum over all column reads"),
    _field("worst_error_lsb", _FLOAT, "LSB", "largest |converted minus true partial sum|"),
    _field("clipped_fraction", _FLOAT, "fraction", "column reads beyond the converter's range"),
    _field(
        "array_current_A",
        _FLOAT,
        "A",
        "solved column currents, sum over all column reads of an image, mean",
    ),
    _field("column_reads_per_image", _FLOAT, "1/image", "column reads (one conversion each)"),
]

DESIGNS_SCHEMA = pa.schema(
    [
        *_AXES,
        _field("images", _INT, "images", "images evaluated"),
        _field("accuracy", _FLOAT, "fraction", "images classified rightly on the simulated hardware"),
        _field("accuracy_low", _FLOAT, "fraction", "lower end of the 95 % Wilson interval of the accuracy"),
        _field("accuracy_high", _FLOAT, "fraction", "upper end of the 95 % Wilson interval of the accuracy"),
        _field("ideal_accuracy", _FLOAT, "fraction", "accuracy of the same network and images in ideal arithmetic"),
        _field("accuracy_loss", _FLOAT, "fraction", "ideal_accuracy - accuracy"),
        *_ERRORS_AND_SUMS,
        _field(
            "on_front",
            _FLAG,
            DIMENSIONLESS,
            "on the front of accuracy and current of its model, data set, corner",
        ),
        _field("solver", _TEXT, DIMENSIONLESS, "solver that was used"),
        _field("evidence_rms_lsb", _FLOAT, "LSB", "rms difference to the exact solver on samples of this run", True),
        _field("evidence_worst_lsb", _FLOAT, "LSB", "largest difference to the exact solver on these samples", True),
        _field("kcl_residual", _FLOAT, "1", "largest Kirchhoff residual of the exact solves, relative", True),
        _field("evidence_reads", _INT, "1", "column reads of this run that were solved exactly for comparison"),
        _field("evidence_unsolved", _INT, "1", "those whose exact solve did not converge"),
        _field("evidence_within_limits", _FLAG, DIMENSIONLESS, "all converged, within the limits of the sweep file"),
        _field("model_digest", _TEXT, DIMENSIONLESS, "sha256 of graph and weights"),
        _field("dataset_digest", _TEXT, DIMENSIONLESS, "sha256 of images and labels"),
        _field("dataset_split", _TEXT, DIMENSIONLESS, "split of the data set"),
        _field("solver_version", _TEXT, DIMENSIONLESS, "version of the simulation; part of the key"),
        _field("package_version", _TEXT, DIMENSIONLESS, "version of binsparx that prepared the design"),
        _field("git_commit", _TEXT, DIMENSIONLESS, "commit that prepared the design, where it ran from a checkout"),
    ]
)

LAYERS_SCHEMA = pa.schema(
    [
        *_AXES,
        _field("layer", _TEXT, DIMENSIONLESS, "name of the network's layer"),
        _field("layer_index", _INT, DIMENSIONLESS, "place among the mapped layers, from 0"),
        _field("images", _INT, "images", "images evaluated"),
        *_ERRORS_AND_SUMS,
        _field("stored_columns", _INT, "columns", "columns of all tiles"),
        _field("weight_flips", _INT, "columns", "columns that are stored complemented"),
        _field("activation_reads", _INT, "1", "input sub-vectors applied"),
        _field("activation_flips", _INT, "1", "input sub-vectors applied complemented"),
        _field("column_reads", _INT, "1", "column reads"),
        _field("clipped", _INT, "1", "column reads beyond the converter's range"),
    ]
)

SHARDS_SCHEMA = pa.schema(
    [
        _field("design_key", _TEXT, DIMENSIONLESS, "design"),
        _field("sweep", _TEXT, DIMENSIONLESS, "name of the sweep"),
        _field("first_image", _INT, "images", "first image of the shard"),
        _field("images", _INT, "images", "images of the shard"),
        _field("correct", _INT, "images", "classified rightly on the simulated hardware"),
        _field("ideal_correct", _INT, "images", "classified rightly in ideal arithmetic"),
        _field("column_reads", _INT, "1", "column reads"),
        _field("partial_sum", _FLOAT, "LSB", "sum of analog partial sums"),
        _field("dense_partial_sum", _FLOAT, "LSB", "the same without any flip"),
        _field("squared_error", _FLOAT, "LSB^2", "sum of squared errors of the partial sums"),
        _field("column_current_A", _FLOAT, "A", "sum of solved column currents"),
    ]
)

PARETO_SCHEMA = pa.schema(
    [
        _field(
            "front_position",
            _INT,
            DIMENSIONLESS,
            "place on the front of its model, data set, corner; 0 is cheapest",
        ),
        *_AXES,
        _field("accuracy", _FLOAT, "fraction", "objective, to be maximised"),
        _field("accuracy_low", _FLOAT, "fraction", "lower end of the 95 % Wilson interval of the accuracy"),
        _field("accuracy_high", _FLOAT, "fraction", "upper end of the 95 % Wilson interval of the accuracy"),
        _field("array_current_A", _FLOAT, "A", "objective, to be minimised"),
    ]
)

TIMINGS_SCHEMA = pa.schema(
    [
        _field("design_key", _TEXT, DIMENSIONLESS, "design"),
        _field("sweep", _TEXT, DIMENSIONLESS, "name of the sweep"),
        _field("prepare_seconds", _FLOAT, "s", "wall time of the preparation"),
        _field("evaluate_seconds", _FLOAT, "s", "wall time of all shards, summed"),
        _field("cpu_seconds", _FLOAT, "s", "CPU time of all tasks of the design"),
        _field("seconds_per_image", _FLOAT, "s", "evaluate_seconds per image"),
    ]
)

COSTS_SCHEMA = pa.schema(
    [
        _field(
            "cost_class",
            _TEXT,
            DIMENSIONLESS,
            "what decides the cost: model, solver, circuit, array, sparsity",
        ),
        _field("prepare_seconds", _FLOAT, "s", "typical wall time of a preparation"),
        _field("seconds_per_image", _FLOAT, "s", "typical wall time of an image"),
        _field("designs", _INT, "1", "designs measured"),
    ]
)

AXIS_COLUMNS = tuple(field.name for field in _AXES)
"""Columns that name a design point, in every table that has one row for each."""

HARDWARE_COLUMNS = tuple(
    field.name for field in _AXES if field.name not in ("design_key", "sweep", "sparsity", "prune")
)
"""Columns of ``designs`` that are the same for all sparsity levels of one hardware design."""

SHARD_FILE_SCHEMA = pa.schema(
    [
        _field("image", _INT, DIMENSIONLESS, "number of the image in its split"),
        _field("label", pa.int16(), DIMENSIONLESS, "class of the image"),
        _field("prediction", pa.int16(), DIMENSIONLESS, "class found on the simulated hardware"),
        _field("ideal_prediction", pa.int16(), DIMENSIONLESS, "class found in ideal arithmetic"),
    ]
)

SCHEMAS = {
    "designs": DESIGNS_SCHEMA,
    "layers": LAYERS_SCHEMA,
    "shards": SHARDS_SCHEMA,
    "pareto": PARETO_SCHEMA,
    "timings": TIMINGS_SCHEMA,
}
