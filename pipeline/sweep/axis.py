"""What an axis of a sweep is: its column in the tables, its place in the sweep file, the field of a design it sets.

The axes there are stand in ``pipeline.sweep.axes``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel
from pydantic.fields import FieldInfo

from pipeline.sweep.field_types import AxisValue, EffectSet, Positive, Scalar, Text, effect_names, values_of
from pipeline.sweep.mitigation_sets import MitigationSet, sets_of
from simcore.design_axes import MOST_ADC_BITS, DesignAxes, lossless_bits
from simcore.encodings import ENCODINGS

if TYPE_CHECKING:
    from pipeline.sweep.points import DesignPoint

Combination = tuple[AxisValue, ...]
"""One value of each of several axes, in their order."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A column that names a design, in every table that has a row for each.

    Attributes:
        column: its name in the tables.
        unit: of its values.
        meaning: of the column, in the data dictionary.
        nullable: tables of versions that did not know the axis cannot say what it was.
    """

    column: str
    unit: str = ""
    meaning: str
    nullable: bool = False

    @property
    def kind(self) -> type[AxisValue]:
        """Of the values in the tables."""
        return str

    @property
    def match_name(self) -> str:
        """What ``exclude`` and ``points`` call the column."""
        return self.column

    @property
    def match_type(self) -> Any:
        """What ``exclude`` and ``points`` may give for it."""
        return values_of(Text)

    def fits(self, wanted: Any, point: DesignPoint, columns: Mapping[str, AxisValue]) -> bool:
        """Whether a point has one of the values that ``exclude`` names; ``columns`` are those of the point."""
        return columns[self.column] in wanted


@dataclass(frozen=True, kw_only=True)
class OverridesAxis(Axis):
    """Circuit parameters that are replaced, each an axis of its own within the bitcell."""

    @property
    def match_type(self) -> Any:
        return dict[str, values_of(Scalar)]  # type: ignore[misc]

    def fits(self, wanted: Any, point: DesignPoint, columns: Mapping[str, AxisValue]) -> bool:
        actual = dict(point.cell.overrides)
        return all(name in actual and actual[name] in values for name, values in wanted.items())


@dataclass(frozen=True, kw_only=True)
class EffectsAxis(Axis):
    """Sets of device effects by the names of their blocks, which the planner looks up."""

    @property
    def match_type(self) -> Any:
        return values_of(EffectSet)

    def fits(self, wanted: Any, point: DesignPoint, columns: Mapping[str, AxisValue]) -> bool:
        """In whatever order they are named."""
        there = sorted(effect_names(str(columns[self.column])))
        return any(sorted(effect_names(text)) == there for text in wanted)


@dataclass(frozen=True, kw_only=True)
class CountAxis(Axis):
    """A side of the array, or images: what is too large is found when all that it depends on is known together."""

    @property
    def kind(self) -> type[AxisValue]:
        return int

    @property
    def match_type(self) -> Any:
        return values_of(Positive)


@dataclass(frozen=True, kw_only=True)
class ScalarAxis(Axis):
    """One field of the design, which knows its own type, range, choices and default.

    Attributes:
        field: of the design, ``adc.bits`` for one of a group of fields.
        in_file: its place in the sweep file where that is not ``field``.
        matched_as: what ``exclude`` and ``points`` call it where that is not ``column``.
        required: the sweep file has to name it, or sets of mitigations that do.
        example: for the table of the sweep file's fields.
        guide: what it does, for the same table, which has links.
    """

    field: str
    in_file: str = ""
    matched_as: str = ""
    required: bool = False
    example: str
    guide: str

    @property
    def kind(self) -> type[AxisValue]:
        annotation = self._declared.annotation
        return type(get_args(annotation)[0]) if get_args(annotation) else annotation  # type: ignore[return-value]

    @property
    def place(self) -> str:
        """Where the sweep file has it."""
        return self.in_file or self.field

    @property
    def match_name(self) -> str:
        return self.matched_as or self.column

    @property
    def match_type(self) -> Any:
        return values_of(self.item)

    @property
    def item(self) -> Any:
        """What one value in the sweep file may be."""
        declared = self._declared
        return Annotated[(declared.annotation, *declared.metadata)] if declared.metadata else declared.annotation

    @property
    def default(self) -> AxisValue:
        """Where the sweep file names none."""
        value: AxisValue = self._declared.default
        return value

    def resolved(self, value: AxisValue, span: int) -> AxisValue:
        """What the design gets where sums that converters are given lie at most so far apart (``span_of_sums``)."""
        return value

    def append_to(self, blocks: list[Iterable[Combination]], values: Sequence[AxisValue]) -> None:
        """Adds the axis to a product of axes, whose blocks so far are the axes before it."""
        blocks.append([(value,) for value in values])

    @property
    def _declared(self) -> FieldInfo:
        group, _, name = self.field.rpartition(".")
        return group_model(group).model_fields[name]


@dataclass(frozen=True, kw_only=True)
class ConditionAxis(ScalarAxis):
    """Something that device effects depend on.

    Attributes:
        word: what people call it.
        told: a value of it, behind the name of the effects.
    """

    word: str
    told: Callable[[float], str]


@dataclass(frozen=True, kw_only=True)
class BitsAxis(ScalarAxis):
    """Bits of a converter. ``lossless`` are those that give every sum that it may be given its own code."""

    @property
    def item(self) -> Any:
        return Annotated[Any, AfterValidator(_bits)]

    @property
    def default(self) -> AxisValue:
        return "lossless"

    def resolved(self, value: AxisValue, span: int) -> AxisValue:
        return lossless_bits(span) if value == "lossless" else value

    def fits(self, wanted: Any, point: DesignPoint, columns: Mapping[str, AxisValue]) -> bool:
        # as ``what_acts`` has them: ideal arithmetic needs as many in every encoding
        span = point.active_rows
        if columns["solver_setting"] != "ideal":
            span = span_of_sums(columns["encoding"], point.active_rows)
        return any(columns[self.column] == self.resolved(value, span) for value in wanted)


@dataclass(frozen=True, kw_only=True)
class MitigationsAxis(ScalarAxis):
    """Sets of passes, which may say what other axes are (``MitigationSet``)."""

    @property
    def item(self) -> Any:
        return Annotated[Any, AfterValidator(sets_of)]

    def fits(self, wanted: Iterable[MitigationSet], point: DesignPoint, columns: Mapping[str, AxisValue]) -> bool:
        return any(one.matches(columns) for one in wanted)


@dataclass(frozen=True, kw_only=True)
class DependentAxis(ScalarAxis):
    """A field that means nothing beside one value of the axis just before it: its default then stands for all.

    Attributes:
        idle_beside: that value.
    """

    idle_beside: AxisValue

    def append_to(self, blocks: list[Iterable[Combination]], values: Sequence[AxisValue]) -> None:
        pairs = itertools.product(blocks.pop(), values)
        acting = ((*before, self.default if before[-1] == self.idle_beside else value) for before, value in pairs)
        blocks.append(list(dict.fromkeys(acting)))


def span_of_sums(encoding: AxisValue, active_rows: int) -> int:
    """How far apart, at most, sums are that converters are given (``Encoding.span_of_sums``).

    Args:
        encoding: name of one.
        active_rows: rows read together.
    """
    return ENCODINGS[str(encoding)].span_of_sums(active_rows)


def group_model(group: str) -> type[BaseModel]:
    """The model of a group of a design's fields, ``adc``; the design's own axes where it is empty."""
    model: Any = DesignAxes.model_fields[group].annotation if group else DesignAxes
    return model  # type: ignore[no-any-return]


def combinations(axes: Sequence[ScalarAxis], values: Mapping[str, Sequence[AxisValue]], span: int) -> list[Combination]:
    """Every combination of the values of some axes, the last axis fastest.

    Args:
        axes: that are multiplied.
        values: of each axis by its column.
        span: how far apart sums are that converters are given.
    """
    blocks: list[Iterable[Combination]] = []
    for axis in axes:
        axis.append_to(blocks, [axis.resolved(value, span) for value in values[axis.column]])
    return [tuple(itertools.chain.from_iterable(parts)) for parts in itertools.product(*blocks)]


def _bits(value: Any) -> Any:
    if value == "lossless" or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_ADC_BITS):
        return value
    raise ValueError(f"expected 'lossless' or a whole number from 1 to {MOST_ADC_BITS}, found {value!r}")
