"""The exact solver's torch back end alone, without the CPU kernels that ``solve`` falls back on: a device that does not
converge is to be seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from simcore.crossbar import exact
from simcore.crossbar.cells import Cells
from simcore.crossbar.circuit import Circuit
from simcore.crossbar.solution import Status
from simcore.crossbar.solvers.base import Limits
from simcore.crossbar.solvers.torch_relaxation import TorchRelaxation


@dataclass(frozen=True)
class Raw:
    """Sink currents (B, C) in amperes, and of each input whether it converged and its sweeps (B,)."""

    currents: np.ndarray
    converged: np.ndarray
    sweeps: np.ndarray

    def same_bits(self, other: Raw) -> bool:
        """Whether nothing at all differs."""
        return np.array_equal(self.currents, other.currents) and np.array_equal(self.sweeps, other.sweeps)


def solve_raw(
    circuit: Circuit, weights: np.ndarray, inputs: np.ndarray, tol: float, dtype: type, device: torch.device
) -> Raw:
    """As ``simcore.crossbar.solve`` begins: weights (R, C), inputs (B, R)."""
    tolerance = max(tol, exact._FLOAT32_TOLERANCE) if dtype == np.float32 else tol
    solver = TorchRelaxation(device)
    limits = Limits(tolerance / 8, solver.sweep_factor * circuit.wiring.sweep_limit)
    found = solver.solve(circuit, Cells(weights[None]), inputs[None], np.dtype(dtype), limits).at(0)
    return Raw(found.sink_currents, found.status == Status.CONVERGED, found.sweeps)
