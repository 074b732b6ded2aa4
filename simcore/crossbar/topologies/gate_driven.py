"""Inputs drive the gates of the cells, so that rows carry no current. Beside every bit line runs a source line: v_read,
then r_driver + r_source at the end ``source_end`` (far from or near the sink), then r_source between rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simcore.crossbar.topologies.base import Topology

if TYPE_CHECKING:
    from simcore.crossbar.circuit import Circuit


class GateDriven(Topology):
    """Columns are ladders of their own."""

    parameters = frozenset({"r_driver", "r_sink", "r_col", "r_source", "source_end"})
    feed_line = "source line"
    feeds_along_columns = True
    columns_are_independent = True
    always_gated = True
    relaxation = "ladders"
    sweep_limit = 80

    def wire(self, circuit: Circuit) -> float:
        return circuit.r_source

    def along_feed(self, circuit: Circuit, cells: np.ndarray) -> np.ndarray:
        return cells if circuit.source_end == "far" else cells[::-1]

    def source_volts(self, circuit: Circuit, inputs: np.ndarray, cols: int) -> np.ndarray:
        return np.full(cols, circuit.v_read)

    def source(self, circuit: Circuit, inputs: np.ndarray, line: int) -> tuple[list[str], str]:
        return [] if line else [f"vread supply 0 {circuit.v_read:.17g}"], "supply"

    def wire_name(self, row: int, column: int) -> str:
        return f"src{row}_{column}"
