"""``binsparx recommend``: the cheapest mitigations that bring a design back."""

from __future__ import annotations

import json as json_module
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from pipeline.cli.completion import design_keys
from pipeline.cli.json_output import json_row
from pipeline.cli.options import (
    RESULTS_FOLDER,
    JsonOption,
    ResultsOption,
    SweepFileOption,
    check_output,
    hundredths,
    is_sweep_file,
    make_console,
)
from pipeline.errors import PointsFailed
from pipeline.execution.active import Failure
from pipeline.execution.cluster import ray_session
from pipeline.execution.on_workers import OnWorkers
from pipeline.execution.retries import RETRIES
from pipeline.execution.tasks import TaskSettings
from pipeline.provenance import find_provenance
from pipeline.recommend.candidates import KNOBS, design_of, hardware_among, require_measurable
from pipeline.recommend.names import hardware_names
from pipeline.recommend.recommendation import Options, Recommendation
from pipeline.recommend.rows import rows_of
from pipeline.recommend.search import Evaluations
from pipeline.recommend.search import recommend as search
from pipeline.recommend.sensitivity import Curve, sensitivity
from pipeline.recommend.text import print_recommendations, print_sensitivity
from pipeline.results.finished import Results
from pipeline.storage.store import Store
from pipeline.sweep.axes import ENCODING
from pipeline.sweep.axis import AxisValue
from pipeline.sweep.keys import short_key
from pipeline.sweep.mitigation_sets import MitigationSet
from pipeline.sweep.plan import Plan, make_plan
from pipeline.sweep.point_builder import first_reason
from pipeline.sweep.points import Configuration
from pipeline.sweep.shipped import shipped_sweeps
from pipeline.sweep.spec import load_sweep
from pipeline.tables.files import SWEEPS_FOLDER, write_recommendations
from simcore.encodings import ENCODINGS
from simcore.errors import InputError, unknown_name
from simcore.network.checkpoint import write_atomically

LEAST_IMAGES = 40
_POINTS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:pt|pts|points?|%)\s*")


def recommend(
    design: Annotated[
        str,
        typer.Argument(
            metavar="KEY|SWEEP.yaml",
            help="The first digits of a design's key, or a sweep file: all its hardware.",
            autocompletion=design_keys,
        ),
    ],
    sweep: SweepFileOption = None,
    target: Annotated[
        str, typer.Option("--target", metavar="POINTS", help="Allowed loss against ideal, `1pt`.")
    ] = "1pt",
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="That a confirmed set loses less.")] = 0.95,
    by: Annotated[Literal["energy", "latency", "area"], typer.Option("--by", help="What should be least.")] = "energy",
    images: Annotated[
        int | None, typer.Option(min=LEAST_IMAGES, help="Images to judge by. [default: the sweep's]")
    ] = None,
    passes: Annotated[
        list[str] | None, typer.Option("--passes", metavar="A,B,...", help="Try every subset of these. [usual ones]")
    ] = None,
    knob: Annotated[
        list[str] | None,
        typer.Option(
            "--knob",
            metavar="COLUMN=A,B",
            help="Hardware may change too: active_rows=16,32, adc_bits=5, encoding=xnor_rows.",
        ),
    ] = None,
    sensitive: Annotated[
        int,
        typer.Option(
            "--sensitivity", min=0, metavar="IMAGES", help="Show what converter errors do, on so many images."
        ),
    ] = 0,
    pictures: Annotated[Path | None, typer.Option("--pictures", metavar="FOLDER", help="Draw into it.")] = None,
    results: ResultsOption = None,
    address: Annotated[
        str | None, typer.Option("--address", metavar="ADDR", help="Ray cluster. [this machine]")
    ] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="CPU threads of each task.")] = 1,
    json: JsonOption = False,
) -> None:
    """Find the cheapest set of training-free mitigations that brings a design back to ideal accuracy, within a target.

    Many sets are tried on few images and few sets on more; the last few are judged on images that had no say in
    choosing them, so that the confidence that is stated holds. Every design that is tried is kept in the results
    folder: asking again computes nothing. For a sweep file the table `recommendations.parquet` and a picture are put
    beside its tables.

    Examples: `binsparx recommend 3f2a91 --target 1pt`, `binsparx recommend my.yaml --by latency --sensitivity 200`,
    `binsparx recommend 3f2a91 --passes binsparx,bent_references,popcount_term --knob active_rows=16,32`.
    """
    check_output(pictures, "--pictures", is_folder=True)
    if _is_sweep(design) and sweep is not None:
        raise InputError(f"is for the key of a design: '{design}' is a sweep file itself", "--sweep")
    loss, tried, knobs = _target(target), _listed(passes), _knobs(knob)
    if passes and not tried:
        raise InputError("expected names of passes, such as binsparx,bent_references", "--passes")
    with _planned(design, sweep, results) as (plan, store, hardware_points):
        hardware = hardware_among(hardware_points)
        if not hardware:
            raise InputError("there is no hardware to help: all designs are references", design)
        asked = Options(loss, confidence, by, _images(plan, hardware, images), tried, knobs)
        if sensitive > asked.images:
            raise InputError(f"expected at most the {asked.images} images that are judged by", "--sensitivity")
        _check_passes(asked)
        _check_knobs(hardware, knobs)
        store.ensure_writable()
        console = Console(stderr=True) if json else make_console()
        settings = TaskSettings(plan.evaluator, store.absolute_uri, threads, find_provenance())
        with OnWorkers(settings, console, address, ray_session) as workers:
            evaluations = Evaluations(plan, store, workers)
            try:
                found = search(hardware, asked, evaluations)
                curves = sensitivity(found, sensitive, evaluations) if sensitive else []
            finally:
                for reason in dict.fromkeys(failure.reason for failure in workers.failures):
                    print(f"failed: {reason}", file=sys.stderr)
        _show(plan, store, found, curves, pictures, json, whole=_is_sweep(design))
        _check_that_all_could_be_tried(workers.failures, len(hardware) - len(found))


