"""The tables people read: one explicit schema each, every field with its unit and meaning in the metadata."""

from __future__ import annotations

import itertools

import pyarrow as pa

from pipeline.columns import DIMENSIONLESS, described_field
from pipeline.sweep.axes import AXES, LEVEL_COLUMNS

_field = described_field


_TEXT, _INT, _FLOAT, _FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()

_TYPES = {str: _TEXT, int: _INT, float: _FLOAT}
# What names a design beside its axes, each behind the axis that it belongs to.
_BEHIND = {
    "model": [_field("dataset", _TEXT, DIMENSIONLESS, "data set")],
    "overrides": [_field("topology", _TEXT, DIMENSIONLESS, "circuit topology: input_sourced or gate_driven")],
}
_AXES = [
    _field(
        "design_key",
        _TEXT,
        DIMENSIONLESS,
        "sha256 of the design, the model, the data set, its split and the solver version",
    ),
    _field("sweep", _TEXT, DIMENSIONLESS, "name of the sweep"),
    *itertools.chain.from_iterable(
        [_field(axis.column, _TYPES[axis.kind], axis.unit, axis.meaning, axis.nullable), *_BEHIND.get(axis.column, [])]
        for axis in AXES
    ),
]

_ERRORS_AND_SUMS = [
    _field("mean_partial_sum", _FLOAT, "LSB", "mean analog partial sum of a column read, as applied"),
    _field("partial_sum_reduction", _FLOAT, "fraction", "1 - sum of partial sums / the same without flips and pruning"),
    _field("rms_error_lsb", _FLOAT, "LSB", "rms of converted minus true partial sum over all column reads"),
    _field("worst_error_lsb", _FLOAT, "LSB", "largest |converted minus true partial sum|"),
    _field("clipped_fraction", _FLOAT, "fraction", "column reads beyond the converter's range"),
    _field(
        "mean_column_current_A",
        _FLOAT,
        "A",
        "solved current of a column while it is read, mean over the column reads; null for references",
        True,
    ),
    _field(
        "array_current_A",
        _FLOAT,
        "A",
        "mean_column_current_A x column_reads_per_image: reads follow one another, so that no such current ever flows; "
        "null for references",
        True,
    ),
    _field("column_reads_per_image", _FLOAT, "1/image", "column reads (one conversion each)"),
]


def _spread(name: str, unit: str, description: str) -> list[pa.Field]:
    """A column with the ends of what is disputed beside it."""
    stem, end = (name, "") if unit == "fraction" else (name.removesuffix(f"_{unit}"), f"_{unit}")
    return [
        _field(name, _FLOAT, unit.replace("m2", "m^2"), description, True),
        _field(f"{stem}_low{end}", _FLOAT, unit.replace("m2", "m^2"), "the same, low end of its spread", True),
        _field(f"{stem}_high{end}", _FLOAT, unit.replace("m2", "m^2"), "the same, high end of its spread", True),
    ]


_ENERGY_PARTS = {
    "array": "the cells: solved column currents",
    "word_line": "word lines",
    "bit_line": "bit lines",
    "adc": "converters",
    "accumulate": "adding up the codes",
    "activation_buffer": "reading the activations",
    "popcount": "sum(X) of the sub-vectors",
    "compare": "sum(X) > N/2",
    "xor": "complementing sub-vectors",
    "stored_sums": "reading sum(W)",
    "undo": "undoing flips: conditional additions; columns as on the first chip, where each has its own flips",
    "mitigations": "what else is done against the errors of the arrays",
    "write": "writing operands of products of activations to the arrays",
}
_AREA_PARTS = {
    "cells": "cells",
    "converters": "converters",
    "drivers": "word-line drivers",
    "accumulators": "adders and registers of the codes",
    "popcount": "popcounts",
    "input_flip": "comparison and XOR",
    "column_flags": "flip bits of the columns",
    "stored_sums": "sum(W) of the columns",
    "mitigations": "what else is done against the errors of the arrays",
}
_DIGITAL_PARTS = {
    "mac": "digital layers: multiplying and adding",
    "memory": "digital layers: reading weights and inputs",
    "leakage": "digital layers: leakage of multipliers and weights until the image is done",
}


