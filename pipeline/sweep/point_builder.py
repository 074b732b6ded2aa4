"""From the axes of a sweep file to design points: every name looked up, every value checked, the product."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from pipeline.sweep import simulation
from pipeline.sweep.axes import SCALARS
from pipeline.sweep.axis import AxisValue
from pipeline.sweep.point_keys import PointProduct
from pipeline.sweep.points import Bitcell, Configuration, DesignPoint, Study
from pipeline.sweep.simulation import Model
from pipeline.sweep.spec import MOST_NAME_CHARACTERS, DeviceSpec, MatchSpec, SweepFile
from simcore.design_axes import MOST_SIDE
from simcore.errors import InputError, unknown_name
from simcore.inference.calibration_images import CalibrationImages
from simcore.yaml_file import Location


@dataclass(frozen=True)
class _Values:
    """The values of every axis, ready to be multiplied; ``settings`` are those of the scalar axes by their columns."""

    models: list[Model]
    cells: list[Bitcell]
    sizes: list[tuple[int, int, int | None, str]]
    settings: dict[str, list[AxisValue]]


class PointBuilder:
    """Looks up names and multiplies axes."""

    def __init__(self, sweep: SweepFile, dataset: Any, calibration: CalibrationImages, solver_version: str) -> None:
        self.sweep = sweep
        self.spec = sweep.spec
        self.dataset = dataset
        self.study = Study(
            dataset,
            self.spec.dataset.split,
            solver_version,
            {
                **calibration.design_fields,
                "layers": tuple(self.spec.layers) if self.spec.layers is not None else None,
                "evidence": self.spec.evidence,
            },
        )
        self._circuits: dict[Bitcell, Any] = {}
        for index, device in enumerate(self.spec.devices):
            where = sweep.where("devices", index, *(["label"] if device.label else []))
            _require_showable(_label(device), "device", "; give it a 'label'", where)
        self._check_matches("device", [_label(device) for device in self.spec.devices])

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
        return _Values(models, cells, list(self._sizes()), spec.settings())

    def points(self) -> Iterator[DesignPoint]:
        """The product of the axes, then the extra ``points``; the sparsity runs fastest."""
        base = self._base_values()
        yield from self._product(base)
        for index, match in enumerate(self.spec.points):
            yield from self._product(self._narrowed(base, match, ("points", index)))

    def count(self) -> int:
        """How many points ``points`` makes at most, without making any; names are not looked up."""
        spec = self.spec
        cells = sum(
            len(device.corners or spec.corners) * math.prod(map(len, device.overrides.values()))
            for device in spec.devices
        )
        sizes = sum(len(array.rows) * len(array.cols) * len(array.active_rows or [1]) for array in spec.arrays)
        total = len(spec.models) * cells * sizes * math.prod(len(values) for values in spec.settings().values())
        for match in spec.points:  # what it names takes the place of the sweep's own values
            given = {**match.given(), **match.given().get("overrides", {})}
            total += math.prod(len(values) for values in given.values() if isinstance(values, list))
        return total

    def implausible(self) -> list[str]:
        """What the bitcells of the points say that is hardly meant: one line a device and field."""
        found: dict[tuple[str, str], str] = {}
        for cell, circuit in self._circuits.items():
            for name, text in simulation.implausible_circuit(circuit).items():
                found.setdefault((cell.where, name), f"implausible {cell.device} {cell.corner}: {text}")
        return [f"{where}: {text}" for (where, _), text in found.items()]

    def _product(self, values: _Values) -> Iterator[DesignPoint]:
        for model, cell, (rows, cols, active, where) in itertools.product(values.models, values.cells, values.sizes):
            base = Configuration(self.study, model, cell, self._circuit(cell), rows, cols, active)
            try:
                product = PointProduct(base, values.settings)
            except ValueError as error:  # pydantic's own error is one
                raise InputError(_first_reason(error), where) from None
            yield from product

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
                yield Bitcell(_label(device), reference, corner, tuple(zip(names, values, strict=True)), where)

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
                if _label(device) in given.get("device", [_label(device)]):
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
        settings = base.settings | {axis.column: given[axis.column] for axis in SCALARS if axis.column in given}
        return _Values(models, cells, sizes, settings)

    def _check_matches(self, what: Literal["device", "model"], known: list[str]) -> None:
        """What ``points`` and ``exclude`` name must be of this sweep, every name of them: anything else is a slip."""
        for section, matches in (("points", self.spec.points), ("exclude", self.spec.exclude)):
            for index, match in enumerate(matches):
                for name in match.given().get(what, []):
                    if name not in known:
                        where = self.sweep.where(section, index, what)
                        raise unknown_name(f"{what} of this sweep", name, known, where)

    def _check_fit(self, model: Model, where: str) -> None:
        """The network must take images of the data set's shape and know its classes."""
        graph = model.checkpoint.network.graph
        height, width, channels = self.dataset.image_shape
        if tuple(graph.input_shape) != (channels, height, width):
            raise InputError(
                f"model '{model.name}' takes images of (channels, height, width) {tuple(graph.input_shape)}, "
                f"data set '{self.dataset.name}' has {(channels, height, width)}",
                where,
            )
        simulation.check_layers(model, self.spec.layers, where, self.sweep.where("layers"))
        if graph.classes != len(self.dataset.classes):
            raise InputError(
                f"model '{model.name}' knows {graph.classes} classes, data set '{self.dataset.name}' has "
                f"{len(self.dataset.classes)}",
                where,
            )


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


def _label(device: DeviceSpec) -> str:
    return device.label or device.name or str(device.file).rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _first_reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    return f"{name}: {first['msg']}" if name else str(first["msg"])
