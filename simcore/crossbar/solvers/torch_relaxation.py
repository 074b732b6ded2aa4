"""The exact solver on torch, for a GPU: the iterations of ``line_relaxation`` and ``ladder``, many reads at a time.

A lane's numbers do not depend on the lanes beside it (see ``torch_lanes``), nor on how the batch is split. Lanes that
are done leave the tensors, so that they stay as they are and cost nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from simcore.crossbar.cells import Cells
from simcore.crossbar.circuit import Circuit
from simcore.crossbar.solution import Solution, relative_doubt
from simcore.crossbar.solvers.base import Limits, Solver
from simcore.crossbar.solvers.torch_cells import TorchCells
from simcore.crossbar.solvers.torch_lanes import Arrays, Ladders, Lanes

_STATE_BYTES = {"cpu": 1 << 26, "cuda": 1 << 30}  # of all tensors together; on the CPU caches like them small
_TENSORS = 20  # (R, C, lanes) tensors alive at the worst moment


# What relaxes the lanes of a topology, by ``Topology.relaxation``.
_LANES: dict[str | None, type[Lanes]] = {"lines": Arrays, "ladders": Ladders}


class TorchRelaxation(Solver):
    """The relaxations of all topologies that have one, on a torch device."""

    sweep_factor = 4  # it goes without Chebyshev's help, which saves up to three quarters of the sweeps

    def __init__(self, device: torch.device) -> None:
        self._device = device

    @torch.inference_mode()
    def solve(self, circuit: Circuit, cells: Cells, bits: np.ndarray, dtype: np.dtype, limits: Limits) -> Solution:
        real = torch.float32 if dtype == np.float32 else torch.float64
        curves = TorchCells(circuit.curves(), real, self._device)
        lanes_of_reads = _LANES[circuit.wiring.relaxation].of_reads
        tiles, rows, cols = cells.states.shape
        batch = bits.shape[1]
        weights = torch.from_numpy(cells.states).to(self._device) != 0
        factors = None if cells.factors is None else torch.from_numpy(cells.factors).to(self._device, real)
        inputs = torch.from_numpy(bits).to(self._device)
        sink = np.empty((tiles * batch, cols), dtype)
        status = np.empty(tiles * batch, np.int8)
        residual = np.empty(tiles * batch, np.float64)
        sweeps = np.empty(tiles * batch, np.int32)
        doubt = np.empty(tiles * batch, np.float64)
        for chunk in _chunks(tiles * batch, rows * cols * dtype.itemsize, self._device):
            reads = torch.arange(chunk.start, chunk.stop, device=self._device)
            tile = reads // batch
            x = inputs[tile if len(inputs) > 1 else 0, reads % batch].to(real)
            lanes = lanes_of_reads(circuit, curves, weights[tile], None if factors is None else factors[tile], x)
            result = _relax(lanes, limits).of_reads(len(reads))
            sink[chunk] = result.sink.cpu().numpy()
            status[chunk] = result.converged.cpu().numpy()
            residual[chunk] = result.residual.cpu().numpy()
            sweeps[chunk] = result.sweeps.cpu().numpy()
            doubt[chunk] = result.doubt.cpu().numpy()
        shape = (tiles, batch)
        currents = sink.reshape(*shape, cols)
        return Solution(
            currents, status.reshape(shape), residual.reshape(shape), sweeps.reshape(shape),
            relative_doubt(doubt.reshape(shape), currents),
        )  # fmt: skip


def _chunks(reads: int, read_bytes: int, device: torch.device) -> list[slice]:
    """Ranges of reads whose tensors together stay within the limit (a single read may pass it)."""
    size = max(1, _STATE_BYTES[device.type] // (_TENSORS * read_bytes))
    return [slice(first, min(first + size, reads)) for first in range(0, reads, size)]


@dataclass(frozen=True)
class _Result:
    """sink (N, C) amperes, or (N, 1) for lanes of one column; converged, residual, sweeps and doubt (amperes) (N,)."""

    sink: torch.Tensor
    converged: torch.Tensor
    residual: torch.Tensor
    sweeps: torch.Tensor
    doubt: torch.Tensor

    def of_reads(self, reads: int) -> _Result:
        """The same by reads: where a lane is one column of a read, the worst of its columns."""
        if len(self.sink) == reads:
            return self
        return _Result(
            self.sink.reshape(reads, -1),
            self.converged.reshape(reads, -1).all(1),
            self.residual.reshape(reads, -1).amax(1),
            self.sweeps.reshape(reads, -1).amax(1),
            self.doubt.reshape(reads, -1).amax(1),
        )


def _relax(lanes: Lanes, limits: Limits) -> _Result:
    """Sweep until the error of every lane is below the tolerance, or the sweeps are used up.

    What is left of the error is the rest of a geometric series: change * ratio / (1 - ratio). A lane with a ratio above
    ``Lanes.slow`` takes its cells by their chords in the next sweep, as all lanes do in the first.
    """
    v_read = lanes.circuit.v_read
    result = _unsolved(lanes)
    number = torch.arange(len(result.sink), device=result.sink.device)  # of each lane still there
    before = torch.full_like(result.residual, v_read)
    careful: torch.Tensor | None = torch.ones_like(result.converged)
    for sweep in range(1, limits.max_sweeps + 1):
        lanes, change, sink = lanes.step(careful)
        ratio = (change / before.clamp(min=1e-30)).clamp_(max=0.999)
        left = change * ratio / (1.0 - ratio)
        if careful is not None:  # chords leave the currents wrong by as much as the voltages moved
            left = torch.where(careful, torch.maximum(left, change), left)
        done = left <= limits.tolerance * v_read
        leaving = torch.nonzero(done if sweep < limits.max_sweeps else torch.ones_like(done)).flatten()
        if len(leaving):
            gone = number[leaving]
            result.sink[gone] = sink[:, leaving].T
            result.converged[gone] = done[leaving]
            result.residual[gone], result.doubt[gone] = lanes.select(leaving).residual(sink[:, leaving])
            result.sweeps[gone] = sweep
            if len(gone) == len(number):
                break
            staying = torch.nonzero(~done).flatten()
            lanes, number = lanes.select(staying), number[staying]
            change, ratio = change[staying], ratio[staying]
        careful = ratio > lanes.slow
        if not careful.any():
            careful = None
        before = change
    return result


def _unsolved(lanes: Lanes) -> _Result:
    count = lanes.u.shape[-1]
    columns = lanes.u.shape[1] if lanes.u.ndim == 3 else 1
    return _Result(
        lanes.u.new_zeros(count, columns),
        lanes.u.new_zeros(count, dtype=torch.bool),
        lanes.u.new_zeros(count),
        lanes.u.new_zeros(count, dtype=torch.int32),
        lanes.u.new_zeros(count),
    )
