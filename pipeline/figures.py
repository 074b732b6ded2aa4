"""Static pictures of a sweep for papers: PNG and SVG, told apart without colour."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from pipeline.objectives import Objective, known_costs
from pipeline.picture import COLOURS, MARKERS, _bytes  # importing it sets matplotlib up to draw files, reproducibly
from pipeline.report_page.findings import design_name, find_gains
from pipeline.results import Results, on_front

# After pipeline.picture has chosen the backend.
from matplotlib.axes import Axes  # isort: skip
from matplotlib.figure import Figure  # isort: skip
from matplotlib.lines import Line2D  # isort: skip
from matplotlib.ticker import EngFormatter, NullFormatter  # isort: skip


def draw_figures(results: Results, sweep: str) -> Iterator[tuple[str, bytes]]:
    """(file name, content) of every picture: accuracy against each cost, gains, accuracy maps, errors of the layers."""
    designs = results.designs(sweep)
    figures = {f"front-{cost.column}": _front(designs, cost) for cost in known_costs(designs)}
    if (gains := _gains(results, designs)) is not None:
        figures["gains"] = gains
    figures["accuracy-maps"] = _maps(designs)
    figures["layers"] = _layers(results.layers(sweep))
    for name, figure in figures.items():
        for kind in ("png", "svg"):
            yield f"{name}.{kind}", _bytes(figure, kind)


def _colours(designs: pd.DataFrame) -> dict[str, str]:
    return {device: COLOURS[index % len(COLOURS)] for index, device in enumerate(designs.device.unique())}


def _front(designs: pd.DataFrame, cost: Objective) -> Figure:
    groups = list(designs.groupby(["model", "corner"], sort=False))
    figure = Figure(figsize=(1.4 + 3.9 * len(groups), 3.9), layout="constrained")
    panels = figure.subplots(1, len(groups), squeeze=False, sharey=True)[0]
    for axes, ((model, corner), group) in zip(panels, groups, strict=True):
        front = on_front(group, [cost.column])
        for on, rows in ((False, group[~front]), (True, group[front])):
            _points(axes, rows, cost, _colours(designs), on)
        members = group[front].sort_values(cost.column)
        axes.step(cost.scale * members[cost.column], 100 * members.accuracy, where="post", color="#222222", lw=1.3)
        axes.axhline(100 * group.ideal_accuracy.max(), ls="--", color="#555555", lw=1)
        axes.set_title(f"{model}, {corner} corner", fontsize=10)
        if group[cost.column].max() > 4 * group[cost.column].min() > 0:
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
        if cost.prefixed:
            axes.xaxis.set_major_formatter(EngFormatter(unit=cost.unit))
        axes.set_xlabel(cost.title + ("" if cost.prefixed else f" ({cost.unit})"))
        axes.grid(color="#dddddd", lw=0.6)
        axes.set_axisbelow(True)
    panels[0].set_ylabel("accuracy (%)")
    handles = [Line2D([], [], color=colour, lw=4, label=device) for device, colour in _colours(designs).items()]
    levels = [level for level in MARKERS if (designs.sparsity == level).any()]
    handles += [
        Line2D([], [], marker=MARKERS[level], color="#444444", mfc="white", ls="", label=level) for level in levels
    ]
    handles.append(Line2D([], [], color="#222222", label="front (filled)"))
    handles.append(Line2D([], [], color="#555555", ls="--", label="ideal arithmetic"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


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
    points = gains.comparison.points.sort_values("accuracy_change", kind="stable").tail(40)
    figure = Figure(figsize=(7, 0.8 + 0.24 * len(points)), layout="constrained")
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
    axes.set_xlabel(f"accuracy (%): circle dense, filled {gains.level}; right: change in points")
    axes.grid(axis="x", color="#dddddd", lw=0.6)
    return figure


def _maps(designs: pd.DataFrame) -> Figure:
    levels = [level for level in MARKERS if (designs.sparsity == level).any()]
    devices = list(designs.groupby(["model", "device"], sort=False))
    figure = Figure(figsize=(0.8 + 2.5 * len(levels), 0.6 + 1.5 * len(devices)), layout="constrained")
    panels = figure.subplots(len(devices), len(levels), squeeze=False)
    for line, ((_, device), group) in zip(panels, devices, strict=True):
        for axes, level in zip(line, levels, strict=True):
            chosen = group[group.sparsity == level]
            grid = chosen.pivot_table("accuracy", "corner", "rows", aggfunc="max", sort=False)
            axes.imshow(grid, vmin=0, vmax=1, cmap="cividis", aspect="auto")
            for (y, corner), (x, rows) in ((a, b) for a in enumerate(grid.index) for b in enumerate(grid.columns)):
                value = grid.loc[corner, rows]
                ink = "black" if value > 0.5 else "white"
                axes.text(x, y, f"{100 * value:.0f}", ha="center", va="center", color=ink, fontsize=8)
            axes.set_xticks(range(len(grid.columns)), grid.columns, fontsize=7)
            axes.set_yticks(range(len(grid.index)), grid.index, fontsize=7)
            axes.set_title(f"{device}, {level}", fontsize=8)
            axes.set_xlabel("rows", fontsize=7)
    return figure


def _layers(layers: pd.DataFrame) -> Figure:
    corners = list(layers.groupby(["device", "corner"], sort=False))
    figure = Figure(figsize=(1 + 3 * len(corners), 3), layout="constrained")
    panels = figure.subplots(1, len(corners), squeeze=False, sharey=True)[0]
    for axes, ((device, corner), group) in zip(panels, corners, strict=True):
        for place, level in enumerate([level for level in MARKERS if (group.sparsity == level).any()]):
            means = group[group.sparsity == level].groupby(["layer_index", "layer"]).rms_error_lsb.mean()
            names = means.index.get_level_values("layer")
            axes.plot(names, means.to_numpy(), MARKERS[level] + "-", color=COLOURS[place], ms=4.5, lw=1.2, label=level)
        axes.set_title(f"{device}, {corner}", fontsize=9)
        axes.tick_params(axis="x", labelsize=7, rotation=45)
        axes.grid(color="#dddddd", lw=0.6)
    panels[0].set_ylabel("rms error (LSB), mean over arrays")
    panels[0].legend(fontsize=7, frameon=False)
    return figure
