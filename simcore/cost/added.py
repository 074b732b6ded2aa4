"""What a mitigation adds to a layer, beside what the tile's own properties say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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
