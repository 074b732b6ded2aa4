"""What every exact solver is asked, and what the kernels that solve a vector of inputs at a time share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numba
import numpy as np

from simcore.crossbar.cells import Cells
from simcore.crossbar.circuit import Circuit
from simcore.crossbar.iv import CellCurves
from simcore.crossbar.solution import Solution, relative_doubt
from simcore.kernels.simd import lanes_of
from simcore.kernels.threads import run_in_threads


class Limits(NamedTuple):
    """When a solver stops.

    Attributes:
        tolerance: error relative to v_read (Newton: to the largest sink current) at which a read is done.
        max_sweeps: what does not converge in so many sweeps is left as it is.
    """

    tolerance: float
    max_sweeps: int


class Solver(ABC):
    """One way to solve crossbars exactly; whoever calls it judges residual and current error."""

    sweep_factor = 1
    """Sweeps that it may need for one of the kernels'."""

    @abstractmethod
    def solve(self, circuit: Circuit, cells: Cells, bits: np.ndarray, dtype: np.dtype, limits: Limits) -> Solution:
        """Solve every (tile, input).

        Args:
            circuit: a circuit of a topology that this solver knows.
            cells: (T, R, C).
            bits: (1 or T, B, R) uint8 input bits.
            dtype: float32 or float64, of the iteration and of the sink currents.
            limits: when to stop.

        Returns:
            A solution with T leading. Reads that do not converge carry the last iterate and Status.NOT_CONVERGED.
        """


class Crossbar(NamedTuple):
    """All that a kernel knows of a circuit, in one number type.

    Attributes:
        cells: Cells of T tiles, or of one.
        curves: CellCurves.
        wires: resistances (ohm) and supply (V) as the kernel names them.
    """

    cells: Cells
    curves: CellCurves
    wires: tuple[object, ...]


class Out(NamedTuple):
    """What a kernel fills in, of T tiles and B blocks of L inputs, or (without the leading axes) of one block.

    Attributes:
        sink: (T, B, C, L) amperes; a lane's are frozen where it has converged.
        status: (T, B, L) int8, 1 once converged, else 0.
        residual: (T, B, L), relative to v_read.
        doubt: (T, B, L) amperes (see ``kirchhoff``).
        sweeps: (T, B, L) int32, sweeps or steps used.
    """

    sink: np.ndarray
    status: np.ndarray
    residual: np.ndarray
    doubt: np.ndarray
    sweeps: np.ndarray


@numba.njit(error_model="numpy", forceinline=True)
def block_of(out, tile, block):  # type: ignore[no-untyped-def]
    """The part of ``Out`` of one block."""
    return Out(
        out.sink[tile, block], out.status[tile, block], out.residual[tile, block], out.doubt[tile, block],
        out.sweeps[tile, block],
    )  # fmt: skip


class LaneSolver(Solver):
    """A numba kernel on the CPU's threads, inputs in the lanes of SIMD vectors.

    A lane's numbers do not depend on its neighbours, nor on the number of threads.
    """

    @abstractmethod
    def wires(self, circuit: Circuit, real: type[np.floating]) -> tuple[object, ...]:
        """The ``Crossbar.wires`` of its kernel, numbers of type ``real``."""

    @abstractmethod
    def solve_blocks(
        self, crossbar: Crossbar, lanes: np.ndarray, first: int, last: int, stop: Limits, out: Out
    ) -> None:
        """Run the kernel on the blocks first .. last-1, numbered tile by tile.

        Args:
            lanes: (T or 1, B, R, L) input bits as floats, a block of L inputs each.
        """

    def solve(self, circuit: Circuit, cells: Cells, bits: np.ndarray, dtype: np.dtype, limits: Limits) -> Solution:
        real: type[np.floating] = dtype.type
        crossbar = Crossbar(cells.astype(dtype), circuit.curves().astype(dtype), self.wires(circuit, real))
        stop = Limits(real(limits.tolerance), limits.max_sweeps)  # type: ignore[arg-type]
        lanes = _as_lanes(bits, dtype)
        tiles, blocks, width = len(cells.states), lanes.shape[1], lanes.shape[3]
        out = Out(
            np.empty((tiles, blocks, cells.states.shape[2], width), dtype),
            np.empty((tiles, blocks, width), np.int8),
            np.empty((tiles, blocks, width), dtype),
            np.empty((tiles, blocks, width), dtype),
            np.empty((tiles, blocks, width), np.int32),
        )
        run_in_threads(
            lambda first, last: self.solve_blocks(crossbar, lanes, first, last, stop, out), tiles * blocks
        )  # fmt: skip
        return _as_reads(out, bits.shape[1])


def _as_lanes(bits: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """(T, B, R) bits as (T, blocks, R, L) floats, filled up with inputs of nothing."""
    tiles, batch, rows = bits.shape
    width = lanes_of(dtype)
    blocks = -(-batch // width)
    padded = np.zeros((tiles, blocks * width, rows), dtype)
    padded[:, :batch] = bits
    return np.ascontiguousarray(padded.reshape(tiles, blocks, width, rows).transpose(0, 1, 3, 2))


def _as_reads(out: Out, batch: int) -> Solution:
    tiles, blocks, cols, width = out.sink.shape

    def by_read(values: np.ndarray) -> np.ndarray:
        return values.reshape(tiles, blocks * width)[:, :batch]

    currents = np.ascontiguousarray(out.sink.transpose(0, 1, 3, 2)).reshape(tiles, blocks * width, cols)[:, :batch]
    return Solution(
        sink_currents=currents,
        status=by_read(out.status),
        residual=by_read(out.residual).astype(np.float64),
        sweeps=by_read(out.sweeps),
        current_error=relative_doubt(by_read(out.doubt), currents),
    )
