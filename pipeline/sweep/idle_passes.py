"""What a plan says of passes and flips that cannot do anything in some designs, and of what cannot do anything beside
them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.sweep.axes import ADC_FIT, ADC_RANGE, ENCODING, ROW_ORDER, SETS, SPARSITY
from pipeline.sweep.field_types import NO_EFFECTS
from pipeline.sweep.points import DesignPoint
from simcore.design_axes import ACTIVATION_LEVELS, WEIGHT_LEVELS
from simcore.encodings import ENCODINGS, Encoding
from simcore.passes import NONE, PASSES, PassName, passes_of


def idle_pass_notes(points: Iterable[DesignPoint]) -> tuple[str, ...]:
    """One line a pass that some designs have in vain, one a range of converters that some have beside a pass, and one
    an encoding in which something is without effect.

    Args:
        points: of a plan.
    """
    points = list(points)
    met = {
        (
            str(point.level_columns[SETS.column]),
            str(point.configuration.setting(ENCODING.column)),
            point.configuration.study.effects == NO_EFFECTS,
            _range_of(point),
        )
        for point in points
        if point.level_columns[SETS.column] != NONE and not point.configuration.is_reference
    }
    notes = (note for one in sorted(met) for note in _notes(*one))
    return (*dict.fromkeys(notes), *_encoding_notes(points))


def idle_in_encoding(point: DesignPoint) -> list[str]:
    """What a point asks for that its encoding leaves nothing to do: flips, what serves them, and passes."""
    encoding = _encoding_of(point)
    level, order = str(point.level_columns[SPARSITY.column]), str(point.configuration.setting(ROW_ORDER.column))
    weights, activations = level in WEIGHT_LEVELS, level in ACTIVATION_LEVELS
    flipped = (weights and encoding.flips_columns) or (activations and encoding.flips_inputs)
    named = [f"sparsity '{level}'"] if (weights or activations) and not flipped else []
    named += [f"row_order '{order}'"] if order == "grouped" and encoding.balanced else []
    passes = [PASSES[one.name] for one in passes_of(str(point.level_columns[SETS.column]))]
    idle = (one.name for one in passes if not one.acts_in(encoding) or (one.flips and not flipped))
    return named + [f"pass '{name}'" for name in idle]


def _encoding_notes(points: Iterable[DesignPoint]) -> Iterator[str]:
    """One line an encoding in which designs ask for flips, or for a pass, in vain."""
    idle: dict[str, set[str]] = {}
    terms: set[str] = set()
    constant: set[str] = set()
    bent: set[str] = set()
    for point in points:
        encoding = _encoding_of(point)
        if encoding.columns_an_output == 1 and not encoding.balanced:
            continue
        level = str(point.level_columns[SPARSITY.column])
        found = idle.setdefault(encoding.name, set())
        found.update(idle_in_encoding(point))
        flips_both = level in WEIGHT_LEVELS and level in ACTIVATION_LEVELS
        if flips_both and encoding.flips_inputs and not encoding.flips_columns:
            found.add(f"the weight flips of sparsity '{level}'")
        unflipped = encoding.balanced or level not in WEIGHT_LEVELS  # both columns get the same rows
        passes = passes_of(str(point.level_columns[SETS.column]))
        codes = encoding.columns_an_output // encoding.columns_a_conversion
        if any(one.name == "popcount_term" for one in passes):
            if codes > 1 and unflipped:
                terms.add(encoding.name)
            elif encoding.balanced:
                constant.add(encoding.name)
        if _bends_what_rows_decide(point):
            bent.add(encoding.name)
    for name, asked_in_vain in sorted(idle.items()):
        if asked_in_vain:
            yield (
                f"encoding '{name}' {_why(ENCODINGS[name])}: {', '.join(sorted(asked_in_vain))} without effect there, "
                "and without cost"
            )
    for name in sorted(terms):
        yield (
            f"pass 'popcount_term' adds as much to both columns of an output in encoding '{name}', where it cancels; "
            "what it costs is charged all the same"
        )
    for name in sorted(constant):
        yield (
            f"pass 'popcount_term' has next to nothing to tell in encoding '{name}': as many rows are on in every read "
            "of a row group, but where zeros pad an image; what it costs is charged all the same"
        )
    for name in sorted(bent):
        yield (
            f"pass 'bent_references' may do harm in encoding '{name}': what a difference of currents loses depends on "
            "the rows that are on, which its code does not tell; 'adc: {fit: least_squares}' does less of it, "
            "'digital_table:4' none"
        )


def _bends_what_rows_decide(point: DesignPoint) -> bool:
    """Thresholds bent to be right on average by a code that says little of what was lost."""
    encoding = _encoding_of(point)
    if not encoding.subtracts_currents or encoding.balanced:
        return False
    names = {one.name for one in passes_of(str(point.level_columns[SETS.column]))}
    unbiased = point.configuration.setting(ADC_FIT.column) == ADC_FIT.default
    return unbiased and "bent_references" in names and "digital_table" not in names


def _why(encoding: Encoding) -> str:
    """Why it leaves something without effect."""
    if encoding.balanced and encoding.subtracts_currents:
        return (
            "drives half of its rows whatever the inputs and subtracts currents, so that nothing is flipped and what "
            "is taken from both cancels"
        )
    if encoding.balanced:
        return "drives half of its rows whatever the inputs, so that nothing is flipped"
    return (
        "subtracts the currents of a weight and its complement, so that no column is flipped and what is taken from "
        "both cancels"
    )


def _encoding_of(point: DesignPoint) -> Encoding:
    return ENCODINGS[str(point.configuration.setting(ENCODING.column))]


def _range_of(point: DesignPoint) -> str:
    return str(point.configuration.setting(ADC_RANGE.column))


def _notes(text: str, encoding: str, nominal: bool, codes: str) -> Iterator[str]:
    passes: list[PassName] = [PASSES[one.name] for one in passes_of(text)]
    for one in passes:
        if not one.acts_in(ENCODINGS[encoding]):
            continue  # the encoding's note says so
        if nominal and one.around_faults:
            yield (
                f"'{one.name}' does nothing in designs without effects: no cell of theirs holds what was not written; "
                "what it costs is charged all the same"
            )
        if codes != ADC_RANGE.default and one.spans_measured:
            yield (
                f"adc.range '{codes}' has no say beside '{one.name}': where that acts, codes cover all that is "
                "measured on calibration images"
            )
