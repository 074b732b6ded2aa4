"""What the paper claims beside what comes out here."""

from __future__ import annotations

from statistics import median

import paper_costs
from paper_numbers import (
    ARRAYS,
    BINSPARX,
    COSTS,
    DENSE,
    GROUPED,
    PAPER_AREA,
    PAPER_ENERGY,
    PAPER_LARGEST_GAIN,
    PAPER_REDUCTION,
    Hardware,
    Row,
    SplitGain,
    back_to_ideal,
    cost_changes,
    farthest_end,
    largest_gain,
    largest_gain_by_halves,
    level_name,
    models_of,
    percent,
    reduction_of,
    signed,
    worst_loss_where_dense_is_fine,
)


def section(designs: list[Hardware], sums: list[Row]) -> str:
    """The claims in a table, and what they rest on."""
    lines = [
        "| | the paper | here |",
        "|---|---|---|",
        *_reduction_lines(sums),
        *_gain_lines(designs),
        *_ideal_lines(designs),
        *_cost_lines(paper_costs.costed(designs)),
    ]
    return "\n\n".join(["## Claims", "\n".join(lines), how_sure(designs, sums)])


def _reduction_lines(sums: list[Row]) -> list[str]:
    lines = []
    low, high = PAPER_REDUCTION
    for together, orders in ((16, ("channel", "grouped")), (64, ("channel", "grouped"))):
        for order in orders:
            found = "; ".join(
                f"{model} {percent(reduction_of(sums, model, order, together)['partial_sum_reduction'])}"
                for model in models_of(sums)
            )
            claim = f"{100 * low:.1f} to {100 * high:.1f} %"
            lines.append(
                f"| mean partial sum lowered, {together} rows read together, row order `{order}` | {claim} | {found} |"
            )
    return lines


def _gain_lines(designs: list[Hardware]) -> list[str]:
    lines = []
    re_ranged = [design for design in designs if design.re_ranged]
    for name, among, levels in (
        ("both flips", designs, (BINSPARX,)),
        ("both flips, converters re-ranged", re_ranged, (BINSPARX,)),
        ("both flips, `grouped`, converters re-ranged", re_ranged, (GROUPED,)),
    ):
        best, halves = largest_gain(among, *levels), largest_gain_by_halves(among, *levels)
        if halves is not None:
            lines.append(
                f"| largest accuracy gain, {name} | {100 * PAPER_LARGEST_GAIN:.2f} points | {by_halves(*halves)} |"
            )
        elif best is not None:
            design, gain = best
            reached = design.best(*levels)
            dense = design.accuracy(DENSE)
            if reached is not None and dense is not None:
                lines.append(
                    f"| largest accuracy gain, {name} | {100 * PAPER_LARGEST_GAIN:.2f} points | **{100 * gain:.1f} points**: "
                    f"{design.model}, {design.name}: {percent(dense)} to {percent(reached[1])} |"
                )
    return lines


def _ideal_lines(designs: list[Hardware]) -> list[str]:
    """How near to ideal arithmetic the flips come, where dense storage is far from it and where it is near."""
    lines = []
    for name, levels in (("both flips", (BINSPARX,)), ("any level or order", ())):
        fallen, back = back_to_ideal(designs, *levels)
        if fallen:
            lines.append(
                f"| back to within 1 point of ideal, {name} | some designs | {len(back)} of the {len(fallen)} designs "
                "that lose more than 1 point dense |"
            )
    for name, level in (("both flips", BINSPARX), ("both flips, `grouped`", GROUPED)):
        fine, worst, loss = worst_loss_where_dense_is_fine(designs, level)
        if worst is not None:
            verdict = (
                f"loses at most {100 * loss:.1f} points"
                if loss > 0
                else f"never loses (least gain {-100 * loss:.1f} points)"
            )
            lines.append(
                f"| where dense is within 2 points of ideal, {name} | not given | {verdict} "
                f"({fine} design{'s' * (fine != 1)}) |"
            )
    return lines


def how_sure(designs: list[Hardware], sums: list[Row]) -> str:
    """What the claims rest on."""
    text = f"Partial sums are of {', '.join(str(n) for n in sorted({row['images'] for row in sums}))} test images."
    if designs:
        images = sorted({row["images"] for d in designs for row in d.levels.values()})
        text += (
            f" Accuracies are of {', '.join(f'{n:,}' for n in images)} test images, the same for every level: 95 % "
            f"intervals of one accuracy end at most {farthest_end(designs):.1f} points from it; a point is "
            f"{' or '.join(str(round(n / 100)) for n in images)} images. "
        )
        if largest_gain_by_halves(designs, BINSPARX) is None:
            text += "The largest gains, and the best of several levels, are picked by the images that measure them."
        else:
            text += (
                "Largest gains are picked by every other image and measured on the rest, and the other way round, so that "
                "luck that picks does not flatter; the best of several levels, elsewhere, is picked by the images that "
                "measure it."
            )
        text += (
            " What dense storage has beyond ideal arithmetic is luck of these images: flips that end it lose nothing."
        )
    return text


def by_halves(first: SplitGain, second: SplitGain) -> str:
    """Both measurements of a largest gain; design and level once where both halves pick the same."""
    gains = f"**{100 * first.gain:.1f} and {100 * second.gain:.1f} points**, picked by one half of the images each"

    def named(gain: SplitGain) -> str:
        level = "" if gain.level == BINSPARX else f", {level_name(gain.level)}"
        return f"{gain.design.model}, {gain.design.name}{level}"

    def accuracies(gain: SplitGain) -> str:
        return f"{percent(gain.dense)} to {percent(gain.accuracy)}"

    if named(first) == named(second):
        return f"{gains}: {named(first)}: {accuracies(first)} and {accuracies(second)}"
    return f"{gains}: {named(first)}: {accuracies(first)}; {named(second)}: {accuracies(second)}"


def _cost_lines(designs: list[Hardware]) -> list[str]:
    claims = {"energy": PAPER_ENERGY, "latency": "slightly more", "area": PAPER_AREA}
    lines = []
    for column, name in COSTS.items():
        changes = cost_changes(designs, column, BINSPARX)
        if changes:
            lines.append(
                f"| {name}, both flips, nominal corner | {claims[name]} | {signed(min(changes))} to "
                f"{signed(max(changes))}, median {signed(median(changes))}{_of_arrays(designs, name)} ({len(changes)} designs, "
                "[below](#energy-latency-and-area)) |"
            )
    return lines


def _of_arrays(designs: list[Hardware], name: str) -> str:
    """The same change of the arrays alone, where digital layers are in the totals."""
    column = next(column for column, cost in ARRAYS.items() if cost == name)
    changes = cost_changes(designs, column, BINSPARX)
    if not changes:
        return ""
    return f"; arrays alone {signed(min(changes))} to {signed(max(changes))}, median {signed(median(changes))}"
