"""What a plan says of passes and flips that cannot do anything in some designs, and of what cannot do anything beside
them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.sweep.axes import ADC_RANGE, ENCODING, SETS, SPARSITY
from pipeline.sweep.field_types import NO_EFFECTS
from pipeline.sweep.points import DesignPoint
from simcore.mapping.encodings import ENCODINGS
from simcore.passes import NONE, PASSES, PassName, passes_of


def idle_pass_notes(points: Iterable[DesignPoint]) -> tuple[str, ...]:
    """One line a pass that some designs have in vain, one a range of converters that some have beside a pass, and one
    an encoding in which nothing is flipped that designs want to flip.

    Args:
        points: of a plan.
    """
    points = list(points)
    met = {
        (str(point.level_columns[SETS.column]), point.configuration.study.effects == NO_EFFECTS, _range_of(point))
        for point in points
        if point.level_columns[SETS.column] != NONE and not point.configuration.is_reference
    }
    notes = (note for text, nominal, codes in sorted(met) for note in _notes(text, nominal, codes))
    return (*dict.fromkeys(notes), *_encodings_without_flips(points))


def _encodings_without_flips(points: Iterable[DesignPoint]) -> Iterator[str]:
    met: dict[str, set[str]] = {}
    for point in points:
        encoding, level = (str(point.columns[axis.column]) for axis in (ENCODING, SPARSITY))
        if ENCODINGS[encoding].balanced and level != SPARSITY.default:
            met.setdefault(encoding, set()).add(level)
    for encoding, levels in sorted(met.items()):
        named = ", ".join(f"'{level}'" for level in sorted(levels))
        yield (
            f"encoding '{encoding}' drives half of its rows whatever the inputs: sparsity {named} flips nothing there, "
            "comes out as 'dense' does and costs as much"
        )


def _range_of(point: DesignPoint) -> str:
    return str(point.configuration.setting(ADC_RANGE.column))


def _notes(text: str, nominal: bool, codes: str) -> Iterator[str]:
    passes: list[PassName] = [PASSES[one.name] for one in passes_of(text)]
    for one in passes:
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
