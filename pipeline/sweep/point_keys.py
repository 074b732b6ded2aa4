"""Keys of many points at once.

A key is the digest of canonical JSON, and in a product of axes a field of that JSON depends on its own value alone.
So each value is rendered once, by building a real design with it; what the levels of a configuration share is joined
once; and a key is a short join and a hash. (``active_rows`` is left out where it equals ``rows``; both belong to the
array, which is one value here.)
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.sweep.axes import (
    CONFIGURATION,
    CONVERTER,
    ENCODING,
    LEVEL,
    LEVEL_COLUMNS,
    OF_EFFECTS,
    PRUNE,
    SCALARS,
    SETS,
    SOLVER,
    by_design_field,
)
from pipeline.sweep.axis import AxisValue, Combination, ScalarAxis, combinations, span_of_sums
from pipeline.sweep.field_types import NO_EFFECTS
from pipeline.sweep.keys import canonical_json, digest_of, key_content
from pipeline.sweep.points import Configuration, DesignPoint
from simcore.encodings import ENCODINGS
from simcore.passes import passes_acting

if TYPE_CHECKING:
    from simcore.design_axes import Adc

_Rendered = tuple[Combination, dict[str, str]]
"""Values of some axes, and each field of the design that they set, in canonical JSON with a comma after it."""
_FIELDS = by_design_field(SCALARS)
_LEVEL_FIELDS = sorted(by_design_field(LEVEL))
_SETS = LEVEL.index(SETS)
_ADC = "adc"


class PointProduct:
    """The points of one network, bitcell and array size over all other axes; the sparsity runs fastest.

    Every value of every axis is checked when the product is made, so that no point fails later. Where bits are
    ``lossless``, they are as many in all encodings of a product (``lossless_alike``).

    Args:
        base: network, bitcell and array.
        values: of every other axis by its column.

    Raises:
        ValueError: a value is out of range.
    """

    def __init__(self, base: Configuration, values: Mapping[str, Sequence[AxisValue]]) -> None:
        self._base = base
        span = span_of_sums(values[ENCODING.column][0], base.active_rows)
        found = {name: combinations(axes, values, span) for name, axes in _FIELDS.items()}
        first: dict[str, AxisValue] = {}
        for name, axes in _FIELDS.items():
            first |= zip((axis.field for axis in axes), found[name][0], strict=True)
        # A field of a reference depends on others too (what cannot act on it stays out of its key): its keys are made
        # one by one, and the values here are rendered with another solver.
        first[SOLVER.field] = SOLVER.default
        self._adcs: dict[str, Adc] = {}  # by their text
        self._rendered = {name: [self._render(name, one, first) for one in found[name]] for name in _FIELDS}
        fixed = {name: value for name, value in base.design_with(first).content().items() if name not in _FIELDS}
        self._fixed = {name: f'"{name}":{canonical_json(value)},' for name, value in fixed.items()}
        self._order = sorted({*_FIELDS, *fixed})
        self._sets = values[SETS.column]
        self._frames: dict[str, dict[AxisValue, tuple[str, str]]] = {}

    def __iter__(self) -> Iterator[DesignPoint]:
        # Both in the order of the JSON, which is the one in which a key takes them.
        levels = [(level, [texts[name] for name in _LEVEL_FIELDS]) for level, texts in self._product(LEVEL)]
        for settings, outer in self._product(CONFIGURATION):
            configuration = replace(self._base, settings=settings)
            if configuration.is_reference:
                configuration = _without_what_cannot_act(configuration)
                solver = str(configuration.setting(SOLVER.column))
                points = [DesignPoint("", configuration, _level_that_acts(level, solver)) for level, _ in levels]
                yield from (replace(point, key=digest_of(point.content)) for point in points)
                continue
            before, *after = self._between_levels(outer)
            frames = self._frames_of(outer.get(_ADC, ""))
            for level, texts in levels:
                parts = [before]
                for text, between in zip(texts, after, strict=True):
                    parts += (text, between)
                yield DesignPoint(_digest(frames[level[_SETS]], "".join(parts)), configuration, level)

    def _product(self, axes: Iterable[ScalarAxis]) -> Iterator[_Rendered]:
        """Every combination of the values of these axes, the last one fastest."""
        names = list(by_design_field(axes))
        for parts in itertools.product(*(self._rendered[name] for name in names)):
            values = itertools.chain.from_iterable(values for values, _ in parts)
            yield tuple(values), dict(zip(names, (text for _, text in parts), strict=True))

    def _between_levels(self, outer: Mapping[str, str]) -> list[str]:
        """The fields of the design's JSON before, between and after those that the levels of a configuration set."""
        parts = [""]
        for name in self._order:
            if name in _LEVEL_FIELDS:
                parts.append("")
            else:
                parts[-1] += outer.get(name) or self._fixed.get(name, "")
        return parts

    def _render(self, name: str, values: Combination, others: Mapping[str, AxisValue]) -> tuple[Combination, str]:
        """Values with the field of the design that they set in JSON and a comma, empty where it is left out."""
        own = {axis.field: value for axis, value in zip(_FIELDS[name], values, strict=True)}
        design = self._base.design_with({**others, **own})
        content = design.content()
        text = f'"{name}":{canonical_json(content[name])},' if name in content else ""
        if name == _ADC:
            self._adcs[text] = design.adc
        return values, text

    def _frames_of(self, converter: str) -> dict[AxisValue, tuple[str, str]]:
        """The canonical JSON of the key's content before and after the fields of a design, by its set of passes: the
        solver version depends on both it and the converter, which is given as it is rendered."""
        if converter not in self._frames:
            self._frames[converter] = {one: self._frame(str(one), self._adcs[converter]) for one in self._sets}
        return self._frames[converter]

    def _frame(self, mitigations: str, adc: Adc) -> tuple[str, str]:
        study, mark = self._base.study, {"": 0}
        version = study.solver_version(mitigations, adc)
        content = key_content(mark, self._base.model.digest, study.dataset.digest, study.split, version)
        before, _, after = canonical_json(content).partition(canonical_json(mark))
        return before + "{", "}" + after


