"""What it takes to write an operand to the arrays for every image, and which layers have one.

Rows of a tile are written one after another, all of its columns at once, tiles at the same time. Nothing is read before
it is written: every cell meets its pulse. Drivers of the write voltage are not counted, for weights need them as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from simcore.cost import area, energy
from simcore.cost.activity import LayerActivity
from simcore.cost.hardware import Tile
from simcore.cost.lines import bit_line_cell_capacitance, word_line_capacitance
from simcore.cost.settings import CostSettings
from simcore.errors import InputError
from simcore.network.graph import node_of
from simcore.technology.devices import CellWrite

if TYPE_CHECKING:
    from simcore.network.graph import NetworkGraph


def written_nodes(graph: NetworkGraph) -> frozenset[str]:
    """Names of the products of which arrays can hold one operand, written for every image."""
    return frozenset(node.name for node in graph.nodes if node.op == "binary_matmul")


def activities(graph: NetworkGraph, layers: Sequence[Mapping[str, Any]], images: int) -> list[LayerActivity]:
    """What the layers of a network did for an image on average.

    Args:
        graph: the network.
        layers: totals of each, as ``LayerActivity.from_totals`` takes them.
        images: that the totals are sums over.
    """
    written = written_nodes(graph)
    return [LayerActivity.from_totals(layer, images, node_of(layer["layer"]) in written) for layer in layers]


def write_energy(tile: Tile, layer: LayerActivity, settings: CostSettings) -> float:
    """Joules of writing a layer's operand for one image: the bits from the buffer, word lines, bit lines and cells, and
    the ones of every column counted, where the digital side takes sum(W) from what is read or flips columns. Columns
    stored complemented are compared and pass an XOR besides; that their count is there before they are written is taken
    for granted (they are counted as they come).

    Raises:
        InputError: the bitcell file does not say what a write takes.
    """
    write, s = _write(tile), settings
    bits = layer.inputs * layer.columns
    lines = energy.word_line_energy(
        layer.inputs * tile.column_tiles(layer.columns), word_line_capacitance(tile, s), write.volts
    ) + energy.bit_line_energy(bits, tile.rows * bit_line_cell_capacitance(tile, s), write.volts)
    counted = layer.groups * tile.with_sums(layer.columns)
    popcount = tile.mean_over_groups(layer.inputs, lambda rows: energy.popcount_energy(rows, s.full_adder_energy))
    joules = lines + bits * write.joules + (counted * popcount if tile.counts_operands else 0.0)
    if s.activation_buffer:
        joules += bits / (tile.encoding.rows_an_input * tile.encoding.columns_an_output) * s.buffer_read_energy
    if tile.flips_weights:
        compare = tile.mean_over_groups(layer.inputs, lambda rows: energy.comparison_energy(rows, s.full_adder_energy))
        joules += layer.groups * layer.columns * compare + energy.xor_energy(bits, s.xor_energy)
    return float(joules)


def write_time(tile: Tile, layer: LayerActivity, settings: CostSettings) -> float:
    """Seconds of writing a layer's operand for one image, before it is read; where fewer tiles than the layer has read
    at the same time, no more than so many are written at once.

    Raises:
        InputError: the bitcell file does not say what a write takes.
    """
    tiles = tile.row_tiles(layer.groups) * tile.column_tiles(layer.columns)
    turns = math.ceil(tiles / (settings.parallel_tiles or tiles))
    return turns * min(layer.inputs, tile.rows) * _write(tile).seconds


def counter_area(tile: Tile, settings: CostSettings) -> float:
    """Square metres, before placement, of what counts the ones of a tile's columns as its rows are written."""
    width, columns = energy.sum_bits(tile.active_rows), tile.with_sums(tile.cols)
    return float(area.accumulator_area(width, columns, columns, settings.full_adder_area, settings.flip_flop_area))


def images_until_worn(tile: Tile) -> float:
    """Images after which cells that are written once for each have met the writes that they endure."""
    endured = _write(tile).endurance
    return math.inf if endured is None else endured.value


def _write(tile: Tile) -> CellWrite:
    if tile.write is None:
        raise InputError(
            "the bitcell file does not say what it takes to write a cell (cell: write), which the operands of products "
            "need for every image"
        )
    return tile.write