def _costs(what: str) -> list[pa.Field]:
    """Columns of what an image costs on a design or on one layer. ``what``: whose totals they are."""
    return [
        *_spread("energy_per_image_J", "J", f"energy of {what} for an image"),
        *_spread("energy_change", "fraction", "against the dense design of the same hardware"),
        *(
            _field(f"energy_{name}_J", _FLOAT, "J", f"of energy_per_image_J: {text}", True)
            for name, text in _ENERGY_PARTS.items()
        ),
        _field("energy_leakage_J", _FLOAT, "J", "of energy_per_image_J: tiles leak until the image is done", True),
        _field("charge_per_image_C", _FLOAT, "C", "charge that the columns draw in all reads of an image", True),
        _field(
            "tops_per_watt",
            _FLOAT,
            "1e12/J",
            "operations (1 bit x 1 bit, 2 a weight and position) of the arrays / their energy, digital layers left out",
            True,
        ),
        *_spread("latency_per_image_s", "s", f"time of {what} for an image, one layer after another"),
        *_spread("latency_change", "fraction", "against the dense design of the same hardware"),
        _field("latency_write_s", _FLOAT, "s", "of latency_per_image_s: writing operands to the arrays", True),
        _field(
            "images_until_worn",
            _FLOAT,
            "images",
            "after which cells that are written for every image have met the writes that they endure; null: never",
            True,
        ),
        *_spread("area_m2", "m2", f"area of {what.rstrip(',')}"),
        *_spread("area_change", "fraction", "against the dense design of the same hardware"),
        *(_field(f"area_{name}_m2", _FLOAT, "m^2", f"of area_m2: {text}", True) for name, text in _AREA_PARTS.items()),
        _field(
            "tops_per_mm2",
            _FLOAT,
            "1e12/(s mm^2)",
            "operations of the arrays a second, every layer at work on an image of its own, / their area",
            True,
        ),
        _field("tiles", _INT, "1", "arrays that hold the mapped layers", True),
        _field("converter", _TEXT, DIMENSIONLESS, "flash or sar; none for references (solver ideal or ideal_circuit)"),
        _field("cost_boundary", _TEXT, DIMENSIONLESS, "who pays for the popcount and the stored sums; what is counted"),
        _field("cost_assumptions", _TEXT, DIMENSIONLESS, "choices behind the central values of the costs"),
    ]


_DESIGN_COSTS = [
    *_costs("the network, mapped and digital layers,"),
    *(
        _field(f"energy_digital_{name}_J", _FLOAT, "J", f"of energy_per_image_J: {text}", True)
        for name, text in _DIGITAL_PARTS.items()
    ),
    _field("latency_digital_s", _FLOAT, "s", "of latency_per_image_s: digital layers", True),
    _field("area_digital_m2", _FLOAT, "m^2", "of area_m2: multipliers and weights of the digital layers", True),
    _field("digital_macs", _INT, "1/image", "multiplications of the digital layers that are counted", True),
    _field(
        "throughput_per_s",
        _FLOAT,
        "1/s",
        "images a second, every layer at work on an image of its own: 1 / time of the slowest",
        True,
    ),
    _field("energy_delay_Js", _FLOAT, "J s", "energy_per_image_J x latency_per_image_s", True),
]
_LAYER_COSTS = _costs("the layer on its tiles")


def _evidence(worst_of: str) -> list[pa.Field]:
    """What the fast solver misses, where it was the worst."""
    return [
        _field(name, _FLOAT, unit, f"{text}; the worst of {worst_of}", True)
        for name, unit, text in (
            ("evidence_rms_lsb", "LSB", "rms of fast minus exact current on held-out reads of this run"),
            ("evidence_worst_lsb", "LSB", "largest |fast minus exact current| on them"),
            ("evidence_changed", "fraction", "share of these reads whose codes differ"),
            ("evidence_converted_rms_lsb", "LSB", "rms difference of the codes"),
            ("evidence_converted_worst_lsb", "LSB", "largest difference of the codes"),
            ("evidence_top_bias_lsb", "LSB", "mean difference of the codes on reads of the highest sums"),
            ("evidence_output_error", "1", "rms difference of dot products / standard deviation of the ideal ones"),
            ("kcl_residual", "1", "largest Kirchhoff residual of the exact solves, relative"),
        )
    ] + [
        _field("evidence_reads", _INT, "1", "column reads of this run that were solved exactly for comparison"),
        _field("evidence_unsolved", _INT, "1", "those whose exact solve did not converge"),
    ]