@contextmanager
def _planned(design: str, sweep: str | None, results: str | None) -> Iterator[tuple[Plan, Store, Sequence[Any]]]:
    """The plan of a sweep file, or of the sweep that a finished design is of, the store, and the points asked for."""
    file = design if _is_sweep(design) else sweep
    if file is not None:
        loaded = load_sweep(file)
        plan = make_plan(loaded)
        points = plan.points if file == design else [plan.select_one(design, "KEY")]
        yield plan, Store(results or loaded.spec.results or RESULTS_FOLDER), points
        return
    opened = Results(results or RESULTS_FOLDER)
    row = opened.design(design)
    text = opened.store.read(f"{SWEEPS_FOLDER}/{row.sweep}/sweep.yaml") or b""
    with tempfile.TemporaryDirectory(prefix="binsparx-") as folder:
        copy = Path(folder) / f"{row.sweep}.yaml"
        copy.write_bytes(text)
        try:
            plan = make_plan(load_sweep(copy))
            points = [plan.select_one(row.design_key, "KEY")]
        except InputError as error:
            raise InputError(f"{error}; name the sweep file that made the design with --sweep") from None
        yield plan, opened.store, points


def _is_sweep(design: str) -> bool:
    """No digits of a key: a sweep file, or the name of one that ships."""
    return is_sweep_file(design) or design in shipped_sweeps()


def _target(text: str) -> float:
    match = _POINTS.fullmatch(text)
    value = hundredths(match[1]) if match else 0.0
    if not 0 < value < 1:
        raise InputError(
            f"expected points of accuracy such as 1pt or 0.5pt, more than 0 and below 100, found '{text}'", "--target"
        )
    return value


def _listed(texts: list[str] | None) -> tuple[str, ...]:
    return tuple(part.strip() for text in texts or [] for part in text.split(",") if part.strip())


def _knobs(texts: list[str] | None) -> dict[str, list[AxisValue]]:
    knobs: dict[str, list[AxisValue]] = {}
    for text in texts or []:
        name, _, values = text.partition("=")
        if name not in KNOBS:
            raise unknown_name("knob", name, KNOBS, "--knob")
        wanted = [value.strip() for value in values.split(",")]
        knobs.setdefault(name, []).extend(_encodings(wanted) if name == ENCODING.column else _numbers(wanted, text))
    return knobs


def _encodings(names: list[str]) -> list[AxisValue]:
    for name in names:
        if name not in ENCODINGS:
            raise unknown_name("encoding", name, ENCODINGS, "--knob")
    return list(names)


def _numbers(values: list[str], text: str) -> list[AxisValue]:
    numbers = [int(value) if value.isascii() and value.isdigit() else 0 for value in values]
    if min(numbers) < 1:
        raise InputError(f"expected whole numbers such as {text.partition('=')[0]}=16,32, found '{text}'", "--knob")
    return list(numbers)


