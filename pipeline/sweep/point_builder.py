"""From the axes of a sweep file to design points: every name looked up, every value checked, the product."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from pipeline.sweep import simulation
from pipeline.sweep.axes import CALIBRATION, CONDITIONS, EFFECTS, ENCODING, OF_EFFECTS, SCALARS, SETS
from pipeline.sweep.axis import AxisValue, span_of_sums
from pipeline.sweep.field_types import effect_names
from pipeline.sweep.images import calibrating_images, measured_images
from pipeline.sweep.mitigation_sets import PlacedSet, settings_of_sets
from pipeline.sweep.point_keys import PointProduct, lossless_alike
from pipeline.sweep.points import Bitcell, Configuration, DesignPoint, Study
from pipeline.sweep.protocols import Evaluator
from pipeline.sweep.simulation import Model
from pipeline.sweep.spec import MOST_NAME_CHARACTERS, DeviceSpec, MatchSpec, SweepFile
from simcore.design_axes import MOST_SIDE
from simcore.errors import ConditionError, InputError, unknown_name
from simcore.yaml_file import Location


@dataclass(frozen=True)
class _Values:
    """The values of every axis, ready to be multiplied.

    Attributes:
        settings: values of the scalar axes by their columns, but for the sets of mitigations.
        given: columns of the scalar axes that the file names, so that no set may say otherwise.
        conditions: where the file has what device effects depend on, by the columns of these axes.
    """

    models: list[Model]
    cells: list[Bitcell]
    sizes: list[tuple[int, int, int | None, str]]
    studies: list[Study]
    settings: dict[str, list[AxisValue]]
    given: set[str]
    sets: list[PlacedSet]
    conditions: dict[str, Location]


@dataclass(frozen=True)
class Effects:
    """A set of device effects.

    Attributes:
        name: what people call it.
        effects: what it stands for.
        where: the file has it.
    """

    name: str
    effects: tuple[Any, ...]
    where: str


class PointBuilder:
    """Looks up names and multiplies axes."""

    def __init__(self, sweep: SweepFile, dataset: Any, evaluator: Evaluator) -> None:
        self.sweep = sweep
        self.spec = sweep.spec
        self.dataset = dataset
        self._evaluator = evaluator
        self._circuits: dict[Bitcell, Any] = {}
        self._effect_meanings: dict[str, Effects] = {}
        for index, device in enumerate(self.spec.devices):
            where = sweep.where("devices", index, *(["label"] if device.label else []))
            _require_showable(device.shown, "device", "; give it a 'label'", where)
        self._check_matches("device", [device.shown for device in self.spec.devices])

    def _base_values(self) -> _Values:
        spec, sweep = self.spec, self.sweep
        models = [
            simulation.load_model(sweep.resolve(reference), sweep.where("models", index))
            for index, reference in enumerate(spec.models)
        ]
        for index, model in enumerate(models):
            hint = "; save it again with save_checkpoint(PATH, network, {'name': 'ANOTHER'})"
            _require_showable(model.name, "network", hint, sweep.where("models", index))
            self._check_fit(model, sweep.where("models", index))
        self._check_matches("model", [model.name for model in models])
        cells = [
            cell
            for index, device in enumerate(spec.devices)
            for cell in self._cells(device, device.corners or spec.corners, ("devices", index), self._corners(index))
        ]
        places = [sweep.where("models", index) for index in range(len(models))]
        models_named = zip((model.name for model in models), (model.digest for model in models), places, strict=True)
        _require_one_meaning(models_named, "network")
        _require_one_meaning(((cell.device, cell.reference, cell.where) for cell in cells), "device")
        studies = [
            self._study(count, effects, self._where_value("dataset", CALIBRATION.column, index))
            for index, count in enumerate(spec.dataset.calibration_images)
            for effects in self._effects(spec.effects, lambda index: self._where_value(EFFECTS.column, index))
        ]
        sets = [PlacedSet(one, self._where_value(SETS.place, index)) for index, one in spec.sets()]
        conditions: dict[str, Location] = {axis.column: (axis.place,) for axis in CONDITIONS}
        return _Values(models, cells, list(self._sizes()), studies, spec.settings(), spec.given(), sets, conditions)

    def _where_value(self, *location: str | int) -> str:
        """The place of one value of an axis, which may be the only one."""
        return self.sweep.where(*self.sweep.source.place(location))

    def _effects(self, texts: list[str], where: Callable[[int], str]) -> list[Effects]:
        """Sets of device effects, looked up."""
        found = [self._effect_set(text, where(index)) for index, text in enumerate(texts)]
        for effects in found:
            known = self._effect_meanings.setdefault(effects.name, effects)
            if known.effects != effects.effects:
                raise InputError(
                    f"two different sets of effects are called '{effects.name}'; rename a file", effects.where
                )
        return found

    def _effect_set(self, text: str, where: str) -> Effects:
        names = effect_names(text)
        for name in names:
            _require_showable(name, "device effect", "; give its file a shorter name", where)
        return Effects("+".join(names), simulation.load_effects(text, where, self.sweep.path.parent), where)

    def _study(self, calibration_images: int, effects: Effects, where: str) -> Study:
        calibration = calibrating_images(self.sweep, self.dataset, calibration_images, where)
        return Study(
            self.dataset,
            self.spec.dataset.split,
            self._evaluator,
            {
                **calibration.design_fields,
                "layers": tuple(self.spec.layers) if self.spec.layers is not None else None,
                "evidence": self.spec.evidence,
                "effects": effects.effects,
            },
            effects.name,
        )

    def points(self) -> Iterator[DesignPoint]:
        """The product of the axes, then the extra ``points``; the sparsity runs fastest."""
        base = self._base_values()
        yield from self._product(base)
        for index, match in enumerate(self.spec.points):
            yield from self._product(self._narrowed(base, match, ("points", index)))

    def count(self) -> int:
        """How many points ``points`` makes at most, without making any; names are not looked up."""
        return sum(self._count(given) for given in ({}, *(match.given() for match in self.spec.points)))

    def _count(self, given: Mapping[str, Any]) -> int:
        """Of the product in which ``given`` takes the place of the sweep's own values."""
        spec = self.spec
        cells = sum(
            len(given.get("corner", device.corners or spec.corners))
            * math.prod(map(len, {**device.overrides, **given.get("overrides", {})}.values()))
            for device in spec.devices
            if device.shown in given.get("device", [device.shown])
        )
        sizes = sum(len(array.rows) * len(array.cols) * len(array.active_rows or [1]) for array in spec.arrays)
        if {"rows", "cols", "active_rows"} & given.keys():
            rows = given.get("rows", {row for array in spec.arrays for row in array.rows})
            sizes = len(rows) * len(given.get("cols") or [1]) * len(given.get("active_rows") or [1])
        others = {
            **spec.settings(),
            SETS.column: spec.sets(),
            CALIBRATION.column: spec.dataset.calibration_images,
            EFFECTS.column: spec.effects,
        }
        total = math.prod(len(given.get(column, values)) for column, values in others.items())
        return len(spec.models) * cells * sizes * total

    def implausible(self) -> list[str]:
        """What the bitcells of the points say that is hardly meant: one line a device and field."""
        found: dict[tuple[str, str], str] = {}
        for cell, circuit in self._circuits.items():
            for name, text in simulation.implausible_circuit(circuit).items():
                found.setdefault((cell.where, name), f"implausible {cell.device} {cell.corner}: {text}")
        return [f"{where}: {text}" for (where, _), text in found.items()]

    def _product(self, values: _Values) -> Iterator[DesignPoint]:
        found = settings_of_sets(values.settings, values.given, values.sets)
        products = [alike for settings in found for alike in lossless_alike(settings)]
        places = {placed.set.passes: placed.where for placed in reversed(values.sets)}
        checked: set[int] = set()
        for cell, study in itertools.product(values.cells, values.studies):
            self._check_effects(cell, study, values)
        for model, cell, size, study in itertools.product(values.models, values.cells, values.sizes, values.studies):
            rows, cols, active, where = size
            base = Configuration(study, model, cell, self._circuit(cell), rows, cols, active)
            for settings in products:
                idle = simulation.conditions_without_effect(study.design_fields["effects"])
                settings = settings | {axis.column: [axis.default] for axis in OF_EFFECTS if axis.field in idle}
                try:
                    if study.design_fields[CALIBRATION.column] not in checked:
                        _check_sets(base, products, places)
                        checked.add(study.design_fields[CALIBRATION.column])
                    product = PointProduct(base, settings)
                except ValueError as error:  # pydantic's own error is one
                    with suppress(ValueError):  # that of ``error``
                        _check_sets(base, products, places)  # what fits one circuit may not fit another
                    raise InputError(first_reason(error), where) from None
                yield from product

    def _check_effects(self, cell: Bitcell, study: Study, values: _Values) -> None:
        """Every device effect of a study, with the circuit of a bitcell and all conditions that it depends on.

        Raises:
            InputError: its numbers do not hold there; it names where the file has the condition, else the effects.
        """
        circuit = self._circuit(cell)
        for effect in study.design_fields["effects"]:
            axes = {axis.field: axis.column for axis in CONDITIONS if axis.field in effect.depends_on}
            met = [list(enumerate(values.settings[column])) for column in axes.values()]
            for combination in itertools.product(*met):
                conditions = dict(zip(axes, combination, strict=True))
                try:
                    simulation.check_effect(effect, circuit, {name: value for name, (_, value) in conditions.items()})
                except ConditionError as error:
                    index, _ = conditions[error.field]
                    where = self._where_value(*values.conditions[axes[error.field]], index)
                    raise InputError(f"effects '{study.effects}': {error}", where) from None
                except ValueError as error:
                    where = self._effect_meanings[study.effects].where
                    raise InputError(f"'{study.effects}' on {cell.device} {cell.corner}: {error}", where) from None

    def _circuit(self, cell: Bitcell) -> Any:
        known = self._circuits.get(cell)
        if known is None:
            known = simulation.circuit_parameters(cell.reference, cell.corner, dict(cell.overrides), cell.where)
            self._circuits[cell] = known
        return known

    def _sizes(self) -> Iterator[tuple[int, int, int | None, str]]:
        for index, array in enumerate(self.spec.arrays):
            where = self.sweep.where("arrays", index)
            for rows, cols, active in itertools.product(array.rows, array.cols, array.active_rows or (None,)):
                _require_side(rows, cols, where)
                if active is not None and active > rows:
                    raise InputError(f"active_rows {active} is more than the array's {rows} rows", where)
                yield rows, cols, active, where

    def _cells(
        self, device: DeviceSpec, corners: list[str], location: Location, corners_location: Location
    ) -> Iterator[Bitcell]:
        """The device at each corner with each combination of its overrides, and where the file names them."""
        where = self.sweep.where(*location)
        if device.file is not None:
            reference = self.sweep.resolve(device.file)
        else:
            reference = str(device.name)
            if reference not in simulation.device_names():
                raise unknown_name("device", reference, simulation.device_names(), self.sweep.where(*location, "name"))
        known_corners = simulation.corner_names(reference, where)
        for corner in corners:
            if corner not in known_corners:
                raise unknown_name("corner", corner, known_corners, self.sweep.where(*corners_location))
        names = list(device.overrides)
        if names:
            where = self.sweep.where(*location, "overrides")
        for corner in corners:
            for values in itertools.product(*(device.overrides[name] for name in names)):
                yield Bitcell(device.shown, reference, corner, tuple(zip(names, values, strict=True)), where)

    def _corners(self, index: int) -> Location:
        """Where the file names the corners of a device."""
        return ("devices", index, "corners") if self.spec.devices[index].corners else ("corners",)

    def _narrowed(self, base: _Values, match: MatchSpec, location: Location) -> _Values:
        """The axes with what an extra point names in place of the sweep's own values."""
        given = match.given()
        where = self.sweep.where(*location)
        models = [model for model in base.models if model.name in given.get("model", [model.name])]
        cells = base.cells
        if {"device", "corner", "overrides"} & given.keys():
            cells = []
            for index, device in enumerate(self.spec.devices):
                if device.shown in given.get("device", [device.shown]):
                    corners = given.get("corner", device.corners or self.spec.corners)
                    overrides = {**device.overrides, **given.get("overrides", {})}
                    place = location if "overrides" in given else ("devices", index)
                    corners_place = (*location, "corner") if "corner" in given else self._corners(index)
                    named = device.model_copy(update={"overrides": overrides})
                    cells += self._cells(named, corners, place, corners_place)
        sizes = base.sizes
        if {"rows", "cols", "active_rows"} & given.keys():
            rows = given.get("rows", sorted({size[0] for size in sizes}))
            cols = given.get("cols") or (None,)
            active = given.get("active_rows") or (None,)
            sizes = [(r, c or r, a, where) for r, c, a in itertools.product(rows, cols, active)]
            for r, c, _, _ in sizes:
                _require_side(r, c, where)
            if any(a is not None and a > r for r, _, a, _ in sizes):
                raise InputError("active_rows is more than the array's rows", where)
        studies = base.studies
        if CALIBRATION.column in given or EFFECTS.column in given:
            counts = given.get(CALIBRATION.column, self.spec.dataset.calibration_images)
            sets_of_effects = self._effects(given.get(EFFECTS.column, self.spec.effects), lambda _: where)
            studies = [self._study(count, effects, where) for count in counts for effects in sets_of_effects]
        replaced = {axis.column: given[axis.column] for axis in SCALARS if axis.column in given}
        sets = [PlacedSet(one, where) for one in replaced.pop(SETS.column, [placed.set for placed in base.sets])]
        asked = set(replaced) if SETS.column in given else base.given | set(replaced)
        conditions = {name: (*location, name) if name in given else place for name, place in base.conditions.items()}
        return _Values(models, cells, sizes, studies, base.settings | replaced, asked, sets, conditions)

    def _check_matches(self, what: Literal["device", "model"], known: list[str]) -> None:
        """What ``points`` and ``exclude`` name must be of this sweep, every name of them: anything else is a slip."""
        for section, matches in (("points", self.spec.points), ("exclude", self.spec.exclude)):
            for index, match in enumerate(matches):
                for name in match.given().get(what, []):
                    if name not in known:
                        where = self.sweep.where(section, index, what)
                        raise unknown_name(f"{what} of this sweep", name, known, where)

    def _check_fit(self, model: Model, where: str) -> None:
        """The network must take samples of the data set's shape, have a row for every token, and know its classes."""
        images = measured_images(self.sweep, self.dataset)
        simulation.require_fit(model, self.dataset, self.spec.dataset.split, images, where)
        simulation.check_layers(model, self.spec.layers, where, self.sweep.where("layers"))


