"""What all pictures share: colours and marks that every eye tells apart, and files that are the same every time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, StrMethodFormatter

from pipeline.sweep.objectives import Objective

# Okabe and Ito's colours, told apart with any colour vision.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = {"dense": "o", "weight": "^", "activation": "s", "binsparx": "D"}
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


def draw_grid(axes: Axes, axis: Literal["both", "x", "y"] = "both") -> None:
    """Pale lines behind everything else."""
    axes.grid(axis=axis, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


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
