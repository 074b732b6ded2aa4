"""Capacitances of the lines of a tile."""

from __future__ import annotations

from simcore.cost import energy
from simcore.cost.hardware import Tile
from simcore.cost.settings import CostSettings


def word_line_capacitance(tile: Tile, settings: CostSettings) -> float:
    """Farads of a word line over all columns of a tile."""
    gate = tile.gate_fins * settings.fin_gate_capacitance
    return float(energy.line_capacitance(tile.cols * tile.cell_width_m, settings.wire_capacitance, tile.cols, gate))


def bit_line_cell_capacitance(tile: Tile, settings: CostSettings) -> float:
    """Farads of a bit line, a cell."""
    drain = tile.gate_fins * settings.fin_drain_capacitance
    return float(energy.line_capacitance(tile.cell_height_m, settings.wire_capacitance, 1, drain))
