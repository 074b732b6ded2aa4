"""The front as a picture: accuracy against what it costs, one panel a model and corner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from pipeline.front.sampling import sample_others
from pipeline.report.drawing import (
    MARKERS,
    design_legend,
    device_colours,
    draw_grid,
    label_costs,
    levels_among,
    picture_files,
)
from pipeline.report.front_panels import FrontPanel, front_panels
from pipeline.sweep.names import array_name
from pipeline.sweep.objectives import COSTS, OBJECTIVES, Objective
from pipeline.tables.schema import HARDWARE_COLUMNS

MOST_DRAWN = 1000
"""Designs beside the front up to which a picture shows all: of more it shows a sample of so many."""
# Beside the hardware and the costs, what a picture shows of a design.
_COLUMNS = "design_key sweep images sparsity prune accuracy accuracy_low accuracy_high ideal_accuracy on_front".split()
_LOOK = ["model", "corner", "device", "sparsity", "accuracy", "on_front"]  # and its cost: where and how it is drawn


@dataclass(frozen=True)
class _Style:
    """What holds for all panels: a colour a device, whether a line joins the front, whether only points have room."""

    colours: Mapping[str, str]
    line_is_front: bool
    crowded: bool


def draw_front(designs: pa.Table, objectives: Sequence[str] = ("accuracy", "energy")) -> dict[str, bytes]:
    """PNG and SVG of all designs: accuracy with its 95 % interval against the first cost among ``objectives``.

    Where no design has that cost (a bitcell file without the cell's size) the mean column current takes its place.
    Colour tells the device, the marker the sparsity level; arrows lead from dense to binsparx on the same hardware and
    images. Where more than ``MOST_DRAWN`` designs are not on the front, the front and a sample of those are drawn,
    without arrows and sizes, and the title says so.
    """
    columns = {*_COLUMNS, "mitigations", *HARDWARE_COLUMNS, *(cost.column for cost in COSTS)}
    designs = designs.select([name for name in designs.column_names if name in columns])
    every = designs.to_pandas()
    cost = _first_cost(every, objectives)
    rows = every[every[cost.column].notna()]
    drawn = choose_drawn(rows, cost)
    # A line is the front only where nothing but this cost and the accuracy made it.
    joined = len(objectives) == 2 and "accuracy" in objectives
    style = _Style(device_colours(rows.device), joined, crowded=len(drawn) < len(rows))
    panels = front_panels(drawn, cost, as_stored=True)
    models = list(dict.fromkeys(model for model, _ in panels)) or [""]  # of references alone nothing has a cost
    corners = list(dict.fromkeys(corner for _, corner in panels)) or ["no"]
    figure = Figure(figsize=(1.6 + 5.2 * len(corners), 1.5 + 4.1 * len(models)), layout="constrained")
    grid = figure.subplots(len(models), len(corners), squeeze=False, sharey="row", sharex=True)
    for model, line in zip(models, grid, strict=True):
        for corner, axes in zip(corners, line, strict=True):
            _draw_panel(axes, panels.get((model, corner)), style)
            label_costs(axes, cost)
            title = corner if len(models) == 1 else f"{model}, {corner}"
            axes.set_title(f"{title} corner", fontsize=11)
        line[0].set_ylabel(OBJECTIVES["accuracy"].axis_label)
    for axes in grid[-1]:
        axes.set_xlabel(cost.axis_label)
    figure.legend(handles=_legend(rows, style), loc="outside lower center", ncols=6, fontsize=9, frameon=False)
    figure.suptitle(_title(rows, models, style.crowded), fontsize=12)
    return picture_files(figure, "front")


def _first_cost(designs: pd.DataFrame, objectives: Sequence[str]) -> Objective:
    """The first cost among the objectives, or the current where no design has that."""
    costs = (cost for name in objectives for cost in COSTS if cost.name == name)
    first = next(costs, OBJECTIVES["current"])
    return first if designs[first.column].notna().any() else OBJECTIVES["current"]


def choose_drawn(rows: pd.DataFrame, cost: Objective) -> pd.DataFrame:
    """All rows, or of very many the front and a sample of the others; what would cover another exactly is left out."""
    if (~rows.on_front).sum() <= MOST_DRAWN:
        return rows
    sample = sample_others(rows[["design_key", "on_front"]].to_dict("records"), MOST_DRAWN)
    return rows[rows.on_front | rows.design_key.isin(sample)].drop_duplicates([*_LOOK, cost.column])


def _title(rows: pd.DataFrame, models: Sequence[str], crowded: bool) -> str:
    if rows.empty:
        return f": {', '.join(models)} on 0 images of "
    first = rows.iloc[0]
    # what a race stopped saw fewer
    title = f"{first.sweep}: {', '.join(models)} on {rows.images.max()} images of {first.dataset}"
    if crowded:
        title += f"\nthe front, and {MOST_DRAWN:,} of {(~rows.on_front).sum():,} other designs as a sample"
    return title


def _draw_panel(axes: Axes, panel: FrontPanel | None, style: _Style) -> None:
    axes.set_xscale("log")
    axes.margins(x=0.14)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    draw_grid(axes)
    if panel is None:
        axes.text(0.5, 0.5, "no finished design", ha="center", transform=axes.transAxes)
        return
    axes.axhline(panel.ideal, linestyle="--", color="#555555", linewidth=1.2)
    if style.line_is_front:
        front = panel.members
        axes.step(front.x, front.y, where="post", color="#222222", linewidth=1.6, alpha=0.75, zorder=3)
    if not style.crowded:
        _draw_arrows(axes, panel.points, style.colours)
        _draw_sizes(axes, panel.points, style.colours)
    _draw_points(axes, panel.bottom_up, style.colours)
    axes.set_ylim(max(-6.0, panel.points.y_low.min() - 8), 103.0)


def _draw_points(axes: Axes, points: pd.DataFrame, colours: Mapping[str, str]) -> None:
    """Every design with its interval, those that look alike together."""
    for (member, device, sparsity), alike in points.groupby(["member", "device", "sparsity"], sort=False):
        spread = [alike.y - alike.y_low, alike.y_high - alike.y]
        colour = colours[device]
        axes.errorbar(
            alike.x, alike.y, spread, fmt="none", ecolor=colour, elinewidth=0.9, capsize=1.5, alpha=0.6, zorder=2
        )
        # Front members are filled, the others hollow: readable without colour.
        face = colour if member else "white"
        axes.plot(alike.x, alike.y, MARKERS[sparsity], color=colour, markerfacecolor=face, markersize=7, zorder=4)


def _draw_sizes(axes: Axes, points: pd.DataFrame, colours: Mapping[str, str]) -> None:
    """The array's size below every dense design."""
    # a line of labels for each device, so that neighbours do not write over each other
    lines = {device: index for index, device in enumerate(colours)}
    for row in points[points.sparsity == "dense"].itertuples():
        axes.annotate(
            array_name(row.rows, row.cols, row.active_rows),
            (row.x, row.y),
            xytext=(0, -15 - 9 * lines[row.device]),
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
            color=colours[row.device],
            zorder=5,
        )


def _draw_arrows(axes: Axes, points: pd.DataFrame, colours: Mapping[str, str]) -> None:
    """From dense to binsparx on the same hardware; what a race stopped saw other images, and is not compared."""
    plain = points[points.prune == 0]
    dense, sparse = (plain[plain.sparsity == level] for level in ("dense", "binsparx"))
    same = [name for name in (*HARDWARE_COLUMNS, "mitigations") if name in points]
    for pair in sparse.merge(dense, on=[*same, "images"], suffixes=("", "_dense")).itertuples():
        axes.annotate(
            "",
            (pair.x, pair.y),
            (pair.x_dense, pair.y_dense),
            arrowprops={"arrowstyle": "->", "color": colours[pair.device], "alpha": 0.6, "linewidth": 1.0},
            zorder=1,
        )


def _legend(rows: pd.DataFrame, style: _Style) -> list[Line2D]:
    text = "filled, line: front" if style.line_is_front else "filled: front"
    return [
        *design_legend(style.colours, levels_among(rows.sparsity), thickness=5),
        Line2D([], [], marker="o", color="#444444", linestyle="-" if style.line_is_front else "", label=text),
        Line2D([], [], color="#555555", linestyle="--", label="ideal arithmetic"),
    ]
