"""Sets of mitigations as a sweep file has them: passes of ``simcore.passes`` with a plus between them, and in the same
way what other fields stand for, ``binsparx+grouped+bent_references`` or ``weight_flip+pruning:0.1``.

What a set says of another field is kept in that field: keys and columns are as if the fields had been used.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.sweep.field_types import AxisValue
from simcore.errors import InputError, nearest_name
from simcore.passes import NONE, PASSES, canonical

MITIGATIONS = "mitigations"
PRUNING = "pruning"
MOST_SETS = 4096
"""That one ``subsets_of`` may stand for."""


@dataclass(frozen=True)
class StandsFor:
    """A name in a set that means a value of another field.

    Attributes:
        column: of the axis that has the value.
        value: None where the name takes a number.
        meaning: what it does, in half a sentence.
    """

    column: str
    value: AxisValue | None
    meaning: str


STANDING_FOR: dict[str, StandsFor] = {
    "channel": StandsFor("row_order", "channel", "a channel's kernel taps side by side, as layers come"),
    "spatial": StandsFor("row_order", "spatial", "a tap's channels side by side"),
    "grouped": StandsFor("row_order", "grouped", "inputs that agree share a row group, so that flips leave few ones"),
    "dense": StandsFor("sparsity", "dense", "nothing is complemented"),
    "weight_flip": StandsFor("sparsity", "weight", "columns with more than half ones are stored complemented"),
    "activation_flip": StandsFor("sparsity", "activation", "sub-vectors with more than half ones are complemented"),
    "binsparx": StandsFor("sparsity", "binsparx", "both flips"),
    PRUNING: StandsFor("prune", None, "this part of each column's remaining ones is stored as zero"),
    "re_ranging": StandsFor("adc_reference", "calibrated", "every row group's converters are set on calibration reads"),
}
"""In the order in which they act, all of them before the passes but for re-ranging, which is the first of those that
set converters."""
_BOTH_FLIPS = {"weight", "activation"}


@dataclass(frozen=True)
class MitigationSet:
    """One set.

    Attributes:
        passes: those of ``simcore.passes``, as designs keep them.
        fields: what the set says of other fields, by the columns of their axes, in the order of ``STANDING_FOR``.
    """

    passes: str = NONE
    fields: tuple[tuple[str, AxisValue], ...] = ()

    def __str__(self) -> str:
        names = [name_of(column, value) for column, value in self.fields]
        return "+".join([*names, *([] if self.passes == NONE and names else [self.passes])])

    def matches(self, columns: Mapping[str, AxisValue]) -> bool:
        """Whether a design with these values of its axes is one of the set's."""
        return columns[MITIGATIONS] == self.passes and all(columns[name] == value for name, value in self.fields)


def name_of(column: str, value: AxisValue) -> str:
    """What sets call a value of another field.

    Args:
        column: of its axis.
        value: one that has a name.

    Example:
        >>> name_of("sparsity", "weight"), name_of("prune", 0.1)
        ('weight_flip', 'pruning:0.1')
    """
    if column == "prune":
        return f"{PRUNING}:{value:g}"
    return next(name for name, one in STANDING_FOR.items() if (one.column, one.value) == (column, value))


def set_of(columns: Mapping[str, AxisValue]) -> MitigationSet:
    """The set that a design stands for, which names every flip, order and pruning at work.

    Args:
        columns: of the design: ``row_order``, ``sparsity``, ``prune``, ``mitigations``.

    Example:
        >>> str(set_of({"row_order": "grouped", "sparsity": "binsparx", "prune": 0.0, "mitigations": "none"}))
        'grouped+binsparx'
    """
    named = [("row_order", columns["row_order"])] if columns["row_order"] != "channel" else []
    named.append(("sparsity", columns["sparsity"]))
    named += [("prune", columns["prune"])] if columns["prune"] else []
    return MitigationSet(str(columns[MITIGATIONS]), tuple(named))


