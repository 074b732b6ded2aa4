"""The exact solver on torch, for a GPU: the iterations of ``line_relaxation`` and ``ladder``, many reads at a time.

A lane's numbers do not depend on the lanes beside it (see ``torch_lanes``), nor on how the batch is split. Lanes that
are done leave the tensors, so that they stay as they are and cost nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from simcore.crossbar.circuit import Circuit
from simcore.crossbar.iv import CellCurves
from simcore.crossbar.solvers.torch_cells import TorchCells
from simcore.crossbar.solvers.torch_lanes import Arrays, Ladders, Lanes

_STATE_BYTES = {"cpu": 1 << 26, "cuda": 1 << 30}  # of all tensors together; on the CPU caches like them small
_TENSORS = 20  # (R, C, lanes) tensors alive at the worst moment


@torch.inference_mode()
def solve_on_torch(
    circuit: Circuit,
    curves: CellCurves,
    states: np.ndarray,
    bits: np.ndarray,
    dtype: np.dtype,
    tolerance: float,
    max_sweeps: int,
    device: torch.device,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Solve every (tile, input) on ``device``.

    Args:
        states: (T, R, C) uint8 bits. bits: (1 or T, B, R) uint8 bits.
        tolerance: error of a node voltage relative to v_read at which a lane is done.

    Returns:
        Sink currents (T, B, C) in amperes, status (T, B) int8 (1 converged, else 0), residual (T, B) float64 relative
        to v_read, sweeps (T, B) int32, doubt (T, B) float64 in amperes (see ``kirchhoff``). Reads that do not converge
        carry their last iterate.
    """
    real = torch.float32 if dtype == np.float32 else torch.float64
    cells = TorchCells(curves, real, device)
    tiles, rows, cols = states.shape
    batch = bits.shape[1]
    weights = torch.from_numpy(states).to(device) != 0
    inputs = torch.from_numpy(bits).to(device)
    sink = np.empty((tiles * batch, cols), dtype)
    status = np.empty(tiles * batch, np.int8)
    residual = np.empty(tiles * batch, np.float64)
    sweeps = np.empty(tiles * batch, np.int32)
    doubt = np.empty(tiles * batch, np.float64)
    solve_reads = _solve_columns if circuit.topology == "gate_driven" else _solve_arrays
    for chunk in _chunks(tiles * batch, rows * cols * dtype.itemsize, device):
        reads = torch.arange(chunk.start, chunk.stop, device=device)
        tile = reads // batch
        x = inputs[tile if len(inputs) > 1 else 0, reads % batch].to(real)
        result = solve_reads(circuit, cells, weights[tile], x, tolerance, max_sweeps)
        sink[chunk] = result.sink.cpu().numpy()
        status[chunk] = result.converged.cpu().numpy()
        residual[chunk] = result.residual.cpu().numpy()
        sweeps[chunk] = result.sweeps.cpu().numpy()
        doubt[chunk] = result.doubt.cpu().numpy()
    shape = (tiles, batch)
    return (
        sink.reshape(*shape, cols), status.reshape(shape), residual.reshape(shape), sweeps.reshape(shape),
        doubt.reshape(shape),
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


def _solve_arrays(
    circuit: Circuit, cells: TorchCells, is_on: torch.Tensor, x: torch.Tensor, tolerance: float, max_sweeps: int
) -> _Result:
    """Reads of input_sourced tiles; is_on (N, R, C), x (N, R)."""
    is_on = is_on.permute(1, 2, 0).contiguous()
    zeros = torch.zeros(is_on.shape, dtype=x.dtype, device=x.device)
    return _relax(Arrays(circuit, cells, is_on, x.T.contiguous(), zeros, zeros), tolerance, max_sweeps, slow=0.9)


def _solve_columns(
    circuit: Circuit, cells: TorchCells, is_on: torch.Tensor, x: torch.Tensor, tolerance: float, max_sweeps: int
) -> _Result:
    """Reads of gate_driven tiles, every column a lane; is_on (N, R, C), x (N, R)."""
    reads, rows, cols = is_on.shape
    is_on = is_on.permute(1, 0, 2).reshape(rows, reads * cols)
    x = x.T.repeat_interleave(cols, dim=1)
    zeros = torch.zeros_like(x)
    lanes = _relax(Ladders(circuit, cells, is_on, x, zeros, zeros), tolerance, max_sweeps, slow=0.4)
    return _Result(
        lanes.sink.reshape(reads, cols),
        lanes.converged.reshape(reads, cols).all(1),
        lanes.residual.reshape(reads, cols).amax(1),
        lanes.sweeps.reshape(reads, cols).amax(1),
        lanes.doubt.reshape(reads, cols).amax(1),
    )


def _relax(lanes: Lanes, tolerance: float, max_sweeps: int, slow: float) -> _Result:
    """Sweep until the error of every lane is below ``tolerance`` (relative to v_read), at most ``max_sweeps`` times.

    What is left of the error is the rest of a geometric series: change * ratio / (1 - ratio). A lane with a ratio above
    ``slow`` takes its cells by their chords in the next sweep, as all lanes do in the first.
    """
    v_read = lanes.circuit.v_read
    result = _unsolved(lanes)
    number = torch.arange(len(result.sink), device=result.sink.device)  # of each lane still there
    before = torch.full_like(result.residual, v_read)
    careful: torch.Tensor | None = torch.ones_like(result.converged)
    for sweep in range(1, max_sweeps + 1):
        lanes, change, sink = lanes.step(careful)
        ratio = (change / before.clamp(min=1e-30)).clamp_(max=0.999)
        left = change * ratio / (1.0 - ratio)
        if careful is not None:  # chords leave the currents wrong by as much as the voltages moved
            left = torch.where(careful, torch.maximum(left, change), left)
        done = left <= tolerance * v_read
        leaving = torch.nonzero(done if sweep < max_sweeps else torch.ones_like(done)).flatten()
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
        careful = ratio > slow
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
