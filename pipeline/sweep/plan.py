"""From a sweep file to design points: every name looked up, every point keyed, each physical design once."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipeline.sweep import simulation
from pipeline.sweep.axes import CONVERTER, MATCHED, OF_EFFECTS, PRUNE, ROW_ORDER, SEED, SETS, SOLVER
from pipeline.sweep.extent import Extent
from pipeline.sweep.idle_passes import idle_pass_notes
from pipeline.sweep.images import measured_images
from pipeline.sweep.point_builder import PointBuilder
from pipeline.sweep.points import Configuration, DesignPoint
from pipeline.sweep.protocols import Dataset, Evaluator
from pipeline.sweep.spec import MatchSpec, SweepFile
from simcore.design_axes import REFERENCE_SOLVERS
from simcore.errors import InputError
from simcore.passes import NONE, PASSES, passes_acting, passes_of

if TYPE_CHECKING:
    from simcore.cost import CostSettings


MOST_POINTS = 4_000_000
"""Of a sweep before ``exclude``: its plan takes about a kilobyte a point. A judgement."""


@dataclass(frozen=True)
class Plan:
    """All design points of a sweep in the order of the work: the sparsity levels of a design together."""

    sweep: SweepFile
    dataset: Dataset
    evaluator: Evaluator
    images: int
    points: tuple[DesignPoint, ...]
    duplicates: int
    excluded: int
    warnings: tuple[str, ...]
    cost_settings: CostSettings

    @property
    def name(self) -> str:
        return self.sweep.spec.name

    @property
    def shard_images(self) -> int:
        return self.sweep.spec.shard_images

    @property
    def chips(self) -> int:
        """Chips of every design whose chips differ."""
        return self.sweep.spec.chips

    def extent_of(self, point: DesignPoint) -> Extent:
        """Images and chips of a design that goes all the way."""
        return Extent(self.images, self.chips if point.chips_differ else 1)

    @cached_property
    def axes(self) -> dict[str, list[Any]]:
        """The distinct values of each column among the points, in the order of the points."""
        values: dict[str, dict[Any, None]] = {}
        seen: Configuration | None = None
        for point in self.points:
            columns = point.level_columns
            if point.configuration is not seen:
                seen, columns = point.configuration, point.columns
            for name, value in columns.items():
                values.setdefault(name, {})[value] = None
        return {name: list(found) for name, found in values.items()}

    def select(self, key_start: str, where: str) -> tuple[DesignPoint, ...]:
        """The points whose key begins with ``key_start``.

        Raises:
            InputError: there is none; it names ``where`` the key was given.
        """
        found = tuple(point for point in self.points if point.key.startswith(key_start.lower()))
        if not found or not key_start:
            raise InputError(f"no design of sweep '{self.name}' has a key that begins with '{key_start}'", where)
        return found

    def select_one(self, key_start: str, where: str) -> DesignPoint:
        """The point whose key begins with ``key_start``.

        Raises:
            InputError: there is none, or there are several; it names ``where`` the key was given.
        """
        found = self.select(key_start, where)
        if len(found) > 1:
            raise InputError(
                f"{len(found)} designs of sweep '{self.name}' have keys that begin with '{key_start}': give more "
                "digits",
                where,
            )
        return found[0]


def make_plan(sweep: SweepFile, evaluator: Evaluator | None = None) -> Plan:
    """Looks up every name, multiplies the axes, adds ``points``, drops ``exclude`` and duplicates.

    Time and memory grow linearly with the number of points.

    Raises:
        InputError: an unknown name, a value out of range, a missing data set or model, or no point left.
    """
    spec = sweep.spec
    dataset = simulation.open_dataset(sweep.resolve(spec.dataset.name), sweep.where("dataset", "name"))
    images = measured_images(sweep, dataset)
    evaluator = evaluator or simulation.default_evaluator()
    technology = sweep.resolve(spec.cost.technology)
    cost_settings = simulation.cost_settings(spec.cost, technology, sweep.where("cost"))
    builder = PointBuilder(sweep, dataset, evaluator)
    excludes = [_Exclude(match) for match in spec.exclude]
    if (most := builder.count()) > MOST_POINTS:
        raise InputError(
            f"the axes of the sweep make {most} points, expected at most {MOST_POINTS}: take values out, or split it",
            sweep.path.name,
        )
    points: dict[str, DesignPoint] = {}
    duplicates = excluded = 0
    with _collector_at_rest():
        for point in builder.points():
            if any([exclude.matches(point) for exclude in excludes]):
                excluded += 1
            elif point.key in points:
                duplicates += 1
            else:
                points[point.key] = point
    if not points:
        raise InputError("'exclude' takes away every point of the sweep", sweep.where("exclude"))
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
    warnings += _writing_notes(points.values())
    warnings += _converter_notes(sweep, points.values())
    warnings += _reference_notes(sweep)
    warnings += _unfolded_notes(points.values())
    warnings += idle_pass_notes(points.values())
    warnings += _idle_condition_notes(sweep, points.values())
    warnings += tuple(builder.implausible())
    costs = simulation.implausible_costs(spec.cost, cost_settings)
    warnings += tuple(f"{sweep.where('cost', 'parameters')}: implausible: {text}" for text in costs)
    ordered = _levels_together(points.values())
    return Plan(sweep, dataset, evaluator, images, ordered, duplicates, excluded, warnings, cost_settings)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """No search for cycles: points make none, and walking a million of them anew takes a quarter of a plan."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _converter_notes(sweep: SweepFile, points: Iterable[DesignPoint]) -> tuple[str, ...]:
    """One line where nobody asked for the converters' reference: what the default takes is a chip that nobody tunes."""
    columns = (point.columns for point in points)
    if "adc_reference" in sweep.spec.given() or not any(
        found["adc_reference"] == "nominal" and found["solver_setting"] not in REFERENCE_SOLVERS for found in columns
    ):
        return ()
    return (
        "adc.reference is not given: with 'nominal' no converter is re-ranged, and lossy arrays may lose most of the "
        "accuracy by that alone; 'adc: {reference: calibrated}' re-ranges as a tuned chip would",
    )


