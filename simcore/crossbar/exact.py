"""The exact solver: every (tile, input) solved to a stated tolerance, its Kirchhoff residual and status with it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from simcore.crossbar.circuit import Circuit
from simcore.crossbar.iv import CellCurves
from simcore.crossbar.solvers.device import torch_device
from simcore.crossbar.solvers.ladder import solve_ladders
from simcore.crossbar.solvers.line_relaxation import solve_arrays
from simcore.crossbar.solvers.newton import solve_nodes, voltage_residual
from simcore.errors import InputError
from simcore.kernels.simd import lanes_of
from simcore.kernels.threads import run_in_threads

# Float32 rounding alone leaves about this much relative change from sweep to sweep.
_FLOAT32_TOLERANCE = 2e-6
# Of v_read: in float32 long wires leave a sound solution with a residual far above the tolerance; up to this much the
# cells' slopes tell what it does to the currents.
_FLOAT32_ASTRAY = 0.01
CURRENT_TOLERANCE = 20.0
"""A solve has converged where no sink current may be off by more than this many tolerances of the read's largest. It is
met without further sweeps by every shipped bitcell, corner and array up to 256 rows; currents are some ten times
better than what bounds them."""
_MAX_SWEEPS = {"input_sourced": 400, "gate_driven": 80}


class Status(enum.IntEnum):
    """How a solve ended; ``text`` says what to try."""

    CONVERGED = 1
    NOT_CONVERGED = 0

    @property
    def text(self) -> str:
        """One sentence for people."""
        if self is Status.CONVERGED:
            return "converged"
        return (
            "not converged: the result is not to be used; raise max_sweeps, solve in float64, or check the circuit for "
            "cells that conduct as well as the wires or I-V curves that are almost flat"
        )


@dataclass(frozen=True)
class Solution:
    """Result of ``solve``; leading axes as in the call (T only where tiles were given with a leading axis).

    Attributes:
        sink_currents: ([T,] B, C) amperes.
        status: ([T,] B) int8, values of Status.
        residual: ([T,] B) worst violation of Kirchhoff's laws: the largest difference between a node's voltage and the
            voltage that the cell currents produce there through the wires, relative to v_read. Where the wires conduct
            far worse than the cells, it is larger than the error of the voltages.
        sweeps: ([T,] B) line-relaxation sweeps (input_sourced) or Newton steps (gate_driven).
        current_error: ([T,] B) how far the residual may put a sink current off, to first order, relative to the largest
            sink current of the read (see ``kirchhoff``); of what Newton's method solved, the imbalance of the currents.
    """

    sink_currents: np.ndarray
    status: np.ndarray
    residual: np.ndarray
    sweeps: np.ndarray
    current_error: np.ndarray

    @property
    def converged(self) -> bool:
        """True if every (tile, input) converged."""
        return bool((self.status == Status.CONVERGED).all())

    def summary(self) -> str:
        """One line: how many converged, the worst residual, and what to try where some did not."""
        failed = int((self.status != Status.CONVERGED).sum())
        text = Status.NOT_CONVERGED.text if failed else Status.CONVERGED.text
        solved = self.status.size - failed
        return f"{solved} of {self.status.size} solved, worst residual {self.residual.max():.1e}: {text}"


def solve(
    circuit: Circuit,
    weights: npt.ArrayLike,
    inputs: npt.ArrayLike,
    tol: float = 1e-9,
    dtype: npt.DTypeLike = np.float64,
    max_sweeps: int | None = None,
    device: str | None = None,
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
        device: ``numba`` (kernels on the CPU), a torch device (``cpu``, ``cuda``, ``cuda:1``) or ``auto`` (a GPU where
            there is one, else numba). None: the environment variable BINSPARX_DEVICE decides; without it numba.

    Raises:
        InputError: arrays of the wrong shape or with values other than 0 and 1; an unknown or absent device.
    """
    states, bits, tiled = _checked(weights, inputs)
    real = np.dtype(dtype)
    if real not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise InputError(f"dtype must be float32 or float64, got {real}")
    tolerance = max(tol, _FLOAT32_TOLERANCE) if real == np.float32 else tol
    # A node error e moves the sink currents by up to a few e where cells lose most of their voltage.
    inner = tolerance / 8
    curves = circuit.curves()
    chosen = torch_device(device)
    # torch relaxes without Chebyshev's help, which saves up to three quarters of the sweeps
    sweep_limit = max_sweeps or (1 if chosen is None else 4) * _MAX_SWEEPS[circuit.topology]
    if chosen is None:
        solution = _solve_on_numba(circuit, curves, states, bits, real, inner, sweep_limit)
    else:
        from simcore.crossbar.solvers.torch_relaxation import (
            solve_on_torch,  # torch is loaded only where it is asked for
        )

        sink, status, residual, sweeps, doubt = solve_on_torch(
            circuit, curves, states, bits, real, inner, sweep_limit, chosen
        )
        solution = Solution(sink, status, residual, sweeps, _relative(doubt, sink))
    in_float64 = np.full(solution.status.shape, real == np.float64)
    if real == np.float32:
        in_float64 |= ~_is_converged(solution) | _misses(solution, _FLOAT32_ASTRAY, tolerance)
        _solve_again(circuit, curves, states, bits, inner, sweep_limit, solution, in_float64)
    # Where wires amplify a voltage error, or a column's current is a small difference of large ones, small changes
    # between sweeps mean neither a small residual nor good currents.
    loose = in_float64 & _is_converged(solution) & _misses(solution, tolerance, tolerance)
    _solve_again(circuit, curves, states, bits, inner / 100, sweep_limit, solution, loose)
    solution.status[in_float64 & _misses(solution, tolerance, tolerance)] = Status.NOT_CONVERGED
    _rescue(circuit, curves, states, bits, tolerance, solution)
    if tiled:
        return solution
    return Solution(*(getattr(solution, field.name)[0] for field in fields(Solution)))


