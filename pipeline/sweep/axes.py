"""The axes of a sweep: every name looked up, every value checked, their product as design points."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from pipeline.sweep import simulation
from pipeline.sweep.point_keys import Converter, PointProduct
from pipeline.sweep.points import Bitcell, DesignPoint, Hardware, Study
from pipeline.sweep.protocols import Dataset
from pipeline.sweep.simulation import Model
from pipeline.sweep.spec import DeviceSpec, MatchSpec, SweepFile
from pipeline.sweep.yaml_file import Location
from simcore.errors import InputError, unknown_name
from simcore.inference.calibration_images import CalibrationImages

if TYPE_CHECKING:
    from simcore.crossbar import Circuit


@dataclass
class Axes:
    """The values of every axis, ready to be multiplied."""

    models: list[Model]
    cells: list[Bitcell]
    sizes: list[tuple[int, int, int | None, str]]
    row_orders: list[str]
    adc_bits: list[Any]
    adc_references: list[str]
    adc_fits: list[str]
    adc_ranges: list[str]
    adc_offsets: list[float]
    adc_gains: list[float]
    adc_noises: list[float]
    seeds: list[int]
    solvers: list[str]
    sparsities: list[str]
    prunes: list[float]


# Columns of a match that simply replace the values of an axis.
_AXIS_OF_COLUMN = {
    "row_order": "row_orders",
    "adc_bits": "adc_bits",
    "adc_reference": "adc_references",
    "adc_fit": "adc_fits",
    "adc_range": "adc_ranges",
    "adc_offset": "adc_offsets",
    "adc_gain": "adc_gains",
    "adc_noise": "adc_noises",
    "seed": "seeds",
    "solver_setting": "solvers",
    "sparsity": "sparsities",
    "prune": "prunes",
}


class PointBuilder:
    """Looks up names and multiplies axes."""

    def __init__(self, sweep: SweepFile, dataset: Dataset, calibration: CalibrationImages, solver_version: str) -> None:
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
                "evidence": self.spec.evidence.model_dump(),
            },
        )
        self._circuits: dict[Bitcell, Circuit] = {}
        self._check_matches("device", [_label(device) for device in self.spec.devices])

    def base_axes(self) -> Axes:
        spec, sweep = self.spec, self.sweep
        models = [
            simulation.load_model(sweep.resolve(reference), sweep.where("models", index))
            for index, reference in enumerate(spec.models)
        ]
        for index, model in enumerate(models):
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
        return Axes(
            models,
            cells,
            list(self._sizes()),
            list(spec.row_order),
            list(spec.adc.bits),
            list(spec.adc.reference),
            list(spec.adc.fit),
            list(spec.adc.range),
            list(spec.adc.offset_lsb),
            list(spec.adc.gain),
            list(spec.adc.noise_lsb),
            list(spec.seeds),
            list(spec.solver),
            list(spec.sparsity),
            list(spec.prune),
        )

    def points(self, axes: Axes) -> Iterator[DesignPoint]:
        """The product of the axes, then the extra ``points``; the sparsity runs fastest."""
        yield from self._product(axes)
        for index, match in enumerate(self.spec.points):
            yield from self._product(self._narrowed(axes, match, ("points", index)))

    def _product(self, axes: Axes) -> Iterator[DesignPoint]:
        for model, cell, (rows, cols, active, where) in itertools.product(axes.models, axes.cells, axes.sizes):
            converters = self._converters(axes, active or rows)
            first = (self._circuit(cell), rows, cols, active, axes.row_orders[0], *converters[0])
            base = Hardware(self.study, model, cell, *first, axes.seeds[0], axes.solvers[0])
            try:
                product = PointProduct(
                    base, axes.row_orders, converters, axes.seeds, axes.solvers, axes.sparsities, axes.prunes
                )
            except ValueError as error:  # pydantic's own error is one
                raise InputError(_first_reason(error), where) from None
            yield from product

    @staticmethod
    def _converters(axes: Axes, active_rows: int) -> list[Converter]:
        bits = [simulation.lossless_bits(active_rows) if bits == "lossless" else bits for bits in axes.adc_bits]
        converters = itertools.product(
            bits,
            # What is never re-ranged knows no fit: one converter, whatever fits there are.
            dict.fromkeys(
                (reference, "unbiased" if reference == "nominal" else fit)
                for reference, fit in itertools.product(axes.adc_references, axes.adc_fits)
            ),
            axes.adc_ranges,
            axes.adc_offsets,
            axes.adc_gains,
            axes.adc_noises,
        )
        return [Converter(bit, *line, *others) for bit, line, *others in converters]

    def _circuit(self, cell: Bitcell) -> Circuit:
        known = self._circuits.get(cell)
        if known is None:
            known = simulation.circuit_parameters(cell.reference, cell.corner, dict(cell.overrides), cell.where)
            self._circuits[cell] = known
        return known

    def _sizes(self) -> Iterator[tuple[int, int, int | None, str]]:
        for index, array in enumerate(self.spec.arrays):
            where = self.sweep.where("arrays", index)
            for rows, cols, active in itertools.product(array.rows, array.cols, array.active_rows or (None,)):
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

    def _narrowed(self, axes: Axes, match: MatchSpec, location: Location) -> Axes:
        """The axes with what an extra point names in place of the sweep's own values."""
        given = match.given()
        where = self.sweep.where(*location)
        models = [model for model in axes.models if model.name in given.get("model", [model.name])]
        cells = axes.cells
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
        sizes = axes.sizes
        if {"rows", "cols", "active_rows"} & given.keys():
            rows = given.get("rows", sorted({size[0] for size in sizes}))
            cols = given.get("cols") or (None,)
            active = given.get("active_rows") or (None,)
            sizes = [(r, c or r, a, where) for r, c, a in itertools.product(rows, cols, active)]
            if any(a is not None and a > r for r, _, a, _ in sizes):
                raise InputError("active_rows is more than the array's rows", where)
        values = {field: given[column] for column, field in _AXIS_OF_COLUMN.items() if column in given}
        return replace(axes, models=models, cells=cells, sizes=sizes, **values)

    def _check_matches(self, what: Literal["device", "model"], known: list[str]) -> None:
        """What ``points`` and ``exclude`` name must be of this sweep, every name of them: anything else is a slip."""
        for section, matches in (("points", self.spec.points), ("exclude", self.spec.exclude)):
            for index, match in enumerate(matches):
                for name in getattr(match, what) or []:
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
            hint = "give one a label of its own" if what == "device" else "rename one of the files"
            raise InputError(f"two different {what}s are called '{name}'; {hint}", where)


def _label(device: DeviceSpec) -> str:
    return device.label or device.name or str(device.file).rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _first_reason(error: ValueError) -> str:
    details = getattr(error, "errors", None)
    if not callable(details):
        return str(error)
    first = details()[0]
    name = ".".join(str(part) for part in first["loc"])
    return f"{name}: {first['msg']}" if name else str(first["msg"])
