"""What is printed of recommendations: one in full, several as a table."""

from __future__ import annotations

import math

from rich.console import Console

from pipeline.recommend.names import hardware_names
from pipeline.recommend.race import CONFIRMED, MISSED
from pipeline.recommend.recommendation import Recommendation, Standing, points_text, reached
from pipeline.recommend.rows import COSTS
from pipeline.recommend.sensitivity import Curve
from pipeline.report.text_table import Column, print_table
from pipeline.results.names import hardware_name, only_of_chips
from pipeline.sweep.keys import short_key
from pipeline.sweep.objectives import OBJECTIVES


def print_recommendations(found: list[Recommendation], console: Console) -> None:
    """One with all that was judged, several with what was chosen of each."""
    if len(found) == 1:
        _print_one(found[0], console)
    else:
        _print_many(found, console)


def _print_one(one: Recommendation, console: Console) -> None:
    _say(console, f"{hardware_name(one.hardware.columns)}: {_sentence(one)}\n")
    shown = {standing.key: standing for standing in (one.chosen, *one.others)}
    lines = []
    for standing in [*shown.values(), *([] if one.dense.key in shown else [one.dense])]:
        mark = "> " if standing is one.chosen and one.kind != MISSED else "  "
        lines.append([mark + _spaced(standing.candidate.name), *_figures(standing), *_costs(standing, one)])
    numbers = ("accuracy %", "against ideal", "sure %", *COSTS, *(f"{name} %" for name in COSTS), "key")
    print_table("", [Column("set"), *(Column(name, number=True) for name in numbers)], lines, console)
    _notes([one], console)


def _print_many(found: list[Recommendation], console: Console) -> None:
    lines = []
    for one, hardware in zip(found, hardware_names([one.hardware for one in found]), strict=True):
        name = _spaced(one.chosen.candidate.name)
        lines.append(
            [
                hardware,
                f"none; closest: {name}" if one.kind == MISSED else name,
                *(
                    f"{100 * value:.1f}"
                    for value in (one.ideal_accuracy, one.dense.accuracy[0], one.chosen.accuracy[0])
                ),
                _sure(one.chosen),
                *(_change(one.chosen, one, column) for column in COSTS.values()),
            ]
        )
    numbers = ("ideal %", "dense %", "accuracy %", "sure %", *(f"{name} %" for name in COSTS))
    columns = [Column("hardware"), Column("set"), *(Column(name, number=True) for name in numbers)]
    print_table("", columns, lines, console, names=2)
    console.print()
    within = points_text(found[0].options.target)
    lost = [one for one in found if -one.dense.counts.change > one.options.target]
    _say(
        console,
        f"{reached(found)} of {len(found)} pieces of hardware within {within} of ideal, {reached(lost)} of the "
        f"{len(lost)} that lose more densely",
    )
    _notes(found, console)


def _sentence(one: Recommendation) -> str:
    name, target = one.chosen.candidate.name, f"{points_text(one.options.target)} of ideal"
    sure = f"{100 * (one.chosen.confidence or 0):.0f} %"
    if one.kind == MISSED:
        return (
            f"no set reaches {target}; {name} comes closest, {-100 * one.chosen.counts.change:.1f} points below ideal"
        )
    if one.kind == CONFIRMED:
        known = not math.isnan(one.chosen.costs.get(OBJECTIVES[one.options.by].column, math.nan))
        best = (
            "the cheapest set of which that is so"
            if known
            else "of those the one that loses least, costs being unknown"
        )
        return f"{name} is within {target}, {sure} sure, and {best}"
    if (one.chosen.confidence or 0) >= one.options.confidence:
        return f"{name} is likely within {target}: {sure} sure by itself, but a set that was tested before it is not"
    needed = one.images_needed
    more = f"; about {needed:,.0f} images that confirm would tell" if needed < 1e6 else ""
    return f"{name} seems to be within {target}, but only {sure} sure on {one.images} images{more}"


def _notes(found: list[Recommendation], console: Console) -> None:
    first = found[0]
    sets = sum(len(one.tried) for one in found)
    failed = sum(one.failed for one in found)
    _say(
        console,
        f"{sets} sets tried, judged on the last {first.images} of {first.options.images} images, which had no say in "
        "what is judged on them",
    )
    _say(
        console,
        f"sure: that a set by itself loses less than {points_text(first.options.target)}; *: confirmed, "
        f"{100 * first.options.confidence:g} % sure together with all that were tested before it",
    )
    if drawn := {one.chips for one in found if one.chips_differ}:
        _say(console, only_of_chips(max(drawn)))
    if any(one.kind != CONFIRMED for one in found):
        _say(console, "what is not confirmed is, of finalists, the surest by the images that judge, which flatters it")
    _say(console, "energy, latency, area in %: against dense storage; those of an image and of the whole network")
    if any(not s.within_limits for one in found for s in (one.dense, one.chosen, *one.others)):
        _say(console, "~: exact reads show the fast solver beyond the sweep's limits")
    if failed:
        _say(console, f"{failed} sets could not be computed")


def print_sensitivity(title: str, curves: tuple[Curve, ...], console: Console) -> None:
    """The accuracy without and with a set, which ``title`` names, over what its converters may have."""
    _say(console, f"\nsensitivity of {title}: accuracy in %")
    for curve in curves:
        columns = [
            Column(curve.column.replace("_", " ")),
            *(Column(f"{value:g}", number=True) for value in curve.values),
        ]
        lines = [
            [name, *(f"{100 * accuracy[0]:.1f}" for accuracy in accuracies)]
            for name, accuracies in (("dense", curve.dense), ("set", curve.chosen))
        ]
        print_table("", columns, lines, console)


def _figures(standing: Standing) -> tuple[str, str, str]:
    value, low, high = (100 * part for part in standing.accuracy)
    change, below, above = (100 * part for part in standing.change)
    mark = "" if standing.within_limits else "~"
    sure = "" if standing.confidence is None else _sure(standing)
    return f"{value:.1f}{mark} ({low:.1f} to {high:.1f})", f"{change:+.1f} ({below:+.1f} to {above:+.1f})", sure


def _sure(standing: Standing) -> str:
    return f"{100 * (standing.confidence or 0):.0f}{'*' if standing.confirmed else ' '}"


def _costs(standing: Standing, one: Recommendation) -> list[str]:
    shown = [
        OBJECTIVES[name].show(standing.costs[column], gap="") if column in standing.costs else ""
        for name, column in COSTS.items()
    ]
    return [*shown, *(_change(standing, one, column) for column in COSTS.values()), short_key(standing.key)[:8]]


def _change(standing: Standing, one: Recommendation, column: str) -> str:
    change = standing.cost_change(column, one.dense)
    return "" if change != change else f"{100 * change:+.1f}"


def _spaced(name: str) -> str:
    """With spaces at which a table folds it."""
    return name.replace("+", " + ")


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True, markup=False)
