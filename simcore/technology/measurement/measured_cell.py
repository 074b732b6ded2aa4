"""A cell from measured curves: the points of both states brought together and fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from simcore.errors import InputError
from simcore.technology.measurement.branches import Branch, Limits, find_branches
from simcore.technology.measurement.columns import Probe, State, measured_series
from simcore.technology.measurement.curve_fit import MonotoneCurve, fit_monotone
from simcore.technology.measurement.delimited_text import read_blocks

_GRID = 33  # points of the table: a monotone cubic through them follows a fit of twelve pieces
_FEWEST_POINTS = 4
STATES: tuple[State, State] = ("on", "off")


@dataclass(frozen=True)
class MeasuredState:
    """One state of a measured cell.

    Attributes:
        curve: fitted to the kept points of all branches up to the end of the table.
        branches: those that show the state.
        spread: standard deviation of ln(current) from branch to branch; 0 of one branch.
        asymmetry: ln(current at positive / at negative voltage); None where one polarity alone was measured.
    """

    curve: MonotoneCurve
    branches: tuple[Branch, ...]
    spread: float
    asymmetry: float | None

    @property
    def fitted_points(self) -> int:
        """Points that were fitted."""
        return len(self.curve.residual)


@dataclass(frozen=True)
class MeasuredCell:
    """Both states of a measured cell on one grid of voltages.

    Attributes:
        on, off: the states.
        columns: what the columns of each file were taken for, a sentence each.
    """

    on: MeasuredState
    off: MeasuredState
    columns: tuple[str, ...]

    @property
    def largest_voltage(self) -> float:
        """The end of the table in volts."""
        return float(self.on.curve.voltage[-1])

    @property
    def switches_at(self) -> float | None:
        """The lowest voltage at which a branch was seen to switch, in volts; None where none was."""
        ends = [branch.reach for branch in self.on.branches + self.off.branches if branch.ends == "switch"]
        return min(ends, default=None)

    def ratio(self, voltage: float) -> float:
        """On / off ratio of the currents at a voltage."""
        return self.on.curve.at(voltage) / self.off.curve.at(voltage)


@dataclass(frozen=True)
class Measurement:
    """Files of one cell, and what their user knows of them.

    Attributes:
        paths: files, of which each may hold several sweeps or only one of the states.
        headings: in place of the files' own.
        probe: how a scope saw the current.
        limits: of current, voltage and polarity.
    """

    paths: tuple[Path, ...]
    headings: tuple[str, ...] = ()
    probe: Probe = field(default_factory=Probe)
    limits: Limits = field(default_factory=Limits)


def measured_cell(measurement: Measurement) -> MeasuredCell:
    """Read, take apart and fit the curves of a cell.

    Args:
        measurement: files, and what is known of them.

    Raises:
        InputError: a file that cannot be understood, or does not show both states.
    """
    series, columns = [], []
    for path in measurement.paths:
        for block in read_blocks(path):
            where = f"{path.name}:{block.line}"
            found, said = measured_series(block, where, measurement.headings, measurement.probe)
            series += found
            columns.append(f"{path.name}: {said}")
    branches = find_branches(series, measurement.limits)
    where = ", ".join(path.name for path in measurement.paths)
    end = min(_reach(branches, state, where) for state in STATES)
    grid = np.linspace(0, end, _GRID)
    on, off = (_fitted([branch for branch in branches if branch.state == state], grid, where) for state in STATES)
    return MeasuredCell(on, off, tuple(dict.fromkeys(columns)))


def _reach(branches: Sequence[Branch], state: State, where: str) -> float:
    """The voltage up to which a state is shown."""
    reach = max((branch.reach for branch in branches if branch.state == state), default=0.0)
    if not reach:
        raise InputError(f"no point shows the {state} state before the cell switches or the instrument limits", where)
    return reach


def _fitted(branches: Sequence[Branch], grid: np.ndarray, where: str) -> MeasuredState:
    voltage, current = kept_points(branches, grid[-1])
    if len(voltage) < _FEWEST_POINTS or float(np.median(current)) <= 0:
        raise InputError(
            f"only {len(voltage)} points show the {branches[0].state} state up to {grid[-1]:.3g} V, or they are noise "
            "around zero; measure more, or say where the curves are good with --v-max",
            where,
        )
    curve = fit_monotone(voltage, current, grid)
    deviations = [_deviation(branch, curve) for branch in branches]
    known = [one for one in deviations if one is not None]
    middle = float(np.mean(known)) if known else 0.0
    # Every cycle has a level of its own: the form of the curve is found with all at the same one, their mean.
    level = [
        replace(branch, current=branch.current * np.exp(0.0 if one is None else middle - one))
        for branch, one in zip(branches, deviations, strict=True)
    ]
    curve = fit_monotone(*kept_points(level, grid[-1]), grid)
    spread = float(np.std(known, ddof=1)) if len(known) > 1 else 0.0
    return MeasuredState(curve, tuple(branches), spread, _asymmetry(branches, curve))


def kept_points(branches: Sequence[Branch], largest: float) -> tuple[np.ndarray, np.ndarray]:
    """Voltages and currents of the points that are fitted, those of all branches behind each other."""
    there = [branch.kept & (branch.voltage <= largest) for branch in branches]
    voltage = np.concatenate([branch.voltage[rows] for branch, rows in zip(branches, there, strict=True)])
    current = np.concatenate([branch.current[rows] for branch, rows in zip(branches, there, strict=True)])
    return voltage, current


def _deviation(branch: Branch, curve: MonotoneCurve) -> float | None:
    """Median of ln(current / curve) of a branch over the upper two thirds of the table; None where it has no point."""
    end = float(curve.voltage[-1])
    rows = branch.kept & (branch.voltage >= end / 3) & (branch.voltage <= end) & (branch.current > 0)
    if not rows.any():
        return None
    return float(
        np.median(np.log(branch.current[rows] / np.interp(branch.voltage[rows], curve.voltage, curve.current)))
    )


def _asymmetry(branches: Sequence[Branch], curve: MonotoneCurve) -> float | None:
    sides: dict[int, list[float]] = {1: [], -1: []}
    for branch in branches:
        one = _deviation(branch, curve)
        if one is not None:
            sides[branch.polarity].append(one)
    return float(np.median(sides[1]) - np.median(sides[-1])) if all(sides.values()) else None
