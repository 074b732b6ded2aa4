"""Inputs drive the rows: source v_read x_i, then r_driver + r_row, then the row's nodes with r_row between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simcore.crossbar.topologies.base import Topology

if TYPE_CHECKING:
    from simcore.crossbar.circuit import Circuit


class InputSourced(Topology):
    """Rows carry the current of all columns."""

    parameters = frozenset({"r_driver", "r_sink", "r_col", "r_row"})
    feed_line = "row"
    feeds_along_columns = False
    columns_are_independent = False
    always_gated = False
    relaxation = "lines"
    sweep_limit = 400

    def wire(self, circuit: Circuit) -> float:
        return circuit.r_row

    def along_feed(self, circuit: Circuit, cells: np.ndarray) -> np.ndarray:
        return cells.T

    def source_volts(self, circuit: Circuit, inputs: np.ndarray, cols: int) -> np.ndarray:
        return np.asarray(circuit.v_read * inputs)

    def source(self, circuit: Circuit, inputs: np.ndarray, line: int) -> tuple[list[str], str]:
        return [f"vrow{line} in{line} 0 {circuit.v_read * inputs[line]:.17g}"], f"in{line}"

    def wire_name(self, row: int, column: int) -> str:
        return f"row{row}_{column}" if column else f"feed{row}"
