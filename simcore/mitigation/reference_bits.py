"""Reference bits: the ends of a re-ranged converter's range are kept with few bits, and cost something."""

from __future__ import annotations

from dataclasses import dataclass

from simcore.cost import Added, CostSettings, LayerActivity, Tile
from simcore.mitigation.base import Mitigation
from simcore.mitigation.re_ranging import ReRanging


@dataclass(frozen=True)
class ReferenceBits(Mitigation):
    """Re-ranging takes for granted that the currents of the lowest and of the highest code can be whatever calibration
    wants. With this pass they are whole multiples of the current of all sums that a converter is given, over 2^bits;
    what codes stand for stays as it was, so that the rounding is an error like others.

    Attributes:
        bits: of either end.
        span: of the sums that a converter is given.
        ranging: says what shares a range.
    """

    bits: int
    span: int
    ranging: ReRanging
    name = "reference_bits"

    @property
    def reference_step(self) -> float:
        return self.span / 2**self.bits

    def cost(self, tile: Tile, layer: LayerActivity, settings: CostSettings) -> Added:
        """Two registers for whatever shares a range, in every tile, read whenever the range changes (that of row groups
        where a tile has several); and for either end of every converter 2^bits switches of two fins that choose the
        reference from a ladder. The ladder's own power and area are not counted: no source."""
        s = settings
        column_tiles = tile.column_tiles(layer.columns)
        tiles = tile.row_tiles(layer.groups) * column_tiles
        conversions = tile.conversions_of(layer.columns)
        kept = {"layer": tiles, "row_group": layer.groups * column_tiles, "column": layer.groups * conversions}
        per = self.ranging.per or "layer"
        next_group = layer.sub_vectors * column_tiles if tile.steps > 1 else 0.0
        changes = {"layer": 0.0, "row_group": next_group, "column": tile.conversions(layer)}
        registers = Added.stored(changes[per] * 2 * self.bits * s.stored_bit_read_energy, kept[per] * 2 * self.bits, s)
        switches = tiles * tile.converters(s) * 2 * 2**self.bits * 2 * s.fin_area
        return registers + Added.transistors(0.0, switches)
