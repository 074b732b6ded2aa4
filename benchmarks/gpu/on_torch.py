"""The exact solver's torch back end alone, without the CPU kernels that ``solve`` falls back on: a device that does not
converge is to be seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from simcore.crossbar import exact
from simcore.crossbar.circuit import Circuit
from simcore.crossbar.solvers.torch_relaxation import solve_on_torch


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
    most = 4 * exact._MAX_SWEEPS[circuit.topology]
    sink, status, _, sweeps, _ = solve_on_torch(
        circuit, circuit.curves(), weights[None], inputs[None], np.dtype(dtype), tolerance / 8, most, device
    )
    return Raw(sink[0], status[0] == exact.Status.CONVERGED, sweeps[0])
