"""What all pictures share: colours and marks that every eye tells apart, and files that are the same every time."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from pipeline.results.fixed import cost_choices, fixed_axes, said
from pipeline.sweep.objectives import Objective

# Okabe and Ito's colours, told apart with any colour vision.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
PART_COLOURS = [*COLOURS, "#999999", "#F0E442"]
"""For what stands side by side in one bar; yellow comes last, for it is pale on white."""
MARKERS = {"dense": "o", "weight": "^", "activation": "s", "binsparx": "D"}
_LETTERS_AN_INCH = 14  # of 9 points, on average, with room to spare
_REPRODUCIBLE = {"png": {"Software": None}, "svg": {"Date": None}}


def device_colours(devices: Iterable[str]) -> dict[str, str]:
    """A colour for each device, in their order."""
    return {device: COLOURS[index % len(COLOURS)] for index, device in enumerate(dict.fromkeys(devices))}


def levels_among(sparsity: Iterable[str]) -> list[str]:
    """The sparsity levels that occur, in the order of ``MARKERS``."""
    found = set(sparsity)
    return [level for level in MARKERS if level in found]


def label_costs(axes: Axes, cost: Objective) -> None:
    """Ticks of the horizontal axis in the unit of ``cost``."""
    axes.xaxis.set_major_formatter(EngFormatter(unit=cost.unit) if cost.prefixed else StrMethodFormatter("{x:g}"))


def scale_costs(axes: Axes, costs: pd.Series, cost: Objective, most: int = 8) -> None:
    """A logarithmic horizontal axis for costs in the unit of ``cost``, with room on both sides and enough ticks."""
    low, high = float(costs.min()), float(costs.max())
    pad = max(1.06, (high / low) ** 0.1)
    axes.set_xscale("log")
    axes.set_xlim(low / pad, high * pad)
    axes.xaxis.set_major_locator(FixedLocator(logarithmic_ticks(low / pad, high * pad, most)))
    axes.xaxis.set_minor_locator(NullLocator())
    label_costs(axes, cost)


# Finer and finer; of a narrow range the last ones are steps of the range itself.
_DIGITS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9))


def linear_ticks(low: float, high: float, most: int) -> list[float]:
    """Round values at equal distances between two ends, about ``most`` of them."""
    ticks = MaxNLocator(most, steps=(1, 2, 2.5, 5, 10)).tick_values(low, high)
    return [float(f"{tick:.12g}") for tick in ticks if low <= tick <= high * (1 + 1e-12)]


def logarithmic_ticks(low: float, high: float, most: int) -> list[float]:
    """Round values between two ends, at most so many, at least five where the range is not tiny.

    Args:
        low: more than 0.
        high: more than ``low``.
        most: ticks that have room.
    """
    decades = 10.0 ** np.arange(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in _DIGITS:
        values = np.outer(decades, digits).ravel()
        ticks: list[float] = [float(f"{tick:.12g}") for tick in values if low <= tick <= high]
        if len(ticks) >= min(5, most):
            break
    if len(ticks) < min(5, most):
        ticks = linear_ticks(low, high, most)
    return ticks[:: -(-len(ticks) // most)]


def fold(figure: Figure, text: str) -> str:
    """Lines of text of 9 points that are no wider than the figure."""
    return textwrap.fill(text, int(_LETTERS_AN_INCH * figure.get_figwidth()))


def legend_below(figure: Figure, handles: Iterable[Artist], most: int, size: float = 8) -> None:
    """A legend below all panels, in as many columns as the figure has room for.

    Args:
        figure: with a constrained layout.
        handles: labelled.
        most: columns.
        size: of its letters, in points.
    """
    shown = list(handles)
    for columns in range(min(most, len(shown)), 0, -1):
        legend = figure.legend(handles=shown, loc="outside lower center", ncols=columns, fontsize=size, frameon=False)
        if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def say_fixed(figure: Figure, designs: pd.DataFrame) -> None:
    """Below the title what all designs have in common, and how costs were counted."""
    axes = {name: value for name, value in fixed_axes(designs).items() if name not in ("model", "dataset")}
    values = [said(axes), said(cost_choices(designs))]  # the title has network and data set
    title = figure.get_suptitle()
    # Lines end at commas: a name stays with its value.
    kept = (value.replace(" ", "\xa0").replace(",\xa0", ", ") for value in values if value)
    text = "\n".join(fold(figure, value) for value in kept).replace("\xa0", " ")
    figure.suptitle(f"{title}\n{text}", fontsize=9)


def draw_grid(axes: Axes, axis: Literal["both", "x", "y"] = "both") -> None:
    """Pale lines behind everything else."""
    axes.grid(axis=axis, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def scale_change() -> Line2D:
    """The legend's entry for the line where the accuracy axis changes its scale."""
    return Line2D([], [], color="#999999", linestyle=":", label="scale changes")


def design_legend(colours: Mapping[str, str], levels: Iterable[str], thickness: float) -> list[Line2D]:
    """Entries for devices, drawn as thick lines, and for sparsity levels."""
    lines = [Line2D([], [], color=colour, linewidth=thickness, label=device) for device, colour in colours.items()]
    hollow: dict[str, Any] = {"color": "#444444", "markerfacecolor": "white", "linestyle": ""}
    return lines + [Line2D([], [], marker=MARKERS[level], label=level, **hollow) for level in levels]


def picture_files(figure: Figure, name: str) -> dict[str, bytes]:
    """``NAME.png`` and ``NAME.svg``; the same figure gives the same bytes."""
    files = {}
    with matplotlib.rc_context({"svg.hashsalt": "binsparx"}):
        for kind, metadata in _REPRODUCIBLE.items():
            sink = io.BytesIO()
            figure.savefig(sink, format=kind, dpi=150, metadata=metadata)
            files[f"{name}.{kind}"] = sink.getvalue()
    return files
