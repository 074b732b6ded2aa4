"""The picture of a cell from measured curves: points, fits, and what the fits leave."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter
from scipy.interpolate import PchipInterpolator

from pipeline.report.drawing import COLOURS, draw_grid, picture_files
from simcore.technology.measurement import MeasuredCell, MeasuredState

_STATES = (("ON", COLOURS[0]), ("OFF", COLOURS[1]))
_LEFT_OUT = "#999999"
_MARKS = {1: "o", -1: "v"}
_SMOOTH = 400  # points of a drawn curve
_SHOWN_RESIDUALS = 3.0  # times noise and spread of branches: what lies farther out is drawn at the edge


def draw_measured_cell(cell: MeasuredCell, v_read: float, title: str) -> dict[str, bytes]:
    """PNG and SVG: currents over voltage with the fits, and below the residuals of each state.

    Args:
        cell: the fitted cell.
        v_read: read voltage in volts, marked.
        title: for people.
    """
    figure = Figure(figsize=(8.0, 7.6), layout="constrained")
    top, *below = figure.subplots(3, 1, sharex=True, height_ratios=[3, 1, 1])
    states = (cell.on, cell.off)
    for (name, colour), state, axes in zip(_STATES, states, below, strict=True):
        _points(top, state, colour)
        voltage = np.linspace(0, cell.largest_voltage, _SMOOTH + 1)[1:]
        between = PchipInterpolator(state.curve.voltage, state.curve.current)  # as the circuit has it
        top.plot(voltage, between(voltage), color=colour, lw=1.5)
        _residuals(axes, cell.largest_voltage, state, colour)
        axes.set_ylabel(f"{name}: measured\n/ fit - 1 (%)", fontsize=9)
    top.set_yscale("log")
    smallest = min(state.curve.at(cell.largest_voltage / 50) for state in states)
    top.set_ylim(smallest / 5, None)
    top.yaxis.set_major_formatter(EngFormatter(unit="A"))
    top.set_ylabel("|current|")
    for axes in (top, *below):
        axes.axvline(v_read, color="#444444", lw=1, ls=":")
        draw_grid(axes)
    below[-1].set_xlabel("|voltage| (V); residuals beyond a panel are drawn at its edge")
    top.set_xlim(0, None)
    top.legend(handles=_legend(states, v_read), fontsize=8, loc="lower right")
    figure.suptitle(title, fontsize=10)
    return picture_files(figure, "fit")


def _points(axes: Axes, state: MeasuredState, colour: str) -> None:
    for branch in state.branches:
        size = np.abs(branch.current)
        mark = _MARKS[branch.polarity]
        axes.plot(branch.voltage[branch.kept], size[branch.kept], mark, ms=3, color=colour, alpha=0.35, mew=0)
        axes.plot(branch.voltage[~branch.kept], size[~branch.kept], mark, ms=2.5, color=_LEFT_OUT, alpha=0.5, mew=0)


def _residuals(axes: Axes, largest: float, state: MeasuredState, colour: str) -> None:
    edge = 100 * _SHOWN_RESIDUALS * max(np.hypot(state.curve.noise, state.spread), 1e-3)
    for branch in state.branches:
        kept = branch.kept & (branch.voltage <= largest)
        fitted = np.interp(branch.voltage[kept], state.curve.voltage, state.curve.current)
        share = 100 * (branch.current[kept] / fitted - 1)
        axes.plot(
            branch.voltage[kept],
            np.clip(share, -edge, edge),
            _MARKS[branch.polarity],
            ms=3,
            color=colour,
            alpha=0.5,
            mew=0,
        )
    axes.axhspan(-100 * state.curve.noise, 100 * state.curve.noise, color=colour, alpha=0.12, lw=0)
    axes.axhline(0, color="#444444", lw=0.8)
    axes.set_ylim(-1.08 * edge, 1.08 * edge)


def _legend(states: tuple[MeasuredState, ...], v_read: float) -> list[Line2D]:
    entries = [Line2D([], [], color=colour, lw=2, label=f"{name}, fit") for name, colour in _STATES]
    polarities = {branch.polarity for state in states for branch in state.branches}
    for sign, label in ((1, "measured at V > 0"), (-1, "measured at V < 0")):
        if sign in polarities:
            entries.append(Line2D([], [], color="#444444", marker=_MARKS[sign], ls="", ms=4, label=label))
    left_out = sum(int((~branch.kept).sum()) for state in states for branch in state.branches)
    if left_out:
        entries.append(
            Line2D([], [], color=_LEFT_OUT, marker="o", ls="", ms=4, label=f"{left_out} left out: switching, limit")
        )
    return [*entries, Line2D([], [], color="#444444", lw=1, ls=":", label=f"read at {v_read:g} V")]