def sets_of(value: object) -> tuple[MitigationSet, ...]:
    """The sets that one entry of ``mitigations`` stands for.

    Args:
        value: a set as text or as a list of passes, or ``{subsets_of: [...], always: [...]}``: every subset of some
            passes, each with those that are always there; subsets that contradict themselves are left out.

    Raises:
        ValueError: an unknown pass, a number that is missing or out of range, passes that contradict each other.

    Example:
        >>> [str(one) for one in sets_of({"subsets_of": ["popcount_term"], "always": "binsparx"})]
        ['binsparx', 'binsparx+popcount_term']
    """
    if not isinstance(value, dict):
        return (_set(_parts(value)),)
    if unknown := value.keys() - {"subsets_of", "always"}:
        raise ValueError(f"expected the fields 'subsets_of' and 'always', found '{sorted(unknown)[0]}'")
    varied, always = _parts(value.get("subsets_of", [])), _parts(value.get("always", []))
    if not varied:
        raise ValueError("'subsets_of' is empty, expected passes")
    if 2 ** len(varied) > MOST_SETS:
        raise ValueError(f"'subsets_of' {len(varied)} passes are {2 ** len(varied)} sets, more than {MOST_SETS}")
    for one in varied:
        _set([one])  # each must be right by itself
    _set(always)
    found = []
    for chosen in itertools.product((False, True), repeat=len(varied)):
        try:
            found.append(_set([*always, *itertools.compress(varied, chosen)]))
        except ValueError:
            continue
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class PlacedSet:
    """A set and where a file has it, for an error message."""

    set: MitigationSet
    where: str


def settings_of_sets(
    settings: Mapping[str, Sequence[AxisValue]], given: Collection[str], sets: Iterable[PlacedSet]
) -> list[dict[str, list[AxisValue]]]:
    """The products of axes that some sets make together: one for all sets that say the same of other fields.

    Args:
        settings: values of the scalar axes by column.
        given: columns whose values somebody asked for.
        sets: of passes.

    Raises:
        InputError: a set says another thing of a field than was asked for.
    """
    products: dict[tuple[tuple[str, AxisValue], ...], list[AxisValue]] = {}
    for placed in sets:
        for column, value in placed.set.fields:
            if column in given and list(settings[column]) != [value]:
                asked = ", ".join(map(str, settings[column]))
                raise InputError(
                    f"the set '{placed.set}' names '{name_of(column, value)}', the field '{column}' says {asked}: "
                    "leave one of the two out",
                    placed.where,
                )
        products.setdefault(placed.set.fields, []).append(placed.set.passes)
    return [
        {**{name: list(values) for name, values in settings.items()}, **{name: [value] for name, value in fields}}
        | {MITIGATIONS: list(dict.fromkeys(passes))}
        for fields, passes in products.items()
    ]


def _parts(value: object) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    parts: list[str] = []
    for one in values:
        if not isinstance(one, str):
            raise ValueError(f"expected a set of passes such as 'binsparx+bent_references', found {one!r}")
        parts += [part.strip() for part in one.split("+")]
    return parts


def _set(parts: Iterable[str]) -> MitigationSet:
    fields: dict[str, tuple[str, AxisValue]] = {}
    passes = []
    for part in parts:
        name = part.partition(":")[0].strip()
        if name in STANDING_FOR:
            _add(fields, name, part)
        elif name in PASSES or part == NONE:
            passes.append(part)
        else:
            known = [NONE, *STANDING_FOR, *PASSES]
            nearest = nearest_name(name, known)
            hint = f"; did you mean '{nearest}'?" if nearest else ""
            raise ValueError(f"unknown pass '{name}'{hint} (known: {', '.join(known)})")
    order = list(dict.fromkeys(one.column for one in STANDING_FOR.values()))
    named = tuple((column, fields[column][1]) for column in order if column in fields)
    return MitigationSet(canonical([one for one in passes if one != NONE]), named)


def _add(fields: dict[str, tuple[str, AxisValue]], name: str, part: str) -> None:
    """What a name says of another field, beside what the set has said of it before."""
    column = STANDING_FOR[name].column
    value = _value(name, part)
    before = fields.get(column)
    if before is None:
        fields[column] = (name, value)
    elif column == "sparsity" and {before[1], value} == _BOTH_FLIPS:
        fields[column] = (f"{before[0]}+{name}", "binsparx")
    elif before[1] == value:
        raise ValueError(f"pass '{name}' is there twice")
    else:
        raise ValueError(f"'{before[0]}' and '{name}' contradict each other: both say what '{column}' is")


def _value(name: str, part: str) -> AxisValue:
    value = STANDING_FOR[name].value
    _, colon, number = part.partition(":")
    if value is not None:
        if colon:
            raise ValueError(f"pass '{name}' takes no number, found '{number}'")
        return value
    try:
        share = float(number)
    except ValueError:
        share = float("nan")
    if not 0 < share < 1:
        raise ValueError(
            f"pass '{name}' takes the part of ones, more than 0 and less than 1, such as '{name}:0.1'; found '{part}'"
        )
    return share
