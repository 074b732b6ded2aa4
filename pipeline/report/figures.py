"""Static pictures of a sweep for papers: PNG and SVG, told apart without colour."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pipeline.front.objectives import Objective, known_costs
from pipeline.report.page.findings import design_name, find_gains
from pipeline.report.page.selection import select_designs
from pipeline.report.picture import (  # importing it sets matplotlib up to draw files, reproducibly
    COLOURS,
    MARKERS,
    _bytes,
)
from pipeline.results.finished import Results, hardware_only, on_front, seen_all
from pipeline.tables.schema import array_name

# After pipeline.report.picture has chosen the backend.
from matplotlib.axes import Axes  # isort: skip
from matplotlib.figure import Figure  # isort: skip
from matplotlib.lines import Line2D  # isort: skip
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter  # isort: skip


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
        for kind in ("png", "svg"):
            yield f"{name}.{kind}", _bytes(figure, kind)


def _colours(designs: pd.DataFrame) -> dict[str, str]:
    return {device: COLOURS[index % len(COLOURS)] for index, device in enumerate(designs.device.unique())}


def _levels(designs: pd.DataFrame) -> list[str]:
    return [level for level in MARKERS if (designs.sparsity == level).any()]


def _panels(lines: int, columns: int, width: float, height: float) -> tuple[Figure, np.ndarray]:
    """A figure with (lines, columns) panels of inches ``width`` x ``height``; those of a line share their y axis."""
    figure = Figure(figsize=(0.8 + width * columns, 0.8 + height * lines), layout="constrained")
    return figure, figure.subplots(lines, columns, squeeze=False, sharey="row")


def _device_name(model: str, device: str, designs: pd.DataFrame) -> str:
    return device if designs.model.nunique() == 1 else f"{model}, {device}"


def _front(designs: pd.DataFrame, cost: Objective, existing: int) -> Figure:
    """A line of panels a model, a column a corner; ``existing``: designs that there are in all."""
    models, corners = list(designs.model.unique()), list(designs.corner.unique())
    figure, panels = _panels(len(models), len(corners), width=3.5, height=3.0)
    for line, model in zip(panels, models, strict=True):
        for axes, corner in zip(line, corners, strict=True):
            axes.set_title(f"{model}, {corner} corner", fontsize=10)
            group = designs[(designs.model == model) & (designs.corner == corner)]
            if group.empty:
                _say_empty(axes)
                continue
            _front_panel(axes, group, cost, _colours(designs))
            axes.xaxis.set_major_formatter(
                EngFormatter(unit=cost.unit) if cost.prefixed else StrMethodFormatter("{x:g}")
            )
            axes.set_xlabel(cost.title + ("" if cost.prefixed else f" ({cost.unit})"))
            axes.tick_params(axis="x", labelsize=8)
            axes.grid(color="#dddddd", lw=0.6)
            axes.set_axisbelow(True)
    figure.supylabel("accuracy (%)", fontsize=10)
    if len(designs) < existing:
        figure.suptitle(f"the fronts, and a sample of other designs: {len(designs):,} of {existing:,}", fontsize=9)
    handles = [Line2D([], [], color=colour, lw=4, label=device) for device, colour in _colours(designs).items()]
    handles += [
        Line2D([], [], marker=MARKERS[level], color="#444444", mfc="white", ls="", label=level)
        for level in _levels(designs)
    ]
    handles.append(Line2D([], [], color="#222222", label="front (filled)"))
    handles.append(Line2D([], [], color="#555555", ls="--", label="ideal arithmetic"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _say_empty(axes: Axes) -> None:
    axes.set_xticks([])
    axes.text(0.5, 0.5, "not in the sweep", ha="center", va="center", transform=axes.transAxes, fontsize=8)


def _front_panel(axes: Axes, group: pd.DataFrame, cost: Objective, colours: dict[str, str]) -> None:
    front = on_front(group, [cost.column])
    for on, rows in ((False, group[~front]), (True, group[front])):
        _points(axes, rows, cost, colours, on)
    members = group[front].sort_values(cost.column)
    axes.step(cost.scale * members[cost.column], 100 * members.accuracy, where="post", color="#222222", lw=1.3)
    axes.axhline(100 * group.ideal_accuracy.max(), ls="--", color="#555555", lw=1)
    if group[cost.column].max() > 4 * group[cost.column].min() > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4))


def _points(axes: Axes, rows: pd.DataFrame, cost: Objective, colours: dict[str, str], members: bool) -> None:
    for row in rows.itertuples():
        x, y, colour = cost.scale * getattr(row, cost.column), 100 * row.accuracy, colours[row.device]
        spread = [[y - 100 * row.accuracy_low], [100 * row.accuracy_high - y]]
        alpha = 1.0 if members else 0.5
        axes.errorbar(x, y, yerr=spread, color=colour, lw=0.8, alpha=alpha)
        face = colour if members else "white"
        axes.plot(x, y, MARKERS[row.sparsity], color=colour, mfc=face, ms=5.5, alpha=alpha, zorder=3)


def _gains(results: Results, designs: pd.DataFrame) -> Figure | None:
    gains = find_gains(results, designs)
    if gains is None:
        return None
    points = gains.drawn[::-1]
    figure = Figure(figsize=(9.5, 1.0 + 0.24 * len(points)), layout="constrained")
    axes = figure.subplots()
    colours = _colours(designs)
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
    axes.set_xlabel("accuracy (%)")
    axes.grid(axis="x", color="#dddddd", lw=0.6)
    axes.set_title(f"circle: dense; filled: {gains.level}; right: change in points", fontsize=8, loc="right")
    return figure


def _maps(designs: pd.DataFrame) -> Figure:
    """A panel a model, device and level: the best accuracy of each array in each corner."""
    sizes = ["rows", "cols", "active_rows"]
    arrays = {
        array: array_name(*array)
        for array in designs[sizes].drop_duplicates().sort_values(sizes).itertuples(index=False, name=None)
    }
    corners, levels = list(designs.corner.unique()), _levels(designs)
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
    corners, levels = list(layers.corner.unique()), _levels(layers)
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
            axes.grid(color="#dddddd", lw=0.6)
        line[0].set_ylim(bottom=0)
    figure.supylabel("rms error (LSB), mean over designs", fontsize=9)
    handles = [
        Line2D([], [], marker=MARKERS[level], color=COLOURS[place], ms=4, lw=1.2, label=level)
        for place, level in enumerate(levels)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure
