"""A hysteretic sweep taken apart: branches of one direction and polarity, the state that each shows, and how far.

At low voltage a branch shows one state. Where the current jumps or falls as the voltage rises, where the way up meets
the way down (the cell has switched in between), and where the instrument limits the current, it shows it no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import median_filter

from simcore.errors import InputError
from simcore.technology.measurement.columns import Series, State

# Judgements, all of them: shares of the largest voltage or current, or ratios of currents.
_REVERSAL = 0.05  # a voltage that goes back by less is noise
_LOW_VOLTAGE = 0.15  # below this share of the largest voltage no cell has switched yet
_FEWEST_POINTS = 3
_MOST_POINTS = 2000  # of a branch; neighbours among more are averaged
_WINDOW = 5  # points of a running median
_JUMP = 2.0  # of the conductance, between three points and the next three: the cell switched
_PEAK = 0.9  # a current that falls below this share of its peak: the cell switches back ...
_BEFORE_PEAK = 0.85  # ... and had begun to at this share of the voltage of the peak
_FLAT = 0.02  # currents this close to the largest are at the instrument's limit ...
_FLAT_VOLTAGES = 0.05  # ... over at least this share of the voltages ...
_STEEP = 0.4  # ... where the current had still risen with at least this power of the voltage
_MET = 0.2  # ways up and down that differ by less than this share of what they do at low voltage have met
_LEAST_RATIO = 1.2  # of the conductances of the two states


@dataclass(frozen=True)
class Branch:
    """One way up or down in voltage, at one polarity.

    Attributes:
        voltage: |V|, rising.
        current: A, with the sign that makes the cell a resistor.
        kept: which points show the state.
        ends: why not all do: at the instrument's limit, or because the cell switches; empty where all do.
        polarity: +1 or -1.
        upwards: |V| rose in time.
        state: on or off.
        name: where it was measured.
    """

    voltage: Float[np.ndarray, " points"]
    current: Float[np.ndarray, " points"]
    kept: Bool[np.ndarray, " points"]
    polarity: int
    upwards: bool
    state: State | None
    name: str
    ends: Literal["", "limit", "switch"] = ""

    @property
    def reach(self) -> float:
        """The largest voltage that is kept; 0 where none is."""
        return float(self.voltage[self.kept].max()) if self.kept.any() else 0.0


@dataclass(frozen=True)
class Limits:
    """What a user knows of a measurement.

    Attributes:
        compliance: current in amperes at which the instrument limits; None: found in the curves.
        largest_voltage: in volts; points above are left out; None: none are.
        polarity: +1 or -1 for branches of one sign alone, 0 for both.
    """

    compliance: float | None = None
    largest_voltage: float | None = None
    polarity: int = 0


def find_branches(series: Sequence[Series], limits: Limits) -> list[Branch]:
    """The branches of all series, each with its state and the points that show it.

    Args:
        series: in the order of time.
        limits: what the user knows.

    Raises:
        InputError: no branch of at least three points, or all in one state.
    """
    branches = [
        branch for one in series for branch in _split(one) if limits.polarity in (0, branch.polarity)
    ]  # fmt: skip
    if limits.largest_voltage is not None:
        branches = [_below(branch, limits.largest_voltage) for branch in branches]
    branches = [branch for branch in branches if len(branch.voltage) >= _FEWEST_POINTS]
    if not branches:
        raise InputError("no branch of at least three points that rises or falls in voltage", _names(series))
    branches = _in_states(branches, _names(series))
    ratio = _ratio(branches)
    found = []
    for branch, after in zip(branches, [*branches[1:], None], strict=True):
        one = _until_it_switches(_without_limit(branch, limits.compliance), min(_JUMP, np.sqrt(ratio)))
        found.append(one if after is None else _until_it_meets(one, after, np.log(ratio)))
    return found


def _names(series: Sequence[Series]) -> str:
    return ", ".join(dict.fromkeys(one.name for one in series))


def _split(series: Series) -> list[Branch]:
    """Cut at the turning points of the voltage and where it changes its sign; currents turned to the sign of V."""
    voltage, current = series.voltage, series.current
    if len(voltage) < _FEWEST_POINTS or np.ptp(voltage) == 0:
        return []
    cuts = turning_points(voltage, _REVERSAL * float(np.ptp(voltage)))
    signs = {sign: _sign_of_currents(voltage, current, sign) for sign in (1, -1)}
    branches = []
    for first, last in zip(cuts[:-1], cuts[1:], strict=True):
        for sign in (1, -1):
            there = np.arange(first, last)
            there = there[sign * voltage[there] > 0]
            if len(there) < _FEWEST_POINTS:
                continue
            upwards = bool(np.corrcoef(there, sign * voltage[there])[0, 1] > 0)
            there = there[np.argsort(sign * voltage[there], kind="stable")]
            volts, amps = (_averaged(values[there]) for values in (sign * voltage, signs[sign] * current))
            kept = np.ones(len(volts), dtype=bool)
            branches.append(Branch(volts, amps, kept, sign, upwards, series.state, series.name))
    return branches


def _averaged(values: np.ndarray) -> np.ndarray:
    """Means of as many neighbours as leave no more points than a branch may have."""
    if len(values) <= _MOST_POINTS:
        return values
    parts = np.linspace(0, len(values), _MOST_POINTS, endpoint=False).astype(int)
    means: np.ndarray = np.add.reduceat(values, parts) / np.diff(np.append(parts, len(values)))
    return means


def _sign_of_currents(voltage: np.ndarray, current: np.ndarray, sign: int) -> int:
    """What turns the currents at one sign of the voltage positive: some instruments count them out of the cell, and
    some tables hold their sizes."""
    return 1 if float(current[sign * voltage > 0].sum()) >= 0 else -1


def turning_points(values: Float[np.ndarray, " points"], least: float) -> Int[np.ndarray, " cuts"]:
    """Where runs of one direction begin, and the number of values at the end.

    Args:
        values: a noisy zigzag.
        least: a way back that is no longer than this is noise.

    Example:
        >>> turning_points(np.array([0.0, 1.0, 2.0, 1.9, 3.0, 2.0, 1.0]), 0.2)
        array([0, 5, 7])
    """
    cuts = [0]
    low = high = 0  # where the run's smallest and largest value are
    direction = 0
    for index, value in enumerate(values):
        if value > values[high]:
            high = index
        if value < values[low]:
            low = index
        if direction >= 0 and values[high] - value > least:
            if direction > 0 or high > low:
                cuts.append(high + 1)
            direction, low = -1, index
            high = index
        elif direction <= 0 and value - values[low] > least:
            if direction < 0 or low > high:
                cuts.append(low + 1)
            direction, high = 1, index
            low = index
    return np.array([*dict.fromkeys(cuts), len(values)])


def _below(branch: Branch, largest: float) -> Branch:
    there = branch.voltage <= largest
    return replace(branch, voltage=branch.voltage[there], current=branch.current[there], kept=branch.kept[there])


def _in_states(branches: Sequence[Branch], where: str) -> list[Branch]:
    """Each branch with a state: that of its heading, else the one that its conductance at low voltage is nearer to."""
    found = list(branches)
    if any(branch.state is None for branch in branches):
        states = _states_by_conductance(branches, where)
        found = [replace(branch, state=branch.state or state) for branch, state in zip(branches, states, strict=True)]
    only = {branch.state for branch in found}
    if len(only) == 1:
        raise InputError(f"only the {only.pop()} state was measured; give the file of the other one too", where)
    return found


def _states_by_conductance(branches: Sequence[Branch], where: str) -> list[State]:
    low = _LOW_VOLTAGE * max(float(branch.voltage[-1]) for branch in branches)
    logs = np.log([_low_conductance(branch, low) for branch in branches])
    rising = np.sort(logs)
    within = [np.ptp(rising[:cut]) + np.ptp(rising[cut:]) for cut in range(1, len(rising))]
    gaps = np.diff(rising)
    if not len(gaps) or gaps.max() < np.log(_LEAST_RATIO):
        spread = float(np.exp(np.ptp(rising)))
        raise InputError(
            f"one state alone: at low voltage the conductances of its {len(branches)} branches lie within a factor of "
            f"{spread:.2f}; a sweep through both states is needed, or a file of each",
            where,
        )
    cut = int(np.argmin(within - 2 * gaps))
    border = (rising[cut] + rising[cut + 1]) / 2
    return ["on" if log > border else "off" for log in logs]


def _low_conductance(branch: Branch, low: float) -> float:
    """Least squares through the origin over the points at low voltage, at least three of them."""
    count = max(_FEWEST_POINTS, int(np.searchsorted(branch.voltage, low)))
    voltage, current = branch.voltage[:count], branch.current[:count]
    smallest = 1e-6 * float(np.abs(branch.current).max()) / float(branch.voltage[-1]) or 1e-30
    return max(float((voltage * current).sum() / (voltage**2).sum()), smallest)


def _ratio(branches: Sequence[Branch]) -> float:
    low = _LOW_VOLTAGE * max(float(branch.voltage[-1]) for branch in branches)
    on, off = (
        np.median([_low_conductance(branch, low) for branch in branches if branch.state == state])
        for state in ("on", "off")
    )
    return float(on / off)


def _kept(branch: Branch, rows: np.ndarray, ends: Literal["limit", "switch"]) -> Branch:
    """Without the points that are not among ``rows``, and why."""
    kept = branch.kept & rows
    return replace(branch, kept=kept, ends=branch.ends if kept.sum() == branch.kept.sum() else ends)


def _without_limit(branch: Branch, compliance: float | None) -> Branch:
    """Without the points at which the instrument limited the current."""
    if compliance is not None:
        return _kept(branch, branch.current < (1 - _FLAT) * compliance, "limit")
    flat = branch.current > (1 - _FLAT) * np.median(np.sort(branch.current)[-_FEWEST_POINTS:])
    first = int(np.argmax(flat))
    span = float(branch.voltage[-1] - branch.voltage[first])
    if first < 2 or span < _FLAT_VOLTAGES * branch.voltage[-1] or flat[first:].mean() < 0.9:
        return branch
    before = max(0, first - 5)
    power = np.log(branch.current[first] / max(branch.current[before], 1e-30)) / np.log(
        branch.voltage[first] / branch.voltage[before]
    )
    inside = float(np.polyfit(np.log(branch.voltage[first:]), np.log(np.abs(branch.current[first:])), 1)[0])
    if power < _STEEP or abs(inside) > _STEEP / 4:  # a curve that saturates does so by and by
        return branch
    return _kept(branch, np.arange(len(flat)) < first, "limit")


def _until_it_switches(branch: Branch, jump: float) -> Branch:
    """Without what comes after the current jumps or falls, and the last points before."""
    voltage, current = branch.voltage, branch.current
    end = len(voltage)
    smooth = median_filter(current, size=_WINDOW, mode="nearest")
    noise = 1.4826 * float(np.median(np.abs(np.diff(current, 2)))) / np.sqrt(6) if len(current) > 2 else 0.0
    for index in range(_FEWEST_POINTS, len(voltage) - _FEWEST_POINTS + 1):
        before, after = slice(index - _FEWEST_POINTS, index), slice(index, index + _FEWEST_POINTS)
        rise = float(np.median(current[after]) - np.median(current[before]))
        conductances = [float(np.median(current[part] / voltage[part])) for part in (before, after)]
        if rise > 10 * noise and conductances[1] > jump * max(conductances[0], 0.0):
            end = max(0, index - 2)
            break
    peak = int(np.argmax(smooth[:end])) if end else 0
    if end and float(smooth[peak:end].min()) < _PEAK * smooth[peak] - 5 * noise:
        end = int(np.searchsorted(voltage, _BEFORE_PEAK * voltage[peak]))
    return _kept(branch, np.arange(len(voltage)) < end, "switch")


def _until_it_meets(branch: Branch, after: Branch, apart: float) -> Branch:
    """A way up without what lies above the voltage where it meets the way down, which shows the other state.

    Args:
        branch: any.
        after: the next one in time.
        apart: ln of the ratio of the states' conductances.
    """
    one_loop = branch.name == after.name and branch.polarity == after.polarity and branch.upwards > after.upwards
    if not one_loop or branch.state == after.state:
        return branch
    down = np.interp(branch.voltage, after.voltage, median_filter(after.current, size=_WINDOW, mode="nearest"))
    up = median_filter(branch.current, size=_WINDOW, mode="nearest")
    smallest = 1e-9 * float(np.abs(up).max())
    distance = np.abs(np.log(np.maximum(up, smallest) / np.maximum(down, smallest)))
    # At low voltage noise may bring them together.
    met = (distance < _MET * apart) & (branch.voltage > _LOW_VOLTAGE * branch.voltage[-1])
    runs = np.convolve(met, np.ones(_FEWEST_POINTS), mode="valid") == _FEWEST_POINTS
    if not runs.any():
        return branch
    end = max(0, int(np.argmax(runs)) - 2)
    return _kept(branch, np.arange(len(met)) < end, "switch")
