"""How accurate the chips of each design are: a mark a chip, their quartiles, the 5th percentile, the yield."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.report.drawing import (
    MARKERS,
    design_legend,
    device_colours,
    draw_grid,
    legend_below,
    levels_among,
    say_fixed,
)
from pipeline.results.names import choice_name, world_names
from pipeline.sweep.names import level_name
from pipeline.sweep.objectives import OBJECTIVES

MOST_DRAWN = 60
"""Designs whose chips are drawn: those on the front first."""
_STACK = 0.075  # of a row, from one dot to the next of chips that are as accurate


def choose_designs(designs: pd.DataFrame, chips: pd.DataFrame) -> pd.DataFrame:
    """Designs whose chips differ, in their order; of very many those on the front before others.

    Args:
        designs: rows of ``designs``.
        chips: the table ``chips``; while a run replaces the tables it may not have them all.
    """
    known = designs[designs["chips"].notna() & designs["design_key"].isin(chips["design_key"])]
    first = known.sort_values("on_front", ascending=False, kind="stable").index[:MOST_DRAWN]
    return known.loc[first.sort_values()]


def draw_chips(designs: pd.DataFrame, chips: pd.DataFrame) -> Figure | None:
    """A panel a network and world, a row a design; None where no chips differ.

    Args:
        designs: rows of ``designs`` that may be set beside each other.
        chips: the table ``chips``.
    """
    shown = choose_designs(designs, chips)
    if shown.empty:
        return None
    groups = list(shown.groupby([shown["model"], world_names(shown)], sort=False))
    accuracies = {str(key): 100 * own.to_numpy(float) for key, own in chips.groupby("design_key")["accuracy"]}
    figure = Figure(figsize=(9.5, 2.0 + sum(0.75 + 0.34 * len(own) for _, own in groups)), layout="constrained")
    panels = figure.subplots(len(groups), 1, squeeze=False, height_ratios=[1 + len(own) for _, own in groups])[:, 0]
    colours = device_colours(shown["device"])
    for axes, ((model, world), own) in zip(panels, groups, strict=True):
        _draw_panel(axes, own, accuracies, colours)
        axes.set_title(world if shown["model"].nunique() == 1 else f"{model}, {world}", fontsize=9, loc="left")
    panels[-1].set_xlabel(OBJECTIVES["accuracy"].axis_label)
    losses = " or ".join(f"{100 * loss:g}" for loss in sorted(shown["yield_loss"].dropna().unique()))
    left = int(designs["chips"].notna().sum()) - len(shown)
    figure.suptitle(
        f"{', '.join(shown['model'].unique())}: chips on {shown['images'].max()} images of {shown['dataset'].iloc[0]}"
        + (f", {len(shown)} designs of {len(shown) + left}" if left else "")
    )
    say_fixed(figure, shown)
    handles = [
        *design_legend(colours, levels_among(shown["sparsity"]), thickness=4),
        Line2D(
            [], [], color="#222222", lw=1.6, marker="|", ms=11, mew=2.2, ls="", label="95 % of the chips reach this"
        ),
        Line2D([], [], color="#888888", lw=5, alpha=0.45, label="quartiles, median"),
        Line2D([], [], color="#555555", ls="--", label="ideal arithmetic"),
        Line2D([], [], ls="", label=f"right: yield, within {losses} points of it (95 % interval)"),
    ]
    legend_below(figure, handles, most=3)
    return figure


def _draw_panel(
    axes: Axes, designs: pd.DataFrame, accuracies: Mapping[str, np.ndarray], colours: Mapping[str, str]
) -> None:
    rows = [row for _, row in designs.iterrows()]
    for place, row in zip(range(len(rows))[::-1], rows, strict=True):
        values, colour = np.sort(accuracies[row["design_key"]]), colours[row["device"]]
        low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
        axes.plot([low, high], [place, place], color="#888888", lw=9, alpha=0.3, solid_capstyle="butt", zorder=1)
        axes.plot([middle, middle], [place - 0.2, place + 0.2], color="#666666", lw=1.3, zorder=2)
        axes.plot(
            values,
            place + stacked(values),
            MARKERS[row["sparsity"]],
            color=colour,
            mfc="white",
            ms=4.5,
            mew=1,
            zorder=3,
        )
        weakest = 100 * row["accuracy_chip_p5"]
        axes.plot([weakest, weakest], [place - 0.36, place + 0.36], color="#222222", lw=2.2, zorder=4)
        ends = f"{100 * row['yield_low']:.0f} to {100 * row['yield_high']:.0f}"
        axes.annotate(
            f"{100 * row['yield']:.0f} % ({ends})", (1.01, place), xycoords=("axes fraction", "data"), va="center",
            fontsize=7,
        )  # fmt: skip
    axes.axvline(100 * designs["ideal_accuracy"].max(), color="#555555", ls="--", lw=1)
    names = [f"{choice_name(row, designs)}, {level_name(row)}" for row in rows]
    axes.set_yticks(range(len(rows))[::-1], names, fontsize=7)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.tick_params(axis="x", labelsize=8)
    axes.margins(x=0.04)
    draw_grid(axes, "x")


def stacked(values: np.ndarray) -> np.ndarray:
    """How far each dot stands above or below its row, so that none covers another of the same value.

    Args:
        values: sorted.
    """
    heights = np.zeros(len(values))
    for value in np.unique(values):
        same = np.flatnonzero(values == value)
        step = min(_STACK, 0.6 / max(1, len(same) - 1))
        heights[same] = step * (np.arange(len(same)) - (len(same) - 1) / 2)
    return heights
