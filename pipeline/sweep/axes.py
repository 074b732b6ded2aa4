"""The axes of a sweep, each declared once.

Sweep file, matches, keys, tables, MLflow, terminal, report, completion and the docs go through these tuples. A new
scalar axis is an entry here and the field of ``simcore.design_axes`` that it sets.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from pipeline.sweep.axis import (
    Axis,
    BitsAxis,
    ConditionAxis,
    CountAxis,
    DependentAxis,
    EffectsAxis,
    MitigationsAxis,
    OverridesAxis,
    ScalarAxis,
)

_TIMES = {"year": 31_536_000, "day": 86_400, "hour": 3_600, "minute": 60}  # seconds


def _after(seconds: float) -> str:
    """``after 10 years``: in the largest unit that holds the time a whole number of times, so that no two times have
    one name."""
    for name, unit in _TIMES.items():
        count = seconds / unit
        if count >= 1 and count == int(count):
            return f"after {count:,.0f} {name}{'s' if count > 1 else ''}"
    return f"after {seconds:.12g} s"


MODEL = Axis(column="model", meaning="network")
DEVICE = Axis(column="device", meaning="bitcell preset, or the label of the user's own")
CORNER = Axis(column="corner", meaning="parameter corner of the bitcell and the wires")
OVERRIDES = OverridesAxis(column="overrides", meaning="circuit parameters replaced, as name=value;name=value")
SIZE = (
    CountAxis(column="rows", unit="rows", meaning="rows of an array"),
    CountAxis(column="cols", unit="columns", meaning="columns of an array"),
    CountAxis(column="active_rows", unit="rows", meaning="rows read together; the flips cover as many"),
)
ENCODING = ScalarAxis(
    field="encoding",
    column="encoding",
    meaning="how products of signs become cells and reads",
    example="`[zero_one, xnor_rows]`",
    guide="cells a weight, reads an output and what is left to the digital side, see [encodings](encodings.md)",
)
ROW_ORDER = ScalarAxis(
    field="row_order",
    column="row_order",
    meaning="order in which channels and kernel positions fill the rows",
    example="`spatial`",
    guide="what shares a row group: a channel's taps, a tap's channels, inputs that [agree](physics.md#binsparx)",
)
SETS = MitigationsAxis(
    field="mitigations",
    column="mitigations",
    meaning="what else is done against the errors of the arrays, a set of passes with plus signs between them",
    example="`[none, binsparx+bent_references]`",
    guide="sets of passes; they may name flips, pruning and row order too, see [mitigations](mitigations.md)",
)
PRUNE = ScalarAxis(
    field="prune",
    column="prune",
    unit="fraction",
    meaning="part of the remaining stored ones that is stored as zero",
    example="`[0, 0.1]`",
    guide="part of each column's remaining stored ones that is stored as 0",
)
SPARSITY = ScalarAxis(
    field="sparsity",
    required=True,
    column="sparsity",
    meaning="dense, weight, activation or binsparx (both flips)",
    example="`[dense, binsparx]`",
    guide="flips of stored columns, of applied sub-vectors, both or none; `dense` where `mitigations` is given",
)
LEVEL = (SPARSITY, PRUNE, SETS)
"""The sparsity level: what the designs of one configuration differ in."""
ADC_RANGE = ScalarAxis(
    field="adc.range",
    column="adc_range",
    meaning="what the codes of the converter cover",
    example="`[full_scale, fixed]`",
    guide="what the codes cover, see [physics](physics.md#sensing)",
)
ADC_FIT = DependentAxis(
    field="adc.fit",
    idle_beside="nominal",  # what is never re-ranged knows no fit
    column="adc_fit",
    meaning="how it is re-ranged on calibration inputs; unbiased where it never is",
    example="`least_squares`",
    guide="how it is re-ranged; without effect where `reference` is `nominal`",
)
CONVERTER = (
    BitsAxis(
        field="adc.bits",
        column="adc_bits",
        unit="bit",
        meaning="resolution of the converter",
        example="`[5, lossless]`",
        guide="1 to 16, or `lossless`: a code for each sum of the active rows, or difference of two",
    ),
    ScalarAxis(
        field="adc.reference",
        column="adc_reference",
        meaning="how one LSB of the converter is set",
        example="`calibrated`",
        guide="how one LSB is set, see [physics](physics.md#sensing)",
    ),
    ADC_FIT,
    ADC_RANGE,
    ScalarAxis(
        field="adc.offset_lsb",
        column="adc_offset",
        unit="codes",
        meaning="offset of the converter",
        example="`0.5`",
        guide="offset",
    ),
    ScalarAxis(
        field="adc.gain",
        column="adc_gain",
        unit="1",
        meaning="gain of the converter",
        example="`[0.98, 1.02]`",
        guide="gain, beside the reference's own",
    ),
    ScalarAxis(
        field="adc.noise_lsb",
        column="adc_noise",
        unit="codes",
        meaning="rms noise of the converter",
        example="`0.3`",
        guide="standard deviation of the noise",
    ),
)
CALIBRATION = CountAxis(
    column="calibration_images",
    unit="images",
    meaning="images that set constants, orders and converters",
    nullable=True,
)
EFFECTS = EffectsAxis(
    column="effects",
    meaning="device effects that make chips differ, with plus signs between them; none: every chip is the nominal one",
)
CONDITIONS = (
    ConditionAxis(
        field="age_s",
        word="age",
        told=_after,
        column="age_s",
        unit="s",
        meaning="time since the cells were programmed, where an effect depends on it",
        example="`[1, 86400]`",
        guide="seconds since programming, for [effects](chips.md) that depend on it",
    ),
    ConditionAxis(
        field="reads",
        word="reads",
        told="after {:,.12g} reads".format,
        column="reads",
        unit="1",
        meaning="reads of every cell since it was programmed, where an effect depends on it",
        example="`[0, 1000000]`",
        guide="reads of every cell since programming, for effects that depend on it",
    ),
    ConditionAxis(
        field="temperature_K",
        word="temperature",
        told="at {:.12g} K".format,
        column="temperature_K",
        unit="K",
        meaning="temperature of the chip, where an effect depends on it",
        example="`[300, 358]`",
        guide="of the chip, for effects that depend on it",
    ),
)
"""What device effects depend on; of no meaning without any."""
CALIBRATED_ON = ScalarAxis(
    field="calibrated_on",
    column="calibrated_on",
    meaning="what is measured to set converters and outputs: the nominal design, or every chip",
    example="`[design, chip]`",
    guide="whether converters and recalibrated outputs are set once, on the nominal `design`, "
    "or on every `chip`, as a tester would",
)
OF_EFFECTS = (*CONDITIONS, CALIBRATED_ON)
"""Axes that mean nothing without device effects: their defaults then stand for all."""
WORLD = (CORNER, EFFECTS, *CONDITIONS)
"""What the world turns out to be, not a choice: designs are compared within one world."""
SEED = ScalarAxis(
    field="seed",
    in_file="seeds",
    column="seed",
    meaning="seed of all that is random in the design, its chips among it",
    example="`[0, 1]`",
    guide="seeds of the fit's draws, of the converter noise and of the [chips](chips.md): each seed has `chips` of "
    "its own",
)
SOLVER = ScalarAxis(
    field="solver",
    column="solver_setting",  # ``solver`` is the one that was used
    matched_as="solver",
    meaning="solver that was asked for: auto, exact, fast, ideal or ideal_circuit",
    example="`exact`",
    guide="`fast`: the fit; `auto`: the fit, or an exact matrix for a linear array; `ideal`, `ideal_circuit`: "
    "[references](#references)",
)

AXES: tuple[Axis, ...] = (
    *(MODEL, DEVICE, CORNER, OVERRIDES, *SIZE, ENCODING, ROW_ORDER),
    *(*LEVEL, *CONVERTER, CALIBRATION, EFFECTS, *OF_EFFECTS, SEED, SOLVER),
)
"""All of them in the order of the tables' columns."""
CONFIGURATION: tuple[ScalarAxis, ...] = (ENCODING, ROW_ORDER, *CONVERTER, *OF_EFFECTS, SEED, SOLVER)
"""The scalar axes of a configuration, in the order in which they are multiplied; the levels run fastest."""
SCALARS = (*CONFIGURATION, *LEVEL)
MATCHED: tuple[Axis, ...] = (
    *(MODEL, DEVICE, CORNER, *SIZE, ENCODING, ROW_ORDER, *CONVERTER, OVERRIDES, CALIBRATION, EFFECTS, *OF_EFFECTS),
    *(SOLVER, SEED),
    *LEVEL,
)
"""All of them in the order in which ``exclude`` and ``points`` list them."""

CONFIGURATION_COLUMNS = tuple(axis.column for axis in CONFIGURATION)
WORLD_COLUMNS = tuple(axis.column for axis in WORLD)
LEVEL_COLUMNS = tuple(axis.column for axis in LEVEL)
DENSE = tuple(axis.default for axis in LEVEL)
"""The level that stores and applies everything as it is."""


def by_design_field(axes: Iterable[ScalarAxis]) -> dict[str, tuple[ScalarAxis, ...]]:
    """Axes that set one field of the design together, by its name: those of ``adc``, each other one by itself."""
    groups = itertools.groupby(axes, key=lambda axis: axis.field.partition(".")[0])
    return {name: tuple(group) for name, group in groups}
