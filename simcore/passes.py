"""Which training-free mitigations there are beside the flips, by name: what designs, sweep files and the command line
may ask for. What each does stands in a file of its own under ``simcore.mitigation``.

A set of passes is written with a plus between them, ``bent_references+popcount_term``, a number that a pass takes after
a colon, ``flip_above:0.4``. However it is written, the set is kept in the order in which its passes act.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from simcore.encodings import Encoding
from simcore.errors import nearest_name

NONE = "none"
"""The set without any pass."""


class Hardware(IntEnum):
    """How much of it a design has: ideal arithmetic, ideal arrays behind real converters, or all of it."""

    NONE = 0
    CONVERTERS = 1
    ARRAYS = 2


_OF_SOLVER = {"ideal": Hardware.NONE, "ideal_circuit": Hardware.CONVERTERS}


@dataclass(frozen=True)
class PassName:
    """A pass as people ask for it.

    Attributes:
        name: its own.
        meaning: what it does, in half a sentence.
        number: what its number means, where it takes one.
        example: a number that it takes.
        above: the number is more than this.
        below: the number is less than this.
        whole: the number is a whole one.
        contradicts: passes that do the same work.
        widens: the resistance of the circuit that is divided by the number.
        independent_columns: it needs columns that do not see each other.
        flips: it changes which flips there are.
        needs_bends: it changes how bent thresholds are kept.
        sets_converters: it sets converters on calibration inputs, so that these have to be re-ranged.
        bends_thresholds: the converters' thresholds lie at other than equal distances.
        sets_range: it says what codes cover, so that ``adc.range`` must not.
        spans_measured: where it acts codes cover all that is measured, whatever ``adc.range`` says.
        around_faults: it acts on cells that hold what was not written, which only device effects make.
        activation_flips: it changes how sub-vectors are complemented.
        weight_flips: it changes which columns are stored complemented.
        takes_from_currents: it takes as much from the current of every column.
        own_error: it errs where arrays are ideal and codes are enough, or rounds what others set.
        least_hardware: with less of a design than this it changes no number (see ``passes_acting``).
        moves_rows: it changes nothing but the order of rows within those that are read together.
        tells_rows_apart: what it does depends on that order.
        least_images: calibration images that it needs: a judgement.
        revision: raised where what it computes changes, so that designs that use it get new keys (``revisions``).
    """

    name: str
    meaning: str
    number: str = ""
    example: float = 0.0
    above: float = 0.0
    below: float = 0.0
    whole: bool = False
    contradicts: tuple[str, ...] = ()
    widens: str = ""
    independent_columns: bool = False
    flips: bool = False
    needs_bends: bool = False
    sets_converters: bool = False
    bends_thresholds: bool = False
    sets_range: bool = False
    spans_measured: bool = False
    around_faults: bool = False
    activation_flips: bool = False
    weight_flips: bool = False
    takes_from_currents: bool = False
    own_error: bool = False
    least_hardware: Hardware = Hardware.ARRAYS
    moves_rows: bool = False
    tells_rows_apart: bool = False
    least_images: int = 1
    revision: int = 1

    def acts_in(self, encoding: Encoding) -> bool:
        """Whether an encoding leaves it something to do: there are flips that it needs, and what it takes from currents
        does not cancel."""
        if self.takes_from_currents and encoding.subtracts_currents:
            return False
        if self.flips:
            return encoding.flips_columns or encoding.flips_inputs
        needs = (self.weight_flips, encoding.flips_columns), (self.activation_flips, encoding.flips_inputs)
        return all(there for needed, there in needs if needed)


PASSES: dict[str, PassName] = {
    one.name: one
    for one in (
        PassName(
            "wide_sink",
            "sinks of so many times the width: less of the bit line's voltage is lost in them",
            number="width as a multiple of the bitcell's",
            example=2,
            above=1.0,
            below=64.0,
            widens="r_sink",
        ),
        PassName(
            "wide_driver",
            "the same of the drivers that feed the cells",
            number="width as a multiple of the bitcell's",
            example=2,
            above=1.0,
            below=64.0,
            widens="r_driver",
        ),
        PassName(
            "near_sink",
            "rows that carry most current lie next to the sink, within the rows read together",
            least_hardware=Hardware.NONE,
            moves_rows=True,
        ),
        PassName(
            "flip_above",
            "sub-vectors are complemented above this share of ones, not above one half",
            number="share of ones",
            example=0.4,
            below=1.0,
            activation_flips=True,
            least_hardware=Hardware.NONE,
            revision=2,
        ),
        PassName(
            "sampled_popcount",
            "one row of so many is counted to decide whether a sub-vector is complemented",
            number="rows of which one is counted",
            example=4,
            above=1.0,
            below=65.0,
            whole=True,
            activation_flips=True,
            least_hardware=Hardware.NONE,
            tells_rows_apart=True,
        ),
        PassName(
            "flips_where_they_pay",
            "each layer keeps the flips that lower its error on calibration reads, and no logic for others",
            flips=True,
            contradicts=("fault_aware_flips",),
            least_images=4,
            revision=2,
        ),
        PassName(
            "reference_column",
            "the current of a column of OFF cells is taken from every column's",
            independent_columns=True,
            takes_from_currents=True,
        ),
        PassName(
            "fault_aware_rows",
            "rows of each chip take the inputs whose bits most of its stuck cells hold",
            around_faults=True,
            revision=2,
        ),
        PassName(
            "fault_aware_flips",
            "columns of each chip are stored so that most of its stuck cells hold the right bit",
            weight_flips=True,
            around_faults=True,
            revision=2,
        ),
        PassName(
            "reference_bits",
            "the ends of a converter's range are kept with so many bits",
            number="bits of either end",
            example=8,
            above=0.0,
            below=17.0,
            whole=True,
            sets_converters=True,
            own_error=True,
            least_hardware=Hardware.CONVERTERS,
            revision=2,
        ),
        PassName(
            "bent_references",
            "converter thresholds where the mean currents of neighbouring sums part",
            sets_converters=True,
            least_hardware=Hardware.CONVERTERS,
            bends_thresholds=True,
            least_images=4,
        ),
        PassName(
            "popcount_term",
            "partial sums get a multiple of the number of rows that are on",
            sets_converters=True,
            spans_measured=True,
            least_hardware=Hardware.CONVERTERS,
            least_images=4,
            revision=2,
        ),
        PassName(
            "nonuniform_codes",
            "codes lie closest where partial sums are most frequent (Max)",
            sets_converters=True,
            own_error=True,
            least_hardware=Hardware.CONVERTERS,
            bends_thresholds=True,
            sets_range=True,
            least_images=4,
            revision=3,
        ),
        PassName(
            "threshold_grid",
            "bent thresholds lie on a grid so many bits finer than codes",
            number="bits by which the grid is finer than codes",
            example=2,
            above=-1.0,
            below=9.0,
            whole=True,
            sets_converters=True,
            own_error=True,
            least_hardware=Hardware.CONVERTERS,
            needs_bends=True,
        ),
        PassName(
            "digital_table",
            "partial sums are looked up by code and number of rows that are on",
            number="bits of that number in the address",
            example=4,
            above=-1.0,
            below=9.0,
            whole=True,
            contradicts=("popcount_term", "nonuniform_codes"),
            sets_converters=True,
            spans_measured=True,
            own_error=True,
            least_hardware=Hardware.CONVERTERS,
            least_images=4,
            revision=2,
        ),
        PassName(
            "recalibrated_outputs",
            "gain and offset of every output, folded into the batch norm that follows",
            least_hardware=Hardware.CONVERTERS,
            least_images=8,
            revision=2,
        ),
    )
}
"""In the order in which they act."""


@dataclass(frozen=True)
class Pass:
    """One pass of a set.

    Attributes:
        name: of ``PASSES``.
        number: where the pass takes one.
    """

    name: str
    number: float | None = None

    def __str__(self) -> str:
        if self.number is None:
            return self.name
        short = f"{self.number:g}"
        return f"{self.name}:{short if float(short) == self.number else repr(self.number)}"


def passes_of(text: str) -> tuple[Pass, ...]:
    """The passes of a set, in the order in which they act.

    Args:
        text: the set.

    Raises:
        ValueError: an unknown pass (the nearest name is offered), one that is there twice, passes that contradict each
            other, a number that is missing, too many or out of range.

    Example:
        >>> [str(one) for one in passes_of("popcount_term + bent_references")]
        ['bent_references', 'popcount_term']
    """
    return _in_order(_parsed(part) for part in text.split("+")) if text.strip() != NONE else ()


def canonical(value: object) -> str:
    """A set of passes as designs keep it.

    Args:
        value: the set as text, or a list of passes.

    Raises:
        ValueError: as ``passes_of`` has it, or something else than text or a list of it.
    """
    parts: list[str] = []
    for part in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(part, str):
            raise ValueError(f"expected a set of passes such as 'bent_references+popcount_term', found {part!r}")
        parts.append(part)
    return text_of(passes_of("+".join(parts) if parts else NONE))


def passes_acting(text: str, solver: str, tells_rows_apart: bool) -> str:
    """The set with only those passes that can change a number of designs with this solver: all of them where it has
    arrays.

    Args:
        text: the set.
        solver: of the design; of references the name of their kind.
        tells_rows_apart: something else in the design depends on the order of rows that are read together.

    Example:
        >>> passes_acting("near_sink+sampled_popcount:4+bent_references", "ideal", tells_rows_apart=False)
        'near_sink+sampled_popcount:4'
    """
    hardware = _OF_SOLVER.get(solver, Hardware.ARRAYS)
    if hardware == Hardware.ARRAYS:
        return text
    passes = passes_of(text)
    tells_rows_apart |= any(PASSES[one.name].tells_rows_apart for one in passes)
    return text_of(
        one
        for one in passes
        if PASSES[one.name].least_hardware <= hardware and (tells_rows_apart or not PASSES[one.name].moves_rows)
    )


def without_own_error(text: str) -> str:
    """The set without passes that err by themselves.

    Args:
        text: the set.
    """
    return text_of(one for one in passes_of(text) if not PASSES[one.name].own_error)


def text_of(passes: Iterable[Pass]) -> str:
    """A set as designs keep it, of passes in the order in which they act."""
    return "+".join(map(str, passes)) or NONE


def revisions(text: str) -> str:
    """What a solver version says of a set of passes: those that no longer compute what they did at first, in the order
    in which they act.

    Args:
        text: the set.

    Raises:
        ValueError: as ``passes_of`` has it.

    Example:
        >>> revisions("popcount_term+near_sink")
        '+popcount_term.2'
    """
    revised = (PASSES[one.name] for one in passes_of(text))
    return "".join(f"+{one.name}.{one.revision}" for one in revised if one.revision > 1)


def without_revisions(version: str) -> str:
    """A solver version without the revisions of passes and settings that it names.

    Args:
        version: as rows have it.

    Example:
        >>> without_revisions("7.2+popcount_term.2+cuda")
        '7.2+cuda'
    """
    return re.sub(r"\+[a-z_]+\.\d+", "", version)


def _in_order(passes: Iterable[Pass]) -> tuple[Pass, ...]:
    found = sorted(passes, key=lambda one: list(PASSES).index(one.name))
    for one, following in zip(found, found[1:], strict=False):
        if one.name == following.name:
            raise ValueError(f"pass '{one.name}' is there twice")
    names = {one.name for one in found}
    for one in found:
        for other in PASSES[one.name].contradicts:
            if other in names:
                raise ValueError(f"passes '{one.name}' and '{other}' contradict each other: both decide the same")
    return tuple(found)


def _parsed(text: str) -> Pass:
    name, colon, number = (part.strip() for part in text.partition(":"))
    known = PASSES.get(name)
    if name == NONE:
        raise ValueError(f"'{NONE}' stands alone, found it in a set with others")
    if known is None:
        nearest = nearest_name(name, PASSES)
        hint = f"; did you mean '{nearest}'?" if nearest else ""
        raise ValueError(f"unknown pass '{name}'{hint} (known: {NONE}, {', '.join(PASSES)})")
    if not known.number:
        if colon:
            raise ValueError(f"pass '{name}' takes no number, found '{number}'")
        return Pass(name)
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not known.above < value < known.below or (known.whole and value != round(value)):
        example, kind = f"{name}:{known.example:g}", "a whole number " if known.whole else ""
        raise ValueError(
            f"pass '{name}' takes its {known.number}, {kind}more than {known.above:g} and less than {known.below:g}, "
            f"such as '{example}'; found '{text.strip()}'"
        )
    return Pass(name, value)