def lossless_alike(values: dict[str, list[AxisValue]]) -> Iterator[dict[str, list[AxisValue]]]:
    """The same values in products, in whose encodings sums lie as far apart."""
    for _, encodings in itertools.groupby(values[ENCODING.column], key=lambda name: span_of_sums(name, 1)):
        yield values | {ENCODING.column: list(encodings)}


def _digest(frame: tuple[str, str], fields: str) -> str:
    before, after = frame
    return hashlib.sha256(f"{before}{fields[:-1]}{after}".encode()).hexdigest()


def _without_what_cannot_act(configuration: Configuration) -> Configuration:
    """A reference under the values that its design has, for people to read."""
    cell = replace(configuration.cell, overrides=())
    study = configuration.study
    study = replace(study, effects=NO_EFFECTS, design_fields={**study.design_fields, "effects": ()})
    cols = configuration.rows * ENCODINGS[str(configuration.setting(ENCODING.column))].columns_a_conversion
    configuration = replace(configuration, cell=cell, cols=cols, study=study)
    configuration = _with_defaults(configuration, OF_EFFECTS)
    if configuration.setting(SOLVER.column) != "ideal":
        return configuration
    return _with_defaults(configuration, CONVERTER)


def _level_that_acts(level: Combination, solver: str) -> Combination:
    """The sparsity level of a reference with those passes that its design has."""
    values = dict(zip(LEVEL_COLUMNS, level, strict=True))
    acting = passes_acting(str(values[SETS.column]), solver, tells_rows_apart=bool(values[PRUNE.column]))
    return tuple({**values, SETS.column: acting}.values())


def _with_defaults(configuration: Configuration, axes: tuple[ScalarAxis, ...]) -> Configuration:
    settings = tuple(
        # As ``what_acts`` has them: in ideal arithmetic no encoding needs more bits than another.
        axis.resolved(axis.default, configuration.active_rows) if axis in axes else value
        for axis, value in zip(CONFIGURATION, configuration.settings, strict=True)
    )
    return replace(configuration, settings=settings)