_OF_CHIPS = [
    _field("chips", _INT, "chips", "chips evaluated; null where all chips are alike", True),
    _field("accuracy_chip_std", _FLOAT, "fraction", "standard deviation of the accuracy from chip to chip", True),
    _field(
        "accuracy_chip_p5",
        _FLOAT,
        "fraction",
        "accuracy that 95 % of the chips reach, on these images: 5th percentile over the chips",
        True,
    ),
    _field("yield", _FLOAT, "fraction", "share of the chips within pareto.yield_loss of ideal arithmetic", True),
    _field(
        "yield_low",
        _FLOAT,
        "fraction",
        "lower end of the 95 % Clopper-Pearson interval of the yield; with pareto.yield_width of the yield on "
        "all images of the sweep, wherever a race stops",
        True,
    ),
    _field(
        "yield_high",
        _FLOAT,
        "fraction",
        "upper end of the 95 % Clopper-Pearson interval of the yield; with pareto.yield_width of the yield on "
        "all images of the sweep, wherever a race stops",
        True,
    ),
    _field(
        "yield_loss", _FLOAT, "fraction", "accuracy that a chip of the yield may lose against ideal arithmetic", True
    ),
]

DESIGNS_SCHEMA = pa.schema(
    [
        *_AXES,
        _field("images", _INT, "images", "images evaluated, on every chip"),
        _field(
            "split_images",
            _INT,
            "images",
            "of the whole split: shards of chip c are stored with c x split_images added to the image",
            True,
        ),
        _field(
            "stopped",
            _TEXT,
            DIMENSIONLESS,
            "why a race gave it no more images and chips: beaten (another one surely is better), or yield known (as "
            "well as pareto.yield_width asks, of all that are left of its model, data set, world); empty: it got all",
            True,
        ),
        _field(
            "accuracy", _FLOAT, "fraction", "images classified rightly on the simulated hardware, mean of the chips"
        ),
        _field(
            "accuracy_low",
            _FLOAT,
            "fraction",
            "lower end of the 95 % interval of the accuracy: Wilson's, of chips and images where chips differ",
        ),
        _field("accuracy_high", _FLOAT, "fraction", "upper end of the 95 % interval of the accuracy"),
        _field("ideal_accuracy", _FLOAT, "fraction", "accuracy of the same network and images in ideal arithmetic"),
        _field("chance_accuracy", _FLOAT, "fraction", "accuracy of guessing: 1 / number of classes of the data set"),
        _field("accuracy_loss", _FLOAT, "fraction", "ideal_accuracy - accuracy"),
        *_OF_CHIPS,
        *_ERRORS_AND_SUMS,
        *_DESIGN_COSTS,
        _field(
            "on_front",
            _FLAG,
            DIMENSIONLESS,
            "on the front of its model, data set, world: corner, effects, age, reads, temperature",
        ),
        _field(
            "above_floor",
            _FLAG,
            DIMENSIONLESS,
            "as accurate as pareto.max_loss and min_accuracy ask; without either, more accurate than guessing by the "
            "low end of its interval",
        ),
        _field(
            "front_candidate",
            _FLAG,
            DIMENSIONLESS,
            "no design that costs no more surely is more accurate: the true front is among these, with 95 % confidence "
            "for its model, data set, world; false where stopped by a race or below the floor; null where chips "
            "differ and chip_accuracy is an objective",
            True,
        ),
        _field(
            "pareto_rank",
            _INT,
            "1",
            "1 on the front, 2 on the front of the rest ...; 0: an objective missing, below the floor, stopped by a "
            "race, a reference",
        ),
        _field(
            "front_support",
            _FLOAT,
            "fraction",
            "share of resamples of the images, and of the chips where chip_accuracy is an objective, with it on the "
            "front, no probability that it truly is; 0 stopped by a race or beyond the 2000 best ranks",
        ),
        _field("knee", _FLAG, DIMENSIONLESS, "the front's knee: farthest below the plane through its ends"),
        _field("solver", _TEXT, DIMENSIONLESS, "solver that was used"),
        *_evidence("any layer and kind of inputs"),
        _field(
            "evidence_within_limits",
            _FLAG,
            DIMENSIONLESS,
            "all of them converged, with codes within the limits of the sweep file in every layer; or every "
            "read was solved exactly",
        ),
        _field("model_digest", _TEXT, DIMENSIONLESS, "sha256 of graph and weights"),
        _field("dataset_digest", _TEXT, DIMENSIONLESS, "sha256 of images and labels"),
        _field("dataset_split", _TEXT, DIMENSIONLESS, "split of the data set"),
        _field(
            "solver_version",
            _TEXT,
            DIMENSIONLESS,
            "version of the simulation, passes revised since, device if not numba",
        ),
        _field("package_version", _TEXT, DIMENSIONLESS, "version of binsparx that prepared the design"),
        _field("git_commit", _TEXT, DIMENSIONLESS, "commit that prepared the design, where it ran from a checkout"),
    ]
)