def _check_sets(base: Configuration, products: list[dict[str, list[AxisValue]]], places: dict[str, str]) -> None:
    """Every set of passes with each value of every other axis: what a pass needs of a design it may need of any.

    Raises:
        InputError: a set does not fit; it names where the file has it.
        ValueError: the values do not fit together without any set.
    """
    for settings in products:
        span = span_of_sums(settings[ENCODING.column][0], base.active_rows)
        firsts = {axis.field: axis.resolved(settings[axis.column][0], span) for axis in SCALARS}
        base.design_with({**firsts, SETS.field: SETS.default})
        others = [
            {axis.field: axis.resolved(value, span)}
            for axis in SCALARS
            if axis is not SETS
            for value in settings[axis.column]
        ]
        for passes in settings[SETS.column]:
            for other in others if passes != SETS.default else ():
                try:
                    base.design_with({**firsts, SETS.field: passes, **other})
                except ValueError as error:
                    raise InputError(first_reason(error), places[str(passes)]) from None


def _require_one_meaning(named: Iterable[tuple[str, str, str]], what: str) -> None:
    """Rows are told apart by names, so that one name must not stand for two things: (name, meaning, where) each."""
    known: dict[str, str] = {}
    for name, meaning, where in named:
        if known.setdefault(name, meaning) != meaning:
            hint = (
                "give one a label of its own"
                if what == "device"
                else "the name is in the file: save one again with save_checkpoint(PATH, network, {'name': 'ANOTHER'})"
            )
            raise InputError(f"two different {what}s are called '{name}'; {hint}", where)


def _require_side(rows: int, cols: int, where: str) -> None:
    if max(rows, cols) > MOST_SIDE:
        raise InputError(f"expected at most {MOST_SIDE} rows and columns, found {rows}x{cols}", where)


def _require_showable(name: str, what: str, hint: str, where: str) -> None:
    """Names stand in tables, pictures, where ``$`` begins a formula, and paths of exports."""
    if len(name) > MOST_NAME_CHARACTERS or not name.isprintable() or "$" in name or not name.strip():
        shown = name if len(name) <= MOST_NAME_CHARACTERS else f"{name[:20]}..."
        raise InputError(
            f"expected a {what}'s name of at most {MOST_NAME_CHARACTERS} printable characters without '$', found "
            f"{shown!r} ({len(name)} characters){hint if len(name) > 0 else ''}",
            where,
        )


def first_reason(error: ValueError) -> str:
    """Why a design cannot be, in one line."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    if (own := first.get("ctx", {}).get("error")) is not None:
        return str(own)
    name = ".".join(str(part) for part in first["loc"])
    return f"{name}: {first['msg']}" if name else str(first["msg"])
