"""Static pictures of a sweep for papers: PNG and SVG, told apart without colour."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.report.chip_figure import draw_chips
from pipeline.report.drawing import (
    COLOURS,
    MARKERS,
    PART_COLOURS,
    design_legend,
    device_colours,
    draw_grid,
    fold,
    label_costs,
    legend_below,
    levels_among,
    picture_files,
    say_fixed,
    scale_change,
)
from pipeline.report.energy import energy_groups
from pipeline.report.front_panels import ACCURACY, FrontPanel, front_panels, names_chip_accuracy, panel_lines
from pipeline.report.page.findings import find_gains
from pipeline.report.page.selection import hardware_numbers, select_designs
from pipeline.report.picture import label_sizes, scale_panels
from pipeline.results.finished import Results, seen_all
from pipeline.results.names import design_name, world_names, worlds_beyond_corner
from pipeline.results.robust import spread_columns
from pipeline.sweep.names import array_name, level_name
from pipeline.sweep.objectives import OBJECTIVES, Objective, known_costs

_MOST_BARS = 30  # hardware designs whose energy is drawn


def draw_figures(results: Results, sweep: str) -> Iterator[tuple[str, bytes]]:
    """(file name, content) of every picture: accuracy against each cost, gains, accuracy maps, where the
    energy goes, accuracy from chip to chip, errors of the layers.

    Designs that a race stopped early are left out: they were judged on fewer images than the others; where there are no
    others, there is no picture. Of more than ``MOST_SHOWN`` designs the costs are drawn for the hardware on the fronts
    and a sample of the other, and the picture says so.
    """
    designs = seen_all(results.designs(sweep))
    if designs.empty:
        return
    drawn = select_designs(designs)
    figures = {f"front-{cost.column}": _front(drawn, cost, len(designs)) for cost in known_costs(designs)}
    if (gains := _gains(results, designs)) is not None:
        figures["gains"] = gains
    figures["accuracy-maps"] = _maps(designs)
    if (energy := _energy(drawn)) is not None:
        figures["energy"] = energy
    if (chips := draw_chips(designs, results.chips(sweep))) is not None:
        figures["chips"] = chips
    if names_chip_accuracy(results, sweep):
        accuracy = OBJECTIVES["chip_accuracy"]
        for cost in known_costs(designs):
            figures[f"chip-front-{cost.column}"] = _front(drawn, cost, len(designs), accuracy)
    layers = results.layers(sweep)
    figures["layers"] = _layers(layers[layers.design_key.isin(designs.design_key)])
    for name, figure in figures.items():
        yield from picture_files(figure, name).items()


def _panels(lines: int, columns: int, width: float, height: float) -> tuple[Figure, np.ndarray]:
    """A figure with (lines, columns) panels of inches ``width`` x ``height``; those of a line share their y axis."""
    figure = Figure(figsize=(0.8 + width * columns, 0.8 + height * lines), layout="constrained")
    return figure, figure.subplots(lines, columns, squeeze=False, sharey="row")


def _title(axes: Axes, text: str, width: float, size: float) -> None:
    """Folds where it is longer than a panel of inches ``width``: a long network's name would lie on its neighbour's."""
    letters = int((width + 0.2) * 72 / (0.6 * size))
    axes.set_title(textwrap.fill(text, letters, break_long_words=False, break_on_hyphens=False), fontsize=size)


def _device_name(model: str, device: str, designs: pd.DataFrame) -> str:
    return device if designs.model.nunique() == 1 else f"{model}, {device}"


def _front(designs: pd.DataFrame, cost: Objective, existing: int, accuracy: Objective = ACCURACY) -> Figure:
    """A line of panels a model and its world beyond the corner, a column a corner.

    Args:
        designs: to be drawn.
        cost: along the horizontal axis.
        existing: designs that there are in all.
        accuracy: along the vertical axis.
    """
    lines, corners = panel_lines(designs), list(designs.corner.unique())
    colours, panels = device_colours(designs.device), front_panels(designs, cost, accuracy=accuracy)
    figure = Figure(figsize=(0.8 + 3.5 * len(corners), 1.4 + 3.0 * len(lines)), layout="constrained")
    grid = figure.subplots(len(lines), len(corners), squeeze=False, sharex="row", sharey="row")
    drawn: list[tuple[Axes, FrontPanel]] = []
    bent = False
    for line, (model, beyond) in zip(grid, lines, strict=True):
        for axes, corner in zip(line, corners, strict=True):
            world = f"{corner} corner{beyond}"
            _title(axes, f"{model}, {world}", 3.5, 10)
            panel = panels.get((model, world))
            if panel is None:
                _say_empty(axes)
                continue
            _front_panel(axes, panel, colours)
            drawn.append((axes, panel))
            axes.set_xlabel(cost.axis_label)
            axes.tick_params(axis="x", labelsize=8)
            draw_grid(axes)
        bent |= scale_panels(line[0], [panel for (own, _), panel in panels.items() if own == model], cost)
    figure.supylabel(accuracy.axis_label, fontsize=10)
    few = len(designs) == existing or accuracy is not ACCURACY
    figure.suptitle(
        f"{', '.join(designs.model.unique())} on {designs.images.max()} images of {designs.dataset.iloc[0]}"
        if few
        else f"the fronts, and a sample of other designs: {len(designs):,} of {existing:,}"
    )
    say_fixed(figure, designs)
    handles = [
        *design_legend(colours, levels_among(designs.sparsity), thickness=4),
        Line2D([], [], color="#222222", label="front (filled)"),
        Line2D([], [], color="#555555", ls="--", label="ideal arithmetic"),
    ]
    legend_below(figure, [*handles, *([scale_change()] if bent else [])], most=4)
    if few:
        label_sizes(figure, drawn, colours)
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
        for side, height in (("a", place - 0.13), ("b", place + 0.13)):  # intervals, beside each other
            ends = [100 * row[f"accuracy_low_{side}"], 100 * row[f"accuracy_high_{side}"]]
            axes.plot(ends, [height, height], color=colour, lw=2.5, alpha=0.3, solid_capstyle="butt")
        axes.plot([100 * row.accuracy_a, 100 * row.accuracy_b], [place, place], color=colour, lw=1.4)
        axes.plot(100 * row.accuracy_a, place, "o", color=colour, mfc="white", ms=5)
        axes.plot(100 * row.accuracy_b, place, MARKERS[gains.level], color=colour, ms=5)
        axes.annotate(
            f"{100 * row.accuracy_change:+.1f} ({100 * row.change_low:+.1f} to {100 * row.change_high:+.1f})",
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=7,
        )
    axes.set_yticks(range(len(points)), [design_name(row, points) for _, row in points.iterrows()], fontsize=7)
    axes.set_ylim(-0.8, len(points) - 0.2)
    axes.set_xlabel(OBJECTIVES["accuracy"].axis_label)
    draw_grid(axes, "x")
    axes.set_title(
        f"circle: dense; filled: {gains.level}; bars, brackets: 95 % intervals; right: change in points",
        fontsize=8,
        loc="right",
    )
    return figure


def _energy(designs: pd.DataFrame) -> Figure | None:
    """A panel a network, for these differ by orders of magnitude, and in it a bar a design, the levels of one hardware
    together: what each component takes. None where nothing is known."""
    known = designs[designs.energy_per_image_J.notna()] if "energy_per_image_J" in designs else designs[:0]
    groups = energy_groups(known)
    if not groups:
        return None
    networks = [of_one for _, of_one in known.groupby("model", sort=False)]
    most = max(1, _MOST_BARS // len(networks))
    shown = [of_one[hardware_numbers(of_one) < most] for of_one in networks]
    figure = Figure(figsize=(10, 1.2 + 0.5 * len(shown) + 0.22 * sum(map(len, shown))), layout="constrained")
    panels = figure.subplots(len(shown), 1, squeeze=False, height_ratios=[len(of_one) + 1 for of_one in shown])[:, 0]
    for axes, of_one in zip(panels, shown, strict=True):
        _energy_panel(axes, of_one, groups, known)
        if len(shown) > 1:
            axes.set_title(of_one.model.iloc[0], fontsize=9)
    panels[-1].set_xlabel(OBJECTIVES["energy"].axis_label)
    title = "energy of an image by component; lines: the total with what is disputed at its ends"
    number = max(int(hardware_numbers(of_one).max()) + 1 for of_one in networks)
    if number > most:
        title += f"\nthe first {most} of {number} hardware designs" + (" of each network" if len(shown) > 1 else "")
    figure.suptitle(title)
    say_fixed(figure, known)
    legend_below(figure, panels[0].get_legend_handles_labels()[0], most=5)
    return figure


def _energy_panel(axes: Axes, shown: pd.DataFrame, groups: dict[str, list[str]], known: pd.DataFrame) -> None:
    """The bars of some designs; ``known``: all designs, which tell what a name has to say."""
    rows, energy = [row for _, row in shown.iterrows()], OBJECTIVES["energy"]
    places, left = -np.arange(len(rows)), np.zeros(len(rows))
    for colour, (group, columns) in zip(PART_COLOURS, groups.items(), strict=False):
        values = shown[columns].sum(axis=1).to_numpy()
        axes.barh(places, values, 0.8, left=left, color=colour, edgecolor="white", lw=0.4, label=group)
        left += values
    spread = [shown[name].fillna(shown.energy_per_image_J).to_numpy() for name in spread_columns(energy.column)]
    for place, low, high in zip(places, *spread, strict=True):
        axes.plot([low, high], [place, place], color="#222222", lw=0.8)
    axes.set_yticks(places, [f"{design_name(row, known)}, {level_name(row)}" for row in rows], fontsize=6.5)
    axes.set_ylim(-len(rows) + 0.4, 0.6)
    label_costs(axes, energy)
    draw_grid(axes, "x")


def _maps(designs: pd.DataFrame) -> Figure:
    """A panel a model, device and level: the best accuracy of each array in each world."""
    sizes = ["rows", "cols", "active_rows"]
    arrays = {
        array: array_name(*array)
        for array in designs[sizes].drop_duplicates().sort_values(sizes).itertuples(index=False, name=None)
    }
    designs = designs.assign(world=world_names(designs))
    worlds, levels = list(designs.world.unique()), levels_among(designs.sparsity)
    groups = list(designs.groupby(["model", "device"], sort=False))
    width, height = 0.5 + 0.6 * len(arrays), 0.9 + 0.3 * len(worlds)
    figure, panels = _panels(len(groups), len(levels), width, height)
    for line, ((model, device), group) in zip(panels, groups, strict=True):
        for axes, level in zip(line, levels, strict=True):
            best = group[group.sparsity == level].groupby(["world", *sizes]).accuracy.max()
            grid = [[best.get((world, *array), np.nan) for array in arrays] for world in worlds]
            axes.imshow(grid, vmin=0, vmax=1, cmap="cividis", aspect="auto")
            for y, x in zip(*np.nonzero(~np.isnan(grid)), strict=True):
                value = grid[y][x]
                ink = "black" if value > 0.5 else "white"
                axes.text(x, y, f"{100 * value:.0f}", ha="center", va="center", color=ink, fontsize=8)
            axes.set_xticks(range(len(arrays)), list(arrays.values()), fontsize=6, rotation=30, ha="right")
            axes.set_yticks(range(len(worlds)), worlds, fontsize=7)
            _title(axes, f"{_device_name(model, device, designs)}, {level}", width, 8)
    title = "accuracy (%), the best of all designs with this array; empty: not in the sweep"
    figure.suptitle(fold(figure, title), fontsize=9)
    return figure


def _layers(layers: pd.DataFrame) -> Figure:
    """A line of panels a model, device and world beyond the corner, a column a corner; a curve a level."""
    beyond = worlds_beyond_corner(layers)
    groups = list(layers.groupby(["model", "device", beyond], sort=False))
    corners, levels = list(layers.corner.unique()), levels_among(layers.sparsity)
    width = 3.4
    figure, panels = _panels(len(groups), len(corners), width, height=2.2)
    for line, ((model, device, rest), group) in zip(panels, groups, strict=True):
        for axes, corner in zip(line, corners, strict=True):
            _title(axes, f"{_device_name(model, device, layers)}, {corner} corner{rest}", width, 9)
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
    legend_below(figure, handles, most=4)
    return figure
