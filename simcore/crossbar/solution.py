"""What a solve hands back: the sink currents, and how far each of them is to be trusted."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np


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
            sink current of the read: a bound on gate_driven tiles, an estimate on input_sourced ones, where columns act
            on each other through the rows (see ``kirchhoff``); of what Newton's method solved, the imbalance of the
            currents.
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

    def at(self, index: int | np.ndarray) -> Solution:
        """The part with that index, or those, along the leading axis."""
        return Solution(
            self.sink_currents[index], self.status[index], self.residual[index], self.sweeps[index],
            self.current_error[index],
        )  # fmt: skip


def relative_doubt(doubt: np.ndarray, sink_currents: np.ndarray) -> np.ndarray:
    """(T, B) float64: (T, B) amperes of ``doubt`` relative to the largest of the read's (T, B, C) sink currents."""
    largest = np.abs(sink_currents).max(axis=-1, initial=0.0).astype(np.float64)
    ratio = np.divide(doubt, largest, where=largest > 0, out=np.full(doubt.shape, np.inf))
    return np.where(doubt == 0, 0.0, ratio)
