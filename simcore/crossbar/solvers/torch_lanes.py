"""One sweep of the exact solver's iterations on torch tensors: arrays (input_sourced) and ladders (gate_driven).

A *lane* is what converges on its own: a read of a whole array, or of one gate_driven column. Lanes are the last axis of
every tensor. Python loops only along a line's nodes, over tensors of all lines of all lanes. The formulas and their
derivation stand in ``line_relaxation`` and ``ladder``.

Every operation is an element-wise IEEE one or a largest value; sums run in loops, in a fixed order. A lane's numbers
therefore do not depend on the lanes beside it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch

from simcore.crossbar.circuit import Circuit
from simcore.crossbar.solvers.torch_cells import TorchCells, chord_where

_SHORT = 1e15  # siemens: a feed resistance of exactly zero; its square is still finite in float32


@dataclass(frozen=True)
class Lanes(ABC):
    """The iterates of N lanes.

    Attributes:
        is_on: (R, C, N) or (R, N) states of the cells.
        factors: like is_on, what multiplies the currents of cells; None where all are nominal.
        x: (R, N) input bits as floats.
        u, c: like is_on, volts: drop of the row or source-line nodes below the source, bit-line nodes above ground.
    """

    slow: ClassVar[float]
    """Share of its change that a sweep may leave before a lane's cells are taken by their chords."""

    circuit: Circuit
    cells: TorchCells
    is_on: torch.Tensor
    factors: torch.Tensor | None
    x: torch.Tensor
    u: torch.Tensor
    c: torch.Tensor

    @classmethod
    @abstractmethod
    def of_reads(
        cls, circuit: Circuit, cells: TorchCells, is_on: torch.Tensor, factors: torch.Tensor | None, x: torch.Tensor
    ) -> Self:
        """Lanes that nothing is known of yet, from reads: is_on, factors (N, R, C), x (N, R)."""

    @abstractmethod
    def step(self, careful: torch.Tensor | None) -> tuple[Self, torch.Tensor, torch.Tensor]:
        """Go one sweep on, cells of the ``careful`` (N,) lanes taken by their chord.

        Returns:
            The lanes' new iterates, the largest change of each lane in volts (N,), the sink currents (C, N) in amperes.
        """

    @abstractmethod
    def residual(self, drawn: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N,) worst violation of Kirchhoff's laws, relative to v_read, and (N,) amperes by which it may put a sink
        current off (see ``kirchhoff``); ``drawn``: (C, N) amperes, the sink currents."""

    def select(self, numbers: torch.Tensor) -> Self:
        """The lanes with the given (M,) numbers."""

        def chosen(values: torch.Tensor) -> torch.Tensor:
            return values.index_select(-1, numbers)

        factors = None if self.factors is None else chosen(self.factors)
        return replace(
            self, is_on=chosen(self.is_on), factors=factors, x=chosen(self.x), u=chosen(self.u), c=chosen(self.c)
        )

    def _cells_at(self, volts: torch.Tensor, careful: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Currents and the conductances to linearise the cells with, before gating."""
        amps, slope = self.cells.evaluate(volts, self.is_on, self.factors)
        return amps, slope if careful is None else chord_where(careful, amps, slope, volts)


