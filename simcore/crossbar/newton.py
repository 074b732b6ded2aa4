"""Globally convergent sparse Newton solver: the last resort for circuits that line relaxation leaves unfinished.

Every cell is passive and monotone, so the network's co-content is convex in the node voltages and its gradient is the
vector of Kirchhoff current sums. Newton's direction with a line search on the directional derivative therefore finds
the one solution from any start.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from simcore.crossbar.circuit import Circuit
from simcore.crossbar.iv import CellCurves

_MAX_STEPS = 60
_MIN_RELATIVE_RESISTANCE = 1e-10  # of a cell's: stands for a wire of zero resistance
_GMIN = 1e-18  # siemens to ground: holds nodes that nothing else connects


def solve_newton(
    circuit: Circuit, curves: CellCurves, weights: np.ndarray, inputs: np.ndarray
) -> tuple[np.ndarray, float]:
    """Sink currents of one input on one tile.

    Args:
        weights: (R, C) bits. inputs: (R,) bits.

    Returns:
        (C,) amperes, and the worst Kirchhoff current imbalance relative to the largest sink current.
    """
    rows, cols = weights.shape
    upper = np.arange(rows * cols).reshape(rows, cols)  # row node or source-line node above the cell
    lower = upper + rows * cols
    laplacian, injected = _wires(circuit, upper, lower, inputs)
    conducting = (inputs != 0) if circuit.gated else np.ones(rows, dtype=bool)
    on = (weights != 0) & conducting[:, None]
    off = (weights == 0) & conducting[:, None]
    a, b = upper.ravel(), lower.ravel()

    def cells(volts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        across = volts[a] - volts[b]
        amps, slope = np.zeros_like(across), np.zeros_like(across)
        for state, chosen in ((1, on.ravel()), (0, off.ravel())):
            amps[chosen], slope[chosen] = curves.evaluate(across[chosen], state)
        return amps, slope

    def imbalance(volts: np.ndarray, amps: np.ndarray) -> np.ndarray:
        return laplacian @ volts - injected + np.concatenate([amps, -amps])

    volts = np.concatenate([np.full(rows * cols, 0.5 * circuit.v_read), np.zeros(rows * cols)])
    amps, slope = cells(volts)
    error = imbalance(volts, amps)
    for _ in range(_MAX_STEPS):
        jacobian = laplacian + sp.coo_matrix(
            (np.concatenate([slope, slope, -slope, -slope]),
             (np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a]))), shape=laplacian.shape
        )  # fmt: skip
        step = -splu(jacobian.tocsc()).solve(error)
        descent = float(error @ step)
        scale = 1.0
        for _ in range(40):
            trial = volts + scale * step
            amps, slope = cells(trial)
            error = imbalance(trial, amps)
            if abs(float(error @ step)) <= 0.9 * abs(descent) or scale * np.abs(step).max() < 1e-15 * circuit.v_read:
                break
            scale *= 0.5
        volts = trial
        if scale * np.abs(step).max() <= 1e-13 * circuit.v_read:
            break
    sink = amps.reshape(rows, cols).sum(axis=0)
    return sink, float(np.abs(error).max() / max(np.abs(sink).max(), 1e-300))


def _wires(
    circuit: Circuit, upper: np.ndarray, lower: np.ndarray, inputs: np.ndarray
) -> tuple[sp.csr_matrix, np.ndarray]:
    """Laplacian of wires and terminals (siemens), and the currents that the sources inject (amperes)."""
    floor = _MIN_RELATIVE_RESISTANCE / circuit.g_on
    size = 2 * upper.size
    first: list[np.ndarray] = []
    second: list[np.ndarray] = []
    siemens: list[np.ndarray] = []

    def connect(p: np.ndarray, q: np.ndarray, resistance: float) -> None:
        first.append(p.ravel())
        second.append(q.ravel())
        siemens.append(np.full(p.size, 1.0 / max(resistance, floor)))

    ground = np.full(size, _GMIN)
    injected = np.zeros(size)
    connect(lower[:-1], lower[1:], circuit.r_col)
    ground[lower[-1]] += 1.0 / max(circuit.r_col + circuit.r_sink, floor)
    if circuit.topology == "gate_driven":
        connect(upper[:-1], upper[1:], circuit.r_source)
        fed, feed = upper[0 if circuit.source_end == "far" else -1], circuit.r_driver + circuit.r_source
        drive = np.full(len(fed), circuit.v_read)
    else:
        connect(upper[:, :-1], upper[:, 1:], circuit.r_row)
        fed, feed = upper[:, 0], circuit.r_driver + circuit.r_row
        drive = circuit.v_read * inputs.astype(np.float64)
    ground[fed] += 1.0 / max(feed, floor)
    injected[fed] += drive / max(feed, floor)
    p, q, g = np.concatenate(first), np.concatenate(second), np.concatenate(siemens)
    nodes = np.arange(size)
    laplacian = sp.coo_matrix(
        (np.concatenate([g, g, -g, -g, ground]),
         (np.concatenate([p, q, p, q, nodes]), np.concatenate([p, q, q, p, nodes]))), shape=(size, size)
    )  # fmt: skip
    return laplacian.tocsr(), injected
