"""The page's section on what each flip does by itself, and what pruning takes beyond both."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean, median

from markdown_table import markdown_table
from paper_costs import costed, with_digital
from paper_numbers import (
    COSTS,
    DENSE,
    NEAR_IDEAL,
    Hardware,
    Level,
    back_to_ideal,
    cost_changes,
    level_name,
    levels_run_throughout,
    networks_of,
)


@dataclass(frozen=True)
class LevelSummary:
    """One level over the hardware on which all levels were run."""

    accuracy: float  # mean
    gain: float  # mean over dense
    first: int  # hardware on which no level is more accurate
    back: int  # hardware back to within a point of ideal, of the ``fallen``
    fallen: int


def summary_of(designs: list[Hardware], level: Level, levels: list[Level]) -> LevelSummary:
    """How one of the ``levels`` does on hardware that has them all."""
    accuracy = [design.levels[level]["accuracy"] for design in designs]
    best = [max(design.levels[other]["accuracy"] for other in levels) for design in designs]
    fallen, back = back_to_ideal(designs, level)
    return LevelSummary(
        accuracy=mean(accuracy),
        gain=mean(own - design.levels[DENSE]["accuracy"] for own, design in zip(accuracy, designs, strict=True)),
        first=sum(own == top for own, top in zip(accuracy, best, strict=True)),
        back=len(back),
        fallen=len(fallen),
    )


def section(designs: list[Hardware]) -> str:
    """Table and picture; empty where no network was run at more than dense and both flips."""
    rows = []
    for model in networks_of(designs):
        tuned, levels = levels_run_throughout(designs, model)
        if len(levels) > 2:
            rows += [[model, level_name(level), *_cells(tuned, level, levels)] for level in levels]
    if not rows:
        return ""
    numbers = ["designs", "accuracy", "gain", "best of all", "back to ideal", *COSTS.values()]
    return "\n\n".join(
        [
            "## What each flip does, and pruning",
            "All hardware with converters re-ranged, row order `channel`. Accuracy and gain over dense are means over these "
            "designs; *best of all*: on so many no other level is more accurate (ties count for each); *back to ideal*: "
            f"within {100 * NEAR_IDEAL:g} point of it, of those that lose more dense. Energy, latency and area: median "
            f"change against dense, nominal corner{', digital layers counted' if with_digital(costed(designs)) else ''}.",
            "![Accuracy of every level on every design](images/paper/levels.png)",
            markdown_table(["network", "level"], numbers, rows),
            *_where_pruning_prunes_nothing(designs),
        ]
    )


def _where_pruning_prunes_nothing(designs: list[Hardware]) -> list[str]:
    """Few ones are left in a column of few rows, and a small share of them is less than one."""
    pairs = [
        (design, row, design.levels[sparsity, 0.0, order])
        for design in designs
        for (sparsity, prune, order), row in design.levels.items()
        if prune and (sparsity, 0.0, order) in design.levels
    ]
    same = [design for design, pruned, whole in pairs if pruned["array_current_A"] == whole["array_current_A"]]
    if not same:
        return []
    together = ", ".join(str(n) for n in sorted({design.active_rows for design in same}))
    return [
        f"Pruning takes floor(p x ones) of the ones that are left in a column of the rows read together: not one on "
        f"{len(same)} of the {len(pairs)} pruned designs ({together} rows read together), whose currents are the same to "
        "the last bit."
    ]


def _cells(tuned: list[Hardware], level: Level, levels: list[Level]) -> list[str]:
    found = summary_of(tuned, level, levels)
    counts = [str(len(tuned)), f"{100 * found.accuracy:.1f} %"]
    if level == DENSE:
        return [*counts, "", str(found.first), "", *("" for _ in COSTS)]
    changes = [cost_changes(costed(tuned), column, level) for column in COSTS]
    return [
        *counts,
        f"{100 * found.gain:+.1f}",
        str(found.first),
        f"{found.back} of {found.fallen}",
        *(f"{100 * median(change):+.1f} %" if change else "" for change in changes),
    ]
