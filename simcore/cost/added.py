"""What a mitigation adds to a layer, beside what the tile's own properties say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from simcore.cost import energy
from simcore.cost.activity import LayerActivity
from simcore.cost.hardware import Tile
from simcore.cost.leakage import SRAM_BIT_FINS, Leaking
from simcore.cost.settings import CostSettings


@dataclass(frozen=True)
class Added:
    """Of one layer.

    Attributes:
        energy_J: for one image, without leakage.
        area_m2: of all of its tiles, placed.
        leaking: what of it leaks.
    """

    energy_J: float = 0.0
    area_m2: float = 0.0
    leaking: Leaking = Leaking()

    @classmethod
    def logic(cls, energy: float, area: float, settings: CostSettings) -> Added:
        """Logic cells.

        Args:
            energy: J for one image.
            area: m² of the cells, before placement.
            settings: how densely they are placed.
        """
        return cls(energy, area / settings.logic_utilisation, Leaking(logic_m2=area))

    @classmethod
    def stored(cls, energy: float, bits: float, settings: CostSettings) -> Added:
        """Bits that are kept in SRAM, as stored sums are.

        Args:
            energy: J for one image.
            bits: so many.
            settings: size and placement of a bit.
        """
        area = bits * settings.stored_bit_area / settings.logic_utilisation
        return cls(energy, area, Leaking(fins=bits * SRAM_BIT_FINS))

    @classmethod
    def transistors(cls, energy: float, area: float) -> Added:
        """Switches, mirrors and drivers, which lie among the cells' lines and are not placed as logic is; they leak as
        it does.

        Args:
            energy: J for one image.
            area: m².
        """
        return cls(energy, area, Leaking(logic_m2=area))

    def __add__(self, other: Added) -> Added:
        return Added(self.energy_J + other.energy_J, self.area_m2 + other.area_m2, self.leaking + other.leaking)


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
    if tile.pays_popcount(s) or tile.encoding.balanced:  # which drives as many rows in every read
        return Added()
    area = tile.row_tiles(layer.groups) * energy.popcount_adders(tile.active_rows) * s.full_adder_area
    adders = tile.mean_over_groups(layer.inputs, energy.popcount_adders)
    return Added.logic(tile.counted_sub_vectors(layer) * adders * s.full_adder_energy, area, s)


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
    registers = tile.conversions_of(tile.cols)
    area = tiles * bits * (tile.converters(s) * s.full_adder_area + registers * s.flip_flop_area)
    return Added.logic(tile.conversions(layer) * bits * (s.full_adder_energy + s.flip_flop_energy), area, s)


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
    return Added.stored(tile.conversions(layer) * lookup, tables * entries * width, s)
