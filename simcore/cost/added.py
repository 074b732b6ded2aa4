"""What a mitigation adds to a layer, beside what the tile's own properties say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from simcore.cost import energy
from simcore.cost.activity import LayerActivity
from simcore.cost.hardware import Tile
from simcore.cost.settings import CostSettings


@dataclass(frozen=True)
class Added:
    """Of one layer.

    Attributes:
        energy_J: for one image.
        area_m2: of all of its tiles, placed.
    """

    energy_J: float = 0.0
    area_m2: float = 0.0

    def __add__(self, other: Added) -> Added:
        return Added(self.energy_J + other.energy_J, self.area_m2 + other.area_m2)


@runtime_checkable
class Costed(Protocol):
    """Whatever adds to the cost of a layer."""

    def cost(self, tile: Tile, layer: LayerActivity, settings: CostSettings) -> Added:
        """What it adds.

        Args:
            tile: array, cell and converter of the design.
            layer: what the layer did.
            settings: who pays for what, and the numbers of the periphery.
        """


def counting(tile: Tile, layer: LayerActivity, settings: CostSettings) -> Added:
    """sum(X') of every sub-vector, where nothing else counts it.

    Args:
        tile: array, cell and converter of the design.
        layer: what the layer did.
        settings: who pays for what, and the numbers of the periphery.
    """
    s = settings
    if s.popcount == "baseline" or tile.flips:
        return Added()
    adders = energy.popcount_adders(tile.active_rows)
    placed = tile.row_tiles(layer.groups) * adders * s.full_adder_area / s.logic_utilisation
    return Added(layer.sub_vectors * adders * s.full_adder_energy, placed)


def fraction_bits(tile: Tile, layer: LayerActivity, settings: CostSettings, bits: int) -> Added:
    """Bits after the point in the accumulators of every conversion.

    Args:
        tile: array, cell and converter of the design.
        layer: what the layer did.
        settings: the numbers of the periphery.
        bits: after the point.
    """
    s = settings
    tiles = tile.row_tiles(layer.groups) * tile.column_tiles(layer.columns)
    converters = tile.cols / s.columns_per_converter
    placed = tiles * bits * (converters * s.full_adder_area + tile.cols * s.flip_flop_area) / s.logic_utilisation
    return Added(layer.column_reads * bits * (s.full_adder_energy + s.flip_flop_energy), placed)


def code_table(tile: Tile, layer: LayerActivity, settings: CostSettings, entries: int, width: int) -> Added:
    """A table that every conversion is looked up in: one a row group in every tile, whose converters share it.

    A lookup reads its bits and passes one full adder for every bit of the address: a judgement, the decoder.

    Args:
        tile: array, cell and converter of the design.
        layer: what the layer did.
        settings: the numbers of the periphery.
        entries: of a table.
        width: bits of an entry.
    """
    s = settings
    tables = layer.groups * tile.column_tiles(layer.columns)
    lookup = width * s.stored_bit_read_energy + (entries - 1).bit_length() * s.full_adder_energy
    return Added(layer.column_reads * lookup, tables * entries * width * s.stored_bit_area / s.logic_utilisation)