def _reference_notes(sweep: SweepFile) -> tuple[str, ...]:
    """One line a solver that makes references: what of the file cannot act on them."""
    spec = sweep.spec
    settings = spec.settings()
    of_circuit = ["corners"] if len(spec.corners) > 1 else []
    of_circuit += ["devices"] if len(spec.devices) > 1 else []
    of_circuit += ["overrides"] if any(device.overrides for device in spec.devices) else []
    converter_given = any(settings[axis.column] != [axis.default] for axis in CONVERTER)
    idle = {"ideal_circuit": of_circuit, "ideal": [*of_circuit, *(["adc"] if converter_given else [])]}
    sets = [one for _, one in spec.sets()]
    named = [field for one in sets for field in one.fields]
    pruned = settings[PRUNE.column] != [PRUNE.default] or any(column == PRUNE.column for column, _ in named)
    grouped = "grouped" in settings[ROW_ORDER.column] or (ROW_ORDER.column, "grouped") in named
    acting = {solver: [passes_acting(one.passes, solver, tells_rows_apart=pruned) for one in sets] for solver in idle}
    moved = any(PASSES[one.name].moves_rows for text in acting["ideal"] for one in passes_of(text))
    if not (pruned or grouped or moved) and settings[SEED.column] != [SEED.default]:
        idle["ideal"].append("seeds")
    for solver, what in (("ideal_circuit", "passes on arrays"), ("ideal", "passes on arrays and converters")):
        if acting[solver] != [one.passes for one in sets]:
            idle[solver].append(what)
    return tuple(
        f"{sweep.where('solver')}: '{solver}' designs are references: without costs, on no front"
        + (f", and nothing of {', '.join(idle[solver])} acts on them: what comes out alike is one" * bool(idle[solver]))
        for solver in map(str, settings[SOLVER.column])
        if solver in REFERENCE_SOLVERS
    )


def _writing_notes(points: Iterable[DesignPoint]) -> tuple[str, ...]:
    """One line a network and device that cannot be priced, for operands are written for every image."""
    writing = {
        (point.model.name, point.cell.device): (point.cell.reference, written)
        for point in {(point.model.name, point.cell.device): point for point in points}.values()
        if (written := simulation.written_operands(point.model, point.design))
    }
    cells = {pair: simulation.cell_geometry(reference) for pair, (reference, _) in writing.items()}
    return tuple(
        f"the bitcell file of '{device}' says nothing about writing ('cell: write:'), so designs of '{model}' with "
        f"{', '.join(writing[model, device][1])} on arrays have no energy, latency and area"
        for (model, device), cell in cells.items()
        if cell is not None and cell.write is None
    )


def _unfolded_notes(points: Iterable[DesignPoint]) -> tuple[str, ...]:
    """One line a network with layers that 'recalibrated_outputs' leaves as they are."""
    layers = {
        (point.model.name, mitigations): (point.model, point.configuration.study.design_fields.get("layers"))
        for point in points
        if (mitigations := str(point.level_columns[SETS.column])) != NONE
    }
    notes = (
        simulation.unfolded_note(model.checkpoint, mitigations, mapped)
        for (_, mitigations), (model, mapped) in layers.items()
    )
    return tuple(dict.fromkeys(note for note in notes if note))


def _levels_together(points: Iterable[DesignPoint]) -> tuple[DesignPoint, ...]:
    """Points added later stand beside the levels of the same configuration."""
    levels: dict[tuple[Any, ...], list[DesignPoint]] = {}
    names: tuple[Any, ...] = ()
    seen: Configuration | None = None
    for point in points:
        if point.configuration is not seen:
            seen, names = point.configuration, tuple(point.configuration.columns.values())
        levels.setdefault(names, []).append(point)
    return tuple(itertools.chain.from_iterable(levels.values()))


def _idle_condition_notes(sweep: SweepFile, points: Iterable[DesignPoint]) -> tuple[str, ...]:
    """What the file says of chips and their conditions that changes none of its designs."""
    points = list(points)
    studies = {id(study): study for study in (point.configuration.study for point in points)}.values()
    idle = {axis.field for axis in OF_EFFECTS}
    for study in studies:
        idle &= set(simulation.conditions_without_effect(study.design_fields["effects"]))
    if not any(point.chips_differ for point in points):
        idle.add("chips")
    given = [name for name in type(sweep.spec).model_fields if name in idle & sweep.spec.model_fields_set]
    if not given:
        return ()
    return (f"{', '.join(given)}: without a say in any design of this sweep, which have no device effect for it",)


class _Exclude:
    """One ``exclude`` entry, which counts what it matched so that an idle one can be pointed out."""

    def __init__(self, match: MatchSpec) -> None:
        given = match.given()
        self._given = [(axis, given[axis.column]) for axis in MATCHED if axis.column in given]
        self.hits = 0

    def matches(self, point: DesignPoint) -> bool:
        columns = point.columns
        found = all(axis.fits(wanted, point, columns) for axis, wanted in self._given)
        self.hits += found
        return found
