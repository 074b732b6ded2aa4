"""What a plan says of passes and flips that cannot do anything in some designs, and of what cannot do anything beside
them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.sweep.axes import ADC_RANGE, ENCODING, ROW_ORDER, SETS, SPARSITY
from pipeline.sweep.field_types import NO_EFFECTS
from pipeline.sweep.points import DesignPoint
from simcore.encodings import ENCODINGS
from simcore.passes import NONE, PASSES, PassName, passes_of


def idle_pass_notes(points: Iterable[DesignPoint]) -> tuple[str, ...]:
    """One line a pass that some designs have in vain, one a range of converters that some have beside a pass, and one
    an encoding in which something is without effect.

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
    return (*dict.fromkeys(notes), *_encoding_notes(points))


def flips_in_vain(point: DesignPoint) -> list[str]:
    """Flips that a point asks for, and what serves them, where its encoding leaves nothing to flip."""
    if not ENCODINGS[str(point.configuration.setting(ENCODING.column))].balanced:
        return []
    level, order = str(point.level_columns[SPARSITY.column]), str(point.configuration.setting(ROW_ORDER.column))
    named = [f"sparsity '{level}'"] if level != SPARSITY.default else []
    named += [f"row_order '{order}'"] if order == "grouped" else []
    passes = passes_of(str(point.level_columns[SETS.column]))
    return named + [f"pass '{one.name}'" for one in passes if PASSES[one.name].needs_flips]


def _encoding_notes(points: Iterable[DesignPoint]) -> Iterator[str]:
    """One line an encoding in which designs ask for flips, or for a pass, in vain."""
    flips: dict[str, set[str]] = {}
    terms: set[str] = set()
    for point in points:
        encoding = ENCODINGS[str(point.configuration.setting(ENCODING.column))]
        if not encoding.balanced and encoding.columns_an_output == 1:
            continue
        flips.setdefault(encoding.name, set()).update(flips_in_vain(point))
        unflipped = encoding.balanced or point.level_columns[SPARSITY.column] == SPARSITY.default
        passes = passes_of(str(point.level_columns[SETS.column]))
        if encoding.columns_an_output > 1 and unflipped and any(one.name == "popcount_term" for one in passes):
            terms.add(encoding.name)
    for name, named_in_vain in sorted(flips.items()):
        if named_in_vain:
            yield (
                f"encoding '{name}' drives half of its rows whatever the inputs, so that nothing is flipped: "
                f"{', '.join(sorted(named_in_vain))} without effect there, and without cost"
            )
    for name in sorted(terms):
        yield (
            f"pass 'popcount_term' adds as much to both columns of an output in encoding '{name}', where it cancels; "
            "what it costs is charged all the same"
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
