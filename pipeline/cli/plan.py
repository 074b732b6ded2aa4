"""``binsparx plan``: what a sweep would do, before it does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.cli.options import JsonOption, ResultsOption, SweepArgument, make_console

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.storage.compute_time import ComputeTimes
    from pipeline.storage.shards import Range
    from pipeline.storage.store import Store
    from pipeline.storage.work import DesignWork
    from pipeline.sweep.extent import Extent
    from pipeline.sweep.plan import Plan


def plan(sweep: SweepArgument, results: ResultsOption = None, json: JsonOption = False) -> None:
    """Show axes, points, tasks, images, what is already there, and an estimate of time and disk. Writes nothing.

    Example: `binsparx plan quickstart`.
    """
    import json as json_module

    from pipeline.sweep.plan import make_plan
    from pipeline.sweep.spec import load_sweep

    summary = summarise(make_plan(load_sweep(sweep)), results)
    if json:
        print(json_module.dumps(summary, indent=2))
    else:
        _print(summary, make_console())


def summarise(planned: Plan, results: str | None) -> dict[str, Any]:
    """The figures of a plan beside what the store holds, as plain data.

    Of a race it takes what the stored rounds have decided; what is to do is the most that the rest may come to.
    """
    from pipeline.execution.runner import DEFAULT_RESULTS
    from pipeline.execution.tasks import cpu_count
    from pipeline.storage.compute_time import ComputeTimes, disk_bytes
    from pipeline.storage.store import Store

    store = Store(results or planned.sweep.spec.results or DEFAULT_RESULTS)
    times = ComputeTimes.load(store)
    design_works, rounds_left, missing_shards = _design_works(planned, store, times)
    open_designs = [work for work in design_works if not work.done]
    missing_images = sum(work.missing_images for work in design_works)
    preparations = rounds_left * len(open_designs)  # every round of a race prepares its designs once more
    again_seconds = (rounds_left - 1) * sum(work.compute_time.prepare_seconds for work in open_designs)
    worker_seconds = sum(work.seconds for work in open_designs) + again_seconds
    return {
        "sweep": planned.name,
        "strategy": planned.sweep.spec.strategy,
        "results": store.uri,
        "axes": planned.axes,
        "points": len(planned.points),
        "duplicates": planned.duplicates,
        "excluded": planned.excluded,
        "images": planned.images,
        "chips": planned.chips if any(point.chips_differ for point in planned.points) else 1,
        "finished_points": len(design_works) - len(open_designs),
        "stored_shards": sum(len(work.cover.stored) for work in design_works),
        "tasks": preparations + missing_shards,
        "shards": missing_shards,
        "image_evaluations": missing_images,
        "cpus": cpu_count(),
        "worker_seconds": worker_seconds,
        "wall_seconds": worker_seconds / cpu_count(),
        "measured_points": sum(work.compute_time.measured for work in open_designs),
        "open_points": len(open_designs),
        "disk_bytes": disk_bytes(sum(not work.prepared for work in design_works), missing_shards, missing_images),
        "warnings": list(planned.warnings),
    }


def _design_works(planned: Plan, store: Store, times: ComputeTimes) -> tuple[list[DesignWork], int, int]:
    """The designs, each with the images that it gets unless a later round of a race stops it; the rounds left; and the
    shards to be made, which are smaller in a race's first round."""
    from pipeline.storage.work import find_work

    if planned.sweep.spec.strategy != "racing":
        design_works = find_work(planned, store, times)
        return design_works, 1, sum(len(work.cover.missing) for work in design_works)
    from pipeline.execution.racing import race_rounds, run_race

    complete: list[str] = []
    begun: list[DesignWork] = []

    def look(design_works: list[DesignWork], name: str) -> bool:
        """In place of computing a round: it is there, or the race has come no further."""
        if all(work.done for work in design_works):
            complete.append(name)
            return True
        begun.extend(design_works)
        return False

    race = run_race(planned, store, times, look)  # its rounds are decided from stored results alone
    design_works = race.design_works(planned, store, times)
    extents = race_rounds(planned)
    now = extents[min(len(complete), len(extents) - 1)]  # of the round that is to be computed
    later = sum(
        not _in_round(shard, now, work.point.split_images) for work in design_works for shard in work.cover.missing
    )
    return design_works, len(extents) - len(complete), later + sum(len(work.cover.missing) for work in begun)


def _in_round(shard: Range, extent: Extent, split_images: int) -> bool:
    """Whether a shard belongs to what a round, or an earlier one, has computed at its end."""
    chip, first = divmod(shard[0], split_images)
    return first < extent.images and chip < extent.chips


def _print(summary: dict[str, Any], console: Console) -> None:
    from pipeline.execution.progress import duration
    from pipeline.report.text_table import Column, print_table
    from pipeline.storage.compute_time import ROUGH_PREPARE_SECONDS, ROUGH_SECONDS_PER_IMAGE

    rows = []
    for name, values in summary["axes"].items():
        listed = ", ".join(str(value) for value in values[:8]) + (", ..." if len(values) > 8 else "")
        rows.append([name, str(len(values)), listed])
    columns = [Column("axis"), Column("number", number=True), Column("values")]
    print_table(f"sweep '{summary['sweep']}'", columns, rows, console, names=0)
    most = "at most " if summary["strategy"] == "racing" else ""
    preparations = summary["tasks"] - summary["shards"]
    left_out = [f"{summary[name]} {name}" for name in ("duplicates", "excluded") if summary[name]]
    lines = [
        f"points   {summary['points']}" + (f" ({', '.join(left_out)} left out)" if left_out else ""),
        f"images   {most}{summary['images']} for each point"
        + (f", on each of {most}{summary['chips']} chips where they differ" if summary["chips"] > 1 else ""),
        f"there    {summary['finished_points']} points finished, {summary['stored_shards']} shards stored "
        f"in {summary['results']}",
        f"to do    {most}{summary['tasks']} tasks: {preparations} preparations and {summary['shards']} shards, "
        f"{summary['image_evaluations']} image evaluations",
    ]
    if summary["open_points"]:
        source = f"measured by earlier runs for {summary['measured_points']} of {summary['open_points']} points"
        if summary["measured_points"] < summary["open_points"]:
            rough = f"{ROUGH_PREPARE_SECONDS:g} s a preparation and {ROUGH_SECONDS_PER_IMAGE:g} s an image"
            source += f", else a rough {rough}"
        lines += [
            f"time     {most or 'about '}{duration(summary['wall_seconds'])} on {summary['cpus']} CPUs ({source})",
            f"disk     {most or 'about '}{summary['disk_bytes'] / 1e6:.1f} MB",
        ]
    lines += [f"warning: {warning}" for warning in summary["warnings"]]
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
