"""The exact solver: every (tile, input) solved to a stated tolerance, its Kirchhoff residual and status with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simcore.crossbar.cells import Cells, checked_bits
from simcore.crossbar.circuit import Circuit
from simcore.crossbar.solution import Solution, Status
from simcore.crossbar.solvers.base import Limits, Solver
from simcore.crossbar.solvers.device import torch_device
from simcore.crossbar.solvers.ladder import Ladder
from simcore.crossbar.solvers.line_relaxation import LineRelaxation
from simcore.crossbar.solvers.newton import Newton
from simcore.errors import InputError

# Float32 rounding alone leaves about this much relative change from sweep to sweep.
_FLOAT32_TOLERANCE = 2e-6
# Of v_read: in float32 long wires leave a sound solution with a residual far above the tolerance; up to this much the
# cells' slopes tell what it does to the currents.
_FLOAT32_ASTRAY = 0.01
CURRENT_TOLERANCE = 20.0
"""A solve has converged where its current error is no more than this many tolerances. It is met without more sweeps by
every shipped bitcell, corner and array up to 256 rows; currents are some ten times better than their current error
says, which covers what that leaves out."""
_FLOAT64 = np.dtype(np.float64)
_NEWTON = Newton()
# The kernels on the CPU, by ``Topology.relaxation``.
_KERNELS: dict[str | None, Solver] = {"lines": LineRelaxation(), "ladders": Ladder(), None: _NEWTON}


def solve(
    circuit: Circuit,
    weights: npt.ArrayLike,
    inputs: npt.ArrayLike,
    tol: float = 1e-9,
    dtype: npt.DTypeLike = np.float64,
    max_sweeps: int | None = None,
    device: str | None = None,
    factors: npt.ArrayLike | None = None,
) -> Solution:
    """Solve a crossbar exactly for every input.

    The same inputs give bit-identical results for any number of threads and any split of the batch. Devices agree with
    each other to the tolerance, not bit for bit; a device other than numba is used only where asked for.

    Args:
        circuit: the circuit.
        weights: (R, C) or (T, R, C) state bits.
        inputs: (B, R) or (T, B, R) input bits (a (B, R) array is applied to every tile).
        tol: largest error of a node voltage relative to v_read at which a solve counts as converged; its sink currents
            are then within 20 ``tol`` (``CURRENT_TOLERANCE``) of the read's largest. In float32 ``tol`` is held at 2e-6
            or more.
        dtype: float64 or float32. Reads that float32 cannot resolve to the tolerance (cells left with little of v_read,
            columns whose current is a small difference of large ones) are solved in float64 and rounded.
        max_sweeps: give up after this many sweeps; float32 then goes on in float64, float64 with the sparse Newton
            solver.
        device: ``numba`` (kernels on the CPU, which None means too), a torch device (``cpu``, ``cuda``, ``cuda:1``) or
            ``auto`` (a GPU where there is one, else numba).
        factors: as ``weights``, what multiplies the current of each cell at any voltage; None: all cells are nominal.

    Returns:
        The currents, each read with its status, residual and current error.

    Raises:
        InputError: arrays of the wrong shape, bits other than 0 and 1, negative factors; an unknown or absent device.
    """
    cells, bits, tiled = _checked(weights, inputs, factors)
    real = np.dtype(dtype)
    if real not in (np.dtype(np.float32), _FLOAT64):
        raise InputError(f"dtype must be float32 or float64, got {real}")
    tolerance = max(tol, _FLOAT32_TOLERANCE) if real == np.float32 else tol
    # A node error e moves the sink currents by up to a few e where cells lose most of their voltage.
    inner = tolerance / 8
    solver = solver_for(circuit, device)
    limits = Limits(inner, max_sweeps or solver.sweep_factor * circuit.wiring.sweep_limit)
    task = _Task(circuit, cells, bits, solver.solve(circuit, cells, bits, real, limits))
    in_float64 = np.full(task.solution.status.shape, real == _FLOAT64)
    if real == np.float32:
        in_float64 |= ~task.converged() | task.misses(_FLOAT32_ASTRAY, tolerance)
        task.solve_again(in_float64, limits)
    # Where wires amplify a voltage error, or a column's current is a small difference of large ones, small changes
    # between sweeps mean neither a small residual nor good currents.
    loose = in_float64 & task.converged() & task.misses(tolerance, tolerance)
    task.solve_again(loose, limits._replace(tolerance=inner / 100))
    task.solution.status[in_float64 & task.misses(tolerance, tolerance)] = Status.NOT_CONVERGED
    task.rescue(tolerance)
    return task.solution if tiled else task.solution.at(0)


def solver_for(circuit: Circuit, device: str | None = None) -> Solver:
    """What solves reads of a circuit on a device, named as ``solve`` has it.

    Raises:
        InputError: the device is unknown or absent.
    """
    chosen = torch_device(device)
    if chosen is None or circuit.wiring.relaxation is None:
        return _KERNELS[circuit.wiring.relaxation]
    # torch is loaded only where it is asked for
    from simcore.crossbar.solvers.torch_relaxation import TorchRelaxation

    return TorchRelaxation(chosen)


@dataclass(frozen=True)
class _Task:
    """Reads that are being solved: (T, R, C) cells, (1 or T, B, R) bits, and what is known of them so far."""

    circuit: Circuit
    cells: Cells
    bits: np.ndarray
    solution: Solution

    def converged(self) -> np.ndarray:
        """(T, B) bool."""
        converged: np.ndarray = self.solution.status == Status.CONVERGED
        return converged

    def misses(self, largest_residual: float, tolerance: float) -> np.ndarray:
        """(T, B) bool: reads whose residual or currents are not within the limits, or are no numbers."""
        solution = self.solution
        finite = np.isfinite(solution.sink_currents).all(axis=-1)
        near = (solution.residual <= largest_residual) & (solution.current_error <= CURRENT_TOLERANCE * tolerance)
        misses: np.ndarray = ~(near & finite)
        return misses

    def solve_again(self, chosen: np.ndarray, limits: Limits) -> None:
        """Relax the (T, B) ``chosen`` reads in float64, in place: those that float32 did not resolve, or
        that are not good enough."""
        solver = solver_for(self.circuit)
        for tile in np.flatnonzero(chosen.any(axis=1)).tolist():
            reads = np.flatnonzero(chosen[tile])
            finer = self._solved(solver, tile, reads, limits)
            self._put(tile, reads, finer)
            self.solution.status[tile, reads] = finer.status
            self.solution.sweeps[tile, reads] += finer.sweeps

    def rescue(self, tolerance: float) -> None:
        """Solve what the relaxation left over by the sparse Newton method, in place."""
        left = ~self.converged()
        for tile in np.flatnonzero(left.any(axis=1)).tolist():
            reads = np.flatnonzero(left[tile])
            found = self._solved(_NEWTON, tile, reads, Limits(tolerance, 1))
            converged = found.status == Status.CONVERGED
            # Where neither converges the better of the two is reported, with its residual and status.
            better = np.flatnonzero(converged | ~(found.residual >= self.solution.residual[tile, reads]))
            self._put(tile, reads[better], found.at(better))
            self.solution.status[tile, reads[converged]] = Status.CONVERGED

    def _solved(self, solver: Solver, tile: int, reads: np.ndarray, limits: Limits) -> Solution:
        """Some reads of one tile in float64, (reads, ...)."""
        x = self.bits[tile if len(self.bits) > 1 else 0, reads]
        return solver.solve(self.circuit, self.cells.tile(tile).stacked(), x[None], _FLOAT64, limits).at(0)

    def _put(self, tile: int, reads: np.ndarray, found: Solution) -> None:
        self.solution.sink_currents[tile, reads] = found.sink_currents
        self.solution.residual[tile, reads] = found.residual
        self.solution.current_error[tile, reads] = found.current_error


def _checked(
    weights: npt.ArrayLike, inputs: npt.ArrayLike, factors: npt.ArrayLike | None
) -> tuple[Cells, np.ndarray, bool]:
    """(T, R, C) cells, (1 or T, B, R) inputs, and whether the caller gave tiles."""
    states, bits = np.asarray(weights), np.asarray(inputs)
    if states.ndim not in (2, 3) or bits.ndim not in (2, 3) or bits.ndim > states.ndim:
        raise InputError(
            f"weights must be (R, C) or (T, R, C) and inputs (B, R) or (T, B, R), got {states.shape}, {bits.shape}"
        )
    tiled = states.ndim == 3
    rows, tiles = states.shape[-2], states.shape[0] if tiled else 1
    bits = bits if bits.ndim == 3 else bits[None]
    if bits.shape[2] != rows or bits.shape[0] not in (1, tiles) or 0 in states.shape:
        shape = states.shape if tiled else (1, *states.shape)
        raise InputError(f"inputs {bits.shape} do not fit weights {shape}: inputs are (B, R) for weights (R, C)")
    cells = Cells.of(states, factors)
    return cells if tiled else cells.stacked(), checked_bits("inputs", bits), tiled