def _images(plan: Plan, hardware: Sequence[Configuration], asked: int | None) -> int:
    images = asked or plan.images
    if images < LEAST_IMAGES:
        raise InputError(f"{images} images cannot choose and confirm: expected {LEAST_IMAGES} or more", "--images")
    for one in hardware:
        point = design_of(one, MitigationSet())
        available = point.dataset.splits[point.split]
        if images > available:
            raise InputError(f"split '{point.split}' has {available} images", "--images")
        try:
            require_measurable(point, images)
        except InputError as error:
            raise InputError(error.message, "--images") from None
    return images


def _check_passes(options: Options) -> None:
    from pipeline.sweep.mitigation_sets import sets_of

    try:
        if options.passes:
            sets_of({"subsets_of": list(options.passes)})
    except ValueError as error:
        raise InputError(str(error), "--passes") from None


def _check_knobs(hardware: Sequence[Configuration], knobs: Mapping[str, Sequence[AxisValue]]) -> None:
    """Refuses a value that no hardware can have, which would change nothing without a word."""
    for name, values in knobs.items():
        for value in values:
            reasons = [_why_not(one, name, value) for one in hardware]
            if all(reasons):
                raise InputError(f"no hardware can have {name}={value}: {reasons[0]}", "--knob")


def _why_not(hardware: Configuration, column: str, value: AxisValue) -> str:
    """What is wrong with a value on some hardware, empty if nothing."""
    try:
        design_of(hardware, MitigationSet(), {column: value})
    except ValueError as error:
        return first_reason(error)
    return ""


def _show(
    plan: Plan,
    store: Store,
    found: list[Recommendation],
    curves: list[tuple[Curve, ...]],
    pictures: Path | None,
    json: bool,
    whole: bool,
) -> None:
    from pipeline.recommend.picture import draw_recommendations, draw_search, draw_sensitivity

    files: list[str] = []
    names = hardware_names([one.hardware for one in found])
    if whole:
        path = write_recommendations(plan.name, rows_of(found, plan.name), store)
        files.append(store.display(path))
        for name, data in draw_recommendations(found, plan.name).items():
            store.put(f"{SWEEPS_FOLDER}/{plan.name}/{name}", data)
            files.append(store.display(f"{SWEEPS_FOLDER}/{plan.name}/{name}"))
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        drawn = (
            {f"{plan.name}-{name}": data for name, data in draw_recommendations(found, plan.name).items()}
            if whole
            else {}
        )
        for place, one in enumerate(found):
            start, title = short_key(one.dense.key), names[place]
            drawn |= {f"{start}-{name}": data for name, data in draw_search(one, title).items()}
            if curves:
                panels = draw_sensitivity(curves[place], title, one.chosen.candidate.name)
                drawn |= {f"{start}-{name}": data for name, data in panels.items()}
        for name, data in drawn.items():
            write_atomically(pictures / name, data)
            files.append(str(pictures / name))
    if json:
        print(json_module.dumps({"recommendations": _as_json(plan, found, names, curves)}, indent=2))
        return
    console = make_console()
    print_recommendations(found, console)
    for one, name, of_it in zip(found, names, curves, strict=False):
        print_sensitivity(f"{name}, {one.chosen.candidate.name}", of_it, console)
    for file in files:
        console.print(f"  {file}", highlight=False, soft_wrap=True, markup=False)


def _check_that_all_could_be_tried(failures: Sequence[Failure], unsaid: int) -> None:
    """What fails by itself is no candidate; but what the machine failed at might have been the best.

    Args:
        failures: of designs.
        unsaid: pieces of hardware of which nothing can be said.

    Raises:
        PointsFailed: some designs fell to the machine, or nothing can be said of some hardware.
    """
    if lost := {failure.point.key for failure in failures if RETRIES[failure.kind]}:
        designs = "1 design" if len(lost) == 1 else f"{len(lost)} designs"
        raise PointsFailed(
            f"the search went without {designs} that the machine failed at; the same command tries again"
        )
    if unsaid:
        raise PointsFailed(f"nothing can be said of {unsaid} of the pieces of hardware")


def _as_json(
    plan: Plan, found: list[Recommendation], names: list[str], curves: list[tuple[Curve, ...]]
) -> list[dict[str, Any]]:
    listed = []
    for place, one in enumerate(found):
        rows = [json_row(row) for row in rows_of([one], plan.name)]
        listed.append(
            {
                "hardware": names[place],
                "verdict": one.kind,
                "dense": rows[0],
                "chosen": rows[1],
                "others": rows[2:],
                "sets_tried": len(one.tried),
                "sets_failed": one.failed,
                "chips": one.chips,
                "holds_for_these_chips_alone": one.chips_differ,
                "sensitivity": [asdict(curve) for curve in curves[place]] if curves else [],
            }
        )
    return listed
