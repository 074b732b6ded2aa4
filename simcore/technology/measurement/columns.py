"""Which column of a measured table is the voltage, which the current, and in which units."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from simcore.errors import InputError
from simcore.technology.measurement.delimited_text import Block
from simcore.technology.quantities import unit_of

State = Literal["on", "off"]
_KINDS = {"V": "voltage", "A": "current", "s": "time"}
_UNITS = {"voltage": "V", "current": "A"}
_IN_BRACKETS = re.compile(r"[(\[]\s*([^()\[\]]*?)\s*[)\]]")
_AFTER_SIGN = re.compile(r"(.*)(?:/|\bin\b|_|\s)\s*(\S+?)\s*")
_WORDS = {
    "voltage": r"volt|bias|spannung|tension|potential",
    "current": r"curr|strom|courant|\bamp|ampere|corriente",
    "time": r"time|zeit|second|temps|x axis",
    "cycle": r"sweep|cycle|zyklus|\brun\b|\brepeat",
    "other": r"resist|conduct|power|temperature|index|point|capac",
}
_LETTERS = {
    "voltage": r"[av]?[vu][a-z]{0,2}\d*", "current": r"a?i[a-z]{0,3}\d*", "time": r"t\d*",
}  # fmt: skip
_ON, _OFF = re.compile(r"\bi?(on|lrs)\b"), re.compile(r"\bi?(off|hrs)\b")
LARGEST_CURRENT = 1.0  # A: a judgement, far above any memory cell; more is a forgotten unit


@dataclass(frozen=True)
class Series:
    """Voltages and currents in the order in which they were measured.

    Attributes:
        voltage: V.
        current: A.
        state: what the heading calls it; None where it says nothing.
        name: file and heading, for messages.
    """

    voltage: Float[np.ndarray, " points"]
    current: Float[np.ndarray, " points"]
    state: State | None
    name: str


@dataclass(frozen=True)
class Probe:
    """How a current was turned into a voltage that a scope could record, in ohms; 0 where it was not.

    Attributes:
        shunt: resistor between the cell and ground. The last voltage is across it, and the first across both.
        amplifier: gain of a current amplifier, at whose input the cell sees ground.
    """

    shunt: float = 0.0
    amplifier: float = 0.0


@dataclass(frozen=True)
class _Column:
    kind: str  # voltage, current, time, cycle, other, or "" where the heading says nothing
    exponent: int
    state: State | None
    heading: str
    unit: str = ""  # that is taken where the heading says none

    @property
    def taken_for(self) -> str:
        """The heading, and the unit that it does not say."""
        return f"{self.heading} ({self.unit})" if self.unit else self.heading


def measured_series(
    block: Block, where: str, headings: Sequence[str] = (), probe: Probe | None = None
) -> tuple[list[Series], str]:
    """The voltages and currents of a block.

    Args:
        block: the numbers.
        where: file and line, for messages.
        headings: to be taken in place of the file's, for example ``("V (mV)", "I (uA)")``; ``-`` for a column to leave.
        probe: how a scope saw the current.

    Returns:
        The series, split where a cycle's number changes, and one sentence that says what the columns were taken for.

    Raises:
        InputError: headings that do not say which column is what, a probe without two voltages or beside a current,
            or a current that no cell carries.
    """
    columns = _columns(block, where, headings)
    voltages = [index for index, column in enumerate(columns) if column.kind == "voltage"]
    currents = [index for index, column in enumerate(columns) if column.kind == "current"]
    si = block.values * 10.0 ** np.array([column.exponent for column in columns])
    probe = probe or Probe()
    if probe.shunt or probe.amplifier:
        if len(voltages) != 2 or currents:
            raise InputError(
                "--shunt and --amplifier make a current of the second of two voltages, and here are "
                f"{_counted(columns, voltages, currents)}: leave them out, or say what the columns are, for example "
                "--headings 'time,V,V'",
                where,
            )
        first, last = voltages
        resistance = probe.shunt or probe.amplifier
        pairs = [(si[:, first] - (si[:, last] if probe.shunt else 0.0), si[:, last] / resistance, columns[last])]
        across = f"{columns[first].taken_for} - {columns[last].taken_for}" if probe.shunt else columns[first].taken_for
        said = f"voltage = {across}, current = {columns[last].taken_for} / {resistance:g} ohm"
    else:
        pairs = [(si[:, v], si[:, i], columns[i]) for v, i in _pairs(columns, voltages, currents, where)]
        said = ", ".join(
            f"{kind} = {' and '.join(columns[index].taken_for for index in found)}"
            for kind, found in (("voltage", voltages), ("current", currents))
        )
    cycle = next((index for index, column in enumerate(columns) if column.kind == "cycle"), None)
    turns = np.zeros(len(si)) if cycle is None else si[:, cycle]
    series = []
    for voltage, current, column in pairs:
        for turn in np.unique(turns[np.isfinite(turns)]):
            rows = (turns == turn) & np.isfinite(voltage) & np.isfinite(current)
            series.append(Series(voltage[rows], current[rows], column.state, f"{where} {column.heading}".strip()))
    largest = max((float(np.abs(one.current).max()) for one in series if len(one.current)), default=0.0)
    if largest > LARGEST_CURRENT:
        raise InputError(
            f"a current of {largest:g} A is none of a memory cell: say the unit, for example --headings 'V,I (uA)'",
            where,
        )
    return series, said


def _columns(block: Block, where: str, headings: Sequence[str]) -> list[_Column]:
    width = block.values.shape[1]
    if headings and len(headings) != width:
        raise InputError(f"{len(headings)} headings given for {width} columns", where)
    if not headings and not block.headings:
        if width != 2:
            raise InputError(
                f"{width} columns without headings: say what they are, for example --headings 'time,V (mV),I (uA)'",
                where,
            )
        return [_Column("voltage", 0, None, "column 1", "V"), _Column("current", 0, None, "column 2", "A")]
    return [_column(heading) for heading in headings or block.headings]


def _column(heading: str) -> _Column:
    name, unit = heading, unit_of(heading)
    for rest, text, in_brackets in _perhaps_units(heading):
        meant = unit_of(text)
        # V_S is the voltage of a source, not one in siemens.
        if unit is None and meant and (in_brackets or _kind(rest) in ("", _KINDS.get(meant[0], "other"))):
            name, unit = rest, meant
    words = _words(name)
    state: State | None = "on" if _ON.search(words) else "off" if _OFF.search(words) else None
    if unit is None:
        kind = _kind(name)
        return _Column(kind, 0, state, heading, _UNITS.get(kind, ""))
    return _Column(_KINDS.get(unit[0], "other"), unit[1], state, heading)


def _perhaps_units(heading: str) -> Iterator[tuple[str, str, bool]]:
    """(what is left of a heading, its part that may be a unit, whether that stands in brackets), likeliest first."""
    brackets = [
        (f"{heading[: found.start()]} {heading[found.end() :]}", found[1], True)
        for found in _IN_BRACKETS.finditer(heading)
    ]
    if heading.rstrip().endswith((")", "]")):
        yield from brackets[-1:]
    last = _AFTER_SIGN.fullmatch(heading)
    if last is not None:
        yield last[1], last[2], False
    yield from reversed(brackets)


def _kind(name: str) -> str:
    words = _words(name)
    kind = next((kind for kind, pattern in _WORDS.items() if re.search(pattern, words)), "")
    first = words.split()[0] if words else ""
    return kind or next((kind for kind, letters in _LETTERS.items() if re.fullmatch(letters, first)), "")


def _words(name: str) -> str:
    return re.sub(r"[_\W]+", " ", name).strip().casefold()


def _pairs(
    columns: Sequence[_Column], voltages: Sequence[int], currents: Sequence[int], where: str
) -> list[tuple[int, int]]:
    if len(voltages) == 1 and currents:
        return [(voltages[0], current) for current in currents]
    if len(voltages) == len(currents) > 0:
        return list(zip(voltages, currents, strict=True))
    if len(voltages) == 2 and not currents:
        raise InputError(
            f"two voltages and no current ({_shown(columns)}): say how the current was seen, with --shunt 1kohm or "
            "--amplifier 10kohm",
            where,
        )
    raise InputError(
        f"{_counted(columns, voltages, currents)}: say what they are, for example --headings 'time,V (mV),I (uA)'",
        where,
    )


def _counted(columns: Sequence[_Column], voltages: Sequence[int], currents: Sequence[int]) -> str:
    return f"{len(voltages)} voltages and {len(currents)} currents among the columns {_shown(columns)}"


def _shown(columns: Sequence[_Column]) -> str:
    return ", ".join(repr(column.heading) for column in columns)
