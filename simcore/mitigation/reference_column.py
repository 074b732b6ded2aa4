"""The reference column: what OFF cells conduct is taken from every column's current before it is converted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from simcore.cost import Added, CostSettings, LayerActivity, Tile
from simcore.cost.design_cost import column_groups, on_time, settling
from simcore.cost.leakage import Leaking
from simcore.cost.lines import bit_line_cell_capacitance, word_line_capacitance
from simcore.mapping.row_groups import StoredBits
from simcore.mitigation.base import Mitigation


class ReferenceColumn(Mitigation):
    """One more column a tile, all of whose cells are OFF: the analog twin of ``PopcountTerm``. The same rows drive it
    and the same wires and sink take their share of its voltage, so that its current is what the rows that are on leak
    in a column without a one. Current mirrors take it from each column that is converted; they are taken to be exact.

    Source: this project; reference columns of half-way cells are those of offset encodings (rpelke/analog-cim-sim).
    """

    name = "reference_column"

    def store(self, stored: StoredBits, vectors: np.ndarray) -> StoredBits:
        return replace(stored, reference=True)

    def cost(self, tile: Tile, layer: LayerActivity, settings: CostSettings) -> Added:
        """A column of cells with its sink; a mirror, and one more for each converter. The column conducts while any
        other is converted, and the mirrors draw its current once more for every conversion, both from the supply. Drops
        lower that current; here they do not, which is too much rather than too little."""
        s = settings
        column_tiles = tile.column_tiles(layer.columns)
        conversions = column_groups(tile, layer, s)  # after one another in a read
        seconds = on_time(tile, layer, s, settling(tile, s))
        if s.columns_read_on(tile.columns_are_independent) == "together":
            seconds /= conversions
        leaked = layer.driven_rows * tile.off_current_A * seconds  # of all reads of a tile, a conversion each
        conducting = leaked * column_tiles * conversions
        supply = tile.v_read_V if s.array_supply == "v_read" else s.v_dd
        lines = layer.driven_rows * column_tiles * word_line_capacitance(tile, s) / tile.cols * s.v_dd**2
        lines += layer.sub_vectors * column_tiles * tile.rows * bit_line_cell_capacitance(tile, s) * tile.v_read_V**2
        energy = conducting * supply + leaked * layer.columns * s.v_dd + lines
        tiles = tile.row_tiles(layer.groups) * column_tiles
        mirrors = tiles * (1 + tile.converters(s)) * s.current_mirror_area
        cells = tiles * tile.rows
        column = Added(energy, cells * tile.cell_area_m2, Leaking(fins=cells * tile.leaking_fins))
        return column + Added.transistors(0.0, mirrors)