LAYERS_SCHEMA = pa.schema(
    [
        *_AXES,
        _field("layer", _TEXT, DIMENSIONLESS, "name of the network's layer"),
        _field("layer_index", _INT, DIMENSIONLESS, "place among the mapped layers, from 0"),
        _field("images", _INT, "images", "images evaluated, on every chip: counts are of all chips together"),
        *_ERRORS_AND_SUMS,
        *_LAYER_COSTS,
        _field("inputs", _INT, "rows", "rows that the layer fills"),
        _field("stored_columns", _INT, "columns", "columns of all row groups"),
        _field(
            "weight_flips",
            _INT,
            "columns",
            "columns that are stored complemented; on the first chip, where each has its own",
        ),
        _field("activation_reads", _INT, "1", "input sub-vectors applied, for all images on all chips"),
        _field("activation_flips", _INT, "1", "of activation_reads: sub-vectors applied complemented"),
        _field("applied_ones", _INT, "1", "rows driven, summed over activation_reads"),
        _field("column_reads", _INT, "1", "column reads, for all images on all chips"),
        _field("clipped", _INT, "1", "of column_reads: beyond the converter's range"),
        *_evidence("either kind of inputs"),
        _field(
            "evidence_inputs",
            _TEXT,
            DIMENSIONLESS,
            "kind of inputs on which codes miss more: ideal, of the ideal network, or own, of the arrays "
            "before; empty without evidence",
        ),
    ]
)

CHIPS_SCHEMA = pa.schema(
    [
        *_AXES,
        _field(
            "chip",
            _INT,
            DIMENSIONLESS,
            "index of the chip, from 0: the same chip in every design and sweep of one seed",
        ),
        _field("images", _INT, "images", "images evaluated on the chip"),
        _field("accuracy", _FLOAT, "fraction", "images classified rightly on the chip"),
        _field("accuracy_low", _FLOAT, "fraction", "lower end of the 95 % Wilson interval of the chip's accuracy"),
        _field("accuracy_high", _FLOAT, "fraction", "upper end of the 95 % Wilson interval of the chip's accuracy"),
        _field("accuracy_loss", _FLOAT, "fraction", "ideal arithmetic's accuracy - accuracy"),
        *_ERRORS_AND_SUMS,
    ]
)

