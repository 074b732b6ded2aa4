"""SPICE netlists of crossbar reads, solved by ngspice: a check by a simulator that shares no code with ours.

Nodes are named as in ``Circuit``: r<i>_<j> above cell (i, j), c<i>_<j> below it. A wire of zero resistance joins its
two nodes under one name. The current of column j is that through the 0-volt source ``vsink<j>``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from simcore.crossbar.cells import Cells, checked_bits
from simcore.crossbar.circuit import Circuit
from simcore.crossbar.iv import CURVE_FORMS, CellCurves
from simcore.crossbar.netlist import joined, resistor
from simcore.errors import BinsparxError, InputError

# Newton in SPICE stops where voltages change by less than reltol; it converges quadratically, so the error left is
# about its square. gmin is what SPICE puts across its own devices; it must not load the cells.
_OPTIONS = ".options reltol=1e-9 abstol=1e-18 vntol=1e-13 gmin=1e-20 itl1=500"
_ANSWER = re.compile(r"^i\(vsink(\d+)\) = (\S+)$", re.MULTILINE)


class SpiceError(BinsparxError):
    """ngspice is not installed, did not finish in time or found no solution."""


def spice_netlist(
    circuit: Circuit,
    weights: npt.ArrayLike,
    inputs: npt.ArrayLike,
    title: str = "crossbar read",
    factors: npt.ArrayLike | None = None,
) -> str:
    """The ngspice netlist of one input on one tile; its batch run prints the sink currents.

    Args:
        circuit: the circuit.
        weights: (R, C) state bits.
        inputs: (R,) input bits.
        title: first line of the netlist.
        factors: (R, C), see ``Cells``; None for nominal cells.

    Raises:
        InputError: arrays of the wrong shape or with values other than 0 and 1.
    """
    cells, bits = _checked(weights, inputs, factors)
    rows, cols = cells.states.shape
    lines = [_title(title), f"* {rows} rows, {cols} columns, {circuit.topology}, {circuit.iv} cells"]
    supplies, upper = circuit.wiring.netlist(circuit, bits, cols)
    bit_lines, lower = _bit_lines(circuit, rows, cols)
    lines += supplies + bit_lines + _cells(circuit, cells, bits, upper, lower)
    lines += [_OPTIONS, ".control", "set numdgt=15", "op"]
    lines += [f"print i(vsink{j})" for j in range(cols)]
    lines += ["quit", ".endc", ".end"]
    return "\n".join(lines) + "\n"


def ngspice_installed() -> bool:
    """Whether the command ``ngspice`` is found."""
    return shutil.which("ngspice") is not None


def run_ngspice(netlist: str, timeout_s: float = 600.0) -> np.ndarray:
    """Sink currents (C,) in amperes that ngspice finds for a netlist of ``spice_netlist``.

    Raises:
        SpiceError: ngspice is not installed, takes longer than ``timeout_s`` or finds no solution.
    """
    program = shutil.which("ngspice")
    if program is None:
        raise SpiceError("ngspice is not installed (Debian and Ubuntu: apt install ngspice)")
    expected = len(re.findall(r"^print i\(vsink\d+\)$", netlist, re.MULTILINE))
    with tempfile.TemporaryDirectory(prefix="binsparx-spice-") as folder:
        file = Path(folder) / "read.cir"
        file.write_text(netlist, encoding="ascii")
        # -n: the user's own start-up file could change tolerances
        command = [program, "-b", "-n", str(file)]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, cwd=folder, check=False)
        except subprocess.TimeoutExpired:
            raise SpiceError(f"ngspice did not finish within {timeout_s:g} s") from None
    found = {int(column): float(amperes) for column, amperes in _ANSWER.findall(run.stdout)}
    if not found or sorted(found) != list(range(expected)):
        complaints = [line.strip() for line in (run.stderr + run.stdout).splitlines() if "rror" in line]
        raise SpiceError(f"ngspice found no solution: {'; '.join(complaints[:3]) or 'it printed no currents'}")
    return np.array([found[column] for column in range(expected)])


def _checked(weights: npt.ArrayLike, inputs: npt.ArrayLike, factors: npt.ArrayLike | None) -> tuple[Cells, np.ndarray]:
    states, bits = np.asarray(weights), np.asarray(inputs)
    if states.ndim != 2 or 0 in states.shape or bits.shape != states.shape[:1]:
        raise InputError(f"weights must be (R, C) and inputs (R,), got {states.shape}, {bits.shape}")
    return Cells.of(states, factors), checked_bits("inputs", bits)


def _title(text: str) -> str:
    """One comment line whatever the text; a netlist can hold commands, so nothing of it may start a line."""
    return "* " + "".join(c if c.isascii() and c.isprintable() else " " for c in text)


def _bit_lines(circuit: Circuit, rows: int, cols: int) -> tuple[list[str], np.ndarray]:
    """Bit lines and sinks, and the (R, C) names of the nodes below the cells."""
    names = np.empty((rows, cols), dtype=object)
    lines = []
    for j in range(cols):
        lines.append(f"vsink{j} out{j} 0 0")
        before, ohms = f"out{j}", circuit.r_col + circuit.r_sink
        for i in range(rows - 1, -1, -1):
            before = names[i, j] = joined(lines, f"bit{i}_{j}", before, f"c{i}_{j}", ohms)
            ohms = circuit.r_col
    return lines, names


def _cells(circuit: Circuit, cells: Cells, inputs: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> list[str]:
    curves = circuit.curves()
    lines = []
    for i, j in np.ndindex(cells.states.shape):
        index = 1 - int(cells.states[i, j])
        g = float(curves.g[index]) * (1.0 if cells.factors is None else float(cells.factors[i, j]))
        if (inputs[i] or not circuit.gated) and g > 0:
            lines.append(_cell(f"{i}_{j}", str(upper[i, j]), str(lower[i, j]), curves, index, g))
    return lines


def _cell(name: str, node: str, other: str, curves: CellCurves, index: int, g: float) -> str:
    """One cell between two nodes: a resistor, or a behavioural current source with the I-V formula written out.

    Args:
        index: 0 for the ON curve, 1 for the OFF curve.
        g: what multiplies the curve: siemens, or for a table the factor on its currents.
    """
    form, v_nl = CURVE_FORMS[curves.forms[index]], float(curves.v_nl[index])
    v = f"v({node},{other})"
    if form == "linear":
        return resistor(f"cell{name}", node, other, 1 / g)
    if form == "saturating":
        formula = f"{g:.17g}*{v}/(1+abs({v})/{v_nl:.17g})"
    elif form == "table":
        formula = f"{g:.17g}*sgn({v})*({_piecewise(curves.tables[index], f'abs({v})')})"
    else:
        formula = f"{g * v_nl:.17g}*{form}({v}/{v_nl:.17g})"
    return f"bcell{name} {node} {other} i={formula}"


def _piecewise(pieces: np.ndarray, size: str) -> str:
    """The piecewise cubic of ``CellCurves.tables`` in ``size`` (volts, not negative), split in halves."""
    if len(pieces) == 1:
        start, a, b, c, d = (float(value) for value in pieces[0])
        t = f"({size}-{start:.17g})"
        return f"((({a:.17g})*{t}+({b:.17g}))*{t}+({c:.17g}))*{t}+({d:.17g})"
    middle = len(pieces) // 2
    low, high = _piecewise(pieces[:middle], size), _piecewise(pieces[middle:], size)
    return f"({size} < {float(pieces[middle, 0]):.17g} ? ({low}) : ({high}))"