@dataclass(frozen=True)
class Arrays(Lanes):
    """input_sourced arrays: all rows given the bit lines, then all bit lines given the rows."""

    slow = 0.9

    @classmethod
    def of_reads(
        cls, circuit: Circuit, cells: TorchCells, is_on: torch.Tensor, factors: torch.Tensor | None, x: torch.Tensor
    ) -> Self:
        is_on = is_on.permute(1, 2, 0).contiguous()
        factors = None if factors is None else factors.permute(1, 2, 0).contiguous()
        zeros = torch.zeros(is_on.shape, dtype=x.dtype, device=x.device)
        return cls(circuit, cells, is_on, factors, x.T.contiguous(), zeros, zeros)

    def step(self, careful: torch.Tensor | None) -> tuple[Self, torch.Tensor, torch.Tensor]:
        circuit = self.circuit
        amps, slope = self._cells_at(self._volts(), careful)
        if circuit.gated:
            slope = slope * self.x[:, None]
            amps = amps * self.x[:, None]
        source = self.x * circuit.v_read
        drops, _ = _solve_lines(
            slope.unbind(1), (amps + slope * self.u).unbind(1), circuit.r_row, circuit.r_driver + circuit.r_row,
            source - circuit.v_read, source,
        )  # fmt: skip
        # An undriven row of an ungated array is pulled up by its cells: its drop is negative.
        u = torch.stack(drops, 1)
        moved = u - self.u
        currents = amps + slope * (self.c - moved)
        drops, drawn = _solve_lines(
            slope.unbind(0)[::-1], currents.unbind(0)[::-1], circuit.r_col, circuit.r_col + circuit.r_sink,
            torch.zeros_like(source[0]), torch.full_like(source[0], circuit.v_read),
        )  # fmt: skip
        c = torch.stack(drops[::-1])
        change = torch.maximum(moved.abs_().amax((0, 1)), (c - self.c).abs_().amax((0, 1)))
        return replace(self, u=u, c=c), change, drawn

    def residual(self, drawn: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        circuit = self.circuit
        amps, slope = self.cells.evaluate(self._volts(), self.is_on, self.factors)
        if circuit.gated:
            amps = amps * self.x[:, None]
            slope = slope * self.x[:, None]
        rows = _line_error(amps.unbind(1), self.u.unbind(1), circuit.r_row, circuit.r_driver + circuit.r_row)
        columns = _line_error(
            amps.unbind(0)[::-1], self.c.unbind(0)[::-1], circuit.r_col, circuit.r_col + circuit.r_sink
        )
        worst = torch.maximum(rows.amax(0), columns.amax(0))
        return worst * (1.0 / circuit.v_read), _doubt(worst, drawn, amps, slope, circuit.r_col + circuit.r_sink)

    def _volts(self) -> torch.Tensor:
        return (self.x * self.circuit.v_read)[:, None] - self.u - self.c


@dataclass(frozen=True)
class Ladders(Lanes):
    """gate_driven columns, each a lane: Newton steps on the two rails together."""

    slow = 0.4

    @classmethod
    def of_reads(
        cls, circuit: Circuit, cells: TorchCells, is_on: torch.Tensor, factors: torch.Tensor | None, x: torch.Tensor
    ) -> Self:
        reads, rows, cols = is_on.shape
        is_on = is_on.permute(1, 0, 2).reshape(rows, reads * cols)
        factors = None if factors is None else factors.permute(1, 0, 2).reshape(rows, reads * cols)
        x = x.T.repeat_interleave(cols, dim=1)
        zeros = torch.zeros_like(x)
        return cls(circuit, cells, is_on, factors, x, zeros, zeros)

    def step(self, careful: torch.Tensor | None) -> tuple[Self, torch.Tensor, torch.Tensor]:
        circuit = self.circuit
        top = torch.full_like(self.u, circuit.v_read)
        lost = self.u + self.c
        amps, slope = self._cells_at(top - lost, careful)
        conductance = (slope * self.x).unbind(0)
        current = ((amps + slope * lost) * self.x).unbind(0)
        drop, volt, drawn, norton = self._eliminate(conductance, current)
        drops, volts = [drop], [volt]
        while norton:
            guu, gub, gbb, iu, ib = norton.pop()
            flow_u = iu - guu * drop - gub * volt
            flow_b = ib - gub * drop - gbb * volt
            drop = drop + circuit.r_source * flow_u
            volt = volt + circuit.r_col * flow_b
            drops.append(drop)
            volts.append(volt)
        # No cell ever sees a reverse voltage.
        u, c = torch.stack(drops[::-1]).clamp_(min=0), torch.stack(volts[::-1]).clamp_(min=0)
        shrink = top / torch.maximum(u + c, top)
        u, c = u * shrink, c * shrink
        change = ((u - self.u).abs_() + (c - self.c).abs_()).amax(0)
        return replace(self, u=u, c=c), change, drawn[None]

    def residual(self, drawn: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        circuit = self.circuit
        amps, slope = self.cells.evaluate(circuit.v_read - self.u - self.c, self.is_on, self.factors)
        downwards = (amps * self.x).unbind(0)
        upwards = downwards[::-1]
        fed_first, drops = (downwards, self.u.unbind(0)) if self._far else (upwards, self.u.unbind(0)[::-1])
        source_line = _line_error(fed_first, drops, circuit.r_source, circuit.r_driver + circuit.r_source)
        bit_line = _line_error(upwards, self.c.unbind(0)[::-1], circuit.r_col, circuit.r_col + circuit.r_sink)
        worst = torch.maximum(source_line, bit_line)
        ends = circuit.r_driver + circuit.r_source + circuit.r_col + circuit.r_sink
        return worst * (1.0 / circuit.v_read), _doubt(worst, drawn[0], amps * self.x, slope * self.x, ends)

    @property
    def _far(self) -> bool:
        return self.circuit.source_end == "far"

    def _eliminate(
        self, conductance: Sequence[torch.Tensor], current: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, list[tuple[torch.Tensor, ...]]]:
        """Drop and voltage of the last node pair, the sink current, and the Norton states below all pairs but the last.

        Norton state: the part of the ladder above a place injects J - G (u, b) there; G_uu, G_ub, G_bb, J_u, J_b.
        """
        r_source, r_col = self.circuit.r_source, self.circuit.r_col
        r_feed, r_out = self.circuit.r_driver + r_source, r_col + self.circuit.r_sink
        norton: list[tuple[torch.Tensor, ...]] = []
        zero = torch.zeros_like(conductance[0])
        guu, gub, gbb, iu, ib = zero, zero, zero, zero, zero
        if self._far:
            guu = torch.full_like(zero, 1.0 / r_feed if r_feed > 0 else _SHORT)
        for i, (cell_g, cell_j) in enumerate(zip(conductance, current, strict=True)):
            if i > 0:
                # Through the wires: (1 + G diag(r_source, r_col))^-1 applied to G and J.
                p, s = 1.0 + guu * r_source, 1.0 + gbb * r_col
                inverse = 1.0 / (p * s - gub * gub * (r_source * r_col))
                det = guu * gbb - gub * gub
                iu, ib = (s * iu - gub * (r_col * ib)) * inverse, (p * ib - gub * (r_source * iu)) * inverse
                guu, gub, gbb = (guu + det * r_col) * inverse, gub * inverse, (gbb + det * r_source) * inverse
                norton.append((guu, gub, gbb, iu, ib))
            guu, gub, gbb, iu, ib = guu + cell_g, gub + cell_g, gbb + cell_g, iu + cell_j, ib + cell_j
        # The sink, and the source where it is at this end, close the ladder; again by resistances, which may be 0.
        if self._far:
            share = gub / guu
            drawn = (ib - share * iu) / (1.0 + (gbb - share * gub) * r_out)
            volt = drawn * r_out
            return (iu - gub * volt) / guu, volt, drawn, norton
        p, s = 1.0 + guu * r_feed, 1.0 + gbb * r_out
        inverse = 1.0 / (p * s - gub * gub * (r_feed * r_out))
        drawn = (p * ib - gub * (r_feed * iu)) * inverse
        return (s * iu - gub * (r_out * ib)) * inverse * r_feed, drawn * r_out, drawn, norton


def _solve_lines(
    conductances: Sequence[torch.Tensor],
    currents: Sequence[torch.Tensor],
    r_wire: float,
    r_end: float,
    low: torch.Tensor,
    high: torch.Tensor,
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Node voltages of lines whose node 0 is joined to ground by ``r_end`` and to node 1 by ``r_wire``, and so on.

    Node k's cell injects currents[k] - conductances[k] V. Voltages are held to low .. high. Elimination in Norton form.

    Returns:
        The voltage of every node, and the current into ground.
    """
    norton = []
    total_g, total_j = torch.zeros_like(currents[0]), torch.zeros_like(currents[0])
    for node in reversed(range(len(currents))):
        total_g = total_g + conductances[node]
        total_j = total_j + currents[node]
        passed = 1.0 / (1.0 + total_g * (r_wire if node > 0 else r_end))
        total_g = total_g * passed
        total_j = total_j * passed
        norton.append((total_g, total_j))
    volts = []
    volt = torch.zeros_like(total_j)
    for node in range(len(currents)):
        g, j = norton.pop()
        volt = volt + (j - g * volt) * (r_wire if node > 0 else r_end)
        volt = torch.minimum(torch.maximum(volt, low), high)
        volts.append(volt)
    return volts, total_j


def _line_error(
    amps: Sequence[torch.Tensor], found: Sequence[torch.Tensor], r_wire: float, r_end: float
) -> torch.Tensor:
    """Largest difference in volts between the ``found`` voltages of a line and those its cell currents produce.

    Node 0 is joined to ground by ``r_end``.
    """
    flow = torch.zeros_like(found[0])
    for amp in amps:
        flow = flow + amp
    expected = flow * r_end
    worst = torch.zeros_like(flow)
    for amp, volt in zip(amps, found, strict=True):
        worst = torch.maximum(worst, (volt - expected).abs_())
        flow = flow - amp
        expected = expected + flow * r_wire
    return worst


def _doubt(
    worst: torch.Tensor, drawn: torch.Tensor, amps: torch.Tensor, slope: torch.Tensor, r_end: float
) -> torch.Tensor:
    """(N,) amperes by which node voltages that are ``worst`` volts off along a column may put its sink current off; see
    ``kirchhoff`` for what other columns do.

    Args:
        worst: (N,).
        drawn: ([C,] N) amperes.
        amps, slope: (R, [C,] N) amperes and siemens of the cells.
        r_end: ohms that all of a column's current flows through.
    """
    total, conductance = torch.zeros_like(drawn), torch.zeros_like(drawn)
    for current, steep in zip(amps.unbind(0), slope.unbind(0), strict=True):
        total = total + current
        conductance = conductance + steep
    apart, most = (drawn - total).abs_(), conductance / (1.0 + r_end * conductance)
    if drawn.ndim == 2:
        apart, most = apart.amax(0), most.amax(0)
    return apart + 2.0 * worst * most
