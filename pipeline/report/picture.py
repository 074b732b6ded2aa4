"""The front as a picture: accuracy against what it costs, one panel a model and world."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.front.sampling import sample_others
from pipeline.report.accuracy_scale import accuracy_scale
from pipeline.report.drawing import (
    MARKERS,
    design_legend,
    device_colours,
    draw_grid,
    legend_below,
    levels_among,
    picture_files,
    say_fixed,
    scale_change,
    scale_costs,
)
from pipeline.report.front_panels import FrontPanel, front_panels, panel_lines
from pipeline.results.robust import only_flips
from pipeline.sweep.axes import ENCODING, LEVEL_COLUMNS, WORLD_COLUMNS
from pipeline.sweep.names import array_name
from pipeline.sweep.objectives import COSTS, OBJECTIVES, Objective
from pipeline.tables.schema import HARDWARE_COLUMNS

MOST_DRAWN = 1000
"""Designs beside the front up to which a picture shows all: of more it shows a sample of so many."""
# Beside the hardware and the costs, what a picture shows of a design.
_COLUMNS = (
    "design_key sweep images chips accuracy accuracy_low accuracy_high accuracy_chip_p5 ideal_accuracy on_front "
    "converter cost_assumptions cost_boundary"
).split()
_ARRAYS = ["rows", "cols", "active_rows", ENCODING.column]
_FONT = 7.5
_LETTER, _LINE, _MARK = (
    6.6,
    12.0,
    7.0,
)  # pixels of a letter of sizes, of their line, from the middle of a mark to its edge
# Where the size of an array may stand: to the left, over or to the right of its point, and how many pixels up.
_PLACES = tuple((side, up) for up in (-15, 15, 0, -28, 28, -42) for side in (0, 1, -1) if side or up)
_Box = tuple[float, float, float, float]
_LOOK = [
    "model",
    *WORLD_COLUMNS,
    "device",
    "sparsity",
    "accuracy",
    "on_front",
]  # and its cost: where and how it is drawn


@dataclass(frozen=True)
class _Style:
    """What holds for all panels: a colour a device, whether a line joins the front, whether only points have room."""

    colours: Mapping[str, str]
    line_is_front: bool
    crowded: bool


def draw_front(designs: pa.Table, objectives: Sequence[str] = ("accuracy", "energy")) -> dict[str, bytes]:
    """PNG and SVG of all designs: accuracy with its 95 % interval against the first cost among ``objectives``
    (accuracy of 95 % of chips where only that is among them).

    Where no design has that cost (a bitcell file without the cell's size) the mean column current takes its place.
    Colour tells the device, the marker the sparsity level; arrows lead from dense to binsparx on the same hardware and
    images. Where more than ``MOST_DRAWN`` designs are not on the front, the front and a sample of those are drawn,
    without arrows and sizes, and the title says so.
    """
    columns = {*_COLUMNS, *HARDWARE_COLUMNS, *LEVEL_COLUMNS, *(cost.column for cost in COSTS)}
    designs = designs.select([name for name in designs.column_names if name in columns])
    every = designs.to_pandas()
    cost = _first_cost(every, objectives)
    rows = every[every[cost.column].notna()]
    drawn = choose_drawn(rows, cost)
    # A line is the front only where nothing but this cost and the accuracy made it.
    joined = len(objectives) == 2 and not {"accuracy", "chip_accuracy"}.isdisjoint(objectives)
    style = _Style(device_colours(rows.device), joined, crowded=len(drawn) < len(rows))
    accuracy = OBJECTIVES["accuracy" if "accuracy" in objectives else "chip_accuracy"]
    panels = front_panels(drawn, cost, as_stored=True, accuracy=accuracy)
    models = list(dict.fromkeys(model for model, _ in panels)) or every.model.unique().tolist()
    lines = panel_lines(drawn) or [("", "")]
    corners = drawn.corner.unique().tolist() or [""]
    empty = "no finished design" if panels else "references alone: none has a cost"
    width = 1.6 + 5.2 * len(corners)
    figure = Figure(figsize=(width, 1.9 + 4.1 * len(lines)), layout="constrained")
    grid = figure.subplots(len(lines), len(corners), squeeze=False, sharey="row", sharex="row")
    bent = False
    for (model, beyond), line in zip(lines, grid, strict=True):
        for corner, axes in zip(corners, line, strict=True):
            world = f"{corner} corner{beyond}"
            _draw_panel(axes, panels.get((model, world)), style, empty)
            if panels:
                axes.set_title(world if len(models) == 1 else f"{model}, {world}", fontsize=11)
        line[0].set_ylabel(accuracy.axis_label)
        bent |= scale_panels(line[0], [panel for (own, _), panel in panels.items() if own == model], cost)
    for axes in grid[-1]:
        axes.set_xlabel(cost.axis_label)
    legend_below(figure, [*_legend(rows, style), *([scale_change()] if bent else [])], most=6, size=9)
    figure.suptitle(_title(rows if len(rows) else every, models, style.crowded), fontsize=12)
    if len(rows):
        say_fixed(figure, rows)
    if not style.crowded:
        drawn_on = [
            (axes, panels.get((model, f"{corner} corner{beyond}")))
            for ((model, beyond), corner), axes in zip(itertools.product(lines, corners), grid.flat, strict=True)
        ]
        label_sizes(figure, [(axes, panel) for axes, panel in drawn_on if panel is not None], style.colours)
    return picture_files(figure, "front")


def scale_panels(axes: Axes, panels: Sequence[FrontPanel], cost: Objective) -> bool:
    """Axes for all panels of a network, which share those of ``axes``.

    Returns:
        Whether the accuracy axis changes its scale within, where a line then says so.
    """
    if not panels:
        return False
    points = pd.concat([panel.points for panel in panels])
    scale = accuracy_scale(points.y_low.min(), points.y_high.max(), max(panel.ideal for panel in panels))
    scale.apply(axes)
    if scale.bend is not None:
        for panel_axes in axes.get_shared_y_axes().get_siblings(axes):
            panel_axes.axhline(scale.bend, color="#999999", linestyle=":", linewidth=1.0, zorder=0.5)
    scale_costs(axes, points.x, cost)
    return scale.bend is not None


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
    first = rows.iloc[0]
    # what a race stopped saw fewer
    title = f"{first.sweep}: {', '.join(models)} on {rows.images.max()} images of {first.dataset}"
    if crowded:
        title += f"\nthe front, and {MOST_DRAWN:,} of {(~rows.on_front).sum():,} other designs as a sample"
    return title


def _draw_panel(axes: Axes, panel: FrontPanel | None, style: _Style, empty: str) -> None:
    draw_grid(axes)
    if panel is None:
        axes.text(0.5, 0.5, empty, ha="center", transform=axes.transAxes)
        return
    axes.axhline(panel.ideal, linestyle="--", color="#555555", linewidth=1.2)
    if style.line_is_front:
        front = panel.members
        axes.step(front.x, front.y, where="post", color="#222222", linewidth=1.6, alpha=0.75, zorder=3)
    if not style.crowded:
        _draw_arrows(axes, panel.points, style.colours)
    _draw_points(axes, panel.bottom_up, style.colours)


def label_sizes(figure: Figure, panels: Iterable[tuple[Axes, FrontPanel]], colours: Mapping[str, str]) -> None:
    """The size of each array and device, and its encoding, beside its dense design, where there is room: never on a
    point or a bar. Where all arrays are alike it says nothing.

    Args:
        figure: that holds the panels, with nothing more to come that moves them.
        panels: each with what was drawn on it.
        colours: of the devices.
    """
    panels = list(panels)
    if len({array for _, panel in panels for array in panel.points[_ARRAYS].itertuples(index=False)}) < 2:
        return
    figure.draw_without_rendering()  # places are known from here on, and laid out again they would move
    figure.set_layout_engine("none")
    points_a_pixel = 72 / figure.dpi
    for axes, panel in panels:
        taken = [_box_of(axes, row) for row in panel.points.itertuples()] + _boxes_of_lines(axes, panel)
        arrays = panel.points[panel.points.sparsity == "dense"]
        for row in arrays.drop_duplicates(["device", *_ARRAYS]).itertuples():
            text = array_name(row.rows, row.cols, row.active_rows)
            text += "" if row.encoding == ENCODING.default else f" {row.encoding}"
            place = axes.transData.transform((row.x, row.y))
            width, height = _LETTER * len(text), _LINE
            frame = axes.bbox
            for right, up in _PLACES:
                x, y = place[0] + right * (width / 2 + 12), place[1] + up
                box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
                inside = box[0] > frame.x0 and box[2] < frame.x1 and box[1] > frame.y0 and box[3] < frame.y1
                if inside and not any(_overlap(box, other) for other in taken):
                    taken.append(box)
                    offset = (points_a_pixel * (x - place[0]), points_a_pixel * (y - place[1]))
                    axes.annotate(
                        text, (row.x, row.y), offset, textcoords="offset points", fontsize=_FONT, ha="center",
                        va="center", color=colours[row.device], zorder=5,
                    )  # fmt: skip
                    break


def _box_of(axes: Axes, row: Any) -> _Box:
    """What a point and its interval cover, in pixels."""
    (x, low), (_, high) = axes.transData.transform([(row.x, row.y_low), (row.x, row.y_high)])
    (_, y) = axes.transData.transform((row.x, row.y))
    return x - _MARK, min(low, y - _MARK), x + _MARK, max(high, y + _MARK)


def _boxes_of_lines(axes: Axes, panel: FrontPanel) -> list[_Box]:
    """What the steps of the front and the line of ideal arithmetic cover, in pixels."""
    boxes: list[_Box] = []
    corners = axes.transData.transform(panel.members[["x", "y"]].to_numpy(float).reshape(-1, 2))
    for (x, y), (next_x, next_y) in itertools.pairwise(corners):
        boxes += [(x, y - 2, next_x, y + 2), (next_x - 2, min(y, next_y), next_x + 2, max(y, next_y))]
    ideal = axes.transData.transform((panel.points.x.iloc[0], panel.ideal))[1]
    return [*boxes, (axes.bbox.x0, ideal - 2, axes.bbox.x1, ideal + 2)]


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


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


def _draw_arrows(axes: Axes, points: pd.DataFrame, colours: Mapping[str, str]) -> None:
    """From dense to binsparx on the same hardware; what a race stopped saw other images, and is not compared."""
    plain = points[only_flips(points)]
    dense, sparse = (plain[plain.sparsity == level] for level in ("dense", "binsparx"))
    same = [name for name in HARDWARE_COLUMNS if name in points]
    for pair in sparse.merge(dense, on=[*same, "images", "chips"], suffixes=("", "_dense")).itertuples():
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
