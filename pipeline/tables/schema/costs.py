"""What an image costs on a design or on one of its layers: energy, latency, area, and their spreads."""

from __future__ import annotations

import pyarrow as pa

from pipeline.columns import DIMENSIONLESS, FLOAT, INT, TEXT, column


def _spread(name: str, unit: str, description: str) -> list[pa.Field]:
    """A column with the ends of what is disputed beside it."""
    stem, end = (name, "") if unit == "fraction" else (name.removesuffix(f"_{unit}"), f"_{unit}")
    return [
        column(name, FLOAT, unit.replace("m2", "m^2"), description, True),
        column(f"{stem}_low{end}", FLOAT, unit.replace("m2", "m^2"), "the same, low end of its spread", True),
        column(f"{stem}_high{end}", FLOAT, unit.replace("m2", "m^2"), "the same, high end of its spread", True),
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
            column(f"energy_{name}_J", FLOAT, "J", f"of energy_per_image_J: {text}", True)
            for name, text in _ENERGY_PARTS.items()
        ),
        column("energy_leakage_J", FLOAT, "J", "of energy_per_image_J: tiles leak until the image is done", True),
        column("charge_per_image_C", FLOAT, "C", "charge that the columns draw in all reads of an image", True),
        column(
            "tops_per_watt",
            FLOAT,
            "1e12/J",
            "operations (1 bit x 1 bit, 2 a weight and position) of the arrays / their energy, digital layers left out",
            True,
        ),
        *_spread("latency_per_image_s", "s", f"time of {what} for an image, one layer after another"),
        *_spread("latency_change", "fraction", "against the dense design of the same hardware"),
        column("latency_write_s", FLOAT, "s", "of latency_per_image_s: writing operands to the arrays", True),
        column(
            "images_until_worn",
            FLOAT,
            "images",
            "after which cells that are written for every image have met the writes that they endure; null: never",
            True,
        ),
        *_spread("area_m2", "m2", f"area of {what.rstrip(',')}"),
        *_spread("area_change", "fraction", "against the dense design of the same hardware"),
        *(column(f"area_{name}_m2", FLOAT, "m^2", f"of area_m2: {text}", True) for name, text in _AREA_PARTS.items()),
        column(
            "tops_per_mm2",
            FLOAT,
            "1e12/(s mm^2)",
            "operations of the arrays a second, every layer at work on an image of its own, / their area",
            True,
        ),
        column("tiles", INT, "1", "arrays that hold the mapped layers", True),
        column("converter", TEXT, DIMENSIONLESS, "flash or sar; none for references (solver ideal or ideal_circuit)"),
        column("cost_boundary", TEXT, DIMENSIONLESS, "who pays for the popcount and the stored sums; what is counted"),
        column(
            "cost_assumptions",
            TEXT,
            DIMENSIONLESS,
            "technology, with a digest where it does not ship, corner and choices of the costs, and numbers that are "
            "not the technology's",
        ),
    ]


DESIGN_COSTS = [
    *_costs("the network, mapped and digital layers,"),
    *(
        column(f"energy_digital_{name}_J", FLOAT, "J", f"of energy_per_image_J: {text}", True)
        for name, text in _DIGITAL_PARTS.items()
    ),
    column("latency_digital_s", FLOAT, "s", "of latency_per_image_s: digital layers", True),
    column("area_digital_m2", FLOAT, "m^2", "of area_m2: multipliers and weights of the digital layers", True),
    column("digital_macs", INT, "1/image", "multiplications of the digital layers that are counted", True),
    column(
        "throughput_per_s",
        FLOAT,
        "1/s",
        "images a second, every layer at work on an image of its own: 1 / time of the slowest",
        True,
    ),
    column("energy_delay_Js", FLOAT, "J s", "energy_per_image_J x latency_per_image_s", True),
]
LAYER_COSTS = _costs("the layer on its tiles")