def _solve_on_numba(
    circuit: Circuit,
    curves: CellCurves,
    states: np.ndarray,
    bits: np.ndarray,
    real: np.dtype,
    tolerance: float,
    max_sweeps: int,
) -> Solution:
    """Line relaxation or ladders on the CPU; what does not converge is left as it is. Arrays as from ``_checked``."""
    scalar: Any = real.type
    cells = (
        curves.forms, curves.g.astype(real), curves.v_nl.astype(real), *(t.astype(real) for t in curves.tables),
        curves.doublings, scalar(circuit.v_read),
    )  # fmt: skip
    tiles, batch, cols = states.shape[0], bits.shape[1], states.shape[2]
    width = lanes_of(real)
    blocks = -(-batch // width)
    padded = np.zeros((bits.shape[0], blocks * width, bits.shape[2]), dtype=real)
    padded[:, :batch] = bits
    lanes = np.ascontiguousarray(padded.reshape(bits.shape[0], blocks, width, bits.shape[2]).transpose(0, 1, 3, 2))
    sink = np.empty((tiles, blocks, cols, width), dtype=real)
    status = np.empty((tiles, blocks, width), dtype=np.int8)
    residual = np.empty((tiles, blocks, width), dtype=real)
    doubt = np.empty((tiles, blocks, width), dtype=real)
    sweeps = np.empty((tiles, blocks, width), dtype=np.int32)
    out = (scalar(tolerance), max_sweeps, sink, status, residual, doubt, sweeps)

    def solve_range(first: int, last: int) -> None:
        if circuit.topology == "gate_driven":
            wires = (circuit.r_driver, circuit.r_source, circuit.r_col, circuit.r_sink)
            solve_ladders(states, lanes, first, last, circuit.source_end == "far", *cells, *map(scalar, wires), *out)
        else:
            wires = (circuit.r_driver, circuit.r_row, circuit.r_col, circuit.r_sink)
            solve_arrays(states, lanes, first, last, circuit.gated, *cells, *map(scalar, wires), *out)

    run_in_threads(solve_range, tiles * blocks)
    currents = np.ascontiguousarray(sink.transpose(0, 1, 3, 2)).reshape(tiles, blocks * width, cols)[:, :batch]
    return Solution(
        sink_currents=currents,
        status=status.reshape(tiles, blocks * width)[:, :batch],
        residual=residual.reshape(tiles, blocks * width)[:, :batch].astype(np.float64),
        sweeps=sweeps.reshape(tiles, blocks * width)[:, :batch],
        current_error=_relative(doubt.reshape(tiles, blocks * width)[:, :batch], currents),
    )


def _is_converged(solution: Solution) -> np.ndarray:
    converged: np.ndarray = solution.status == Status.CONVERGED
    return converged


def _misses(solution: Solution, largest_residual: float, tolerance: float) -> np.ndarray:
    """(T, B) bool: reads whose residual or currents are not within the limits, or are no numbers."""
    finite = np.isfinite(solution.sink_currents).all(axis=-1)
    near = (solution.residual <= largest_residual) & (solution.current_error <= CURRENT_TOLERANCE * tolerance)
    misses: np.ndarray = ~(near & finite)
    return misses


def _relative(doubt: np.ndarray, sink_currents: np.ndarray) -> np.ndarray:
    """(T, B) float64: (T, B) amperes of ``doubt`` relative to the largest of the read's (T, B, C) sink currents."""
    largest = np.abs(sink_currents).max(axis=-1, initial=0.0).astype(np.float64)
    ratio = np.divide(doubt, largest, where=largest > 0, out=np.full(doubt.shape, np.inf))
    return np.where(doubt == 0, 0.0, ratio)


def _solve_again(
    circuit: Circuit,
    curves: CellCurves,
    states: np.ndarray,
    bits: np.ndarray,
    tolerance: float,
    max_sweeps: int,
    solution: Solution,
    chosen: np.ndarray,
) -> None:
    """Relax the (T, B) ``chosen`` reads in float64, in place: those that float32's rounding kept from converging, or
    that are not good enough."""
    for tile in np.flatnonzero(chosen.any(axis=1)):
        inputs = np.flatnonzero(chosen[tile])
        x = bits[tile if len(bits) > 1 else 0, inputs]
        finer = _solve_on_numba(
            circuit, curves, states[tile][None], x[None], np.dtype(np.float64), tolerance, max_sweeps
        )
        solution.sink_currents[tile, inputs] = finer.sink_currents[0]
        solution.status[tile, inputs] = finer.status[0]
        solution.residual[tile, inputs] = finer.residual[0]
        solution.current_error[tile, inputs] = finer.current_error[0]
        solution.sweeps[tile, inputs] += finer.sweeps[0]


def _rescue(
    circuit: Circuit, curves: CellCurves, states: np.ndarray, bits: np.ndarray, tolerance: float, solution: Solution
) -> None:
    """Solve what the relaxation left over by the sparse Newton method, in place.

    Newton has converged where the currents into every node cancel within ``tolerance`` of the largest sink current.
    """
    for tile, index in np.argwhere(solution.status != Status.CONVERGED):
        x = bits[tile if len(bits) > 1 else 0, index]
        nodes, imbalance = solve_nodes(circuit, curves, states[tile], x)
        residual = voltage_residual(circuit, nodes, x)
        converged = imbalance <= tolerance
        # Where neither converges the better of the two is reported, with its residual and status.
        if converged or not residual >= solution.residual[tile, index]:
            solution.sink_currents[tile, index] = nodes.cell_currents.sum(axis=0)
            solution.residual[tile, index] = residual
            solution.current_error[tile, index] = imbalance
        if converged:
            solution.status[tile, index] = Status.CONVERGED


def _checked(weights: npt.ArrayLike, inputs: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray, bool]:
    """(T, R, C) uint8 states, (1 or T, B, R) inputs, and whether the caller gave tiles."""
    states, bits = np.asarray(weights), np.asarray(inputs)
    if states.ndim not in (2, 3) or bits.ndim not in (2, 3) or bits.ndim > states.ndim:
        raise InputError(
            f"weights must be (R, C) or (T, R, C) and inputs (B, R) or (T, B, R), got {states.shape}, {bits.shape}"
        )
    tiled = states.ndim == 3
    states = states if tiled else states[None]
    bits = bits if bits.ndim == 3 else bits[None]
    if bits.shape[2] != states.shape[1] or bits.shape[0] not in (1, states.shape[0]) or 0 in states.shape:
        raise InputError(f"inputs {bits.shape} do not fit weights {states.shape}: inputs are (B, R) for weights (R, C)")
    for name, array in (("weights", states), ("inputs", bits)):
        if not np.isin(array, (0, 1)).all():
            raise InputError(f"{name} must hold bits (0 or 1)")
    return np.ascontiguousarray(states, dtype=np.uint8), np.ascontiguousarray(bits, dtype=np.uint8), tiled
