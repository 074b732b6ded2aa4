"""Static pictures of a sweep for papers: PNG and SVG, told apart without colour."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from pipeline.report.drawing import (
    COLOURS,
    MARKERS,
    design_legend,
    device_colours,
    draw_grid,
    label_costs,
    levels_among,
    picture_files,
)
from pipeline.report.front_panels import FrontPanel, front_panels, is_logarithmic
from pipeline.report.page.findings import find_gains
from pipeline.report.page.selection import select_designs
from pipeline.results.finished import Results, hardware_only, seen_all
from pipeline.results.names import design_name
from pipeline.sweep.names import array_name
from pipeline.sweep.objectives import OBJECTIVES, Objective, known_costs


def draw_figures(results: Results, sweep: str) -> Iterator[tuple[str, bytes]]:
    """(file name, content) of every picture: accuracy against each cost, gains, accuracy maps, errors of the layers.

    Designs that a race stopped early are left out: they were judged on fewer images than the others. Of more than
    ``MOST_SHOWN`` designs the costs are drawn for the hardware on the fronts and a sample of the other, and the
    picture says so.
    """
    designs = seen_all(hardware_only(results.designs(sweep)))
    drawn = select_designs(designs)
    figures = {f"front-{cost.column}": _front(drawn, cost, len(designs)) for cost in known_costs(designs)}
    if (gains := _gains(results, designs)) is not None:
        figures["gains"] = gains
    figures["accuracy-maps"] = _maps(designs)
    layers = results.layers(sweep)
    figures["layers"] = _layers(layers[layers.design_key.isin(designs.design_key)])
    for name, figure in figures.items():
        yield from picture_files(figure, name).items()


def _panels(lines: int, columns: int, width: float, height: float) -> tuple[Figure, np.ndarray]:
    """A figure with (lines, columns) panels of inches ``width`` x ``height``; those of a line share their y axis."""
    figure = Figure(figsize=(0.8 + width * columns, 0.8 + height * lines), layout="constrained")
    return figure, figure.subplots(lines, columns, squeeze=False, sharey="row")


def _device_name(model: str, device: str, designs: pd.DataFrame) -> str:
    return device if designs.model.nunique() == 1 else f"{model}, {device}"


def _front(designs: pd.DataFrame, cost: Objective, existing: int) -> Figure:
    """A line of panels a model, a column a corner; ``existing``: designs that there are in all."""
    models, corners = list(designs.model.unique()), list(designs.corner.unique())
    colours, panels = device_colours(designs.device), front_panels(designs, cost)
    figure, grid = _panels(len(models), len(corners), width=3.5, height=3.0)
    for line, model in zip(grid, models, strict=True):
        for axes, corner in zip(line, corners, strict=True):
            axes.set_title(f"{model}, {corner} corner", fontsize=10)
            panel = panels.get((model, corner))
            if panel is None:
                _say_empty(axes)
                continue
            _front_panel(axes, panel, colours)
            label_costs(axes, cost)
            axes.set_xlabel(cost.axis_label)
            axes.tick_params(axis="x", labelsize=8)
            draw_grid(axes)
    figure.supylabel(OBJECTIVES["accuracy"].axis_label, fontsize=10)
    if len(designs) < existing:
        figure.suptitle(f"the fronts, and a sample of other designs: {len(designs):,} of {existing:,}", fontsize=9)
    handles = [
        *design_legend(colours, levels_among(designs.sparsity), thickness=4),
        Line2D([], [], color="#222222", label="front (filled)"),
        Line2D([], [], color="#555555", ls="--", label="ideal arithmetic"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _say_empty(axes: Axes) -> None:
    axes.set_xticks([])
    axes.text(0.5, 0.5, "not in the sweep", ha="center", va="center", transform=axes.transAxes, fontsize=8)


def _front_panel(axes: Axes, panel: FrontPanel, colours: dict[str, str]) -> None:
    for row in panel.bottom_up.itertuples():
        colour, alpha = colours[row.device], 1.0 if row.member else 0.5
        spread = [[row.y - row.y_low], [row.y_high - row.y]]
        axes.errorbar(row.x, row.y, yerr=spread, color=colour, lw=0.8, alpha=alpha)
        face = colour if row.member else "white"
        axes.plot(row.x, row.y, MARKERS[row.sparsity], color=colour, mfc=face, ms=5.5, alpha=alpha, zorder=3)
    axes.step(panel.members.x, panel.members.y, where="post", color="#222222", lw=1.3)
    axes.axhline(panel.ideal, ls="--", color="#555555", lw=1)
    if is_logarithmic(panel.points.x):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4))


def _gains(results: Results, designs: pd.DataFrame) -> Figure | None:
    gains = find_gains(results, designs)
    if gains is None:
        return None
    points = gains.drawn[::-1]
    figure = Figure(figsize=(9.5, 1.0 + 0.24 * len(points)), layout="constrained")
    axes = figure.subplots()
    colours = device_colours(designs.device)
    for place, (_, row) in enumerate(points.iterrows()):
        colour = colours[row.device]
        axes.plot([100 * row.accuracy_a, 100 * row.accuracy_b], [place, place], color=colour, lw=1.4)
        axes.plot(100 * row.accuracy_a, place, "o", color=colour, mfc="white", ms=5)
        axes.plot(100 * row.accuracy_b, place, MARKERS[gains.level], color=colour, ms=5)
        axes.annotate(
            f"{100 * row.accuracy_change:+.1f}",
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=7,
        )
    axes.set_yticks(range(len(points)), [design_name(row, points) for _, row in points.iterrows()], fontsize=7)
    axes.set_ylim(-0.8, len(points) - 0.2)
    axes.set_xlabel(OBJECTIVES["accuracy"].axis_label)
    draw_grid(axes, "x")
    axes.set_title(f"circle: dense; filled: {gains.level}; right: change in points", fontsize=8, loc="right")
    return figure


def _maps(designs: pd.DataFrame) -> Figure:
    """A panel a model, device and level: the best accuracy of each array in each corner."""
    sizes = ["rows", "cols", "active_rows"]
    arrays = {
        array: array_name(*array)
        for array in designs[sizes].drop_duplicates().sort_values(sizes).itertuples(index=False, name=None)
    }
    corners, levels = list(designs.corner.unique()), levels_among(designs.sparsity)
    groups = list(designs.groupby(["model", "device"], sort=False))
    width, height = 0.5 + 0.6 * len(arrays), 0.9 + 0.3 * len(corners)
    figure, panels = _panels(len(groups), len(levels), width, height)
    for line, ((model, device), group) in zip(panels, groups, strict=True):
        for axes, level in zip(line, levels, strict=True):
            best = group[group.sparsity == level].groupby(["corner", *sizes]).accuracy.max()
            grid = [[best.get((corner, *array), np.nan) for array in arrays] for corner in corners]
            axes.imshow(grid, vmin=0, vmax=1, cmap="cividis", aspect="auto")
            for y, x in zip(*np.nonzero(~np.isnan(grid)), strict=True):
                value = grid[y][x]
                ink = "black" if value > 0.5 else "white"
                axes.text(x, y, f"{100 * value:.0f}", ha="center", va="center", color=ink, fontsize=8)
            axes.set_xticks(range(len(arrays)), list(arrays.values()), fontsize=6, rotation=30, ha="right")
            axes.set_yticks(range(len(corners)), corners, fontsize=7)
            axes.set_title(f"{_device_name(model, device, designs)}, {level}", fontsize=8)
    figure.suptitle("accuracy (%), the best of all designs with this array; empty: not in the sweep", fontsize=9)
    return figure


def _layers(layers: pd.DataFrame) -> Figure:
    """A line of panels a model and device, a column a corner, a curve a level; layers in their order."""
    groups = list(layers.groupby(["model", "device"], sort=False))
    corners, levels = list(layers.corner.unique()), levels_among(layers.sparsity)
    figure, panels = _panels(len(groups), len(corners), width=3.4, height=2.2)
    for line, ((model, device), group) in zip(panels, groups, strict=True):
        for axes, corner in zip(line, corners, strict=True):
            axes.set_title(f"{_device_name(model, device, layers)}, {corner} corner", fontsize=9)
            here = group[group.corner == corner]
            if here.empty:
                _say_empty(axes)
                continue
            for place, level in enumerate(levels):
                means = here[here.sparsity == level].groupby(["layer_index", "layer"]).rms_error_lsb.mean()
                names = means.index.get_level_values("layer")
                axes.plot(names, means.to_numpy(), MARKERS[level] + "-", color=COLOURS[place], ms=4, lw=1.2)
            axes.tick_params(axis="x", labelsize=7, rotation=90 if layers.layer.nunique() > 8 else 45)
            draw_grid(axes)
        line[0].set_ylim(bottom=0)
    figure.supylabel("rms error (LSB), mean over designs", fontsize=9)
    handles = [
        Line2D([], [], marker=MARKERS[level], color=COLOURS[place], ms=4, lw=1.2, label=level)
        for place, level in enumerate(levels)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure
