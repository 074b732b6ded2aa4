"""Wide terminals: sinks and drivers of more fins, whose resistance takes less of the voltage."""

from __future__ import annotations

from dataclasses import dataclass

from simcore.cost import Added, CostSettings, LayerActivity, Tile
from simcore.mitigation.base import Mitigation


@dataclass(frozen=True)
class WideSink(Mitigation):
    """The bit lines' sinks, transmission gates of the column multiplexer, have more fins. What the circuit gains by it
    is the design's (``Design.operating_circuit``), and the settling of its wires the tile's.

    Attributes:
        width: as a multiple of what the bitcell file says.
    """

    width: float
    name = "wide_sink"

    def cost(self, tile: Tile, layer: LayerActivity, settings: CostSettings) -> Added:
        """The fins that come in addition, and their gates, which switch for every conversion; one sink a column."""
        fins = _added_fins(self.width, tile.r_sink_ohm, settings)
        sinks = tile.row_tiles(layer.groups) * tile.column_tiles(layer.columns) * tile.cols
        switched = fins * settings.fin_gate_capacitance * settings.v_dd**2
        charged = fins * settings.fin_drain_capacitance * tile.v_read_V**2
        return Added.transistors(layer.column_reads * (switched + charged), sinks * fins * settings.fin_area)


@dataclass(frozen=True)
class WideDriver(Mitigation):
    """The drivers of the lines that carry the current to the cells have more fins: one a column where these lines run
    beside the bit lines, else one a row.

    Attributes:
        width: as a multiple of what the bitcell file says.
    """

    width: float
    name = "wide_driver"

    def cost(self, tile: Tile, layer: LayerActivity, settings: CostSettings) -> Added:
        """The fins that come in addition, and their gates, which switch with every column that is read or row that is
        driven."""
        fins = _added_fins(self.width, tile.r_feed_ohm, settings)
        column_tiles = tile.column_tiles(layer.columns)
        switching = layer.column_reads if tile.feeds_along_columns else layer.driven_rows * column_tiles
        lines = tile.cols if tile.feeds_along_columns else tile.rows
        energy = switching * fins * (settings.fin_gate_capacitance + settings.fin_drain_capacitance) * settings.v_dd**2
        return Added.transistors(energy, tile.row_tiles(layer.groups) * column_tiles * lines * fins * settings.fin_area)


def _added_fins(width: float, resistance: float, settings: CostSettings) -> float:
    """Fins that a terminal of this resistance has more than one of ``width`` times the resistance. A terminal of R ohms
    takes R_fin / R fins, and a transmission gate or an inverter as many of either kind."""
    return 2 * settings.fin_resistance / resistance * (1 - 1 / width) if resistance else 0.0