SHARDS_SCHEMA = pa.schema(
    [
        _field("design_key", _TEXT, DIMENSIONLESS, "design"),
        _field("sweep", _TEXT, DIMENSIONLESS, "name of the sweep"),
        _field("chip", _INT, DIMENSIONLESS, "index of the chip; 0 where chips do not differ", True),
        _field("first_image", _INT, "images", "first image of the shard"),
        _field("images", _INT, "images", "images of the shard"),
        _field("correct", _INT, "images", "classified rightly on the simulated hardware"),
        _field("ideal_correct", _INT, "images", "classified rightly in ideal arithmetic"),
        _field("column_reads", _INT, "1", "column reads"),
        _field("partial_sum", _FLOAT, "LSB", "sum of analog partial sums"),
        _field("dense_partial_sum", _FLOAT, "LSB", "the same without flips and pruning"),
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
            "place on the front of its model, data set, world; 0 is cheapest in the first cost",
        ),
        *_AXES,
        _field("objectives", _TEXT, DIMENSIONLESS, "what the front was drawn for, with commas"),
        _field(
            "front_support",
            _FLOAT,
            "fraction",
            "share of resamples of the images, and of the chips where chip_accuracy is an objective, with it on the "
            "front",
        ),
        _field("knee", _FLAG, DIMENSIONLESS, "the front's knee: farthest below the plane through its ends"),
        _field("accuracy", _FLOAT, "fraction", "images classified rightly on the simulated hardware"),
        _field("accuracy_low", _FLOAT, "fraction", "lower end of the 95 % interval of the accuracy"),
        _field("accuracy_high", _FLOAT, "fraction", "upper end of the 95 % interval of the accuracy"),
        *_OF_CHIPS,
        _field("energy_per_image_J", _FLOAT, "J", "energy of the network for an image", True),
        _field("energy_change", _FLOAT, "fraction", "against the dense design of the same hardware", True),
        _field("latency_per_image_s", _FLOAT, "s", "time of the network for an image", True),
        _field("area_m2", _FLOAT, "m^2", "area of the network's tiles and digital layers", True),
        _field("mean_column_current_A", _FLOAT, "A", "solved current of a column while it is read, mean"),
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

AXIS_COLUMNS = tuple(field.name for field in _AXES)
"""Columns that name a design point, in every table that has one row for each."""

HARDWARE_COLUMNS = tuple(name for name in AXIS_COLUMNS if name not in ("design_key", "sweep", *LEVEL_COLUMNS))
"""Columns of ``designs`` that are the same for all sparsity levels of one hardware design."""


RECOMMENDATIONS_SCHEMA = pa.schema(
    [
        *_AXES,
        _field(
            "place", _INT, DIMENSIONLESS, "0: recommended, or closest; 1, 2 ...: other finalists; -1: dense storage"
        ),
        _field("mitigation_set", _TEXT, DIMENSIONLESS, "what is done, with plus signs between passes"),
        _field(
            "verdict",
            _TEXT,
            DIMENSIONLESS,
            "of the recommended set: confirmed, likely or missed (no set seems to reach the target); else empty",
        ),
        _field("target", _FLOAT, "fraction", "loss of accuracy against ideal arithmetic that is allowed"),
        _field("confidence_asked", _FLOAT, "fraction", "that a confirmed set loses less than the target"),
        _field(
            "confidence",
            _FLOAT,
            "fraction",
            "that the set loses less than the target, by itself; null: not tested",
            True,
        ),
        _field(
            "confirmed", _FLAG, DIMENSIONLESS, "as sure as was asked, and so is each finalist that was tested before it"
        ),
        _field("least", _TEXT, DIMENSIONLESS, "cost that should be least"),
        _field("images", _INT, "images", "that confirm: none of them had a say in what was chosen"),
        _field("accuracy", _FLOAT, "fraction", "on the images that confirm"),
        _field("accuracy_low", _FLOAT, "fraction", "lower end of the 95 % Wilson interval of the accuracy"),
        _field("accuracy_high", _FLOAT, "fraction", "upper end of the 95 % Wilson interval of the accuracy"),
        _field("ideal_accuracy", _FLOAT, "fraction", "of ideal arithmetic on the same images"),
        _field("change_from_ideal", _FLOAT, "fraction", "accuracy - ideal_accuracy"),
        _field("change_from_ideal_low", _FLOAT, "fraction", "lower end of its 95 % interval, image by image"),
        _field("change_from_ideal_high", _FLOAT, "fraction", "upper end of its 95 % interval, image by image"),
        _field("energy_per_image_J", _FLOAT, "J", "energy of the network for an image", True),
        _field("energy_change", _FLOAT, "fraction", "against dense storage on the same hardware", True),
        _field("latency_per_image_s", _FLOAT, "s", "time of the network for an image", True),
        _field("latency_change", _FLOAT, "fraction", "against dense storage on the same hardware", True),
        _field("area_m2", _FLOAT, "m^2", "area of the network's tiles and digital layers", True),
        _field("area_change", _FLOAT, "fraction", "against dense storage on the same hardware", True),
        _field("evidence_within_limits", _FLAG, DIMENSIONLESS, "as in designs.parquet"),
    ]
)
"""Written by ``binsparx recommend SWEEP.yaml``, beside the tables of a run."""

SCHEMAS = {
    "designs": DESIGNS_SCHEMA,
    "layers": LAYERS_SCHEMA,
    "chips": CHIPS_SCHEMA,
    "shards": SHARDS_SCHEMA,
    "pareto": PARETO_SCHEMA,
    "timings": TIMINGS_SCHEMA,
}

RECOMMENDATIONS = "recommendations"
TABLES = {**SCHEMAS, RECOMMENDATIONS: RECOMMENDATIONS_SCHEMA}
"""All that may lie in the folder of a sweep."""
