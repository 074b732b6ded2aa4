"""Globally convergent sparse Newton solver: the last resort for circuits that line relaxation leaves unfinished.

Every cell is passive and monotone, so the network's co-content is convex in the node voltages and its gradient is the
vector of Kirchhoff current sums. Newton's direction with a line search on the directional derivative therefore finds
the one solution from any start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from simcore.crossbar.cells import Cells
from simcore.crossbar.circuit import Circuit
from simcore.crossbar.solution import Solution, Status
from simcore.crossbar.solvers.base import Limits, Solver
from simcore.crossbar.topologies.base import line_drops

_MAX_STEPS = 60
_GMIN = 1e-18  # siemens to ground: holds nodes that nothing else connects


@dataclass(frozen=True)
class _Network:
    """Nodes and wires. The ends of a wire of zero resistance are one node; nodes whose voltage is given come last.

    Attributes:
        upper, lower: (R C,) node above and below each cell.
        laplacian: (free, free + held) siemens of the wires.
        held: (held,) volts.
    """

    upper: np.ndarray
    lower: np.ndarray
    laplacian: sp.csr_matrix
    held: np.ndarray


@dataclass(frozen=True)
class Nodes:
    """One solved read, every node of it: (R, C) each.

    Attributes:
        row: volts above the cells, on the row or the source line.
        column: volts below them, on the bit line.
        cell_currents: amperes.
    """

    row: np.ndarray
    column: np.ndarray
    cell_currents: np.ndarray


class Newton(Solver):
    """Any topology; the step limit is its own, and a read has converged where the currents into every node cancel
    within the tolerance of the largest sink current."""

    def solve(self, circuit: Circuit, cells: Cells, bits: np.ndarray, dtype: np.dtype, limits: Limits) -> Solution:
        tiles, _, cols = cells.states.shape
        shape = (tiles, bits.shape[1])
        currents, residual, imbalance = np.empty((*shape, cols), dtype), np.empty(shape), np.empty(shape)
        for tile, read in np.ndindex(shape):
            x = bits[tile if len(bits) > 1 else 0, read]
            nodes, imbalance[tile, read] = solve_nodes(circuit, cells.tile(tile), x)
            currents[tile, read] = nodes.cell_currents.sum(axis=0)
            residual[tile, read] = voltage_residual(circuit, nodes, x)
        status = np.where(imbalance <= limits.tolerance, Status.CONVERGED, Status.NOT_CONVERGED).astype(np.int8)
        return Solution(currents, status, residual, np.zeros(shape, np.int32), imbalance)


def solve_nodes(circuit: Circuit, cells: Cells, inputs: np.ndarray) -> tuple[Nodes, float]:
    """Node voltages and cell currents of one input on one tile.

    Args:
        circuit: the circuit.
        cells: (R, C).
        inputs: (R,) bits.

    Returns:
        the nodes, and the worst Kirchhoff current imbalance relative to the largest sink current.
    """
    curves, shape = circuit.curves(), cells.states.shape
    network = _network(circuit, shape, inputs)
    free = network.laplacian.shape[0]
    conducting = (inputs != 0) if circuit.gated else np.ones(len(inputs), dtype=bool)
    on = ((cells.states != 0) & conducting[:, None]).ravel()
    off = ((cells.states == 0) & conducting[:, None]).ravel()
    a, b = network.upper, network.lower

    def currents(volts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        across = volts[a] - volts[b]
        amps, slope = np.zeros_like(across), np.zeros_like(across)
        for state, chosen in ((1, on), (0, off)):
            amps[chosen], slope[chosen] = curves.evaluate(across[chosen], state)
        if cells.factors is None:
            return amps, slope
        return amps * cells.factors.ravel(), slope * cells.factors.ravel()

    def imbalance(volts: np.ndarray, amps: np.ndarray) -> np.ndarray:
        drawn = np.bincount(a, amps, len(volts)) - np.bincount(b, amps, len(volts))
        return network.laplacian @ volts + drawn[:free]

    volts = np.zeros(free + len(network.held))
    volts[a] = 0.5 * circuit.v_read
    volts[b] = 0.0
    volts[free:] = network.held
    amps, slope = currents(volts)
    error = imbalance(volts, amps)
    for _ in range(_MAX_STEPS if free else 0):
        conductances = sp.coo_matrix(
            (np.concatenate([slope, slope, -slope, -slope]),
             (np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a]))), shape=(len(volts), len(volts))
        ).tocsr()  # fmt: skip
        jacobian = (network.laplacian + conductances[:free])[:, :free]
        step = np.zeros_like(volts)
        step[:free] = -splu(jacobian.tocsc()).solve(error)
        descent = float(error @ step[:free])
        scale = 1.0
        for _ in range(40):
            trial = volts + scale * step
            amps, slope = currents(trial)
            error = imbalance(trial, amps)
            slight = scale * np.abs(step).max() < 1e-15 * circuit.v_read
            if abs(float(error @ step[:free])) <= 0.9 * abs(descent) or slight:
                break
            scale *= 0.5
        volts = trial
        if scale * np.abs(step).max() <= 1e-13 * circuit.v_read:
            break
    nodes = Nodes(*(part.reshape(shape) for part in (volts[a], volts[b], amps)))
    scale = max(np.abs(nodes.cell_currents.sum(axis=0)).max(), 1e-300)
    return nodes, float(np.abs(error).max(initial=0.0) / scale)


def voltage_residual(circuit: Circuit, nodes: Nodes, inputs: np.ndarray) -> float:
    """Largest difference between a node's voltage and the voltage that the cell currents produce there through the
    wires, relative to v_read: the residual that ``kirchhoff`` takes of a relaxation.

    Args:
        nodes: (R, C) of one read.
        inputs: (R,) bits.
    """
    amps = nodes.cell_currents
    column = line_drops(amps[::-1], circuit.r_col, circuit.r_sink)[::-1]
    row = circuit.wiring.feed_volts(circuit, inputs, amps)
    worst = np.maximum(np.abs(nodes.row - row), np.abs(nodes.column - column)).max()
    return float(worst / circuit.v_read)


def _network(circuit: Circuit, shape: tuple[int, int], inputs: np.ndarray) -> _Network:
    rows, cols = shape
    upper = np.arange(rows * cols).reshape(rows, cols)
    lower = upper + rows * cols
    sources = circuit.wiring.source_volts(circuit, inputs, cols)
    terminals = 2 * rows * cols + np.arange(len(sources) + 1)  # the sources, then ground
    wires = [
        (lower[:-1], lower[1:], circuit.r_col),
        (lower[-1], terminals[-1], circuit.r_col + circuit.r_sink),
        *circuit.wiring.feed_wires(circuit, upper, terminals[:-1]),
    ]
    ends = [(p.ravel(), np.broadcast_to(q, p.shape).ravel(), ohms) for p, q, ohms in wires]
    node, free = _numbered([(p, q) for p, q, ohms in ends if ohms == 0], terminals)
    resistors = [(node[p], node[q], np.full(p.size, 1.0 / ohms)) for p, q, ohms in ends if ohms > 0]
    resistors.append((np.arange(free), np.full(free, node[terminals[-1]]), np.full(free, _GMIN)))
    p, q, g = (np.concatenate(parts) for parts in zip(*resistors, strict=True))
    size = int(node.max()) + 1
    laplacian = sp.coo_matrix(
        (np.concatenate([g, g, -g, -g]), (np.concatenate([p, q, p, q]), np.concatenate([p, q, q, p]))),
        shape=(size, size),
    ).tocsr()[:free]
    held = np.empty(size - free)
    held[node[terminals] - free] = np.append(sources, 0.0)
    return _Network(node[upper].ravel(), node[lower].ravel(), laplacian, held)


def _numbered(joined: list[tuple[np.ndarray, np.ndarray]], terminals: np.ndarray) -> tuple[np.ndarray, int]:
    """The number of every point's node after joining pairs of points, and how many nodes are free.

    Nodes that hold one of the ``terminals`` (the last points) are numbered after the free ones.
    """
    points = int(terminals[-1]) + 1
    p, q = (np.concatenate([pair[side] for pair in joined] or [np.empty(0, dtype=np.int64)]) for side in (0, 1))
    count, label = connected_components(
        sp.coo_matrix((np.ones(len(p)), (p, q)), shape=(points, points)), directed=False
    )
    is_held = np.zeros(count, dtype=bool)
    is_held[label[terminals]] = True
    order = np.argsort(is_held, kind="stable")
    number = np.empty(count, dtype=np.int64)
    number[order] = np.arange(count)
    return number[label], count - int(is_held.sum())
