"""Pictures of what a design loses: causes and layers as bars, tiles as maps, one read node by node."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.explain.blame import Blame, PassShare, Share
from pipeline.report.drawing import COLOURS, draw_grid, fold, picture_files
from simcore.analysis.tile_errors import LayerTiles
from simcore.analysis.tile_read import TileRead
from simcore.crossbar.solvers.newton import Nodes


def draw_blame(blame: Blame, title: str) -> dict[str, bytes]:
    """PNG and SVG of the shares of causes and layers, with their 95 % intervals."""
    parts = [(name, shares) for name, shares in (("cause", blame.causes), ("layer", blame.layers)) if shares]
    heights = [len(shares) for _, shares in parts] or [1]
    figure = Figure(figsize=(7.5, 1.9 + 0.55 * sum(heights)), layout="constrained")
    panels = figure.subplots(len(parts) or 1, 1, squeeze=False, sharex=True, height_ratios=heights)[:, 0]
    for axes, (name, shares) in zip(panels, parts, strict=False):  # nothing to blame: one panel without bars
        _bars(axes, shares)
        axes.set_ylabel(name)
    panels[-1].set_xlabel("accuracy (points)")
    if parts:
        panels[0].legend(loc="lower right", fontsize=8, frameon=False)
    accuracy = f"accuracy {100 * blame.accuracy[0]:.1f} %, ideal {100 * blame.ideal_accuracy:.1f} %"
    figure.suptitle(f"{fold(figure, title)}\n{accuracy}, {blame.images} images", fontsize=9)
    return picture_files(figure, "causes")


def draw_passes(blame: Blame, title: str) -> dict[str, bytes]:
    """PNG and SVG of what each mitigation gives, alone and in the set, with what it costs; nothing without any."""
    if not blame.passes:
        return {}
    figure = Figure(figsize=(8.2, 1.9 + 0.6 * len(blame.passes)), layout="constrained")
    axes = figure.subplots()
    kinds = (
        ("given alone", "alone", 0.2, COLOURS[2], ""),
        ("lost when taken away", "taken_away", -0.2, COLOURS[0], "///"),
    )
    _pairs_of_bars(axes, blame.passes, kinds)
    for place, share in zip(range(len(blame.passes))[::-1], blame.passes, strict=True):
        parts = [f"{name.partition('_')[0]} {100 * change:+.1f} %" for name, change in share.cost.items()]
        axes.annotate(
            "\n".join(parts),
            (1.01, place),
            xycoords=("axes fraction", "data"),
            fontsize=7,
            va="center",
            color="#333333",
        )
    axes.set_xlabel("accuracy (points); on the right what the pass costs in the set")
    axes.legend(loc="best", fontsize=8, frameon=False)
    accuracy = f"accuracy {100 * blame.accuracy[0]:.1f} %, ideal {100 * blame.ideal_accuracy:.1f} %"
    figure.suptitle(f"{fold(figure, title)}\n{accuracy}, {blame.images} images", fontsize=9)
    return picture_files(figure, "passes")


def draw_tiles(layers: Sequence[LayerTiles], title: str) -> dict[str, bytes]:
    """PNG and SVG of the error of every tile, a map a layer on one scale."""
    figure = Figure(figsize=(1.2 + 2.4 * len(layers), 3.6), layout="constrained")
    panels = figure.subplots(1, len(layers), squeeze=False)[0]
    top = max(float(layer.rms_error.max()) for layer in layers) or 1.0
    for axes, layer in zip(panels, layers, strict=True):
        image = axes.imshow(layer.rms_error, vmin=0, vmax=top, cmap="cividis", aspect="auto", interpolation="nearest")
        axes.set_title(layer.layer, fontsize=9)
        axes.set_xlabel("column tile", fontsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    panels[0].set_ylabel("row group", fontsize=8)
    figure.colorbar(image, ax=list(panels), label="rms error (LSB)")
    figure.suptitle(fold(figure, title), fontsize=9)
    return picture_files(figure, "tiles")


def draw_read(read: TileRead, nodes: Nodes, met: np.ndarray, converted: np.ndarray, title: str) -> dict[str, bytes]:
    """PNG and SVG of one read: volts above and below the cells, cell currents, what converters meet of each column,
    what they make of it.

    Args:
        read: the read.
        nodes: as solved.
        met: currents that converters meet, of columns or of pairs of them, LSB.
        converted: partial sums that their codes stand for, LSB.
        title: above it.
    """
    circuit, weights = read.circuit, read.weights
    figure = Figure(figsize=(12.5, 6.2), layout="constrained")
    grid = figure.subplots(2, 3, height_ratios=[3, 1])
    unit = circuit.on_current()
    maps = (
        (nodes.row, f"voltage of the {circuit.wiring.feed_line} (V)", "cividis"),
        (nodes.column, "voltage of the bit line (V)", "cividis"),
        (nodes.cell_currents / unit, "cell current (LSB)", "magma"),
    )
    for axes, (values, name, colours) in zip(grid[0], maps, strict=True):
        image = axes.imshow(values, cmap=colours, aspect="auto", interpolation="nearest")
        figure.colorbar(image, ax=axes, shrink=0.85)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("column", fontsize=8)
        axes.set_ylabel("row (sink at the bottom)", fontsize=8)
    ideal = read.group.encoding.converted(read.inputs.astype(float) @ weights)
    each = read.group.encoding.columns_a_conversion
    columns = each * np.arange(len(ideal)) + (each - 1) / 2
    true = "true partial sum" if each == 1 else "true difference of two columns"
    less = " less the reference column's" if read.group.stored.reference else ""
    rest = grid[1, 0].get_gridspec()
    for axes in grid[1]:
        axes.remove()
    axes = figure.add_subplot(rest[1, :])
    axes.step(columns, ideal, where="mid", color=COLOURS[6], lw=1.2, label=true)
    axes.step(columns, met, where="mid", color=COLOURS[1], lw=1.2, ls="--", label=f"current delivered{less}")
    axes.step(columns, converted, where="mid", color=COLOURS[0], lw=1.4, ls=":", label="code, as a partial sum")
    axes.fill_between(columns, met, ideal, step="mid", color=COLOURS[4], alpha=0.35, label="lost")
    axes.set_xlabel("column", fontsize=8)
    axes.set_ylabel("LSB", fontsize=8)
    axes.legend(fontsize=8, frameon=False, ncols=4, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)
    axes.margins(x=0.01)
    figure.suptitle(fold(figure, title), fontsize=9)
    return picture_files(figure, "read")


def _bars(axes: Axes, shares: Sequence[Share]) -> None:
    kinds = (
        ("regained without it", "regained", 0.2, COLOURS[0], ""),
        ("lost by it alone", "lost", -0.2, COLOURS[4], "///"),
    )
    _pairs_of_bars(axes, shares, kinds)


def _pairs_of_bars(
    axes: Axes, shares: Sequence[Share | PassShare], kinds: Sequence[tuple[str, str, float, str, str]]
) -> None:
    """Bars of some attributes of the shares: (label, attribute, offset, colour, hatch) each."""
    places = np.arange(len(shares))[::-1]
    for label, attribute, offset, colour, hatch in kinds:
        values = np.array([getattr(share, attribute) for share in shares]) * 100
        spread = np.abs(values[:, 1:].T - values[:, 0])
        axes.barh(
            places + offset, values[:, 0], 0.36, xerr=spread, color=colour, edgecolor="#333333", hatch=hatch, lw=0.6,
            error_kw={"lw": 1, "ecolor": "#222222", "capsize": 2}, label=label,
        )  # fmt: skip
    axes.axvline(0, color="#222222", lw=0.8)
    axes.set_yticks(places, [share.name for share in shares])
    draw_grid(axes, "x")
