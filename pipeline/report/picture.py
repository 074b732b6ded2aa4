"""The front as a picture: accuracy against what it costs, one panel a model and corner."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import pyarrow as pa

from pipeline.front.pareto import OBJECTIVES
from pipeline.front.sampling import sample_others
from pipeline.tables.schema import HARDWARE_COLUMNS, array_name

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "binsparx"  # the same data gives the same file
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter  # noqa: E402

# Okabe and Ito's colours, told apart with any colour vision.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = {"dense": "o", "weight": "^", "activation": "s", "binsparx": "D"}
MOST_DRAWN = 1000
"""Designs beside the front up to which a picture shows all: of more it shows a sample of so many."""
_Row = dict[str, Any]


@dataclass(frozen=True)
class _Cost:
    """What the horizontal axis shows: column of ``designs``, its name, unit, and what the column is multiplied by."""

    column: str
    label: str
    unit: str
    scale: float = 1.0


_COSTS = {
    "energy": _Cost(OBJECTIVES["energy"][0], "energy of an image", "J"),
    "latency": _Cost(OBJECTIVES["latency"][0], "latency of an image", "s"),
    "area": _Cost(OBJECTIVES["area"][0], "area (mm²)", "", 1e6),
    "current": _Cost(OBJECTIVES["current"][0], "mean column current", "A"),
}
# Beside the hardware and the costs, what a picture shows of a design.
_COLUMNS = "design_key sweep images sparsity prune accuracy accuracy_low accuracy_high ideal_accuracy on_front".split()


def draw_front(designs: pa.Table, objectives: Sequence[str] = ("accuracy", "energy")) -> dict[str, bytes]:
    """PNG and SVG of all designs: accuracy with its 95 % interval against the first cost among ``objectives``.

    Where no design has that cost (a bitcell file without the cell's size) the mean column current takes its place.
    Colour tells the device, the marker the sparsity level; arrows lead from dense to binsparx on the same hardware and
    images. Where more than ``MOST_DRAWN`` designs are not on the front, the front and a sample of those are drawn,
    without arrows and sizes, and the title says so.
    """
    columns = {*_COLUMNS, *HARDWARE_COLUMNS, *(cost.column for cost in _COSTS.values())}
    rows = designs.select([name for name in designs.column_names if name in columns]).to_pylist()
    cost = _COSTS[next((name for name in objectives if name in _COSTS), "current")]
    if all(row[cost.column] is None for row in rows):
        cost = _COSTS["current"]
    rows = [{**row, "cost": row[cost.column] * cost.scale} for row in rows if row[cost.column] is not None]
    # A line is the front only where nothing but this cost and the accuracy made it.
    line_is_front = len(objectives) == 2 and "accuracy" in objectives
    models = list(dict.fromkeys(row["model"] for row in rows)) or [""]  # of references alone nothing has a cost
    corners = list(dict.fromkeys(row["corner"] for row in rows)) or ["no"]
    devices = list(dict.fromkeys(row["device"] for row in rows))
    colours = {device: COLOURS[index % len(COLOURS)] for index, device in enumerate(devices)}
    figure = Figure(figsize=(1.6 + 5.2 * len(corners), 1.5 + 4.1 * len(models)), layout="constrained")
    panels = figure.subplots(len(models), len(corners), squeeze=False, sharey="row", sharex=True)
    drawn = _drawn(rows)
    crowded = len(drawn) < len(rows)
    for model, line in zip(models, panels, strict=True):
        for corner, axes in zip(corners, line, strict=True):
            panel_rows = [row for row in drawn if row["model"] == model and row["corner"] == corner]
            _draw_panel(axes, panel_rows, colours, line_is_front, crowded)
            axes.xaxis.set_major_formatter(EngFormatter(unit=cost.unit))
            title = corner if len(models) == 1 else f"{model}, {corner}"
            axes.set_title(f"{title} corner", fontsize=11)
        line[0].set_ylabel("accuracy (%)")
    for axes in panels[-1]:
        axes.set_xlabel(cost.label)
    figure.legend(
        handles=_legend(rows, colours, line_is_front), loc="outside lower center", ncols=6, fontsize=9, frameon=False
    )
    sweep, dataset = (rows[0][name] for name in ("sweep", "dataset")) if rows else ("", "")
    images = max((row["images"] for row in rows), default=0)  # what a race stopped saw fewer
    title = f"{sweep}: {', '.join(models)} on {images} images of {dataset}"
    if crowded:
        others = sum(not row["on_front"] for row in rows)
        title += f"\nthe front, and {MOST_DRAWN:,} of {others:,} other designs as a sample"
    figure.suptitle(title, fontsize=12)
    return {"front.png": _bytes(figure, "png"), "front.svg": _bytes(figure, "svg")}


def _drawn(rows: list[_Row]) -> list[_Row]:
    """All rows, or of very many the front and a sample of the others; what would cover another exactly is left out."""
    if sum(not row["on_front"] for row in rows) <= MOST_DRAWN:
        return rows
    sample = sample_others(rows, MOST_DRAWN)
    chosen = [row for row in rows if row["on_front"] or row["design_key"] in sample]
    look = ("model", "corner", "device", "sparsity", "accuracy", "cost", "on_front")
    return list({tuple(row[name] for name in look): row for row in chosen}.values())


def _draw_panel(axes: Axes, rows: list[_Row], colours: dict[str, str], line_is_front: bool, crowded: bool) -> None:
    axes.set_xscale("log")
    axes.margins(x=0.14)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    if not rows:
        axes.text(0.5, 0.5, "no finished design", ha="center", transform=axes.transAxes)
        return
    images = max(row["images"] for row in rows)
    ideal = max(row["ideal_accuracy"] for row in rows if row["images"] == images)
    axes.axhline(100 * ideal, linestyle="--", color="#555555", linewidth=1.2)
    if line_is_front:
        _draw_front_line(axes, [row for row in rows if row["on_front"]])
    if not crowded:
        _draw_arrows(axes, rows, colours)
        _draw_sizes(axes, rows, colours)
    _draw_points(axes, rows, colours)
    axes.set_ylim(max(-6.0, min(100 * row["accuracy_low"] for row in rows) - 8), 103.0)


def _draw_points(axes: Axes, rows: list[_Row], colours: dict[str, str]) -> None:
    """Every design with its interval, those that look alike together; the front last, so that it lies on top."""
    alike: dict[tuple[bool, str, str], list[_Row]] = {}
    for row in sorted(rows, key=lambda row: bool(row["on_front"])):
        alike.setdefault((row["on_front"], row["device"], row["sparsity"]), []).append(row)
    for (on_front, device, sparsity), members in alike.items():
        x, y = [row["cost"] for row in members], [100 * row["accuracy"] for row in members]
        below = [100 * (row["accuracy"] - row["accuracy_low"]) for row in members]
        above = [100 * (row["accuracy_high"] - row["accuracy"]) for row in members]
        colour = colours[device]
        axes.errorbar(x, y, [below, above], fmt="none", ecolor=colour, elinewidth=0.9, capsize=1.5, alpha=0.6, zorder=2)
        # Front members are filled, the others hollow: readable without colour.
        face = colour if on_front else "white"
        axes.plot(x, y, MARKERS[sparsity], color=colour, markerfacecolor=face, markersize=7, zorder=4)


def _draw_sizes(axes: Axes, rows: list[_Row], colours: dict[str, str]) -> None:
    """The array's size below every dense design."""
    # a line of labels for each device, so that neighbours do not write over each other
    lines = {device: index for index, device in enumerate(colours)}
    for row in rows:
        if row["sparsity"] == "dense":
            axes.annotate(
                array_name(row["rows"], row["cols"], row["active_rows"]),
                (row["cost"], 100 * row["accuracy"]),
                xytext=(0, -15 - 9 * lines[row["device"]]),
                textcoords="offset points",
                ha="center",
                fontsize=7.5,
                color=colours[row["device"]],
                zorder=5,
            )


def _draw_front_line(axes: Axes, rows: list[_Row]) -> None:
    members = sorted(rows, key=lambda row: row["cost"])
    axes.step(
        [row["cost"] for row in members],
        [100 * row["accuracy"] for row in members],
        where="post",
        color="#222222",
        linewidth=1.6,
        alpha=0.75,
        zorder=3,
    )


def _draw_arrows(axes: Axes, rows: list[_Row], colours: dict[str, str]) -> None:
    dense = {_hardware(row): row for row in rows if row["sparsity"] == "dense" and not row["prune"]}
    for row in rows:
        start = dense.get(_hardware(row))
        if row["sparsity"] != "binsparx" or row["prune"] or start is None:
            continue
        # What a race stopped saw other images, and is not compared.
        if row["images"] != start["images"]:
            continue
        axes.annotate(
            "",
            (row["cost"], 100 * row["accuracy"]),
            (start["cost"], 100 * start["accuracy"]),
            arrowprops={"arrowstyle": "->", "color": colours[row["device"]], "alpha": 0.6, "linewidth": 1.0},
            zorder=1,
        )


def _legend(rows: list[_Row], colours: dict[str, str], line_is_front: bool) -> list[Line2D]:
    levels = [level for level in MARKERS if any(row["sparsity"] == level for row in rows)]
    handles = [Line2D([], [], color=colour, linewidth=5, label=device) for device, colour in colours.items()]
    handles += [
        Line2D([], [], marker=MARKERS[level], color="#444444", markerfacecolor="white", linestyle="", label=level)
        for level in levels
    ]
    text = "filled, line: front" if line_is_front else "filled: front"
    handles.append(Line2D([], [], marker="o", color="#444444", linestyle="-" if line_is_front else "", label=text))
    handles.append(Line2D([], [], color="#555555", linestyle="--", label="ideal arithmetic"))
    return handles


def _hardware(row: _Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in HARDWARE_COLUMNS)


def _bytes(figure: Figure, kind: str) -> bytes:
    sink = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(sink, format=kind, dpi=150, metadata=metadata)
    return sink.getvalue()
