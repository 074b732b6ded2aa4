"""``binsparx plan``: what a sweep would do, before it does it."""

from __future__ import annotations

from typing import Any

from pipeline.cli.options import JsonOption, ResultsOption, SweepArgument, make_console


def plan(sweep: SweepArgument, results: ResultsOption = None, json: JsonOption = False) -> None:
    """Show axes, points, tasks, images, what is already there, and an estimate of time and disk. Writes nothing.

    Example: `binsparx plan sweeps/quickstart.yaml`.
    """
    import json as json_module

    from pipeline.plan import make_plan
    from pipeline.spec import load_sweep

    summary = summarise(make_plan(load_sweep(sweep)), results)
    if json:
        print(json_module.dumps(summary, indent=2))
    else:
        _print(summary, make_console())


def summarise(planned: Any, results: str | None) -> dict[str, Any]:
    """The figures of a plan beside what the store holds, as plain data."""
    from pipeline.costs import CostModel, disk_bytes
    from pipeline.runner import DEFAULT_RESULTS
    from pipeline.store import Store
    from pipeline.tasks import cpu_count
    from pipeline.work import find_work

    store = Store(results or planned.sweep.spec.results or DEFAULT_RESULTS)
    costs = CostModel.load(store)
    works = find_work(planned, store, costs)
    open_works = [work for work in works if not work.done]
    missing_shards = sum(len(work.cover.missing) for work in works)
    missing_images = sum(work.missing_images for work in works)
    worker_seconds = sum(work.seconds for work in open_works)
    return {
        "sweep": planned.name,
        "results": store.uri,
        "axes": planned.axes,
        "points": len(planned.points),
        "duplicates": planned.duplicates,
        "excluded": planned.excluded,
        "images": planned.images,
        "finished_points": len(works) - len(open_works),
        "stored_shards": sum(len(work.cover.stored) for work in works),
        "tasks": sum(work.tasks for work in works),
        "shards": missing_shards,
        "image_evaluations": missing_images,
        "cpus": cpu_count(),
        "worker_seconds": worker_seconds,
        "wall_seconds": worker_seconds / cpu_count(),
        "measured_points": sum(work.cost.measured for work in open_works),
        "open_points": len(open_works),
        "disk_bytes": disk_bytes(sum(not work.prepared for work in works), missing_shards, missing_images),
        "warnings": list(planned.warnings),
    }


def _print(summary: dict[str, Any], console: Any) -> None:
    from rich.table import Table

    from pipeline.costs import ROUGH_PREPARE_SECONDS, ROUGH_SECONDS_PER_IMAGE
    from pipeline.progress import duration

    table = Table(title=f"sweep '{summary['sweep']}'")
    table.add_column("axis")
    table.add_column("values", justify="right")
    table.add_column("")
    for name, values in summary["axes"].items():
        listed = ", ".join(str(value) for value in values[:8]) + (", ..." if len(values) > 8 else "")
        table.add_row(name, str(len(values)), listed)
    console.print(table)
    left_out = [f"{summary[name]} {name}" for name in ("duplicates", "excluded") if summary[name]]
    lines = [
        f"points   {summary['points']}" + (f" ({', '.join(left_out)} left out)" if left_out else ""),
        f"images   {summary['images']} for each point",
        f"there    {summary['finished_points']} points finished, {summary['stored_shards']} shards stored "
        f"in {summary['results']}",
        f"to do    {summary['tasks']} tasks: {summary['open_points']} preparations and {summary['shards']} shards, "
        f"{summary['image_evaluations']} image evaluations",
    ]
    if summary["open_points"]:
        source = f"measured by earlier runs for {summary['measured_points']} of {summary['open_points']} points"
        if summary["measured_points"] < summary["open_points"]:
            rough = f"{ROUGH_PREPARE_SECONDS:g} s a preparation and {ROUGH_SECONDS_PER_IMAGE:g} s an image"
            source += f", else a rough {rough}"
        lines += [
            f"time     about {duration(summary['wall_seconds'])} on {summary['cpus']} CPUs ({source})",
            f"disk     about {summary['disk_bytes'] / 1e6:.1f} MB",
        ]
    lines += [f"warning: {warning}" for warning in summary["warnings"]]
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
