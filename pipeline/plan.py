"""From a sweep file to design points: every name looked up, every point keyed, each physical design once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline import simulation
from pipeline.keys import digest_of, key_content
from pipeline.points import Bitcell, DesignPoint
from pipeline.simulation import Model
from pipeline.spec import DeviceSpec, MatchSpec, SweepFile
from simcore.errors import InputError, unknown_name


@dataclass(frozen=True)
class Plan:
    """All design points of a sweep in the order of the work: the sparsity levels of a design together."""

    sweep: SweepFile
    dataset: Any
    images: int
    points: tuple[DesignPoint, ...]
    duplicates: int
    excluded: int
    warnings: tuple[str, ...]
    cost_settings: Any

    @property
    def name(self) -> str:
        return self.sweep.spec.name

    @property
    def shard_images(self) -> int:
        return self.sweep.spec.shard_images

    @cached_property
    def axes(self) -> dict[str, list[Any]]:
        """The distinct values of each column among the points, in the order of the points."""
        values: dict[str, dict[Any, None]] = {}
        for point in self.points:
            for name, value in point.columns.items():
                values.setdefault(name, {})[value] = None
        return {name: list(found) for name, found in values.items()}

    def select(self, key_start: str) -> tuple[DesignPoint, ...]:
        """The points whose key begins with ``key_start``.

        Raises:
            InputError: there is none.
        """
        found = tuple(point for point in self.points if point.key.startswith(key_start.lower()))
        if not found or not key_start:
            raise InputError(f"no design of sweep '{self.name}' has a key that begins with '{key_start}'", "--only")
        return found


@dataclass
class _Axes:
    """The values of every axis, ready to be multiplied."""

    models: list[Model]
    cells: list[Bitcell]
    sizes: list[tuple[int, int, int | None, str]]
    row_orders: list[str]
    adc_bits: list[Any]
    adc_references: list[str]
    seeds: list[int]
    sparsities: list[str]
    prunes: list[float]


def make_plan(sweep: SweepFile, evaluator: str | None = None) -> Plan:
    """Looks up every name, multiplies the axes, adds ``points``, drops ``exclude`` and duplicates.

    Time and memory grow linearly with the number of points.

    Raises:
        InputError: an unknown name, a value out of range, a missing data set or model, or no point left.
    """
    spec = sweep.spec
    dataset = simulation.open_dataset(sweep.resolve(spec.dataset.name), sweep.where("dataset", "name"))
    images = _number_of_images(sweep, dataset)
    solver_version = simulation.load_evaluator(evaluator or simulation.DEFAULT_EVALUATOR).SOLVER_VERSION
    technology = sweep.resolve(spec.cost.technology)
    cost_settings = simulation.cost_settings(spec.cost.model_dump(), technology, sweep.where("cost"))
    builder = _PointBuilder(sweep, dataset, solver_version)
    axes = builder.base_axes()
    excludes = [_Exclude(match) for match in spec.exclude]
    points: dict[str, DesignPoint] = {}
    duplicates = excluded = 0
    for point in builder.points(axes):
        if any([exclude.matches(point) for exclude in excludes]):
            excluded += 1
        elif point.key in points:
            duplicates += 1
        else:
            points[point.key] = point
    if not points:
        raise InputError("every point is excluded; nothing is left to do", sweep.where("exclude"))
    warnings = tuple(
        f"{sweep.where('exclude', index)}: matches no point"
        for index, exclude in enumerate(excludes)
        if not exclude.hits
    ) + tuple(
        f"the bitcell file of '{device}' says nothing about the cell's size ('cell:'), so its designs have no energy, "
        "latency and area"
        for reference, device in {point.cell.reference: point.cell.device for point in points.values()}.items()
        if simulation.cell_geometry(reference) is None
    )
    # A stable sort by hardware puts points added later beside the levels of the same design.
    order: dict[tuple[Any, ...], int] = {}
    for point in points.values():
        order.setdefault(point.hardware, len(order))
    ordered = sorted(points.values(), key=lambda point: order[point.hardware])
    return Plan(sweep, dataset, images, tuple(ordered), duplicates, excluded, warnings, cost_settings)


def _number_of_images(sweep: SweepFile, dataset: Any) -> int:
    spec = sweep.spec.dataset
    if spec.split not in dataset.splits:
        raise unknown_name("split", spec.split, dataset.splits, sweep.where("dataset", "split"))
    available = int(dataset.splits[spec.split])
    if spec.images is not None and spec.images > available:
        raise InputError(
            f"{spec.images} images were asked for, split '{spec.split}' of '{dataset.name}' has {available}",
            sweep.where("dataset", "images"),
        )
    return spec.images or available


class _Exclude:
    """One ``exclude`` entry, which counts what it matched so that an idle one can be pointed out."""

    def __init__(self, match: MatchSpec) -> None:
        self.given = match.given()
        self.hits = 0

    def matches(self, point: DesignPoint) -> bool:
        columns = point.columns
        wanted = {
            name: [simulation.lossless_bits(point.active_rows) if value == "lossless" else value for value in values]
            for name, values in self.given.items()
        }
        found = all(columns[name] in values for name, values in wanted.items())
        self.hits += found
        return found


class _PointBuilder:
    """Looks up names and multiplies axes."""

    def __init__(self, sweep: SweepFile, dataset: Any, solver_version: str) -> None:
        self.sweep = sweep
        self.spec = sweep.spec
        self.dataset = dataset
        self.solver_version = solver_version
        self._circuits: dict[Bitcell, Any] = {}
        self._check_points_and_excludes()

    def base_axes(self) -> _Axes:
        spec, sweep = self.spec, self.sweep
        models = [
            simulation.load_model(sweep.resolve(reference), sweep.where("models", index))
            for index, reference in enumerate(spec.models)
        ]
        for index, model in enumerate(models):
            self._check_fit(model, sweep.where("models", index))
        cells = [
            cell
            for index, device in enumerate(spec.devices)
            for cell in self._cells(device, device.corners or spec.corners, ("devices", index))
        ]
        return _Axes(
            models,
            cells,
            list(self._sizes()),
            list(spec.row_order),
            list(spec.adc.bits),
            list(spec.adc.reference),
            list(spec.seeds),
            list(spec.sparsity),
            list(spec.prune),
        )

    def points(self, axes: _Axes) -> Iterator[DesignPoint]:
        """The product of the axes, then the extra ``points``; the sparsity runs fastest."""
        yield from self._product(axes)
        for index, match in enumerate(self.spec.points):
            yield from self._product(self._narrowed(axes, match, ("points", index)))

    def _product(self, axes: _Axes) -> Iterator[DesignPoint]:
        adc, spec = self.spec.adc, self.spec
        for model, cell, (rows, cols, active, where) in itertools.product(axes.models, axes.cells, axes.sizes):
            circuit = self._circuit(cell)
            converters = itertools.product(axes.adc_bits, axes.adc_references, adc.offset_lsb, adc.gain, adc.noise_lsb)
            for row_order, (bits, *rest), seed, solver, sparsity, prune in itertools.product(
                axes.row_orders, list(converters), axes.seeds, spec.solver, axes.sparsities, axes.prunes
            ):
                resolved = simulation.lossless_bits(active or rows) if bits == "lossless" else bits
                design = self._design(
                    where,
                    circuit=circuit,
                    rows=rows,
                    cols=cols,
                    active_rows=None if active == rows else active,
                    row_order=row_order,
                    sparsity=sparsity,
                    prune=prune,
                    adc=simulation.make_adc(resolved, *rest),
                    solver=solver,
                    seed=seed,
                    calibration_images=spec.dataset.calibration_images,
                    layers=tuple(spec.layers) if spec.layers is not None else None,
                    evidence=spec.evidence.model_dump(),
                )
                yield self._point(model, cell, design)

    def _point(self, model: Model, cell: Bitcell, design: Any) -> DesignPoint:
        split = self.spec.dataset.split
        content = key_content(design.content(), model.digest, self.dataset.digest, split, self.solver_version)
        return DesignPoint(digest_of(content), model, self.dataset, split, cell, design, self.solver_version)

    def _design(self, where: str, **fields: Any) -> Any:
        try:
            return simulation.make_design(**fields)
        except ValueError as error:  # pydantic's own error is one
            raise InputError(_first_reason(error), where) from None

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
                if active is not None and active > rows:
                    raise InputError(f"active_rows {active} is more than the array's {rows} rows", where)
                yield rows, cols, active, where

    def _cells(self, device: DeviceSpec, corners: list[str], location: tuple[str | int, ...]) -> Iterator[Bitcell]:
        """The device at each corner with each combination of its overrides."""
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
                raise unknown_name("corner", corner, known_corners, self._where_corners(device, location))
        names = list(device.overrides)
        if names:
            where = self.sweep.where(*location, "overrides")
        for corner in corners:
            for values in itertools.product(*(device.overrides[name] for name in names)):
                yield Bitcell(_label(device), reference, corner, tuple(zip(names, values, strict=True)), where)

    def _where_corners(self, device: DeviceSpec, location: tuple[str | int, ...]) -> str:
        return self.sweep.where(*location, "corners") if device.corners else self.sweep.where("corners")

    def _narrowed(self, axes: _Axes, match: MatchSpec, location: tuple[str | int, ...]) -> _Axes:
        """The axes with what an extra point names in place of the sweep's own values."""
        given = match.given()
        where = self.sweep.where(*location)
        models = [model for model in axes.models if model.name in given.get("model", [model.name])]
        if not models:
            names = [model.name for model in axes.models]
            raise unknown_name("model", str(given["model"][0]), names, self.sweep.where(*location, "model"))
        cells = axes.cells
        if "device" in given or "corner" in given:
            cells = []
            for index, device in enumerate(self.spec.devices):
                if _label(device) in given.get("device", [_label(device)]):
                    corners = given.get("corner", device.corners or self.spec.corners)
                    cells += self._cells(device, corners, ("devices", index))
        sizes = axes.sizes
        if {"rows", "cols", "active_rows"} & given.keys():
            rows = given.get("rows", sorted({size[0] for size in sizes}))
            cols = given.get("cols") or (None,)
            active = given.get("active_rows") or (None,)
            sizes = [(r, c or r, a, where) for r, c, a in itertools.product(rows, cols, active)]
            if any(a is not None and a > r for r, _, a, _ in sizes):
                raise InputError("active_rows is more than the array's rows", where)
        return _Axes(
            models,
            cells,
            sizes,
            given.get("row_order", axes.row_orders),
            given.get("adc_bits", axes.adc_bits),
            given.get("adc_reference", axes.adc_references),
            given.get("seed", axes.seeds),
            given.get("sparsity", axes.sparsities),
            given.get("prune", axes.prunes),
        )

    def _check_points_and_excludes(self) -> None:
        """Devices named in ``points`` and ``exclude`` must be devices of this sweep: anything else is a slip."""
        labels = [_label(device) for device in self.spec.devices]
        for section, matches in (("points", self.spec.points), ("exclude", self.spec.exclude)):
            for index, match in enumerate(matches):
                for device in match.device or []:
                    if device not in labels:
                        where = self.sweep.where(section, index, "device")
                        raise unknown_name("device of this sweep", device, labels, where)

    def _check_fit(self, model: Model, where: str) -> None:
        """The network must take images of the data set's shape and know its classes."""
        graph = getattr(getattr(model.checkpoint, "network", None), "graph", None)
        if graph is None:
            return
        height, width, channels = self.dataset.image_shape
        if tuple(graph.input_shape) != (channels, height, width):
            raise InputError(
                f"model '{model.name}' takes images of (channels, height, width) {tuple(graph.input_shape)}, "
                f"data set '{self.dataset.name}' has {(channels, height, width)}",
                where,
            )
        simulation.check_calibration_split(self.dataset, self.sweep.where("dataset"))
        simulation.check_layers(model, self.spec.layers, self.sweep.where("layers"))
        if graph.classes != len(self.dataset.classes):
            raise InputError(
                f"model '{model.name}' knows {graph.classes} classes, data set '{self.dataset.name}' has "
                f"{len(self.dataset.classes)}",
                where,
            )


def _label(device: DeviceSpec) -> str:
    return device.label or device.name or str(device.file).rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _first_reason(error: ValueError) -> str:
    details = getattr(error, "errors", None)
    if not callable(details):
        return str(error)
    first = details()[0]
    name = ".".join(str(part) for part in first["loc"])
    return f"{name}: {first['msg']}" if name else str(first["msg"])
