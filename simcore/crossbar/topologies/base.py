"""What a topology decides: the lines that feed the cells. Bit lines and sinks are the same in all of them.

A *feed line* carries current from a source to the cells. Here it is fed at one end and has one node above each of its
cells; a topology whose lines are fed otherwise replaces ``feed_wires``, ``feed_volts`` and ``netlist``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from simcore.crossbar.netlist import joined

if TYPE_CHECKING:
    from simcore.crossbar.circuit import Circuit

Wire = tuple[np.ndarray, np.ndarray, float]
"""Points, the points that they are joined to (of the same shape), and the ohms of each of these wires."""


class Topology(ABC):
    """One way to feed the cells of R rows and C columns.

    Attributes:
        parameters: the fields of ``Circuit`` that its wires have; others are without effect.
        feed_line: what its feed lines are called.
        feeds_along_columns: feed lines run beside the bit lines, one a column; else along the rows.
        columns_are_independent: what a column draws does not depend on the cells of the others.
        always_gated: inputs are gates, so that cells of undriven rows never conduct.
        relaxation: the fast exact solver that is made for it; None: Newton's method on the whole network.
        sweep_limit: sweeps that this solver gets before Newton's method takes over.
    """

    parameters: ClassVar[frozenset[str]]
    feed_line: ClassVar[str]
    feeds_along_columns: ClassVar[bool]
    columns_are_independent: ClassVar[bool]
    always_gated: ClassVar[bool]
    relaxation: ClassVar[Literal["lines", "ladders"] | None] = None
    sweep_limit: ClassVar[int] = 1

    @abstractmethod
    def wire(self, circuit: Circuit) -> float:
        """Ohms of a feed line from cell to cell; r_driver and one more of it lie before the first."""

    @abstractmethod
    def along_feed(self, circuit: Circuit, cells: np.ndarray) -> np.ndarray:
        """A view of an (R, C) array with the nearest cell of every feed line first, (N, lines); its own inverse."""

    @abstractmethod
    def source_volts(self, circuit: Circuit, inputs: np.ndarray, cols: int) -> np.ndarray:
        """(lines,) volts at the sources of the feed lines for (R,) input bits."""

    @abstractmethod
    def source(self, circuit: Circuit, inputs: np.ndarray, line: int) -> tuple[list[str], str]:
        """The netlist of one feed line's source, empty where a line before it brought it along, and its node."""

    @abstractmethod
    def wire_name(self, row: int, column: int) -> str:
        """The netlist's name of the wire that ends at a cell, coming from the source."""

    def feed_wires(self, circuit: Circuit, above: np.ndarray, sources: np.ndarray) -> list[Wire]:
        """All wires of the feed lines.

        Args:
            above: (R, C) points above the cells.
            sources: (lines,) points of the sources.
        """
        ohms, fed = self.wire(circuit), self.along_feed(circuit, above)[0]
        line = above if self.feeds_along_columns else above.T
        return [(line[:-1], line[1:], ohms), (fed, sources, circuit.r_driver + ohms)]

    def feed_volts(self, circuit: Circuit, inputs: np.ndarray, amps: np.ndarray) -> np.ndarray:
        """(R, C) volts above cells that draw (R, C) ``amps``, for (R,) input bits."""
        drops = line_drops(self.along_feed(circuit, amps), self.wire(circuit), circuit.r_driver)
        return self.along_feed(circuit, self.source_volts(circuit, inputs, amps.shape[1]) - drops)

    def netlist(self, circuit: Circuit, inputs: np.ndarray, cols: int) -> tuple[list[str], np.ndarray]:
        """Sources and feed lines as lines of a netlist, and the (R, C) names of the nodes above the cells."""
        names = np.empty((len(inputs), cols), dtype=object)
        places = self.along_feed(circuit, np.arange(names.size).reshape(names.shape))
        lines: list[str] = []
        for line, cells in enumerate(places.T):
            source, before = self.source(circuit, inputs, line)
            lines += source
            ohms = circuit.r_driver + self.wire(circuit)
            for row, column in (divmod(int(cell), cols) for cell in cells):
                before = joined(lines, self.wire_name(row, column), before, f"r{row}_{column}", ohms)
                names[row, column] = before
                ohms = self.wire(circuit)
        return lines, names


def line_drops(amps: np.ndarray, ohms: float, end_ohms: float) -> np.ndarray:
    """Volts lost between the terminal of a line and each of its cells, (N, lines).

    Args:
        amps: (N, lines) of the cells, the one nearest to the terminal first.
        ohms: before every cell.
        end_ohms: of the terminal.
    """
    beyond = np.cumsum(amps[::-1], axis=0)[::-1]  # what a wire carries: the currents of its cell and of those behind
    return np.asarray(ohms * np.cumsum(beyond, axis=0) + end_ohms * beyond[0])
