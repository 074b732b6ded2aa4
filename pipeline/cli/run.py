"""``binsparx run``: plan, run or resume, aggregate, track, front, report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import ResultsOption, SweepArgument, TrackingUriOption, make_console
from simcore.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from pipeline.execution.runner import RunResult


def run(
    sweep: SweepArgument,
    results: ResultsOption = None,
    address: Annotated[
        str | None, typer.Option("--address", metavar="ADDR", help="Ray cluster. [default: a Ray of this machine]")
    ] = None,
    only: Annotated[str | None, typer.Option("--only", metavar="KEY", help="Only designs whose key begins so.")] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="CPU threads of each task.")] = 1,
    max_failures: Annotated[
        int | None,
        typer.Option(
            "--max-failures", min=0, metavar="N", help="Begin nothing new after more than N designs failed. [no limit]"
        ),
    ] = None,
    tracking_uri: TrackingUriOption = None,
    tracking: Annotated[bool, typer.Option("--tracking/--no-tracking", help="Write to MLflow at the end.")] = True,
) -> None:
    """Run a sweep, or go on with it: what is already computed is never computed again.

    Examples: `binsparx run quickstart`, `binsparx run my.yaml --only 3f2a91` (one design),
    `binsparx run my.yaml --results s3://bucket/results --address auto` (a cluster).
    """
    from pipeline.execution.runner import RunOptions, run_sweep

    console = make_console()
    if tracking_uri is not None and not tracking:
        raise InputError("give either this or --no-tracking", "--tracking-uri")
    if tracking and (warning := _tracking_trouble(sweep, tracking_uri)):
        console.print(f"warning: {warning}", highlight=False, soft_wrap=True)
    options = RunOptions(results=results, address=address, only=only, threads=threads, max_failures=max_failures)
    result = run_sweep(sweep, options, console)
    for draw in (_draw_front, _write_report):
        try:
            draw(result)
        except InputError as error:  # of references alone there is no report
            _warn(result, error.message)
        except Exception as error:  # what was computed is told and tracked even where it cannot be drawn
            _warn(result, f"the report could not be drawn: {type(error).__name__}: {error}")
    if tracking and result.plan.sweep.spec.tracking.mode != "none":
        _track(result, results, tracking_uri)
    _show(result, results, console)


def _tracking_trouble(sweep: str, uri: str | None) -> str:
    """What stands in the way of tracking at the end, said before the work; raises InputError where it never can be."""
    from pipeline.sweep.spec import load_sweep
    from pipeline.tracking.client import check_tracking

    file = load_sweep(sweep)
    if file.spec.tracking.mode != "none":
        return check_tracking(file, uri)
    if uri is not None:
        raise InputError("the sweep file says 'tracking: none', so that nothing is tracked there", "--tracking-uri")
    return ""


def _draw_front(result: RunResult) -> None:
    """Draws the front beside the tables."""
    from pipeline.report.picture import draw_front

    designs = result.tables["designs"]
    if designs.num_rows:
        _keep(result, draw_front(designs, result.plan.sweep.spec.pareto.objectives))


def _write_report(result: RunResult) -> None:
    """Writes the report beside the tables."""
    from pipeline.report.page import build_report
    from pipeline.results.finished import Results

    if result.tables["designs"].num_rows:
        page = build_report(Results(result.store.absolute_uri), result.plan.name)
        _keep(result, {"report.html": page.encode()})


def _keep(result: RunResult, files: Mapping[str, bytes]) -> None:
    from pipeline.tables.files import SWEEPS_FOLDER

    for name, data in files.items():
        path = f"{SWEEPS_FOLDER}/{result.plan.name}/{name}"
        result.store.put(path, data)
        result.files.append(result.store.display(path))


def _track(result: RunResult, results: str | None, uri: str | None) -> None:
    """Brings MLflow up to date; a tracking server that is away costs one warning."""
    from pipeline.commands import command
    from pipeline.execution.failures import read_failures
    from pipeline.tracking.client import TrackingUnavailable
    from pipeline.tracking.sweeps import track_sweep

    try:
        done = track_sweep(
            result.plan.sweep, result.store, uri, failed=bool(read_failures(result.plan.name, result.store))
        )
    except TrackingUnavailable as error:
        later = command("track", str(result.plan.sweep.path), results=results, tracking_uri=uri)
        _warn(result, f"{error}; synchronise later with: {later}")
        return
    if done.set_aside:
        _warn(result, f"MLflow's database was damaged and is now {done.set_aside}; binsparx track fills the new one")
    result.files.append(f"MLflow {done.uri} (experiment '{done.experiment}')")


def _warn(result: RunResult, text: str) -> None:
    result.warnings.append(text)
    print(f"warning: {text}", file=sys.stderr)


def _show(result: RunResult, results: str | None, console: Console) -> None:
    from pipeline.report.terminal import (
        MOST_LINES,
        print_chips,
        print_costs,
        print_designs,
        print_front,
        print_robust_front,
    )
    from pipeline.tables.completeness import what_is_missing

    designs = result.tables["designs"]
    where = results or result.plan.sweep.spec.results
    for show in (print_designs, print_chips, print_costs):
        show(designs, console, MOST_LINES, results=where)
    print_front(result.tables["pareto"], console)
    print_robust_front(designs, console)
    if result.tasks_run == 0:
        console.print("nothing was left to compute")
    if missing := what_is_missing(designs, result.plan.name, result.store):
        console.print(missing, highlight=False, soft_wrap=True, markup=False)
    console.print("results:", highlight=False)
    for file in result.files:
        console.print(f"  {file}", highlight=False, soft_wrap=True, markup=False)
    if result.failures:
        _show_failures(result)


def _show_failures(result: RunResult) -> None:
    """The failures by cause, each with an example and the command that repeats it."""
    from pipeline.errors import PointsFailed
    from pipeline.execution.failures import describe_failures

    for line in describe_failures(result.failures):
        print(line, file=sys.stderr)
    total = f"{len(result.failures)} of {len(result.plan.points)} design points failed"
    if result.stopped:
        total += "; stopped there (--max-failures), all finished work is kept and the same command goes on"
    raise PointsFailed(total)
